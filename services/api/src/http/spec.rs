//! The OpenAPI document, completed.
//!
//! poem-openapi writes what it can see in the types: paths, parameters,
//! bodies, answers. It cannot see which problems an operation may answer with,
//! as handlers return one error type. This file adds them from one table,
//! `operation id -> codes`, and refuses a document with a gap.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use countersign_openapi::{PROBLEM_CONTENT_TYPE, ProblemCode, ProblemDetails};
use poem_openapi::registry::Registry;
use poem_openapi::types::Type as _;
use serde_json::{Map, Value, json};

/// Problems that every operation may answer with: those of the shell, and that
/// something which is needed does not answer.
pub const COMMON: &[ProblemCode] = &[
    ProblemCode::RequestTimeout,
    ProblemCode::HeadersTooLarge,
    ProblemCode::InternalError,
    ProblemCode::Overloaded,
    ProblemCode::Unavailable,
];

/// Problems of every operation that takes a body.
pub const WITH_BODY: &[ProblemCode] = &[
    ProblemCode::ValidationFailed,
    ProblemCode::PayloadTooLarge,
    ProblemCode::UnsupportedMediaType,
];

/// Problems of every operation that takes parameters.
pub const WITH_PARAMETERS: &[ProblemCode] = &[ProblemCode::ValidationFailed];

/// Problems of every operation that changes something.
pub const CHANGING: &[ProblemCode] = &[ProblemCode::CsrfInvalid];

/// What the document lacks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SpecError {
    /// One sentence for each gap.
    pub gaps: Vec<String>,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the OpenAPI document has gaps: {}", self.gaps.join("; "))
    }
}

/// Completes the document that poem-openapi generated.
///
/// For every operation, from `table` (operation id to the codes its handler
/// may answer with, the shell's own codes not among them):
/// - `responses` for each status, `application/problem+json`, with an example
///   for each code and the headers that come with it;
/// - `x-problem-codes`, all its codes;
/// - the schema's example in each JSON body and answer;
/// - a description of an answer that has none, which is not allowed.
///
/// It changes nothing that is there, so it can be applied twice. An operation
/// without id, table entry, summary or example, and a table entry without
/// operation, is a gap; a test of the service calls this.
pub fn finish(spec_json: &str, table: &[(&str, &[ProblemCode])]) -> Result<String, SpecError> {
    let mut spec: Value = serde_json::from_str(spec_json).map_err(|error| SpecError {
        gaps: vec![error.to_string()],
    })?;
    let mut gaps = Vec::new();
    let mut unused: BTreeMap<&str, &[ProblemCode]> = table.iter().copied().collect();
    if unused.len() != table.len() {
        gaps.push("the table has an operation twice".to_owned());
    }
    add_components(&mut spec);
    let schemas = spec["components"]["schemas"].clone();
    for (name, operation) in operations(&mut spec) {
        let id = operation["operationId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        match unused.remove(id.as_str()) {
            Some(codes) if name.starts_with("get ") => add_problems(operation, codes),
            Some(codes) => add_problems(operation, &[codes, CHANGING].concat()),
            None => gaps.push(format!("{name}: operation id {id:?} is not in the table")),
        }
        if operation["summary"].as_str().is_none_or(str::is_empty) {
            gaps.push(format!("{name}: no summary"));
        }
        add_examples(operation, &schemas, &name, &mut gaps);
    }
    for id in unused.keys() {
        gaps.push(format!("the table has {id:?}, the document has not"));
    }
    if !gaps.is_empty() {
        return Err(SpecError { gaps });
    }
    // Pretty, as the file is reviewed in diffs; a `Value` is always JSON.
    Ok(serde_json::to_string_pretty(&spec).unwrap_or_default() + "\n")
}

/// Every operation, by method and path.
fn operations(spec: &mut Value) -> impl Iterator<Item = (String, &mut Value)> {
    const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];
    let paths = spec["paths"].as_object_mut().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = item.as_object_mut().into_iter().flatten();
        methods
            .filter(|(method, _)| METHODS.contains(&method.as_str()))
            .map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}

/// The object under `key`, made if it is missing.
fn object<'a>(value: &'a mut Value, key: &str) -> &'a mut Map<String, Value> {
    let entry = &mut value[key];
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    entry.as_object_mut().expect("it was just made one")
}

