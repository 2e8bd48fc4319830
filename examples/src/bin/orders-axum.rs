//! A service on axum that refuses a revoked session within the stated bound.
//! It follows revocations over server-sent events, unless only NATS is set up.

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use countersign_examples::{Failure, Prefer, announce, health, listener, stopped, verifier};
use countersign_verifier::Acr;
use countersign_verifier::axum::{RequireToken, Verified};
use countersign_verifier::live::{LiveVerifier, Requirement};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let verifier = verifier("orders-axum", Prefer::Sse)?;
    let app = app(&verifier);
    let listener = listener().await?;
    announce(listener.local_addr()?)?;
    axum::serve(listener, app)
        .with_graceful_shutdown(stopped())
        .await?;
    // So that nobody who revokes a session waits for this verifier.
    verifier.stop().await;
    Ok(())
}

fn app(verifier: &LiveVerifier) -> Router {
    // Any valid token will do to look at one's orders; to move money, the
    // person must have shown two factors in the last five minutes.
    let anybody = Requirement::new();
    let sure = Requirement::new().acr(Acr::Aal2).max_age_seconds(300);
    let orders = get(list_orders).layer(RequireToken::new(verifier, anybody));
    let refund = post(refund_order).layer(RequireToken::new(verifier, sure));
    Router::new()
        .route("/orders", orders)
        .route("/orders/{id}/refund", refund)
        .route("/healthz", get(healthz))
        .with_state(verifier.clone())
}

async fn list_orders(Verified(claims): Verified) -> Json<Value> {
    Json(json!({ "owner": claims.sub, "orders": [] }))
}

async fn refund_order(Verified(claims): Verified, Path(id): Path<u64>) -> impl IntoResponse {
    Json(json!({ "refunded": id, "by": claims.sub }))
}

async fn healthz(State(verifier): State<LiveVerifier>) -> Json<Value> {
    Json(health(&verifier))
}

#[cfg(test)]
mod tests {
    use super::app;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use axum::response::Response;
    use countersign_verifier::test_kit::TestIssuer;
    use std::error::Error;
    use tower::ServiceExt as _;

    type Outcome = Result<(), Box<dyn Error>>;

    async fn ask(
        issuer: &TestIssuer,
        method: &str,
        path: &str,
        token: &str,
    ) -> Result<Response, Box<dyn Error>> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {token}"))
            .body(Body::empty())?;
        Ok(app(&issuer.live_verifier()).oneshot(request).await?)
    }

    #[tokio::test]
    async fn a_revoked_session_lists_no_orders() -> Outcome {
        let issuer = TestIssuer::new("orders")?;
        let mut session = None;
        let token = issuer.token(|claims| session = Some(claims.sid))?;
        let answer = ask(&issuer, "GET", "/orders", &token).await?;
        assert_eq!(answer.status(), StatusCode::OK);
        issuer.revoke_session(session.ok_or("a session")?)?;
        let answer = ask(&issuer, "GET", "/orders", &token).await?;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        Ok(())
    }

    #[tokio::test]
    async fn a_refund_needs_two_factors() -> Outcome {
        let issuer = TestIssuer::new("orders")?;
        let weak = issuer.token(|claims| claims.acr = Some("aal1".into()))?;
        let answer = ask(&issuer, "POST", "/orders/7/refund", &weak).await?;
        let challenge = answer.headers()["www-authenticate"].to_str()?;
        assert!(challenge.contains(r#"acr_values="aal2", max_age="300""#));
        let strong = issuer.token(|_| {})?;
        let answer = ask(&issuer, "POST", "/orders/7/refund", &strong).await?;
        assert_eq!(answer.status(), StatusCode::OK);
        Ok(())
    }
}
