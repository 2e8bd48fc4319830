//! HTTP/2 with prior knowledge, frame by frame (RFC 9113).

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::support::{Client, Running, Setup, soon, start, start_default};
use crate::http::Limits;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short frame")
        .to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend_from_slice(&[kind, flags]);
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// A header block (RFC 7541): `:scheme http` from the static table, the rest
/// as literals that are not indexed.
fn block(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0x86];
    let fields = [(":method", method), (":path", path), (":authority", "x")];
    for (name, value) in fields.iter().chain(more) {
        block.push(0);
        for text in [name, value] {
            // A length of up to 126 + 127 in HPACK's 7-bit integers.
            match u8::try_from(text.len()).expect("short") {
                short @ ..127 => block.push(short),
                long => block.extend_from_slice(&[127, long - 127]),
            }
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

struct H2 {
    client: Client,
    read: Vec<u8>,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl H2 {
    async fn connect(server: &Running) -> Self {
        let mut client = server.connect().await;
        client
            .send([PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())
            .await;
        Self {
            client,
            read: Vec::new(),
        }
    }

    async fn get(&mut self, stream: u32, path: &str) {
        let head = frame(HEADERS, 0x5, stream, &block("GET", path, &[]));
        self.client.send(head).await;
    }

    /// The next frame; `None` at the end.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some((head, _)) = self.read.split_first_chunk::<9>() {
                let length =
                    usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
                if self.read.len() >= 9 + length {
                    let frame = Frame {
                        kind: head[3],
                        flags: head[4],
                        stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
                        payload: self.read[9..9 + length].to_vec(),
                    };
                    self.read.drain(..9 + length);
                    return Some(frame);
                }
            }
            if !self.client.more().await {
                return None;
            }
            self.read.extend(self.client.take_read());
        }
    }

    /// The next frame of a kind.
    async fn next_of(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.next().await.expect("not the end");
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// The body of the next answer that ends.
    async fn answer(&mut self) -> (u32, Vec<u8>) {
        let mut body = Vec::new();
        loop {
            let frame = self.next_of(DATA).await;
            body.extend_from_slice(&frame.payload);
            if frame.flags & 1 != 0 {
                return (frame.stream, body);
            }
        }
    }
}

#[tokio::test]
async fn requests_over_http_2_are_answered() {
    let server = start_default();
    let mut h2 = H2::connect(&server).await;
    h2.get(1, "/v1/ping").await;
    // `:status 200` is index 8 of the static table.
    assert_eq!(h2.next_of(HEADERS).await.payload[0], 0x88);
    assert_eq!(h2.answer().await, (1, br#"{"ok":true}"#.to_vec()));
    h2.get(3, "/none").await;
    let (stream, body) = h2.answer().await;
    let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!((stream, &problem["code"]), (3, &"not_found".into()));

    let json = [("content-type", "application/json")];
    let head = frame(HEADERS, 0x4, 5, &block("POST", "/v1/maybe", &json));
    let body = frame(DATA, 0x1, 5, br#"{"title":"a"}"#);
    h2.client.send([head, body].concat()).await;
    assert_eq!(h2.answer().await.1, br#"{"ok":true}"#);

    let long = [("content-length", "1048576"), json[0]];
    h2.client
        .send(frame(HEADERS, 0x4, 7, &block("POST", "/v1/maybe", &long)))
        .await;
    let (_, body) = h2.answer().await;
    let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(problem["code"], "payload_too_large");
    h2.get(9, "/v1/ping").await;
    assert_eq!(h2.answer().await.0, 9);
}

#[tokio::test]
async fn a_body_over_http_2_is_counted_and_timed() {
    let server = start(Setup {
        limits: Limits {
            request_timeout: Duration::from_secs(1),
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut h2 = H2::connect(&server).await;
    let json = [("content-type", "application/json")];
    h2.client
        .send(frame(HEADERS, 0x4, 1, &block("POST", "/v1/maybe", &json)))
        .await;
    for _ in 0..4 {
        h2.client.send(frame(DATA, 0, 1, &[b' '; 16_000])).await;
    }
    // The window is one body wide; more may be sent as it is read.
    while h2.next_of(WINDOW_UPDATE).await.stream != 1 {}
    h2.client.send(frame(DATA, 0, 1, &[b' '; 16_000])).await;
    let (_, body) = h2.answer().await;
    let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(problem["code"], "payload_too_large");

    h2.client
        .send(frame(HEADERS, 0x4, 3, &block("POST", "/v1/maybe", &json)))
        .await;
    h2.client.send(frame(DATA, 0, 3, b"{")).await;
    let (_, body) = h2.answer().await;
    let problem: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(problem["code"], "request_timeout");
}

#[tokio::test]
async fn streams_of_one_connection_are_bounded() {
    let server = start(Setup {
        limits: Limits {
            streams_max: 4,
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut h2 = H2::connect(&server).await;
    // After the settings were acknowledged, a fifth stream is refused.
    let settings = h2.next_of(SETTINGS).await;
    let streams = settings
        .payload
        .chunks(6)
        .find(|entry| entry[..2] == [0, 3]);
    assert_eq!(streams.map(|entry| entry[5]), Some(4));
    h2.client.send(frame(SETTINGS, 1, 0, &[])).await;
    for stream in [1, 3, 5, 7, 9] {
        h2.get(stream, "/v1/slow").await;
    }
    let refused = h2.next_of(RST_STREAM).await;
    // REFUSED_STREAM: it was not begun and may be tried again.
    assert_eq!((refused.stream, refused.payload), (9, vec![0, 0, 0, 7]));
    server.gate.open.add_permits(4);
    for _ in 0..4 {
        h2.answer().await;
    }
}

#[tokio::test]
async fn ab_65_opening_and_resetting_streams_ends_the_connection() {
    let server = start(Setup {
        limits: Limits {
            aborts_max: 50,
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut h2 = H2::connect(&server).await;
    let mut sent = 0;
    for stream in (1..200_000).step_by(2) {
        let open = frame(HEADERS, 0x5, stream, &block("GET", "/v1/slow", &[]));
        let reset = frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        if h2.client.try_send(&[open, reset].concat()).await.is_err() {
            break;
        }
        sent += 1;
        // Time for the server to begin each.
        tokio::task::yield_now().await;
    }
    assert!(sent < 99_000, "it was all taken");
    // Others do not notice.
    assert_eq!(server.get("/v1/ping").await.status, 200);
}

#[tokio::test]
async fn an_idle_http_2_connection_is_closed_although_it_pings() {
    let server = start(Setup {
        limits: Limits {
            idle_timeout: Duration::from_millis(200),
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut h2 = H2::connect(&server).await;
    h2.get(1, "/v1/ping").await;
    assert_eq!(h2.answer().await.0, 1);
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let closed = soon(async {
        loop {
            ticks.tick().await;
            if h2
                .client
                .try_send(&frame(PING, 0, 0, &[0; 8]))
                .await
                .is_err()
            {
                break true;
            }
            match tokio::time::timeout(Duration::from_millis(1), h2.next()).await {
                Ok(None) => break true,
                Ok(Some(frame)) if frame.kind == GOAWAY => break true,
                _ => {}
            }
        }
    });
    assert!(closed.await);
}

#[tokio::test]
async fn a_stopping_server_finishes_streams() {
    let mut server = start_default();
    let mut h2 = H2::connect(&server).await;
    h2.get(1, "/v1/slow").await;
    soon(server.gate.waiting.acquire())
        .await
        .expect("open")
        .forget();
    server.begin_stop();
    h2.next_of(GOAWAY).await;
    server.gate.open.add_permits(1);
    assert_eq!(h2.answer().await.0, 1);
    assert_eq!(server.stopped().await.cut, 0);
}

#[tokio::test]
async fn a_preface_that_dribbles_is_cut() {
    let server = start(Setup {
        limits: Limits {
            request_timeout: Duration::from_millis(200),
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut client = server.connect().await;
    client.send(&PREFACE[..10]).await;
    assert!(client.closed().await);
    // The preface alone is no request either.
    let mut h2 = H2::connect(&server).await;
    while h2.next().await.is_some() {}
    assert_eq!(server.stats.cut.load(Ordering::Relaxed), 2);
}
