//! The document itself.

use std::fs;
use std::path::Path;

use countersign_events::Noun;

use crate::contract::{CLIENTS, Operation, PUBLIC, document, operations};
use crate::support::World;

#[test]
fn the_document_in_the_repository_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi/openapi.json");
    let stored = fs::read_to_string(path).unwrap_or_default();
    let made = countersign_api::document().expect("no gaps");
    let differs = stored
        .lines()
        .zip(made.lines())
        .enumerate()
        .find(|(_, (old, new))| old != new);
    assert!(
        stored.trim_end() == made.trim_end(),
        "the API has changed; if that is meant: countersign openapi > openapi/openapi.json\n\
         first difference: {differs:?}"
    );
}

#[test]
fn every_noun_is_named_where_one_is_asked_for() {
    let document = document();
    let parameters = operations().into_iter().flat_map(|operation| {
        let method = operation.method.to_lowercase();
        let found = document["paths"][&operation.path][method]["parameters"].clone();
        found.as_array().cloned().unwrap_or_default()
    });
    let named: Vec<_> = parameters
        .filter(|parameter| parameter["name"] == "noun")
        .collect();
    assert!(!named.is_empty());
    for parameter in named {
        let text = parameter["description"].as_str().unwrap_or_default();
        for noun in Noun::ALL {
            assert!(text.contains(&format!("`{noun}`")), "{noun}: {text}");
        }
    }
}

#[test]
fn what_anybody_may_call_is_reviewed() {
    let open = operations()
        .into_iter()
        .filter(|operation| !operation.is_secured)
        .filter(|operation| !CLIENTS.contains(&operation.id.as_str()));
    let mut open: Vec<String> = open.map(|operation| operation.id).collect();
    open.sort();
    assert_eq!(open, PUBLIC);
}

#[test]
fn every_operation_says_what_it_is_for_and_what_can_go_wrong() {
    let document = document();
    for Operation {
        id,
        method,
        path,
        codes,
        ..
    } in operations()
    {
        let operation = &document["paths"][&path][method.to_lowercase()];
        assert!(
            operation["summary"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{id}"
        );
        for code in [
            "request_timeout",
            "headers_too_large",
            "internal_error",
            "overloaded",
        ] {
            assert!(codes.iter().any(|known| known == code), "{id} lacks {code}");
        }
        // Whatever asks the log or Postgres may find them gone.
        let asks = path.starts_with("/v1/") && id != "verify";
        assert!(
            !asks || codes.iter().any(|code| code == "unavailable"),
            "{id} lacks unavailable"
        );
    }
}

#[tokio::test]
async fn the_service_serves_its_document_and_pages() {
    let world = World::start().await;
    let served = world.get("/openapi.json").send().await.expect(200);
    assert_eq!(served.json(), document());
    let docs = world.get("/docs").send().await.expect(200);
    assert!(docs.header("content-type").starts_with("text/html"));
    assert!(
        docs.header("content-security-policy")
            .contains("frame-ancestors 'none'")
    );
    for path in ["/openapi.json", "/docs", "/healthz", "/v1/me", "/nowhere"] {
        let answer = world.get(path).send().await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(
            answer
                .header("strict-transport-security")
                .contains("max-age=31536000"),
            "{path}"
        );
        assert!(
            !answer.header("content-security-policy").is_empty(),
            "{path}"
        );
        assert!(
            !answer.header("countersign-request-id").is_empty(),
            "{path}"
        );
        assert_eq!(answer.header("server"), "", "{path}");
    }
    let ready = world.get("/readyz").send().await.expect(200).json();
    let checks = ready["checks"].as_array().expect("checks");
    assert!(checks.len() >= 4, "{ready}");
}
