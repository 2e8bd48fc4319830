//! What is written down about a request, and what is not.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::support::{Running, start_default};

/// Keeps every event as `target level field=value ..`.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && !metadata.target().starts_with("hyper")
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line(format!("{} {}", metadata.target(), metadata.level()));
        event.record(&mut line);
        self.0.lock().expect("no panic").push(line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// A server whose lines are kept, and nothing kept yet.
///
/// Each place that logs has found out by then that somebody listens: one that
/// is reached for the first time by a test beside this one, at the moment this
/// one begins to listen, might not.
async fn listen(lines: &Lines) -> Running {
    let server = start_default();
    server.get("/v1/odd/500").await;
    server.get("/v1/panic").await;
    tracing::callsite::rebuild_interest_cache();
    lines.0.lock().expect("no panic").clear();
    server
}

#[tokio::test]
async fn ab_74_a_request_is_one_line_without_what_it_said() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let server = listen(&lines).await;
    let id = "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007";
    let answer = server
        .ask(&format!(
            "GET /v1/items/{id}?limit=5&canary=1 HTTP/1.1\r\nhost: canary\r\n\
             authorization: Bearer canary\r\nuser-agent: canary\r\ncookie: canary\r\n\
             x-forwarded-for: 203.0.113.9\r\n\r\n"
        ))
        .await;
    assert_eq!(answer.status, 200);
    let request_id = answer
        .header("countersign-request-id")
        .expect("an id")
        .to_owned();
    server.get("/canary?canary").await;
    server
        .post("/v1/echo", r#"{"title":"canary","secret":1}"#)
        .await;
    server.get("/v1/panic").await;
    server.ask("canary\r\n\r\n").await;
    let lines = lines.0.lock().expect("no panic").clone();
    let access: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("countersign::access INFO"))
        .collect();
    assert_eq!(access.len(), 4, "{lines:?}");
    assert!(access[0].contains(" method=GET route=\"/v1/items/{id}\" status=200 took_us="));
    assert!(
        access[0].ends_with(&format!(" request_id={request_id}")),
        "{}",
        access[0]
    );
    assert!(access[1].contains(" route=\"-\" status=404"));
    // And one that says there was a panic.
    assert_eq!(lines.len(), 5, "{lines:?}");
    for line in &lines {
        let told = ["canary", "127.0.0.1", "203.0.113", "limit", id];
        assert!(!told.iter().any(|word| line.contains(word)), "{line}");
    }
}

#[tokio::test]
async fn a_foreign_failure_is_logged_once_and_fit_for_a_terminal() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(lines.clone());
    let server = listen(&lines).await;
    let answer = server.get("/v1/odd/500").await;
    assert_eq!(answer.problem(), "internal_error");
    let lines = lines.0.lock().expect("no panic").clone();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains(" ERROR message=a request failed "),
        "{}",
        lines[0]
    );
}
