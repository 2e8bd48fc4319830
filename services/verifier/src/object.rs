//! Reading a JSON object strictly.
//!
//! What `serde_json` allows and a security token must not: a member named
//! twice (two readers may believe different ones, RFC 8725 section 2.7), an
//! array in place of the object, and any number of members. This is one
//! adapter between the parser and `serde`'s derived code that refuses them.

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A type that is read from the members of a JSON object.
pub(crate) trait Members<'de>: Sized {
    /// With more members than this the object is refused.
    const MAX_MEMBERS: usize;

    /// Reads the type from members whose names are known to differ.
    fn read<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error>;
}

/// Reads an object whose member names differ and are not too many.
pub(crate) fn object<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Members<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

/// Reads exactly one such object, and nothing after it.
pub(crate) fn object_from_str<'de, T: Members<'de>>(json: &'de str) -> serde_json::Result<T> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = object(&mut deserializer)?;
    deserializer.end()?;
    Ok(read)
}

/// A string borrowed from the input where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Members<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::read(MapAccessDeserializer::new(UniqueNames {
            map,
            seen: Vec::with_capacity(16),
            limit: T::MAX_MEMBERS,
        }))
    }
}

struct UniqueNames<'de, A> {
    map: A,
    seen: Vec<Cow<'de, str>>,
    limit: usize,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for UniqueNames<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error>
    where
        K: DeserializeSeed<'de>,
    {
        let Some(Text(name)) = self.map.next_key()? else {
            return Ok(None);
        };
        if self.seen.len() == self.limit {
            return Err(A::Error::custom("too many members"));
        }
        if self.seen.contains(&name) {
            return Err(A::Error::custom("a member is named twice"));
        }
        self.seen.push(name.clone());
        match name {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            Cow::Owned(name) => seed.deserialize(name.into_deserializer()),
        }
        .map(Some)
    }

    fn next_value_seed<V>(&mut self, seed: V) -> Result<V::Value, A::Error>
    where
        V: DeserializeSeed<'de>,
    {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Pair {
        a: u64,
        b: u64,
    }

    impl<'de> Members<'de> for Pair {
        const MAX_MEMBERS: usize = 3;

        fn read<D: Deserializer<'de>>(members: D) -> Result<Self, D::Error> {
            Self::deserialize(members)
        }
    }

    #[test]
    fn an_object_is_read_and_unknown_members_are_passed_over() {
        let read: Pair = object_from_str(r#" {"a":1,"x":[[{}]],"b":2} "#).unwrap();
        assert_eq!(read, Pair { a: 1, b: 2 });
    }

    #[test]
    fn everything_else_is_refused() {
        for json in [
            r"[1,2]",
            r#"{"a":1,"b":2,"a":1}"#,
            r#"{"a":1,"b":2,"\u0061":3}"#,
            r#"{"a":1,"b":2,"x":3,"x":3}"#,
            r#"{"a":1,"b":2,"x":3,"y":4}"#,
            r#"{"a":1,"b":2}{"#,
            r#"{"a":1}"#,
            "",
            "null",
        ] {
            assert!(object_from_str::<Pair>(json).is_err(), "{json}");
        }
    }
}
