//! What the OpenAPI document says about paths, for answers that no handler
//! makes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use poem::http::HeaderValue;
use serde_json::Value;

use super::explain::expectation;

/// By the pattern of a path, as poem-openapi gives it to poem: the parameters
/// are numbered, `/v1/sessions/:param0`.
#[derive(Debug, Default)]
pub(super) struct Routes(HashMap<String, Route>);

/// What is known about one path.
#[derive(Debug)]
pub(super) struct Route {
    /// As the document writes it: `/v1/sessions/{id}`.
    pub(super) path: String,
    /// Its methods (RFC 9110 section 10.2.1).
    pub(super) allow: HeaderValue,
    /// A parameter's name in poem-openapi's errors, to its name in the
    /// document and what it should be.
    parameters: BTreeMap<String, (String, String)>,
}

impl Routes {
    pub(super) fn new(spec: &Value) -> Self {
        let paths = spec["paths"].as_object().into_iter().flatten();
        Self(
            paths
                .filter_map(|(path, item)| {
                    let (pattern, names) = pattern(path);
                    Some((pattern, Route::new(path, &names, item)?))
                })
                .collect(),
        )
    }

    pub(super) fn get(&self, pattern: &str) -> Option<&Route> {
        self.0.get(pattern)
    }
}

/// Every operation of a document: method, pattern of the path, operation id.
pub(crate) fn operations(spec: &Value) -> impl Iterator<Item = (&str, String, &str)> {
    let paths = spec["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations.filter_map(|(method, operation)| {
            let id = operation["operationId"].as_str()?;
            Some((method.as_str(), pattern(path).0, id))
        })
    })
}

/// `/v1/sessions/{id}` as `/v1/sessions/:param0`, and the names in their order.
fn pattern(path: &str) -> (String, Vec<&str>) {
    let mut names = Vec::new();
    let segments = path.split('/').map(|segment| {
        match segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        {
            Some(name) => {
                names.push(name);
                format!(":param{}", names.len() - 1)
            }
            None => segment.to_owned(),
        }
    });
    (segments.collect::<Vec<_>>().join("/"), names)
}

impl Route {
    fn new(path: &str, names: &[&str], item: &Value) -> Option<Self> {
        let operations = item.as_object()?;
        let mut methods: BTreeSet<String> = operations
            .keys()
            .map(|method| method.to_ascii_uppercase())
            .collect();
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        methods.insert("OPTIONS".to_owned());
        let methods: Vec<_> = methods.into_iter().collect();
        let parameters = operations
            .values()
            .flat_map(|operation| operation["parameters"].as_array().into_iter().flatten())
            .filter_map(|parameter| {
                let name = parameter["name"].as_str()?;
                let numbered = names.iter().position(|known| *known == name);
                let key = match numbered.filter(|_| parameter["in"] == "path") {
                    Some(number) => format!("param{number}"),
                    None => name.to_owned(),
                };
                Some((key, (name.to_owned(), expectation(&parameter["schema"]))))
            })
            .collect();
        Some(Self {
            path: path.to_owned(),
            allow: HeaderValue::try_from(methods.join(", ")).ok()?,
            parameters,
        })
    }

    /// The document's name of a parameter, and what it should be.
    pub(super) fn parameter(&self, key: &str) -> Option<(&str, &str)> {
        let (name, message) = self.parameters.get(key)?;
        Some((name, message))
    }
}
