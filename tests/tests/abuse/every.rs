//! Every operation of the document, to be called with what it must not take.

use serde_json::Value;

use crate::support::{Call, Client};

/// An operation of the document.
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) is_secured: bool,
    /// The example of its body.
    pub(super) body: Option<Value>,
    method: String,
    path: String,
}

/// All of them.
pub(super) fn operations() -> Vec<Operation> {
    let document = countersign_api::document().expect("no gaps");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("methods") {
            let security = operation["security"].as_array();
            let body = operation.pointer("/requestBody/content/application~1json/example");
            all.push(Operation {
                id: operation["operationId"].as_str().expect("an id").to_owned(),
                is_secured: security.is_some_and(|schemes| !schemes.is_empty()),
                body: body.cloned(),
                method: method.to_uppercase(),
                path: path.clone(),
            });
        }
    }
    assert!(all.len() >= 50, "only {} operations", all.len());
    all
}

impl Operation {
    /// A call without a body, about an id that nobody has.
    pub(super) fn bare(&self, client: &Client) -> Call {
        let nobody = "0190c7a2-5b1e-7a6e-9d5b-6b1f3e2d4c5a";
        client.call(&self.method, &self.path.replace("{id}", nobody))
    }

    /// A call that is right in form.
    pub(super) fn call(&self, client: &Client) -> Call {
        match &self.body {
            Some(body) => self.bare(client).json(body),
            None => self.bare(client),
        }
    }
}
