//! Listening to answers without end: server-sent events.

use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use serde_json::Value;

use super::{Client, soon};

/// One server-sent event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Heard {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error}: {}", self.data))
    }
}

/// Somebody who listens. Dropped, the connection is cut.
pub(crate) struct Listening {
    bytes: Pin<Box<dyn Stream<Item = Vec<u8>> + Send>>,
    text: String,
    /// What of the text was read.
    read: usize,
}

impl Client {
    /// Listens, from after the event with the id `last`.
    pub(crate) async fn listen(&self, path: &str, token: &str, last: Option<&str>) -> Listening {
        let mut request = self.http.get(format!("{}{path}", self.url));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = request.bearer_auth(token).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        let kind = answer.headers()["content-type"].to_str().expect("ASCII");
        assert!(kind.starts_with("text/event-stream"), "{kind}");
        let bytes = answer.bytes_stream().map(|part| match part {
            Ok(part) => part.to_vec(),
            Err(error) => panic!("{error}"),
        });
        Listening {
            bytes: Box::pin(bytes),
            text: String::new(),
            read: 0,
        }
    }
}

impl Listening {
    /// The next event; none if the stream is over.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some((event, _)) = self.text[self.read..].split_once("\n\n") {
                let mut heard = Heard::default();
                for line in event.lines() {
                    match line.split_once(": ").expect("a field") {
                        ("id", id) => heard.id = Some(id.to_owned()),
                        ("event", name) => name.clone_into(&mut heard.name),
                        ("data", data) => data.clone_into(&mut heard.data),
                        other => panic!("{other:?}"),
                    }
                }
                self.read += event.len() + 2;
                return Some(heard);
            }
            self.text.drain(..self.read);
            self.read = 0;
            let part = soon(self.bytes.next()).await?;
            self.text.push_str(&String::from_utf8(part).expect("UTF-8"));
        }
    }

    /// The next event for which this holds, and those before.
    pub(crate) async fn until(&mut self, holds: impl Fn(&Heard) -> bool) -> (Heard, Vec<Heard>) {
        let mut before = Vec::new();
        let reading = async {
            loop {
                let heard = self.next().await.expect("it goes on");
                if holds(&heard) {
                    return heard;
                }
                before.push(heard);
            }
        };
        let heard = soon(reading).await;
        (heard, before)
    }
}
