//! Orders.

use countersign_openapi::{
    Applied, POSITION_HEADER, ProblemCode, Reason, RevokeKey, RevokeReason, RevokeSession,
    RotateKeys,
};
use reqwest::RequestBuilder;
use serde::Deserialize;

use super::{Remote, told};
use crate::client::send;
use crate::console::order::{Done, Failed, Order, Verb};

/// What an answer to a write may say besides where it stands in the log.
#[derive(Deserialize)]
struct Answered {
    applied: Option<Applied>,
}

impl Remote {
    /// Carries an order out.
    pub(in crate::console) async fn act(&self, order: &Order) -> Result<Done, Failed> {
        let token = self.armed().clone();
        let Some(token) = token else {
            return Err(Failed::Disarmed);
        };
        let client = self.client().await;
        let url = client.at(&order.verb.path(&order.target));
        let request = client.http.post(url).bearer_auth(token.expose());
        let answer = match send(body(request, order)).await {
            Ok(answer) => answer,
            Err(error) if error.code() == Some(ProblemCode::TokenExpired) => {
                return Err(Failed::Disarmed);
            }
            Err(error) => return Err(told(&error)),
        };
        let position = answer.headers().get(POSITION_HEADER);
        let position = position.and_then(|value| value.to_str().ok());
        // It is done, even if nobody says where.
        let position = position.unwrap_or("an unnamed position").to_owned();
        let answered: Option<Answered> = answer.json().await.ok();
        let applied = answered.and_then(|answered| answered.applied);
        Ok(Done { position, applied })
    }
}

fn body(request: RequestBuilder, order: &Order) -> RequestBuilder {
    let (reason, wait) = (order.reason.clone(), order.wait);
    match order.verb {
        Verb::RevokeSession => request.json(&RevokeSession { reason, wait }),
        Verb::RevokeAll | Verb::Suspend | Verb::ResetFactors => {
            request.json(&RevokeReason { reason, wait })
        }
        Verb::Reinstate | Verb::DisableClient => request.json(&Reason { reason }),
        Verb::RevokeKey => request.json(&RevokeKey { reason, wait }),
        Verb::RotateKeys => {
            let force = false;
            request.json(&RotateKeys { force, reason })
        }
        Verb::EnableClient => request,
    }
}
