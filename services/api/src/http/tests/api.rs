//! An API with one operation for each thing that can happen.

use std::sync::Arc;

use countersign_openapi::{ProblemCode, Secret};
use poem::http::StatusCode;
use poem::web::Data;
use poem::{Body, Response};
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::http::{Json, Problem, RequestInfo};

/// What the slow operation waits for, and how many wait.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) open: Arc<Semaphore>,
    pub(super) waiting: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            open: Arc::new(Semaphore::new(0)),
            waiting: Arc::new(Semaphore::new(0)),
        }
    }
}

pub(super) struct Api(pub(super) Gate);

#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub(super) struct Pong {
    pub(super) ok: bool,
}

impl Example for Pong {
    fn example() -> Self {
        Self { ok: true }
    }
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub(super) enum Colour {
    Red,
    Blue,
}

#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
pub(super) struct Note {
    #[oai(validator(min_length = 1, max_length = 20))]
    pub(super) title: String,
    #[oai(validator(max_length = 64))]
    pub(super) secret: Option<Secret>,
    pub(super) colour: Option<Colour>,
    #[oai(default, validator(max_items = 100_000))]
    #[serde(default)]
    pub(super) numbers: Vec<i64>,
    pub(super) owner: Option<Uuid>,
}

impl Example for Note {
    fn example() -> Self {
        Self {
            title: "milk".to_owned(),
            secret: None,
            colour: Some(Colour::Red),
            numbers: vec![],
            owner: None,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, Object)]
#[oai(example)]
pub(super) struct Seen {
    pub(super) client: String,
    pub(super) user_agent: Option<String>,
    pub(super) request_id: Uuid,
    pub(super) trace_parent: Option<String>,
}

impl Example for Seen {
    fn example() -> Self {
        Self {
            client: "192.0.2.1".to_owned(),
            user_agent: None,
            request_id: Uuid::nil(),
            trace_parent: None,
        }
    }
}

#[derive(ApiResponse)]
pub(super) enum Made {
    #[oai(status = 201)]
    Made(Json<Note>, #[oai(header = "Countersign-Position")] String),
}

#[expect(clippy::unused_async, reason = "poem-openapi wants async operations")]
#[OpenApi(prefix_path = "/v1")]
impl Api {
    /// Say that all is well.
    #[oai(path = "/ping", method = "get", operation_id = "ping")]
    async fn ping(&self) -> Json<Pong> {
        Json(Pong { ok: true })
    }

    /// Say it back.
    #[oai(path = "/echo", method = "post", operation_id = "echo")]
    async fn echo(&self, note: Json<Note>) -> Made {
        Made::Made(note, "3.8412".to_owned())
    }

    /// Say it back, if there is anything.
    #[oai(path = "/maybe", method = "post", operation_id = "maybe")]
    async fn maybe(&self, note: Json<Option<Note>>) -> Json<Pong> {
        Json(Pong {
            ok: note.0.is_some(),
        })
    }

    /// Take a body the way poem-openapi does.
    #[oai(path = "/foreign", method = "post", operation_id = "foreign")]
    async fn foreign(&self, note: poem_openapi::payload::Json<Note>) -> Json<Note> {
        Json(note.0)
    }

    /// Find one.
    #[oai(path = "/items/:id", method = "get", operation_id = "item")]
    async fn item(
        &self,
        id: Path<Uuid>,
        #[oai(validator(minimum(value = "1"), maximum(value = "100")))] limit: Query<Option<u32>>,
        #[oai(name = "Countersign-Min-Position")] position: Header<Option<u64>>,
    ) -> poem::Result<Json<Pong>> {
        if id.0.is_nil() {
            Err(Problem::new(ProblemCode::NotFound).detail("no such item"))?;
        }
        Ok(Json(Pong {
            ok: limit.0.is_none() && position.0.is_none(),
        }))
    }

    /// Remove one.
    #[oai(path = "/items/:id", method = "delete", operation_id = "remove_item")]
    async fn remove_item(&self, _id: Path<Uuid>) -> poem::Result<Json<Pong>> {
        Err(Problem::step_up("aal2", Some(300)).into())
    }

    /// Panic.
    #[oai(path = "/panic", method = "get", operation_id = "panic")]
    async fn panic(&self) -> Json<Pong> {
        panic!("the canary sings");
    }

    /// Take as long as the test wants.
    #[oai(path = "/slow", method = "get", operation_id = "slow")]
    async fn slow(&self) -> Json<Pong> {
        self.0.waiting.add_permits(1);
        let opened = self.0.open.acquire().await;
        Json(Pong { ok: opened.is_ok() })
    }

    /// Tell who is asking.
    #[oai(path = "/whoami", method = "get", operation_id = "whoami")]
    async fn whoami(&self, info: Data<&RequestInfo>) -> Json<Seen> {
        Json(Seen {
            client: info.client.to_string(),
            user_agent: info.user_agent().map(Into::into),
            request_id: info.id.0,
            trace_parent: info.trace_parent.map(|parent| parent.to_string()),
        })
    }

    /// Answer an error that is not ours.
    #[oai(path = "/odd/:status", method = "get", operation_id = "odd")]
    async fn odd(&self, status: Path<u16>) -> poem::Result<Json<Pong>> {
        let status = StatusCode::from_u16(status.0).map_err(poem::error::BadRequest)?;
        let text = "the canary sings: password=hunter2";
        match status.as_u16() {
            // As an answer and not as an error.
            418 => Err(poem::Error::from_response(
                Response::builder()
                    .status(status)
                    .header("retry-after", "7")
                    .body(text),
            )),
            // As OAuth wants it.
            400 => Err(poem::Error::from_response(
                Response::builder()
                    .status(status)
                    .content_type("application/json")
                    .body(r#"{"error":"invalid_grant"}"#),
            )),
            _ => Err(poem::Error::from_string(text, status)),
        }
    }

    /// Answer more than fits any buffer.
    #[oai(path = "/flood", method = "get", operation_id = "flood")]
    async fn flood(&self) -> poem_openapi::payload::Binary<Body> {
        poem_openapi::payload::Binary(Body::from_vec(vec![b'x'; 32 << 20]))
    }
}

/// The operations and their problems.
pub(super) const TABLE: &[(&str, &[ProblemCode])] = &[
    ("ping", &[]),
    ("echo", &[]),
    ("maybe", &[]),
    ("foreign", &[]),
    (
        "item",
        &[ProblemCode::NotFound, ProblemCode::PositionNotReached],
    ),
    (
        "remove_item",
        &[ProblemCode::InsufficientUserAuthentication],
    ),
    ("panic", &[]),
    ("slow", &[]),
    ("whoami", &[]),
    ("odd", &[]),
    ("flood", &[]),
];
