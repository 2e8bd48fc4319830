//! `/v1/admin/keys`

use std::sync::Arc;

use countersign_domain::{Key, KeyState};
use countersign_events::{Actor, Timestamp};
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::param::Path;
use poem_openapi::{ApiResponse, OpenApi};

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::keys::{publication_time, retirement_window};
use crate::routes::answer::{Written, written};
use crate::routes::show::actor_text;
use crate::routes::tags::Tags;

pub(crate) struct Keys;

/// The key that signs from now on, or will.
#[derive(ApiResponse)]
enum Rotation {
    /// It signs.
    #[oai(status = 200)]
    Signs(
        Json<wire::SigningKey>,
        /// Where the write stands in the log, to be sent with reads that must
        /// see it.
        #[oai(header = "Countersign-Position")]
        String,
    ),
    /// It is published and signs when every verifier can know it: from
    /// `signs_from` on, if none of `lacking` lacks it then.
    #[oai(status = 202)]
    Waits(
        Json<wire::SigningKey>,
        /// Where the write stands in the log, to be sent with reads that must
        /// see it.
        #[oai(header = "Countersign-Position")]
        String,
    ),
}

#[OpenApi(prefix_path = "/v1/admin/keys", tag = "Tags::Admin")]
impl Keys {
    /// List the signing keys
    ///
    /// Every key there ever was, newest first; all on one page. Needs
    /// `keys:read`.
    #[oai(path = "/", method = "get", operation_id = "list_keys")]
    async fn list_keys(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
    ) -> poem::Result<Json<wire::Page<wire::SigningKey>>> {
        let keys = app.0.list_keys().await?;
        let items = keys
            .into_iter()
            .map(|(key, revoked_by)| app.0.show_key(key, revoked_by))
            .collect();
        Ok(Json(wire::Page { items, next: None }))
    }

    /// Let another key sign
    ///
    /// The key that waits, or a new one, signs as soon as everybody who keeps
    /// the published keys, and every verifier that reports, can know it; with
    /// `force` at once. To ask again before changes nothing. Needs
    /// `keys:rotate` and a step-up.
    #[oai(path = "/rotate", method = "post", operation_id = "rotate_keys")]
    async fn rotate_keys(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        body: Json<wire::RotateKeys>,
    ) -> poem::Result<Rotation> {
        let wire::RotateKeys { force, reason } = body.0;
        let operator = caller.0.account();
        let rotated = app.0.rotate_keys(&request, operator, &reason, force);
        let rotated = rotated.await?;
        let position = rotated.position.to_string();
        let answer = match rotated.key.state {
            KeyState::Active => Rotation::Signs,
            _ => Rotation::Waits,
        };
        let shown = Json(app.0.show_key(rotated.key, None));
        Ok(answer(shown, position))
    }

    /// Revoke a signing key
    ///
    /// For emergencies: every token it signed, and every one that somebody
    /// else may sign with it, is refused everywhere within the stated bound.
    /// If it was the key that signs, the next one, or a new one, signs at
    /// once. People go on with their refresh tokens. Revoking a key twice
    /// changes nothing. Needs `keys:rotate` and a step-up.
    #[oai(path = "/:kid/revoke", method = "post", operation_id = "revoke_key")]
    async fn revoke_key(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The key's id.
        kid: Path<String>,
        body: Json<wire::RevokeKey>,
    ) -> poem::Result<Written<wire::KeyRevoked>> {
        let wire::RevokeKey { reason, wait } = body.0;
        let operator = caller.0.account();
        let revoked = app.0.revoke_key(&request, operator, &kid.0, &reason);
        let revoked = revoked.await?;
        let applied = match wait.then_some(revoked.position) {
            Some(position) => Some(app.0.applied(&[position]).await),
            None => None,
        };
        let by = revoked.is_news.then(|| caller.0.actor());
        let key = app.0.show_key(revoked.key, by);
        Ok(written(wire::KeyRevoked { key, applied }, revoked.position))
    }
}

impl App {
    /// How a key is shown.
    fn show_key(&self, key: Key, revoked_by: Option<Actor>) -> wire::SigningKey {
        let lacking = match key.state {
            KeyState::Next | KeyState::Active => self.holders(&key.kid).lacking,
            KeyState::Retiring | KeyState::Retired | KeyState::Revoked => Vec::new(),
        };
        // What is next signs at the earliest then.
        let signs_from = match key.state {
            KeyState::Next => Some(key.known_from(publication_time(&self.config))),
            _ => key.active_at,
        };
        let retires_at = key.retires_at(retirement_window(&self.config));
        wire::SigningKey {
            kid: key.kid,
            algorithm: key.algorithm.to_string(),
            state: match key.state {
                KeyState::Next => wire::SigningKeyState::Next,
                KeyState::Active => wire::SigningKeyState::Active,
                KeyState::Retiring => wire::SigningKeyState::Retiring,
                KeyState::Retired => wire::SigningKeyState::Retired,
                KeyState::Revoked => wire::SigningKeyState::Revoked,
            },
            created_at: key.created_at.to_datetime(),
            published_at: key.created_at.to_datetime(),
            signs_from: signs_from.map(Timestamp::to_datetime),
            superseded_at: key.superseded_at.map(Timestamp::to_datetime),
            retires_at: retires_at.map(Timestamp::to_datetime),
            revoked_at: key.revoked_at.map(Timestamp::to_datetime),
            revoked_by: revoked_by.map(actor_text),
            lacking,
        }
    }
}
