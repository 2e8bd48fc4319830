//! The completed OpenAPI document.

use countersign_openapi::{Authenticated, Login, LoginAnswer, Page, ProblemCode, Session};
use poem_openapi::types::Example as _;
use poem_openapi::{OpenApi, OpenApiService};
use serde_json::{Value, json};

use super::api::{Gate, Pong, TABLE};
use super::support::{finished_spec, service};
use crate::http::{Json, spec};

fn finished() -> Value {
    serde_json::from_str(&finished_spec()).expect("JSON")
}

#[test]
fn every_operation_lists_its_problems() {
    let spec = finished();
    let item = &spec["paths"]["/v1/items/{id}"]["get"];
    assert_eq!(
        item["x-problem-codes"],
        json!([
            "headers_too_large",
            "internal_error",
            "not_found",
            "overloaded",
            "position_not_reached",
            "request_timeout",
            "unavailable",
            "validation_failed"
        ])
    );
    let unavailable = &item["responses"]["503"];
    let content = &unavailable["content"]["application/problem+json"];
    assert_eq!(
        content["schema"]["$ref"],
        "#/components/schemas/ProblemDetails"
    );
    assert_eq!(
        content["examples"]["position_not_reached"]["$ref"],
        "#/components/examples/position_not_reached"
    );
    assert!(content["examples"]["overloaded"].is_object());
    assert_eq!(
        unavailable["headers"]["Retry-After"]["schema"]["type"],
        "integer"
    );
    let echo = &spec["paths"]["/v1/echo"]["post"]["responses"];
    for status in ["201", "400", "408", "413", "415", "431", "500", "503"] {
        assert!(echo[status].is_object(), "{status}");
    }
    assert!(spec["paths"]["/v1/ping"]["get"]["responses"]["413"].is_null());
    let schemas = &spec["components"]["schemas"];
    assert_eq!(
        schemas["ProblemCode"]["enum"].as_array().map(Vec::len),
        Some(ProblemCode::ALL.len())
    );
    assert!(schemas["FieldError"].is_object());
}

#[test]
fn every_body_has_an_example() {
    let spec = finished();
    let echo = &spec["paths"]["/v1/echo"]["post"];
    let example = &echo["requestBody"]["content"]["application/json"]["example"];
    assert_eq!(example["title"], "milk");
    assert_eq!(
        echo["responses"]["201"]["content"]["application/json"]["example"]["title"],
        "milk"
    );
}

#[test]
fn every_reference_points_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                found.extend(
                    object
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let spec = finished();
    let mut found = Vec::new();
    references(&spec, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a local reference");
        assert!(spec.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn finishing_twice_changes_nothing() {
    let once = finished_spec();
    assert_eq!(spec::finish(&once, TABLE).as_ref(), Ok(&once));
}

struct Contract;

#[expect(clippy::unused_async, reason = "poem-openapi wants async operations")]
#[OpenApi]
impl Contract {
    /// Log in.
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(&self, _login: Json<Login>) -> poem::Result<Json<LoginAnswer>> {
        Ok(Json(LoginAnswer::Authenticated(Authenticated::example())))
    }

    /// List.
    #[oai(path = "/sessions", method = "get", operation_id = "sessions")]
    async fn sessions(&self) -> Json<Page<Session>> {
        Json(Page::example())
    }
}

#[test]
fn the_wire_types_make_a_complete_document() {
    let document = OpenApiService::new(Contract, "Contract", "1").spec();
    let finished = spec::finish(&document, &[("login", &[]), ("sessions", &[])]).expect("no gaps");
    let spec: Value = serde_json::from_str(&finished).expect("JSON");
    let answer = |path: &str, method: &str| {
        &spec["paths"][path][method]["responses"]["200"]["content"]["application/json"]
    };
    let login = answer("/login", "post");
    assert_eq!(login["example"]["status"], "authenticated");
    assert_eq!(login["example"]["account"]["email"], "ada@example.com");
    assert_eq!(
        answer("/sessions", "get")["example"]["items"][0]["ended"],
        Value::Null
    );
    let schemas = &spec["components"]["schemas"];
    assert_eq!(
        schemas["LoginAnswer"]["discriminator"]["propertyName"],
        "status"
    );
    assert_eq!(schemas["Register"], Value::Null);
    assert_eq!(
        schemas["Login"]["properties"]["password"]["format"],
        "password"
    );
}

struct Careless;

#[expect(clippy::unused_async, reason = "poem-openapi wants async operations")]
#[OpenApi]
impl Careless {
    #[oai(path = "/a", method = "get", operation_id = "a")]
    async fn a(&self) -> Json<Pong> {
        Json(Pong { ok: true })
    }

    /// No operation id, and an answer without an example.
    #[oai(path = "/b", method = "get")]
    async fn b(&self) -> Json<u32> {
        Json(1)
    }
}

#[test]
fn a_gap_is_an_error() {
    let document = OpenApiService::new(Careless, "Careless", "1").spec();
    let gaps = spec::finish(&document, &[("c", &[])])
        .expect_err("gaps")
        .gaps;
    assert_eq!(
        gaps,
        [
            "get /a: operation id \"a\" is not in the table",
            "get /a: no summary",
            "get /b: operation id \"\" is not in the table",
            "get /b: no example of the 200 body",
            "the table has \"c\", the document has not",
        ]
    );
    assert!(spec::finish("no JSON", &[]).is_err());
    assert!(spec::finish(&service(&Gate::default()).spec(), &[]).is_err());
}
