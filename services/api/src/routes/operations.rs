//! `/healthz`, `/readyz` and the published keys.

use std::sync::Arc;

use countersign_log::GateState;
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::param::Header;
use poem_openapi::payload::PlainText;

use crate::http::Json;
use poem_openapi::{ApiResponse, OpenApi};

use crate::app::App;
use crate::keys::JwksAnswer;
use crate::routes::tags::Tags;

pub(crate) struct Operations;

#[derive(ApiResponse)]
enum Readiness {
    /// It can serve; the body says whether anything is degraded.
    #[oai(status = 200)]
    Ready(Json<wire::Ready>),
    /// It cannot serve.
    #[oai(status = 503)]
    NotReady(Json<wire::Ready>),
}

#[OpenApi(tag = "Tags::Operations")]
impl Operations {
    /// Is the process alive?
    #[oai(path = "/healthz", method = "get", operation_id = "healthz")]
    async fn healthz(&self) -> Json<wire::Health> {
        Json(wire::Health {
            status: wire::HealthStatus::Ok,
            version: env!("CARGO_PKG_VERSION").into(),
        })
    }

    /// Can it serve, and what is degraded?
    ///
    /// Without NATS nothing can be written, and the answer is 503; tokens are
    /// verified all the same. Without Postgres lists are off, and the answer
    /// is 200.
    #[oai(path = "/readyz", method = "get", operation_id = "readyz")]
    async fn readyz(&self, app: Data<&Arc<App>>) -> Readiness {
        let ready = app.0.readiness();
        match ready.status {
            wire::ReadyStatus::NotReady => Readiness::NotReady(Json(ready)),
            _ => Readiness::Ready(Json(ready)),
        }
    }

    /// Read the public keys
    ///
    /// A JSON Web Key Set (RFC 7517), for whoever verifies access tokens.
    #[oai(path = "/.well-known/jwks.json", method = "get", operation_id = "jwks")]
    async fn jwks(
        &self,
        app: Data<&Arc<App>>,
        /// The `ETag` of the set that is known: if it is the same, 304.
        #[oai(name = "If-None-Match")]
        known: Header<Option<String>>,
    ) -> JwksAnswer {
        let keys = &app.0.keys;
        let max_age = keys.max_age(&app.0.config, &app.0.feed);
        let jwks = &keys.held().jwks;
        jwks.answer(known.0.as_deref(), max_age.as_secs())
    }

    /// Read the metrics
    ///
    /// In the Prometheus text format.
    #[oai(path = "/metrics", method = "get", operation_id = "metrics")]
    async fn metrics(&self, app: Data<&Arc<App>>) -> PlainText<String> {
        PlainText(app.0.metrics.encode(app.0))
    }
}

impl App {
    /// What works and what does not, from what is known without asking.
    pub fn readiness(&self) -> wire::Ready {
        let check = |name: &str, state, detail: Option<String>| wire::Check {
            name: name.into(),
            state,
            detail,
        };
        let log = if self.log.is_connected() {
            check("log", wire::CheckState::Ok, None)
        } else {
            check(
                "log",
                wire::CheckState::Down,
                Some("NATS is not connected".into()),
            )
        };
        let anchor = match self.log.gate().state() {
            GateState::Open => check("anchor", wire::CheckState::Ok, None),
            GateState::Unchecked(awaited) => check("anchor", wire::CheckState::Down, Some(awaited)),
            GateState::Damaged { first_bad, finding } => {
                let detail = format!("the log is damaged at {first_bad}: {finding}");
                check("anchor", wire::CheckState::Down, Some(detail))
            }
        };
        let revocations = match (self.feed.failure(), self.feed.staleness()) {
            (Some(failure), _) => check("revocations", wire::CheckState::Down, Some(failure)),
            (None, Some(_)) if self.feed.not_understood() > 0 => check(
                "revocations",
                wire::CheckState::Degraded,
                Some(format!(
                    "{} messages were not understood and taken for revocations; upgrade this instance",
                    self.feed.not_understood()
                )),
            ),
            (None, Some(age)) if age.as_secs() < 10 && !self.feed.is_blind() => {
                check("revocations", wire::CheckState::Ok, None)
            }
            (None, Some(age)) => {
                let detail = format!("not proven complete for {} s", age.as_secs());
                let state = if self.feed.is_blind() {
                    wire::CheckState::Down
                } else {
                    wire::CheckState::Degraded
                };
                check("revocations", state, Some(detail))
            }
            (None, None) => check(
                "revocations",
                wire::CheckState::Degraded,
                Some("not proven complete yet".into()),
            ),
        };
        let views = match self.postgres.failure() {
            None => check("views", wire::CheckState::Ok, None),
            Some(failure) => check("views", wire::CheckState::Degraded, Some(failure)),
        };
        let checks = vec![log, anchor, revocations, views];
        let any = |state| checks.iter().any(|check| check.state == state);
        let status = if any(wire::CheckState::Down) {
            wire::ReadyStatus::NotReady
        } else if any(wire::CheckState::Degraded) {
            wire::ReadyStatus::Degraded
        } else {
            wire::ReadyStatus::Ready
        };
        wire::Ready { status, checks }
    }
}
