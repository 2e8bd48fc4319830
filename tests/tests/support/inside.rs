//! What Postgres holds, asked past the service.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row};
use uuid::Uuid;

/// A connection to a world's read models.
pub(crate) struct ReadModels(pub(crate) PgConnection);

impl ReadModels {
    pub(crate) async fn connect(options: &PgConnectOptions) -> Self {
        let connection = options.clone().disable_statement_logging().connect().await;
        Self(connection.expect("Postgres answers"))
    }

    /// Every row of every table and view of every schema that is ours, as
    /// text, one line a row.
    pub(crate) async fn dump(&mut self) -> String {
        let tables = sqlx::query(
            "select format('%I.%I', table_schema, table_name) as name
             from information_schema.tables
             where table_schema not in ('pg_catalog', 'information_schema')
             order by 1",
        )
        .fetch_all(&mut self.0)
        .await
        .expect("tables");
        let mut dump = String::new();
        for table in tables {
            let name: String = table.get("name");
            let rows = sqlx::query(AssertSqlSafe(format!(
                "select t::text as row from {name} t"
            )))
            .fetch_all(&mut self.0)
            .await
            .expect("rows");
            for row in rows {
                let text: String = row.get("row");
                dump.push_str(&name);
                dump.push(' ');
                dump.push_str(&text);
                dump.push('\n');
            }
        }
        dump
    }

    /// A session's generation and why it ended, if it is there.
    pub(crate) async fn session(&mut self, id: Uuid) -> Option<(i64, Option<String>)> {
        sqlx::query_as("select generation, end_reason from countersign.sessions where id = $1")
            .bind(id)
            .fetch_optional(&mut self.0)
            .await
            .expect("a row or none")
    }

    /// One number.
    pub(crate) async fn count(&mut self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(&mut self.0)
            .await
            .expect("a number")
    }
}
