//! The contract tests itself: every operation of the OpenAPI document is tried
//! as nobody, as a stranger and with every kind of bad token.

mod access;
mod document;
mod page;

use countersign_openapi::ProblemCode;
use serde_json::Value;

use crate::support::{Answer, Call, Client};

/// Operations that anybody may call. This list may only shrink.
const PUBLIC: [&str; 16] = [
    "confirm_email",
    "forgot_password",
    "get_csrf_token",
    "healthz",
    "jwks",
    "login",
    "logout",
    "metrics",
    "mfa",
    "oauth_metadata",
    "passkey_login",
    "passkey_options",
    "readyz",
    "refresh",
    "register",
    "reset_password",
];

/// Operations that ask for a client, which proves itself in the request and
/// not with an access token.
const CLIENTS: [&str; 3] = ["introspect", "revoke_token", "token"];

/// The document that the service serves.
fn document() -> Value {
    let text = countersign_api::document().expect("no gaps");
    serde_json::from_str(&text).expect("JSON")
}

/// One operation of the document.
struct Operation {
    id: String,
    method: String,
    path: String,
    codes: Vec<String>,
    parameters: Vec<String>,
    is_secured: bool,
    body: Option<Value>,
}

fn operations() -> Vec<Operation> {
    let document = document();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let texts = |value: &Value| -> Vec<String> {
                let all = value.as_array().into_iter().flatten();
                all.filter_map(|text| text.as_str().map(str::to_owned))
                    .collect()
            };
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            operations.push(Operation {
                id: operation["operationId"].as_str().expect("an id").to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                codes: texts(&operation["x-problem-codes"]),
                parameters: parameters
                    .filter_map(|parameter| parameter["name"].as_str().map(str::to_owned))
                    .collect(),
                is_secured: !operation["security"].as_array().is_none_or(Vec::is_empty),
                body: operation
                    .pointer("/requestBody/content/application~1json/example")
                    .cloned(),
            });
        }
    }
    assert!(
        operations.len() >= 24,
        "only {} operations",
        operations.len()
    );
    operations
}

impl Operation {
    /// A call that is right in form, about an id that nobody has.
    fn call(&self, client: &Client) -> Call {
        self.call_about(client, "0190c7a2-5b1e-7a6e-9d5b-6b1f3e2d4c5a")
    }

    fn call_about(&self, client: &Client, id: &str) -> Call {
        let call = client.call(
            &self.method,
            &self.path.replace("{id}", id).replace("{secret}", id),
        );
        match &self.body {
            Some(body) => call.json(body),
            None => call,
        }
    }

    /// Whether it would change the caller's own account or session, whatever
    /// it is called with.
    fn changes_own(&self) -> bool {
        self.method != "GET" && !self.is_admin() && !self.path.contains("{id}")
    }

    /// Whether strangers are refused, whatever they ask.
    fn is_admin(&self) -> bool {
        self.path.starts_with("/v1/admin/") || self.path.starts_with("/v1/revocations")
    }

    /// Whether its answer has no end.
    fn is_endless(&self) -> bool {
        ["stream_events", "stream_revocations"].contains(&self.id.as_str())
    }

    /// Checks that an error is a problem that the document lists here, with
    /// the status it says.
    #[track_caller]
    fn lists(&self, answer: &Answer) {
        if answer.status < 400 {
            return;
        }
        answer.problem();
        let code = answer.code();
        assert!(
            self.codes.contains(&code),
            "{} does not list {code}",
            self.id
        );
        let known = ProblemCode::ALL
            .into_iter()
            .find(|known| known.as_str() == code);
        let status = known.expect("a known code").facts().status;
        assert_eq!(answer.status, status, "{}: {code}", self.id);
    }
}
