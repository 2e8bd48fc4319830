//! The page of access, held to the document and to its rules.

use super::*;

fn of(id: &str) -> Access {
    let found = ACCESS.iter().find(|(name, _)| *name == id);
    found.map_or_else(|| panic!("{id} is missing"), |(_, access)| *access)
}

/// Every operation of the document, as method, path and id.
fn operations() -> Vec<(String, String, String)> {
    let document = crate::service::document().expect("no gaps");
    let document: serde_json::Value = serde_json::from_str(&document).expect("JSON");
    let listed = crate::http::operations(&document);
    listed
        .map(|(method, path, id)| (method.to_owned(), path, id.to_owned()))
        .collect()
}

#[test]
fn the_page_names_every_operation_once_and_no_other() {
    let mut named: Vec<&str> = ACCESS.iter().map(|(id, _)| *id).collect();
    named.sort_unstable();
    let operations = operations();
    let mut known: Vec<&str> = operations.iter().map(|(_, _, id)| id.as_str()).collect();
    known.sort_unstable();
    assert_eq!(named, known);
}

/// What an operator changes needs two fresh factors, what one changes
/// about getting in needs a fresh authentication, and nothing under
/// `/v1/admin` is open.
#[test]
fn what_changes_something_asks_for_what_its_place_asks() {
    for (method, path, id) in operations() {
        let reads = method == "get";
        let access = of(&id);
        let fits = if path.starts_with("/v1/admin/") {
            match access {
                Access::Reader(_) => reads,
                Access::Operator(_) => !reads,
                _ => false,
            }
        } else if path.starts_with("/v1/me/factors") && !reads {
            access == Access::Fresh || id == "rename_factor"
        } else if path == "/v1/me" && method == "delete"
            || ["/v1/me/export", "/v1/me/email"].contains(&path.as_str())
        {
            access == Access::Fresh
        } else if path.starts_with("/v1/me") {
            access == Access::SignedIn || access == Access::Fresh
        } else if path.starts_with("/v1/revocations") {
            matches!(access, Access::Service(..))
        } else {
            !matches!(
                access,
                Access::Reader(_) | Access::Operator(_) | Access::Service(..)
            )
        };
        assert!(fits, "{method} {path} ({id}): {access:?}");
    }
}

fn claims(acr: &str, auth_time: u64, roles: &[&str]) -> Claims {
    Claims {
        iss: String::new(),
        sub: uuid::Uuid::nil(),
        aud: countersign_verifier::Audience::from("a"),
        exp: 0,
        iat: 0,
        nbf: 0,
        jti: String::new(),
        client_id: String::new(),
        sid: uuid::Uuid::nil(),
        epoch: 0,
        scope: String::new(),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        acr: Some(acr.to_owned()),
        amr: Vec::new(),
        auth_time: Some(auth_time),
        cnf: None,
        act: None,
    }
}

#[test]
fn strength_age_and_permission_are_all_asked() {
    let config = ApiConfig::default();
    let now = 100_000;
    let check =
        |access: Access, claims: &Claims, factor| access.check(claims, factor, &config, now);
    let operator = Access::Operator(Permission::SessionsRevoke);
    let good = claims("aal2", now - 900, &["operator"]);
    assert!(check(operator, &good, false).is_ok());
    let old = claims("aal2", now - 901, &["operator"]);
    assert!(matches!(
        check(operator, &old, false),
        Err(Denied::StepUp(_))
    ));
    let weak = claims("aal1", now, &["operator"]);
    assert!(matches!(
        check(operator, &weak, false),
        Err(Denied::StepUp(_))
    ));
    let stranger = claims("aal3", now, &["user"]);
    assert!(matches!(
        check(operator, &stranger, false),
        Err(Denied::Forbidden)
    ));
    let password = claims("aal1", now - 300, &["user"]);
    assert!(check(Access::Fresh, &password, false).is_ok());
    assert!(matches!(
        check(Access::Fresh, &password, true),
        Err(Denied::StepUp(_))
    ));
    let stale = claims("aal1", now - 301, &["user"]);
    assert!(matches!(
        check(Access::Fresh, &stale, false),
        Err(Denied::StepUp(_))
    ));
    assert!(check(Access::FreshOrPassword, &stale, false).is_ok());
    assert!(matches!(
        check(Access::FreshOrPassword, &stale, true),
        Err(Denied::StepUp(_))
    ));
}

#[test]
fn a_services_own_token_is_good_for_its_scope_and_for_nothing_else() {
    let client = uuid::Uuid::from_u128(7);
    let service = Claims {
        sub: client,
        client_id: client.to_string(),
        scope: "orders:read revocations:read".to_owned(),
        acr: None,
        auth_time: None,
        ..claims("aal1", 0, &[])
    };
    let config = ApiConfig::default();
    let lets_in =
        |access: Access, claims: &Claims| access.check(claims, false, &config, 100).is_ok();
    for (id, access) in ACCESS {
        let is_for_services = matches!(access, Access::Service(..));
        assert_eq!(lets_in(*access, &service), is_for_services, "{id}");
    }
    let feed = of("stream_revocations");
    let without = Claims {
        scope: "orders:read revocations:readers".to_owned(),
        ..service.clone()
    };
    assert!(!lets_in(feed, &without));
    // What says that it is a service and also a person is neither.
    let both = Claims {
        roles: vec!["operator".to_owned()],
        ..service.clone()
    };
    assert!(!lets_in(feed, &both));
    let operator = claims("aal2", 100, &["operator"]);
    assert!(lets_in(feed, &operator));
    assert!(!lets_in(feed, &claims("aal2", 100, &["support"])));
    let scoped = Claims {
        scope: "revocations:read".to_owned(),
        ..claims("aal2", 100, &["user"])
    };
    assert!(!lets_in(feed, &scoped), "a scope is for services");
}

#[test]
fn who_acts_for_somebody_is_let_in_nowhere() {
    let actor = countersign_verifier::Actor {
        sub: uuid::Uuid::from_u128(7),
        epoch: 1,
        act: None,
    };
    let forwarded = Claims {
        act: Some(actor),
        ..claims("aal3", 100, &["admin"])
    };
    let config = ApiConfig::default();
    for (id, access) in ACCESS {
        let checked = access.check(&forwarded, false, &config, 100);
        assert!(matches!(checked, Err(Denied::Forbidden)), "{id}");
    }
}
