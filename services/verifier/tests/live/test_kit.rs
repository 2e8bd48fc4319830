//! The issuer without a network.

use countersign_verifier::live::{Rejection, Requirement, WhenStale};
use countersign_verifier::test_kit::TestIssuer;
use countersign_verifier::{Acr, Refusal};
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn requirements_are_held() {
    let issuer = TestIssuer::new("orders").expect("a key");
    let verifier = issuer.live_verifier();
    let token = issuer
        .token(|claims| claims.scope = "orders:read orders:write".into())
        .expect("a token");
    let check = async |requirement: Requirement| verifier.check(&token, &requirement).await.err();
    let any = Requirement::new;
    assert_eq!(check(any().scope("orders:read").role("user")).await, None);
    assert_eq!(
        check(any().scope("orders:read").scope("admin")).await,
        Some(Rejection::Scope("orders:read admin".into()))
    );
    assert_eq!(check(any().role("operator")).await, Some(Rejection::Role));
    assert_eq!(check(any().acr(Acr::Aal2).max_age_seconds(5)).await, None);
    let strong = check(any().acr(Acr::Aal3)).await;
    assert!(matches!(strong, Some(Rejection::StepUp(_))));
    assert_eq!(
        check(any().audience("invoices")).await,
        Some(Refusal::WrongAudience.into())
    );
}

#[tokio::test]
async fn everything_can_be_revoked_and_made_stale_by_hand() {
    let issuer = TestIssuer::new("orders").expect("a key");
    let verifier = issuer.live_verifier();
    let any = Requirement::new();
    let client = Uuid::from_u128(7);
    let service = issuer.service_token(client, |_| {}).expect("a token");
    let claims = verifier.check(&service, &any).await.expect("a good token");
    assert!(claims.is_service());
    issuer.revoke_account(client, 2).expect("a place");
    let revoked = Err(Refusal::Revoked.into());
    assert_eq!(verifier.check(&service, &any).await, revoked);

    let token = issuer.token(|_| {}).expect("a token");
    assert!(
        !verifier
            .check(&token, &any)
            .await
            .expect("good")
            .is_service()
    );
    issuer.set_staleness(Some(Duration::from_secs(11)));
    let refused = verifier.check(&token, &any).await;
    assert_eq!(refused, Err(Rejection::Stale));
    let lenient = Requirement::new().when_stale(WhenStale::Accept);
    assert!(verifier.check(&token, &lenient).await.is_ok());
    issuer.set_staleness(None);
    assert_eq!(verifier.staleness(), None);
    issuer.set_staleness(Some(Duration::ZERO));
    verifier.caught_up().await;

    issuer.revoke_key().expect("a new key");
    let gone = verifier.check(&token, &any).await;
    assert_eq!(gone, Err(Refusal::UnknownKey.into()));
    let token = issuer.token(|_| {}).expect("a token");
    assert!(verifier.check(&token, &any).await.is_ok());
}

#[test]
fn every_rejection_has_its_status_and_challenge() {
    let shown = |rejection: Rejection| {
        let challenge = rejection.www_authenticate();
        let retry = rejection.retry_after_seconds();
        (rejection.status(), rejection.code(), challenge, retry)
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        shown(Refusal::Missing.into()),
        (401, "token_missing", text("Bearer"), None)
    );
    assert_eq!(
        shown(Rejection::Scope("a b\"c".into())),
        (
            403,
            "insufficient_scope",
            text(
                r#"Bearer error="insufficient_scope", error_description="The access token has too few scopes", scope="a bc""#
            ),
            None
        )
    );
    assert_eq!(
        shown(Rejection::Stale),
        (503, "revocation_unknown", None, Some(1))
    );
    assert_eq!(
        shown(Rejection::Keys),
        (503, "keys_unavailable", None, Some(1))
    );
    assert_eq!(shown(Rejection::Role).0, 403);
}
