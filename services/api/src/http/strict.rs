//! JSON without surprises.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads one JSON text (RFC 8259) as I-JSON wants it (RFC 7493): UTF-8, no key
/// twice in an object, nothing after the value; and nested no deeper than
/// `depth_max`.
///
/// Of two equal keys serde_json keeps the last and others the first: a proxy
/// that checks one and a service that uses the other disagree about what was
/// sent.
pub(crate) fn parse(json: &[u8], depth_max: usize) -> Result<Value, NotJson> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let value = Strict(depth_max)
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| NotJson {
        message: if error.is_data() {
            TWICE_OR_DEEP
        } else {
            MALFORMED
        },
        line: error.line(),
        column: error.column(),
    })
}

const TWICE_OR_DEEP: &str = "has a key twice in one object, or nests too deep";
const MALFORMED: &str = "is not well-formed JSON in UTF-8";

/// Where and why a text is not taken; without the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotJson {
    message: &'static str,
    line: usize,
    column: usize,
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            message,
            line,
            column,
        } = self;
        write!(f, "{message} (line {line}, column {column})")
    }
}

/// Builds a value with this many levels left.
#[derive(Clone, Copy)]
struct Strict(usize);

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        self.0
            .checked_sub(1)
            .map(Self)
            .ok_or_else(|| E::custom("too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(deeper)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let deeper = self.deeper()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(deeper)?;
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("a key twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#" {"a":[1,-2,3.5,"x\n\u00e9",true,null,{}],"b":18446744073709551615} "#;
        let expected: Value = serde_json::from_str(text).expect("valid JSON");
        assert_eq!(parse(text.as_bytes(), 32), Ok(expected));
        assert_eq!(parse(b"null", 0), Ok(Value::Null));
    }

    #[test]
    fn refuses_equal_keys_at_any_level() {
        assert!(parse(br#"{"a":1,"b":{"c":1,"c":2}}"#, 32).is_err());
        // The same key, spelled with an escape.
        assert!(parse(br#"{"a":1,"\u0061":2}"#, 32).is_err());
        assert_eq!(
            parse(br#"{"a":1,"A":2}"#, 32),
            Ok(json!({ "a": 1, "A": 2 }))
        );
    }

    #[test]
    fn refuses_depth_and_trailing_text_and_bad_utf_8() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(nested(32).as_bytes(), 32).is_ok());
        assert!(parse(nested(33).as_bytes(), 32).is_err());
        assert!(parse(b"{} x", 32).is_err());
        assert!(parse(b"", 32).is_err());
        assert!(parse(b"\"\xff\"", 32).is_err());
        assert!(parse(b"\xef\xbb\xbf{}", 32).is_err());
    }

    #[test]
    fn the_message_does_not_repeat_the_text() {
        let refused = parse(br#"{"hunter2":1,"hunter2":2}"#, 32).expect_err("twice");
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
}
