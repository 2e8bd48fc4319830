//! The JetStream requests that are made on every append and load, spoken
//! directly: one request, one answer, errors told apart by the server's code.

use std::time::Duration;

use async_nats::{Client, HeaderMap, Request, RequestErrorKind, StatusCode};
use bytes::Bytes;
use serde::Deserialize;

use crate::LogError;

/// "wrong last sequence": the subject is not where the writer thought.
pub(crate) const WRONG_LAST_SEQUENCE: u64 = 10071;
/// "wrong last sequence" as a replicated stream says it while the previous
/// message of the subject is still in flight.
pub(crate) const WRONG_LAST_SEQUENCE_IN_FLIGHT: u64 = 10164;

#[derive(Debug, Deserialize)]
pub(crate) struct ApiError {
    #[serde(default)]
    pub(crate) err_code: u64,
    #[serde(default)]
    pub(crate) description: String,
}

impl From<ApiError> for LogError {
    fn from(error: ApiError) -> Self {
        // 10008: JetStream is starting or has lost its leader; 10023:
        // insufficient resources, which is what a full disk says.
        match error.err_code {
            10008 | 10023 | 10077 | 10047 => Self::Unavailable(error.description),
            code => Self::Refused {
                code,
                description: error.description,
            },
        }
    }
}

/// How a request without a proper answer ended.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// It was certainly not carried out.
    NotSent(LogError),
    /// It may have been.
    Unknown,
}

impl From<NoAnswer> for LogError {
    fn from(no: NoAnswer) -> Self {
        match no {
            NoAnswer::NotSent(error) => error,
            NoAnswer::Unknown => Self::Unavailable("no answer in time".into()),
        }
    }
}

/// One request within `deadline`. A client that is not connected is not even
/// asked: it would queue the request and send it whenever it is back.
pub(crate) async fn request(
    client: &Client,
    subject: String,
    headers: Option<HeaderMap>,
    payload: Bytes,
    deadline: Duration,
) -> Result<async_nats::Message, NoAnswer> {
    ensure_connected(client).map_err(NoAnswer::NotSent)?;
    let mut request = Request::new().payload(payload).timeout(Some(deadline));
    if let Some(headers) = headers {
        request = request.headers(headers);
    }
    client
        .send_request(subject, request)
        .await
        .map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => {
                NoAnswer::NotSent(LogError::Unavailable("JetStream is not there".into()))
            }
            _ => NoAnswer::Unknown,
        })
}

pub(crate) fn ensure_connected(client: &Client) -> Result<(), LogError> {
    match client.connection_state() {
        async_nats::connection::State::Connected => Ok(()),
        _ => Err(LogError::Unavailable("not connected to NATS".into())),
    }
}

/// What a direct read answers: a message, or that there is none.
pub(crate) enum Direct {
    Found(Found),
    Absent,
    End,
}

/// A stored message as a direct read returns it.
pub(crate) struct Found {
    pub(crate) subject: String,
    pub(crate) sequence: u64,
    pub(crate) payload: Bytes,
}

pub(crate) fn read_direct(message: async_nats::Message) -> Result<Direct, LogError> {
    let not_found = StatusCode::from_u16(404).ok();
    let end = StatusCode::from_u16(204).ok();
    if let Some(status) = message.status {
        if Some(status) == not_found {
            return Ok(Direct::Absent);
        }
        if Some(status) == end {
            return Ok(Direct::End);
        }
        return Err(LogError::Unavailable(format!(
            "direct read: {status} {}",
            message.description.unwrap_or_default()
        )));
    }
    let headers = message
        .headers
        .ok_or_else(|| LogError::Unfit("a direct read came without headers".into()))?;
    let header = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
    let sequence = header("Nats-Sequence").and_then(|text| text.parse().ok());
    match (header("Nats-Subject"), sequence) {
        (Some(subject), Some(sequence)) => Ok(Direct::Found(Found {
            subject,
            sequence,
            payload: message.payload,
        })),
        _ => Err(LogError::Unfit(
            "a direct read came without its sequence".into(),
        )),
    }
}
