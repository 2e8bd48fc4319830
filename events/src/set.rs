//! The events of one noun as a closed set.

use serde_json::value::RawValue;

use crate::{DecodeError, EntityId, Noun};

/// All events that can stand on the subjects of one noun.
///
/// Implemented by `event_set!`; a name or version outside the set is an
/// error, never skipped.
pub trait EventSet: Sized + Clone + Send + Sync + 'static {
    /// The id of the entity the events are about.
    type Id: EntityId;

    /// The noun, as in the subject.
    const NOUN: Noun;

    /// Every event and version this program can read: `(name, version)`.
    const KNOWN: &'static [(&'static str, u16)];

    /// The stored name, for example `started`.
    fn name(&self) -> &'static str;

    /// The version this program writes.
    fn version(&self) -> u16;

    /// The stored data.
    fn encode(&self) -> Result<Box<RawValue>, serde_json::Error>;

    /// Reads stored data of a name and version.
    fn decode(name: &str, version: u16, data: &RawValue) -> Result<Self, DecodeError>;
}

/// Declares the enum of a noun's events.
///
/// Each line reads `Variant = "stored_name" version`, where the variant wraps
/// the struct of the same name. A test made by the macro holds every stored
/// name to its variant's, so an event cannot be stored under another's name.
/// An older version is listed after `from` with the struct that decodes it and
/// converts by `TryFrom`.
macro_rules! event_set {
    (
        $(#[$doc:meta])*
        pub enum $set:ident for $id:ident ($noun:expr) {
            $($(#[$vdoc:meta])* $variant:ident = $name:literal $version:literal $(from $old:literal $oldty:ident)* ,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(clippy::large_enum_variant, reason = "events are moved once")]
        pub enum $set {
            $($(#[$vdoc])* $variant($variant),)+
        }

        impl $crate::EventSet for $set {
            type Id = $crate::$id;

            const NOUN: $crate::Noun = $noun;

            const KNOWN: &'static [(&'static str, u16)] =
                &[$(($name, $version), $(($name, $old),)*)+];

            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                }
            }

            fn version(&self) -> u16 {
                match self {
                    $(Self::$variant(_) => $version,)+
                }
            }

            fn encode(&self) -> Result<Box<serde_json::value::RawValue>, serde_json::Error> {
                match self {
                    $(Self::$variant(data) => serde_json::value::to_raw_value(data),)+
                }
            }

            fn decode(
                name: &str,
                version: u16,
                data: &serde_json::value::RawValue,
            ) -> Result<Self, $crate::DecodeError> {
                match (name, version) {
                    $(
                        ($name, $version) => Ok(Self::$variant(serde_json::from_str(data.get())?)),
                        $(($name, $old) => {
                            let old: $oldty = serde_json::from_str(data.get())?;
                            $variant::try_from(old).map(Self::$variant).map_err(Into::into)
                        })*
                    )+
                    _ => Err($crate::DecodeError::UnknownEvent {
                        noun: $noun,
                        name: name.chars().take(64).collect(),
                        version,
                    }),
                }
            }
        }

        $(impl From<$variant> for $set {
            fn from(event: $variant) -> Self {
                Self::$variant(event)
            }
        })+

        #[cfg(test)]
        mod stored_names {
            #[test]
            fn follow_their_variants() {
                $(
                    let mut snake = String::new();
                    for (index, letter) in stringify!($variant).char_indices() {
                        if letter.is_uppercase() && index > 0 {
                            snake.push('_');
                        }
                        snake.extend(letter.to_lowercase());
                    }
                    assert_eq!($name, snake);
                )+
            }
        }
    };
}
pub(crate) use event_set;