/// The schemas of a problem, and an example of each code.
fn add_components(spec: &mut Value) {
    let mut registry = Registry::new();
    ProblemDetails::register(&mut registry);
    let components = &mut spec["components"];
    let schemas = object(components, "schemas");
    for (name, schema) in &registry.schemas {
        if !schemas.contains_key(name) {
            schemas.insert(name.clone(), json!(schema));
        }
    }
    let examples = object(components, "examples");
    for code in ProblemCode::ALL {
        let facts = code.facts();
        let example = json!({
            "summary": facts.title,
            "description": facts.description,
            "value": ProblemDetails::new(code),
        });
        examples.entry(facts.name).or_insert(example);
    }
}

fn add_problems(operation: &mut Value, codes: &[ProblemCode]) {
    let mut all: BTreeSet<&'static str> = BTreeSet::new();
    let mut by_status: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    let body = operation.get("requestBody").map_or(&[][..], |_| WITH_BODY);
    let parameters = operation
        .get("parameters")
        .map_or(&[][..], |_| WITH_PARAMETERS);
    for code in codes.iter().chain(COMMON).chain(body).chain(parameters) {
        if all.insert(code.as_str()) {
            by_status
                .entry(code.facts().status)
                .or_default()
                .push(*code);
        }
    }
    operation["x-problem-codes"] = json!(all);
    let responses = object(operation, "responses");
    for (status, codes) in by_status {
        responses
            .entry(status.to_string())
            .or_insert_with(|| problem_response(status, &codes));
    }
}

fn problem_response(status: u16, codes: &[ProblemCode]) -> Value {
    let titles: Vec<_> = codes.iter().map(|code| code.facts().title).collect();
    let examples: Map<_, _> = codes
        .iter()
        .map(|code| {
            let reference = format!("#/components/examples/{}", code.as_str());
            (code.as_str().to_owned(), json!({ "$ref": reference }))
        })
        .collect();
    let mut response = json!({
        "description": titles.join("; "),
        "content": { PROBLEM_CONTENT_TYPE: {
            "schema": { "$ref": "#/components/schemas/ProblemDetails" },
            "examples": examples,
        } },
    });
    let header = match status {
        401 => Some((
            "WWW-Authenticate",
            "string",
            "The scheme, and what is missing",
        )),
        429 | 503 => Some(("Retry-After", "integer", "Seconds to wait")),
        _ => None,
    };
    if let Some((name, kind, description)) = header {
        response["headers"] = json!({ name: {
            "description": description,
            "schema": { "type": kind },
        } });
    }
    response
}

fn add_examples(operation: &mut Value, schemas: &Value, name: &str, gaps: &mut Vec<String>) {
    let mut bodies = Vec::new();
    if let Some(content) = operation.pointer_mut("/requestBody/content") {
        bodies.push(("request".to_owned(), std::mem::take(content)));
    }
    let responses = object(operation, "responses");
    for (status, response) in responses.iter_mut() {
        if response["description"] == "" {
            response["description"] = json!("Done");
        }
        if let Some(content) = response.get_mut("content") {
            bodies.push((status.clone(), std::mem::take(content)));
        }
    }
    for (place, mut content) in bodies {
        for (media_type, media) in content.as_object_mut().into_iter().flatten() {
            let has_one = media.get("example").is_some() || media.get("examples").is_some();
            if has_one || media_type != "application/json" {
                continue;
            }
            match example_of(&media["schema"], schemas) {
                Some(example) => media["example"] = example,
                None => gaps.push(format!("{name}: no example of the {place} body")),
            }
        }
        if place == "request" {
            operation["requestBody"]["content"] = content;
        } else {
            operation["responses"][&place]["content"] = content;
        }
    }
}

/// A schema's example: its own, that of what it refers to, of its first
/// alternative, or of all its parts together.
fn example_of(schema: &Value, schemas: &Value) -> Option<Value> {
    if let Some(example) = schema.get("example") {
        return Some(example.clone());
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return example_of(&schemas[reference.rsplit('/').next()?], schemas);
    }
    if let Some(first) = schema["oneOf"].get(0).or_else(|| schema["anyOf"].get(0)) {
        return example_of(first, schemas);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            whole.extend(example_of(part, schemas)?.as_object()?.clone());
        }
        return Some(Value::Object(whole));
    }
    if schema["type"] == "array" {
        return Some(json!([example_of(&schema["items"], schemas)?]));
    }
    // An object without an example of its own has those of its fields.
    let properties = schema["properties"].as_object()?;
    properties
        .iter()
        .map(|(name, of)| Some((name.clone(), example_of(of, schemas)?)))
        .collect::<Option<Map<_, _>>>()
        .map(Value::Object)
}
