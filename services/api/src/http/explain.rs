//! Why a JSON value does not fit its schema, field by field.
//!
//! poem-openapi stops at the first fault, does not say in which field it is
//! unless a length is wrong, and repeats the value, which may be a password.
//! So the fault is looked for a second time, in the schema that the OpenAPI
//! document publishes, and told without the value. Only requests that were
//! refused come here.

use std::fmt::Write as _;

use countersign_openapi::FieldError;
use poem_openapi::registry::Registry;
use poem_openapi::types::{ParseFromParameter as _, Type};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

/// Faults that are told at once.
const FAULTS_MAX: usize = 16;

/// Characters of a field's name that are repeated.
const NAME_CHARS_MAX: usize = 64;

/// What is wrong with `value` as a `T`; never empty, as somebody found that
/// something is.
pub(super) fn explain<T: Type>(value: &Value) -> Vec<FieldError> {
    let mut registry = Registry::new();
    T::register(&mut registry);
    let schemas = serde_json::to_value(&registry.schemas).unwrap_or_default();
    let schema = serde_json::to_value(T::schema_ref()).unwrap_or_default();
    let mut search = Search {
        schemas: &schemas,
        faults: Vec::new(),
    };
    search.check(&schema, value, "");
    if search.faults.is_empty() {
        search.tell("", format!("does not fit the schema {}", T::name()));
    }
    search.faults
}

struct Search<'a> {
    /// `components.schemas` of the document.
    schemas: &'a Value,
    faults: Vec<FieldError>,
}

/// A list in a schema; empty if there is none.
fn list<'a>(schema: &'a Value, key: &str) -> &'a [Value] {
    schema[key].as_array().map_or(&[], Vec::as_slice)
}

impl<'a> Search<'a> {
    fn tell(&mut self, pointer: &str, message: impl Into<String>) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(FieldError::at(pointer, message));
        }
    }

    fn check(&mut self, schema: &'a Value, value: &Value, pointer: &str) {
        let schema = match schema["$ref"].as_str() {
            Some(reference) => {
                let name = reference.rsplit('/').next().unwrap_or_default();
                &self.schemas[name]
            }
            None => schema,
        };
        if schema["nullable"] == true && value.is_null() {
            return;
        }
        // What a value should be is not searched in alternatives (`oneOf`):
        // which of them was meant is a guess.
        for part in list(schema, "allOf") {
            self.check(part, value, pointer);
        }
        match (schema["type"].as_str(), value) {
            (None, _) => {}
            (Some("object"), Value::Object(object)) => {
                self.check_object(schema, object, pointer);
            }
            (Some("array"), Value::Array(items)) => {
                if !within(schema, "minItems", "maxItems", items.len()) {
                    self.tell(pointer, expectation(schema));
                }
                for (index, item) in items.iter().enumerate() {
                    if self.faults.len() == FAULTS_MAX {
                        break;
                    }
                    self.check(&schema["items"], item, &format!("{pointer}/{index}"));
                }
            }
            (Some(kind), _) if fits(schema, kind, value) => {}
            _ => self.tell(pointer, expectation(schema)),
        }
    }

    fn check_object(&mut self, schema: &'a Value, object: &Map<String, Value>, pointer: &str) {
        for name in list(schema, "required").iter().filter_map(Value::as_str) {
            if object.get(name).is_none_or(Value::is_null) {
                self.tell(&below(pointer, name), "is required");
            }
        }
        let Some(properties) = schema["properties"].as_object() else {
            return;
        };
        for (name, of) in properties {
            // An optional field may also be null.
            if let Some(value) = object.get(name).filter(|value| !value.is_null()) {
                self.check(of, value, &below(pointer, name));
            }
        }
        if schema
            .get("additionalProperties")
            .is_none_or(|more| *more == false)
        {
            for name in object.keys().filter(|name| !properties.contains_key(*name)) {
                self.tell(&below(pointer, name), "is not a known field");
            }
        }
    }
}

/// A JSON Pointer one level down (RFC 6901 section 3), with a bound on what is
/// repeated.
fn below(pointer: &str, name: &str) -> String {
    let name: String = name.chars().take(NAME_CHARS_MAX).collect();
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn within(schema: &Value, min: &str, max: &str, count: usize) -> bool {
    let count = count as u64;
    schema[min].as_u64().is_none_or(|min| count >= min)
        && schema[max].as_u64().is_none_or(|max| count <= max)
}

fn fits(schema: &Value, kind: &str, value: &Value) -> bool {
    let choices = list(schema, "enum");
    if !choices.is_empty() && !choices.contains(value) {
        return false;
    }
    match (kind, value) {
        ("string", Value::String(text)) => {
            let format_fits = match schema["format"].as_str() {
                Some("uuid") => Uuid::parse_str(text).is_ok(),
                Some("date-time") => OffsetDateTime::parse_from_parameter(text).is_ok(),
                _ => true,
            };
            format_fits && within(schema, "minLength", "maxLength", text.chars().count())
        }
        ("integer", Value::Number(number)) => !number.is_f64() && in_range(schema, value),
        ("number", Value::Number(_)) => in_range(schema, value),
        ("boolean", Value::Bool(_)) => true,
        _ => false,
    }
}

fn in_range(schema: &Value, value: &Value) -> bool {
    let number = value.as_f64().unwrap_or(f64::NAN);
    schema["minimum"].as_f64().is_none_or(|min| number >= min)
        && schema["maximum"].as_f64().is_none_or(|max| number <= max)
}

/// What a schema asks for, said of a field or a parameter: "must be a string,
/// 1 to 100 characters".
pub(super) fn expectation(schema: &Value) -> String {
    let choices: Vec<_> = list(schema, "enum")
        .iter()
        .filter_map(Value::as_str)
        .collect();
    if !choices.is_empty() {
        return format!("must be one of {}", choices.join(", "));
    }
    let what = match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("string"), Some("uuid")) => "a UUID",
        (Some("string"), Some("date-time")) => "an RFC 3339 date and time",
        (Some("string"), _) => "a string",
        (Some("integer"), _) => "a whole number",
        (Some("number"), _) => "a number",
        (Some("boolean"), _) => "true or false",
        (Some("array"), _) => "a list",
        (Some("object"), _) => "an object",
        _ => "as the OpenAPI document describes it",
    };
    let mut text = format!("must be {what}");
    for (min, max, unit) in [
        ("minLength", "maxLength", " characters"),
        ("minimum", "maximum", ""),
        ("minItems", "maxItems", " items"),
    ] {
        // Writing to a String cannot fail.
        let _ = match (schema[min].as_f64(), schema[max].as_f64()) {
            (Some(min), Some(max)) => write!(text, ", {min} to {max}{unit}"),
            (Some(min), None) => write!(text, ", at least {min}{unit}"),
            (None, Some(max)) => write!(text, ", at most {max}{unit}"),
            (None, None) => Ok(()),
        };
    }
    text
}
