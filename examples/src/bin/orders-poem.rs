//! A service on poem that refuses a revoked session within the stated bound.
//! It follows revocations over NATS, unless only server-sent events are set up.

use countersign_examples::{Failure, Prefer, announce, health, listener, stopped, verifier};
use countersign_verifier::Acr;
use countersign_verifier::live::{LiveVerifier, Requirement};
use countersign_verifier::poem::{RequireToken, Verified};
use poem::listener::TcpAcceptor;
use poem::web::{Data, Json, Path};
use poem::{Endpoint, EndpointExt, Route, Server, get, handler, post};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let verifier = verifier("orders-poem", Prefer::Nats)?;
    let app = app(&verifier);
    let listener = listener().await?;
    announce(listener.local_addr()?)?;
    Server::new_with_acceptor(TcpAcceptor::from_tokio(listener)?)
        .run_with_graceful_shutdown(app, stopped(), Some(Duration::from_secs(5)))
        .await?;
    // So that nobody who revokes a session waits for this verifier.
    verifier.stop().await;
    Ok(())
}

fn app(verifier: &LiveVerifier) -> impl Endpoint + use<> {
    // Any valid token will do to look at one's orders; to move money, the
    // person must have shown two factors in the last five minutes.
    let anybody = Requirement::new();
    let sure = Requirement::new().acr(Acr::Aal2).max_age_seconds(300);
    let orders = get(list_orders).with(RequireToken::new(verifier, anybody));
    let refund = post(refund_order).with(RequireToken::new(verifier, sure));
    Route::new()
        .at("/orders", orders)
        .at("/orders/:id/refund", refund)
        .at("/healthz", get(healthz))
        .data(verifier.clone())
}

#[handler]
fn list_orders(Verified(claims): Verified) -> Json<Value> {
    Json(json!({ "owner": claims.sub, "orders": [] }))
}

#[handler]
fn refund_order(Verified(claims): Verified, Path(id): Path<u64>) -> Json<Value> {
    Json(json!({ "refunded": id, "by": claims.sub }))
}

#[handler]
fn healthz(verifier: Data<&LiveVerifier>) -> Json<Value> {
    Json(health(&verifier))
}

#[cfg(test)]
mod tests {
    use super::app;
    use countersign_verifier::test_kit::TestIssuer;
    use poem::http::StatusCode;
    use poem::test::TestClient;
    use std::error::Error;
    use std::time::Duration;

    type Outcome = Result<(), Box<dyn Error>>;

    #[tokio::test]
    async fn a_revoked_session_lists_no_orders() -> Outcome {
        let issuer = TestIssuer::new("orders")?;
        let client = TestClient::new(app(&issuer.live_verifier()));
        let mut session = None;
        let token = issuer.token(|claims| session = Some(claims.sid))?;
        let ask = || {
            client
                .get("/orders")
                .header("authorization", format!("Bearer {token}"))
        };
        ask().send().await.assert_status_is_ok();
        issuer.revoke_session(session.ok_or("a session")?)?;
        ask().send().await.assert_status(StatusCode::UNAUTHORIZED);
        Ok(())
    }

    #[tokio::test]
    async fn a_refund_needs_two_factors_and_a_fresh_verifier() -> Outcome {
        let issuer = TestIssuer::new("orders")?;
        let client = TestClient::new(app(&issuer.live_verifier()));
        let weak = issuer.token(|claims| claims.acr = Some("aal1".into()))?;
        let strong = issuer.token(|_| {})?;
        let ask = |token: &str| {
            let value = format!("Bearer {token}");
            client
                .post("/orders/7/refund")
                .header("authorization", value)
        };
        let answer = ask(&weak).send().await;
        answer.assert_status(StatusCode::UNAUTHORIZED);
        ask(&strong).send().await.assert_status_is_ok();
        issuer.set_staleness(Some(Duration::from_secs(11)));
        let answer = ask(&strong).send().await;
        answer.assert_status(StatusCode::SERVICE_UNAVAILABLE);
        answer.assert_header("retry-after", "1");
        Ok(())
    }
}
