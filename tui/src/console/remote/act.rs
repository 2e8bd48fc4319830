//! Orders.

use countersign_openapi::{
    Applied, POSITION_HEADER, ProblemCode, ProjectionsRepaired, Reason, RepairProjections,
    Revocation, RevocationPredicate, RevocationPreview, RevocationState, RevokeKey, RevokeReason,
    RevokeSession, RotateKeys, StartRevocation, Verifiers,
};
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use uuid::Uuid;

use super::{Remote, told};
use crate::client::{read, send};
use crate::console::order::{Done, Failed, Order, Verb};

/// What an answer to a write may say besides where it stands in the log.
#[derive(Deserialize)]
struct Answered {
    applied: Option<Applied>,
}

impl Remote {
    /// Carries an order out.
    pub(in crate::console) async fn act(&self, order: &Order) -> Result<Done, Failed> {
        let answer = self.armed_post(order).await?;
        let position = answer.headers().get(POSITION_HEADER);
        let position = position.and_then(|value| value.to_str().ok());
        // It is done, even if nobody says where.
        let position = match order.verb {
            // What is done to read models is no event.
            Verb::Repair | Verb::Rebuild => "",
            _ => position.unwrap_or("an unnamed position"),
        };
        let position = position.to_owned();
        if order.verb == Verb::Repair {
            let repaired: ProjectionsRepaired = read(answer).await.map_err(|error| told(&error))?;
            if repaired.shards.is_empty() {
                return Err(Failed::Partly("it had not stopped any more".to_owned()));
            }
            let applied = None;
            return Ok(Done { position, applied });
        }
        let answered: Option<Answered> = answer.json().await.ok();
        let applied = answered.and_then(|answered| answered.applied);
        Ok(Done { position, applied })
    }

    async fn armed_post(&self, order: &Order) -> Result<Response, Failed> {
        let path = order.verb.path(&order.target);
        self.as_armed(&path, |request| body(request, order)).await
    }

    /// Posts with the token of somebody who proved again who they are.
    async fn as_armed(
        &self,
        path: &str,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Failed> {
        let token = self.armed().clone();
        let Some(token) = token else {
            return Err(Failed::Disarmed);
        };
        let client = self.client().await;
        let request = client.http.post(client.at(path));
        match send(with(request.bearer_auth(token.expose()))).await {
            Err(error) if error.code() == Some(ProblemCode::TokenExpired) => Err(Failed::Disarmed),
            other => other.map_err(|error| told(&error)),
        }
    }

    /// Counts what an order would end.
    pub(in crate::console) async fn preview(
        &self,
        predicate: RevocationPredicate,
    ) -> Result<RevocationPreview, Failed> {
        let order = StartRevocation {
            predicate,
            dry_run: true,
            as_of: None,
            expected: None,
            reason: None,
            wait: false,
            spare_own_session: None,
        };
        let path = Verb::RevokeFiltered.path("");
        let answer = self.as_armed(&path, |request| request.json(&order)).await?;
        read(answer).await.map_err(|error| told(&error))
    }

    /// Gives an order that the service carries out on its own.
    pub(in crate::console) async fn start(&self, order: &Order) -> Result<Revocation, Failed> {
        let answer = self.armed_post(order).await?;
        read(answer).await.map_err(|error| told(&error))
    }

    /// How far it is.
    pub(in crate::console) async fn progress(&self, id: Uuid) -> Result<Revocation, Failed> {
        self.get(&format!("/v1/admin/revocations/{id}"), None).await
    }

    /// Who has applied these positions, as they are written with commas between
    /// them.
    pub(in crate::console) async fn applied(&self, positions: &str) -> Result<Applied, Failed> {
        let path = format!("/v1/admin/verifiers?position={positions}");
        let all: Verifiers = self.get(&path, None).await?;
        Ok(Applied {
            verifiers: u64::try_from(all.items.len()).unwrap_or(u64::MAX),
            behind: all.behind,
        })
    }
}

/// What became of an order that the service carried out on its own; nothing
/// while it does.
pub(in crate::console) fn outcome(order: &Revocation) -> Option<Result<Done, Failed>> {
    let failed = order.failed.unwrap_or_default();
    match order.state {
        RevocationState::Requested | RevocationState::Running => None,
        RevocationState::Completed => Some(Ok(Done {
            position: order.position.clone(),
            applied: order.applied.clone(),
        })),
        RevocationState::Cancelled => Some(Err(Failed::Partly("it was given up".to_owned()))),
        RevocationState::Failed => Some(Err(Failed::Partly(format!(
            "{failed} sessions could not be ended: countersign revocations items {} says which",
            order.id
        )))),
    }
}

fn body(request: RequestBuilder, order: &Order) -> RequestBuilder {
    let (reason, wait) = (order.reason.clone(), order.wait);
    match order.verb {
        Verb::RevokeSession => request.json(&RevokeSession { reason, wait }),
        Verb::RevokeAll | Verb::Suspend | Verb::ResetFactors | Verb::DisableClient => {
            request.json(&RevokeReason { reason, wait })
        }
        Verb::Reinstate => request.json(&Reason { reason }),
        Verb::RevokeKey => request.json(&RevokeKey { reason, wait }),
        Verb::RotateKeys => {
            let force = false;
            request.json(&RotateKeys { force, reason })
        }
        Verb::RevokeFiltered => {
            let filtered = order.filtered.as_deref();
            request.json(&StartRevocation {
                predicate: filtered
                    .map(|all| all.predicate.clone())
                    .unwrap_or_default(),
                dry_run: false,
                as_of: filtered.map(|all| all.as_of.clone()),
                expected: Some(filtered.map_or(0, |all| all.matched)),
                reason: Some(reason),
                wait: false,
                spare_own_session: None,
            })
        }
        Verb::Repair => {
            let shard = order.target.parse().ok();
            request.json(&RepairProjections { shard })
        }
        Verb::EnableClient | Verb::Rebuild => request,
    }
}
