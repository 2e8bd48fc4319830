//! What callers of axum and poem services see.

use countersign_verifier::live::Requirement;
use countersign_verifier::test_kit::TestIssuer;
use countersign_verifier::{Acr, Claims, Refusal, bearer};
use std::convert::Infallible;
use tower::{Layer, Service, ServiceExt};

fn issuer() -> TestIssuer {
    TestIssuer::new("orders").expect("a key")
}

fn strong() -> Requirement {
    Requirement::new().acr(Acr::Aal2).max_age_seconds(300)
}

/// A service that is not axum's: its bodies are text.
async fn echo(
    request: axum::http::Request<()>,
) -> Result<axum::http::Response<String>, Infallible> {
    let claims = request.extensions().get::<Claims>();
    let whose = claims.map_or_else(String::new, |claims| claims.client_id.clone());
    assert!(request.headers().contains_key("x-other"));
    Ok(axum::http::Response::new(whose))
}

fn request(authorizations: &[&str]) -> axum::http::Request<()> {
    let mut request = axum::http::Request::builder().header("x-other", "1");
    for one in authorizations {
        request = request.header("authorization", *one);
    }
    request.body(()).expect("a request")
}

#[tokio::test]
async fn the_layer_guards_any_tower_service() {
    let issuer = issuer();
    let layer = countersign_verifier::axum::RequireToken::new(&issuer.live_verifier(), strong());
    let mut service = layer.layer(tower::service_fn(echo));
    let good = format!("Bearer {}", issuer.token(|_| {}).expect("a token"));
    let weak = issuer.token(|claims| claims.acr = None).expect("a token");
    let weak = format!("Bearer {weak}");
    let mut ask = async |authorizations: &[&str]| {
        let mut request = request(authorizations);
        // What a caller's own layer may have left.
        request.extensions_mut().insert(issuer.claims());
        let service = service.ready().await.expect("it is ready");
        service.call(request).await.expect("an answer")
    };
    let answer = ask(&[&good]).await;
    assert_eq!(
        (answer.status().as_u16(), answer.body().as_str()),
        (200, "test")
    );

    for none in [&[][..], &["Basic x"], &[&good, &good], &[&good, "Bearer x"]] {
        let answer = ask(none).await;
        assert_eq!(answer.status(), 401);
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert!(answer.body().contains("token_missing"));
    }
    let answer = ask(&[&weak]).await;
    let challenge = answer.headers()["www-authenticate"].to_str().expect("text");
    assert!(challenge.contains("insufficient_user_authentication"));
    assert!(challenge.contains(r#"acr_values="aal2", max_age="300""#));
    issuer.set_staleness(None);
    let answer = ask(&[&good]).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert!(!answer.headers().contains_key("www-authenticate"));
}

#[tokio::test]
async fn an_axum_handler_is_not_reached_without_the_layer() {
    use axum::routing::get;
    use countersign_verifier::axum::{RequireToken, Verified};

    let issuer = issuer();
    let handler = async |Verified(claims): Verified| claims.client_id;
    let guard = RequireToken::new(&issuer.live_verifier(), Requirement::new());
    let app: axum::Router = axum::Router::new()
        .route("/guarded", get(handler).layer(guard))
        .route("/forgotten", get(handler));
    let token = format!("Bearer {}", issuer.token(|_| {}).expect("a token"));
    let ask = async |path: &str| {
        let request = axum::http::Request::get(path).header("authorization", &token);
        let request = request.body(axum::body::Body::empty()).expect("a request");
        app.clone()
            .oneshot(request)
            .await
            .expect("an answer")
            .status()
    };
    assert_eq!(ask("/guarded").await, 200);
    assert_eq!(ask("/forgotten").await, 401);
}

#[poem::handler]
fn tell(
    countersign_verifier::poem::Verified(claims): countersign_verifier::poem::Verified,
) -> String {
    claims.client_id
}

#[tokio::test]
async fn the_middleware_guards_poem() {
    use countersign_verifier::poem::RequireToken;
    use poem::{EndpointExt, Route, get};

    let issuer = issuer();
    let guard = RequireToken::new(&issuer.live_verifier(), strong());
    let app = Route::new()
        .at("/guarded", get(tell).with(guard))
        .at("/forgotten", get(tell));
    let client = poem::test::TestClient::new(app);
    let good = format!("Bearer {}", issuer.token(|_| {}).expect("a token"));
    let answer = client
        .get("/guarded")
        .header("authorization", &good)
        .send()
        .await;
    answer.assert_status_is_ok();
    answer.assert_text("test").await;
    let answer = client
        .get("/forgotten")
        .header("authorization", &good)
        .send()
        .await;
    answer.assert_status(poem::http::StatusCode::UNAUTHORIZED);
    for twice in [false, true] {
        let mut request = client.get("/guarded");
        if twice {
            request = request
                .header("authorization", &good)
                .header("authorization", &good);
        }
        let answer = request.send().await;
        answer.assert_status(poem::http::StatusCode::UNAUTHORIZED);
        answer.assert_header("www-authenticate", "Bearer");
        answer.assert_content_type("application/problem+json");
    }
    let weak = issuer.token(|claims| claims.acr = None).expect("a token");
    let request = client.get("/guarded");
    let answer = request
        .header("authorization", format!("Bearer {weak}"))
        .send()
        .await;
    let challenge = answer.0.headers()["www-authenticate"]
        .to_str()
        .expect("text");
    assert!(challenge.contains(r#"acr_values="aal2", max_age="300""#));
    issuer.set_staleness(None);
    let answer = client
        .get("/guarded")
        .header("authorization", &good)
        .send()
        .await;
    answer.assert_status(poem::http::StatusCode::SERVICE_UNAVAILABLE);
    answer.assert_header("retry-after", "1");
}

#[test]
fn two_schemes_in_one_header_are_none() {
    assert_eq!(bearer(Some("Basic a, Bearer b")), Err(Refusal::Missing));
}
