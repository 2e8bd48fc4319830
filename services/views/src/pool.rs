//! How this program talks to Postgres.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool, Postgres, Transaction};

use crate::{Refused, ViewError};

/// Reads a `postgres://` URL. Refused without quoting it: it may hold a
/// password.
pub fn connect_options(url: &str) -> Result<PgConnectOptions, Refused> {
    let refused = || {
        Refused("not a Postgres URL: expected postgres://user:password@host:5432/database".into())
    };
    // The parser itself takes any scheme.
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(refused());
    }
    PgConnectOptions::from_str(url).map_err(|_| refused())
}

/// A pool for answering requests: at most `connections`, opened when first
/// needed, each question cut off after 500 ms, each wait for a connection
/// after 500 ms. Creating it cannot fail and touches no network, so a service
/// starts with Postgres down.
///
/// Plans are made for the values at hand (`force_custom_plan`): one statement
/// with optional filters serves every list, and a plan for unknown filters
/// would read the whole table.
pub fn api_pool(options: PgConnectOptions, connections: u32) -> PgPool {
    let options = options
        .application_name("countersign api")
        .options([
            ("statement_timeout", "500"),
            ("lock_timeout", "500"),
            ("idle_in_transaction_session_timeout", "5000"),
            ("plan_cache_mode", "force_custom_plan"),
            ("jit", "off"),
        ])
        .disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(connections)
        .min_connections(0)
        .acquire_timeout(Duration::from_millis(500))
        .idle_timeout(Duration::from_mins(5))
        .test_before_acquire(true)
        .connect_lazy_with(options)
}

/// How long a question may take that may have to look at every row: one about
/// what was, whose filters are about what may have changed since, or a count.
pub(crate) const PATIENCE: &str = "set local statement_timeout = '5s'";

/// A transaction for questions that may take longer than those of
/// [`api_pool`]: as long as the statement `patience` says of itself.
pub(crate) async fn patient(
    pool: &PgPool,
    patience: &'static str,
) -> Result<Transaction<'static, Postgres>, ViewError> {
    let mut transaction = pool.begin().await?;
    sqlx::query(patience).execute(&mut *transaction).await?;
    Ok(transaction)
}

/// Connections of writers: tables are found in the schema of `generation`, and
/// plans never scan a table.
///
/// The planner settings are not taste. A plan for `update ... from unnest(...)`
/// made while the table is empty reads the whole table for each batch and is
/// kept for the life of the connection: twelve times slower at small batches,
/// and worse as the table grows.
///
/// A writer that is cut off must lose its shards within seconds, so the server
/// probes its peer each second and closes a session that says nothing for five.
pub fn writer_options(options: PgConnectOptions, generation: i32) -> PgConnectOptions {
    in_generation(options, generation)
        .options(PLANNER)
        .options([
            ("lock_timeout", "10000"),
            ("statement_timeout", "60000"),
            ("idle_in_transaction_session_timeout", "5000"),
            ("idle_session_timeout", "5000"),
            ("tcp_keepalives_idle", "1"),
            ("tcp_keepalives_interval", "1"),
            ("tcp_keepalives_count", "2"),
            ("tcp_user_timeout", "3000"),
        ])
}

/// Connections that fill a generation nobody reads yet: like a writer's, but
/// they own nothing and wait for no disk. What a crash of Postgres takes from
/// them is a generation that was not activated.
pub fn filler_options(options: PgConnectOptions, generation: i32) -> PgConnectOptions {
    in_generation(options, generation)
        .options(PLANNER)
        .options([("synchronous_commit", "off")])
}

/// Connections that read a generation as a whole, whether it is served or not.
pub fn reader_options(options: PgConnectOptions, generation: i32) -> PgConnectOptions {
    in_generation(options, generation)
}

const PLANNER: [(&str, &str); 4] = [
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_seqscan", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];

fn in_generation(options: PgConnectOptions, generation: i32) -> PgConnectOptions {
    options
        .application_name("countersign projector")
        .options([
            (
                "search_path",
                crate::generation::schema(generation).as_str(),
            ),
            ("jit", "off"),
        ])
        .disable_statement_logging()
}

/// Connections for control, verification and long reads: no time limits but
/// for locks.
pub fn control_options(options: PgConnectOptions) -> PgConnectOptions {
    options
        .application_name("countersign control")
        .options([
            ("lock_timeout", "10000"),
            ("jit", "off"),
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "1"),
            ("tcp_keepalives_count", "3"),
        ])
        .disable_statement_logging()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_url_is_refused_without_being_quoted() {
        for url in [
            "mysql://root:hunter2@db/x",
            "postgres://root:hunter2@db:port/x",
        ] {
            let Err(error) = connect_options(url) else {
                panic!("taken for Postgres");
            };
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
