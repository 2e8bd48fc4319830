//! `POST /v1/auth/passkey/options` and `POST /v1/auth/passkey`

use std::sync::Arc;

use countersign_events::{AccountId, SignalKind};
use countersign_log::random;
use countersign_openapi as wire;
use countersign_passkey::{Challenge, Purpose};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::types::Any;
use uuid::Uuid;

use crate::app::App;
use crate::carrier::Carrier;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::grant::Proof;
use crate::guard::MaybeSignedIn;
use crate::http::Json;
use crate::routes::answer::Carried;
use crate::routes::tags::Tags;

pub(crate) struct Passkey;

/// How long a challenge can be signed.
const CHALLENGE: std::time::Duration = std::time::Duration::from_mins(5);

#[OpenApi]
impl Passkey {
    /// Ask for a challenge
    ///
    /// For the second step of a login with `mfa_token`, to step up with an
    /// access token, and else to log in with nothing but a passkey. Nothing is
    /// kept here: the challenge comes back with its answer.
    #[oai(
        path = "/v1/auth/passkey/options",
        method = "post",
        operation_id = "passkey_options",
        tag = "Tags::Auth"
    )]
    async fn passkey_options(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: MaybeSignedIn,
        body: Json<Option<wire::PasskeyOptionsRequest>>,
    ) -> poem::Result<Json<wire::PasskeyOptions>> {
        let app = app.0;
        let mfa_token = body.0.and_then(|body| body.mfa_token);
        let (purpose, account, session) = match (mfa_token, caller.0) {
            (Some(token), _) => {
                let (session, account, _) = app.waiting(&request, &token).await?;
                (Purpose::SecondFactor, Some(account), Some(session))
            }
            (None, Ok(caller)) => (
                Purpose::StepUp,
                Some(caller.account()),
                Some(caller.session()),
            ),
            (None, Err(Denied::Token(countersign_verifier::Refusal::Missing))) => {
                (Purpose::SignIn, None, None)
            }
            (None, Err(denied)) => return Err(denied.into()),
        };
        let passkeys = app.passkeys()?;
        let started = match account {
            Some(id) => {
                let state = app.accounts.current(id).await.map_err(Denied::from)?;
                let keys = app.passkeys_of(id, &state.state).await?;
                if keys.is_empty() {
                    return Err(Denied::NotFound.into());
                }
                let keys: Vec<_> = keys.into_iter().map(|(_, key)| key).collect();
                passkeys.start_authentication(&keys)
            }
            None => passkeys.start_discoverable(),
        };
        let (options, state) = started.map_err(|error| Denied::Broken(error.to_string()))?;
        let challenge = Challenge {
            id: Uuid::from_bytes(random().map_err(Denied::from)?),
            purpose,
            account,
            session,
            expires_at: request.now.plus(CHALLENGE),
            state: state.to_vec(),
        };
        let sealed = app.challenges.seal(&challenge);
        let sealed = sealed.map_err(|error| Denied::Broken(error.to_string()))?;
        Ok(Json(wire::PasskeyOptions {
            challenge_token: wire::Secret::new(sealed),
            expires_in: CHALLENGE.as_secs(),
            options: Any(options),
        }))
    }

    /// Log in with a passkey alone
    ///
    /// The authenticator verifies the person, so this is two factors by itself
    /// and cannot be phished: `aal3`.
    #[oai(
        path = "/v1/auth/passkey",
        method = "post",
        operation_id = "passkey_login",
        tag = "Tags::Auth"
    )]
    async fn passkey_login(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        carrier: Carrier,
        body: Json<wire::PasskeyLogin>,
    ) -> poem::Result<Carried<wire::LoginAnswer>> {
        let app = app.0;
        let refused = async |account: Option<AccountId>| {
            let kind = SignalKind::WrongFactor;
            app.observe(&request, kind, account).await;
            poem::Error::from(Denied::InvalidCredentials)
        };
        // Before anything is read: made-up names cost nothing then.
        let opened = app.challenges.open(body.0.challenge_token.expose());
        let named = app.passkeys()?.identify(&body.0.credential.0);
        let (Ok(_), Ok((id, _))) = (opened, named) else {
            return Err(refused(None).await);
        };
        let account = app.accounts.current(id).await.map_err(Denied::from)?;
        if !account.state.is_active() {
            return Err(refused(None).await);
        }
        let asked = (Purpose::SignIn, None, None);
        let proved = app
            .prove_passkey(&request, id, &account.state, &body.0, asked)
            .await?;
        match proved {
            Some(assertion) if assertion.user_verified => {
                if app.must_verify_first(&request, id, &account.state) {
                    return Err(Denied::InvalidCredentials.into());
                }
                let proof = Proof::PASSKEY_VERIFIED;
                app.welcome(&request, &carrier, None, id, &account, proof)
                    .await
            }
            _ => Err(refused(Some(id)).await),
        }
    }
}
