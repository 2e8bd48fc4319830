//! What can go wrong between a read model and its reader.
//!
//! Three kinds, kept apart so that an outage never looks like bad input and a
//! bug never looks like an outage. None of them carries a value from a row.

use std::borrow::Cow;

/// Postgres cannot be asked right now: no connection, no answer in time, or it
/// is shutting down, out of space or read-only. The same question may succeed
/// later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Postgres is unavailable: {0}")]
pub struct Unavailable(pub Cow<'static, str>);

/// Postgres answered, and the answer shows a bug or a schema that is not this
/// program's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the read models are broken: {what}")]
pub struct Broken {
    what: Cow<'static, str>,
    is_missing_table: bool,
}

/// The question itself cannot be asked: a filter or an operation makes no
/// sense, whoever asks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub Cow<'static, str>);

/// Why a query or a write over the read models failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// Try again later.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A bug or a foreign schema.
    #[error(transparent)]
    Broken(#[from] Broken),
}

impl ViewError {
    /// A bug or a foreign schema, in words.
    pub fn broken(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Broken(Broken {
            what: what.into(),
            is_missing_table: false,
        })
    }

    /// An outage, in words.
    pub fn unavailable(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable(Unavailable(what.into()))
    }

    /// Whether the same statement may succeed later without anybody's help.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether a table is not there: the database may not have been prepared
    /// by a program as new as this one yet.
    pub fn is_missing_table(&self) -> bool {
        matches!(self, Self::Broken(broken) if broken.is_missing_table)
    }
}

/// What was asked of a table, or `nothing` where there is no such table yet:
/// services may be newer than what has prepared the database.
pub(crate) fn unless_missing<T>(answer: Result<T, ViewError>, nothing: T) -> Result<T, ViewError> {
    match answer {
        Err(error) if error.is_missing_table() => Ok(nothing),
        other => other,
    }
}

/// SQLSTATE `undefined_table`; a schema that is missing is one, too.
const UNDEFINED_TABLE: &str = "42P01";

/// SQLSTATE classes and codes that say "not now" and nothing about the
/// statement: connection, resources, operator intervention, system, and lost
/// races.
fn says_not_now(code: &str) -> bool {
    const CLASSES: [&str; 6] = ["08", "28", "53", "57", "58", "40"];
    const CODES: [&str; 5] = [
        "25006", // a standby: read-only
        "25P03", // idle in transaction for too long
        "25P04", // transaction for too long
        "3D000", // no such database (yet)
        "55P03", // a lock was not to be had in time
    ];
    CLASSES.iter().any(|class| code.starts_with(class)) || CODES.contains(&code)
}

/// Messages of these classes speak of names and limits only; all others may
/// quote a value.
fn message_is_harmless(code: &str) -> bool {
    ["08", "28", "3D", "3F", "42", "53", "54", "55", "57", "58"]
        .iter()
        .any(|class| code.starts_with(class))
}

impl From<sqlx::Error> for ViewError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        match error {
            Error::Database(error) => {
                let code = error.code().unwrap_or_default();
                let mut text = format!("SQLSTATE {code}");
                if let Some(table) = error.table() {
                    text.push_str(", table ");
                    text.push_str(table);
                }
                if let Some(constraint) = error.constraint() {
                    text.push_str(", constraint ");
                    text.push_str(constraint);
                }
                if message_is_harmless(&code) {
                    text.push_str(": ");
                    text.push_str(error.message());
                }
                if says_not_now(&code) {
                    Self::unavailable(text)
                } else {
                    Self::Broken(Broken {
                        what: text.into(),
                        is_missing_table: code == UNDEFINED_TABLE,
                    })
                }
            }
            Error::Io(error) => Self::unavailable(error.to_string()),
            Error::Tls(error) => Self::unavailable(error.to_string()),
            Error::Protocol(text) => Self::unavailable(format!("protocol: {text}")),
            Error::PoolTimedOut => Self::unavailable("no connection in time"),
            Error::PoolClosed => Self::unavailable("the pool is closed"),
            Error::WorkerCrashed => Self::unavailable("a connection's worker crashed"),
            Error::BeginFailed => Self::unavailable("a transaction could not begin"),
            Error::RowNotFound => Self::broken("a row that must be there is not"),
            Error::ColumnDecode { index, .. } => {
                Self::broken(format!("column {index} is not of the expected type"))
            }
            Error::ColumnNotFound(name) => Self::broken(format!("column {name} is missing")),
            Error::Configuration(_) => Self::broken("the connection settings are malformed"),
            Error::Migrate(error) => (*error).into(),
            _ => Self::broken("a value could not be encoded or decoded"),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for ViewError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError;
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            other => Self::broken(format!("migration: {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_not_a_bug() {
        for code in ["08006", "57P01", "57014", "53100", "25006", "40P01"] {
            assert!(says_not_now(code), "{code}");
        }
        for code in ["42P01", "22P05", "23505", "54000", "25001"] {
            assert!(!says_not_now(code), "{code}");
        }
        assert!(ViewError::from(sqlx::Error::PoolTimedOut).is_unavailable());
        assert!(!ViewError::from(sqlx::Error::RowNotFound).is_unavailable());
    }

    #[test]
    fn only_a_table_that_is_missing_may_be_passed_over() {
        let missing = ViewError::Broken(Broken {
            what: "SQLSTATE 42P01".into(),
            is_missing_table: true,
        });
        assert_eq!(unless_missing(Err(missing), 7), Ok(7));
        let broken = ViewError::broken("a column is missing");
        assert_eq!(unless_missing(Err(broken.clone()), 7), Err(broken));
        assert_eq!(unless_missing(Ok(5), 7), Ok(5));
    }

    #[test]
    fn messages_that_may_quote_a_row_are_left_out() {
        assert!(!message_is_harmless("23505"));
        assert!(!message_is_harmless("22P02"));
        assert!(message_is_harmless("42P01"));
    }
}
