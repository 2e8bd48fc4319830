//! `/v1/admin/accounts/{id}/attempts`

use std::cmp::Reverse;
use std::sync::Arc;

use crate::http::Json;
use countersign_events::{AccountId, Signal, SignalKind, Timestamp};
use countersign_openapi as wire;
use countersign_views::session::{self, Session, SessionFilter};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use uuid::Uuid;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::routes::page::limit;
use crate::routes::tags::Tags;

pub(crate) struct Attempts;

#[OpenApi(prefix_path = "/v1/admin/accounts", tag = "Tags::Admin")]
impl Attempts {
    /// Read how somebody tried to sign in
    ///
    /// The last tries to sign in to an account, newest first: those that
    /// failed, of some days, and the sessions that were opened. There is one
    /// page, so `next` is null. A wrong second factor of somebody who is
    /// signed in already counts, too. Needs `accounts:read`.
    #[oai(
        path = "/:id/attempts",
        method = "get",
        operation_id = "list_account_attempts"
    )]
    async fn list_account_attempts(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        _caller: SignedIn,
        /// The account.
        id: Path<Uuid>,
        /// How many to return at most, 1 to 200.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Page<wire::Attempt>>> {
        let (app, limit) = (app.0, self::limit(limit.0)?);
        let id = AccountId::from_uuid(id.0);
        let account = app.accounts.recent(id).await.map_err(Denied::from)?;
        if !account.state.exists() {
            return Err(Denied::NotFound.into());
        }
        app.wait_for(min_position.0.as_deref()).await?;
        let place = app.attempts.try_acquire();
        let _place = place.map_err(|_| Denied::Overloaded)?;
        let filter = SessionFilter {
            account: Some(id),
            limit,
            ..SessionFilter::default()
        };
        let (opened, failed) = tokio::join!(
            session::list(&app.views, &filter, request.now),
            app.log.signals_of(id, limit.into()),
        );
        let opened = opened.map_err(Denied::from)?.items;
        let failed = failed.map_err(Denied::from)?;
        let items = merged(opened, failed, limit.into());
        Ok(Json(wire::Page { items, next: None }))
    }
}

/// Newest first. Of one moment, what opened a session comes after what failed.
fn merged(opened: Vec<Session>, failed: Vec<Signal>, limit: usize) -> Vec<wire::Attempt> {
    // The last that was stored first: of one moment, it is the newest.
    let failed = failed.into_iter().rev().filter_map(failure);
    let opened = opened.into_iter().map(success);
    let mut all: Vec<(Timestamp, wire::Attempt)> = opened.chain(failed).collect();
    all.sort_by_key(|(at, _)| Reverse(*at));
    all.truncate(limit);
    all.into_iter().map(|(_, attempt)| attempt).collect()
}

fn success(session: Session) -> (Timestamp, wire::Attempt) {
    let attempt = wire::Attempt {
        at: session.started_at.to_datetime(),
        outcome: wire::AttemptOutcome::SignedIn,
        network: None,
        session_id: Some(session.id.uuid()),
        correlation_id: None,
    };
    (session.started_at, attempt)
}

/// A try that failed; none if the signal is of something else.
fn failure(signal: Signal) -> Option<(Timestamp, wire::Attempt)> {
    let outcome = match signal.kind {
        SignalKind::WrongPassword => wire::AttemptOutcome::WrongPassword,
        SignalKind::WrongFactor => wire::AttemptOutcome::WrongFactor,
        SignalKind::Throttled => wire::AttemptOutcome::Throttled,
        SignalKind::LoginShed => wire::AttemptOutcome::Shed,
        SignalKind::UnknownAccount | SignalKind::ForgedRefreshToken | SignalKind::CrossSite => {
            return None;
        }
    };
    let attempt = wire::Attempt {
        at: signal.occurred_at.to_datetime(),
        outcome,
        network: Some(signal.network),
        session_id: None,
        correlation_id: Some(signal.correlation),
    };
    Some((signal.occurred_at, attempt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_moment_the_last_comes_first() {
        use wire::AttemptOutcome::{Throttled, WrongFactor, WrongPassword};

        let signal = |kind, at| Signal {
            occurred_at: Timestamp::from_millis(at),
            kind,
            account: None,
            network: "192.0.2.0/24".into(),
            correlation: Uuid::nil(),
        };
        let signals = vec![
            signal(SignalKind::WrongPassword, 5),
            signal(SignalKind::CrossSite, 6),
            signal(SignalKind::WrongFactor, 7),
            signal(SignalKind::Throttled, 7),
        ];
        let outcomes = |limit| -> Vec<_> {
            let all = merged(Vec::new(), signals.clone(), limit);
            all.into_iter().map(|attempt| attempt.outcome).collect()
        };
        assert_eq!(outcomes(9), [Throttled, WrongFactor, WrongPassword]);
        assert_eq!(outcomes(1), [Throttled]);
    }
}
