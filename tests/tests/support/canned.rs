//! A service that answers what a test tells it to, for what no honest service
//! says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// An answer.
#[derive(Clone)]
pub(crate) struct Reply {
    status: u16,
    kind: &'static str,
    body: String,
    /// Whether the connection stays open behind it.
    is_held: bool,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let kind = if status < 400 {
            "application/json"
        } else {
            "application/problem+json"
        };
        Self {
            status,
            kind,
            body: body.to_string(),
            is_held: false,
        }
    }

    /// Server-sent events, after which nothing more comes.
    pub(crate) fn stream(body: &str) -> Self {
        Self {
            status: 200,
            kind: "text/event-stream",
            body: body.to_owned(),
            is_held: true,
        }
    }
}

/// The service: `GET /path?query` and what it answers. What is not in it is
/// not found.
pub(crate) struct Canned {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Canned {
    pub(crate) async fn start(replies: impl IntoIterator<Item = (String, Reply)>) -> Self {
        let replies: Arc<HashMap<String, Reply>> = Arc::new(replies.into_iter().collect());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&replies), Arc::clone(&seen)));
            }
        });
        Self {
            url: format!("http://{address}"),
            asked,
            serving,
        }
    }

    /// The first lines of the requests so far, with their bodies.
    pub(crate) fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.clone()
    }
}

async fn answer(
    mut stream: TcpStream,
    replies: Arc<HashMap<String, Reply>>,
    asked: Arc<Mutex<Vec<String>>>,
) {
    let mut request = Vec::new();
    let (head, length) = loop {
        let mut chunk = [0; 4_096];
        let Ok(read @ 1..) = stream.read(&mut chunk).await else {
            return;
        };
        request.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let lower = head.to_lowercase();
            let length = lower
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
            break (head.to_owned(), length.unwrap_or(0));
        }
    };
    let begun = request.len() - (head.len() + 4);
    let mut rest = vec![0; length - begun.min(length)];
    if stream.read_exact(&mut rest).await.is_err() {
        return;
    }
    request.extend(rest);
    let body = String::from_utf8_lossy(&request[head.len() + 4..]).into_owned();
    let first = head.lines().next().unwrap_or_default();
    let what = first.strip_suffix(" HTTP/1.1").unwrap_or(first).to_owned();
    let line = format!("{what} {body}").trim_end().to_owned();
    asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line);
    let not_found = || {
        let problem =
            countersign_openapi::ProblemDetails::new(countersign_openapi::ProblemCode::NotFound);
        Reply::json(404, &serde_json::json!(problem))
    };
    let reply = replies.get(&what).cloned().unwrap_or_else(not_found);
    let length = if reply.is_held {
        String::new()
    } else {
        format!("content-length: {}\r\n", reply.body.len())
    };
    let head = format!(
        "HTTP/1.1 {} X\r\ncontent-type: {}\r\n{length}connection: close\r\ncountersign-position: 1.7\r\n\r\n",
        reply.status, reply.kind
    );
    let _ = stream.write_all((head + &reply.body).as_bytes()).await;
    if reply.is_held {
        // Until whoever reads has enough.
        let _ = stream.read(&mut [0; 1]).await;
    }
}
