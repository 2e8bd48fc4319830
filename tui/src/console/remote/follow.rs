//! The stream of events, as messages.

use countersign_openapi::ProblemCode;
use tokio::sync::mpsc;

use super::{Remote, told};
use crate::console::message::Message;
use crate::console::order::Failed;
use crate::{ClientError, EventStream, EventsQuery, Followed};

impl Remote {
    /// Follows the log until it is cut, or nobody listens.
    pub(in crate::console) async fn follow(
        &self,
        ticket: u64,
        query: &EventsQuery,
        after: Option<&str>,
        sender: &mpsc::Sender<Message>,
    ) {
        let failed = match self.begin(query, after).await {
            Ok(mut stream) => {
                if sender.send(Message::Following(ticket)).await.is_err() {
                    return;
                }
                loop {
                    match stream.next().await {
                        Ok(Followed::End) => break None,
                        Ok(item) => {
                            let cursor = stream.cursor().map(str::to_owned);
                            let message = Message::Followed {
                                ticket,
                                item,
                                cursor,
                            };
                            if sender.send(message).await.is_err() {
                                return;
                            }
                        }
                        Err(error) => break Some(Failed::Unreadable(error.to_string())),
                    }
                }
            }
            Err(failed) => Some(failed),
        };
        // A console that is gone hears nothing.
        let _ = sender.send(Message::Cut { ticket, failed }).await;
    }

    /// Begins it with a token that is good, renewing it once if it is not.
    async fn begin(&self, query: &EventsQuery, after: Option<&str>) -> Result<EventStream, Failed> {
        let client = self.client().await;
        let begun = client.follow_events(query, after).await;
        let expired = |error: &ClientError| error.code() == Some(ProblemCode::TokenExpired);
        if begun.as_ref().is_err_and(expired) {
            self.renew(&client.token).await?;
            let client = self.client().await;
            let begun = client.follow_events(query, after).await;
            return begun.map_err(|error| told(&error));
        }
        begun.map_err(|error| told(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::remote::served::answering;

    /// What is told of a service that answers one request with these bytes.
    async fn told_of(answer: &'static str) -> Vec<Message> {
        let remote = answering(answer);
        let (sender, mut receiver) = mpsc::channel(16);
        let query = EventsQuery::default();
        remote.follow(7, &query, Some("1-1"), &sender).await;
        drop(sender);
        let mut told = Vec::new();
        while let Some(message) = receiver.recv().await {
            told.push(message);
        }
        told
    }

    #[tokio::test]
    async fn a_stream_is_told_from_its_begin_to_its_end() {
        let told = told_of(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n\
             event: gap\nid: 1-9\ndata: {\"shard\":1,\"from\":2,\"to\":9}\n\n\
             event: end\ndata: {}\n\n",
        )
        .await;
        let [
            Message::Following(7),
            Message::Followed { cursor, .. },
            Message::Cut { failed, .. },
        ] = told.as_slice()
        else {
            panic!("{told:?}");
        };
        assert_eq!(cursor.as_deref(), Some("1-9"));
        assert_eq!(*failed, None, "the service said so");
    }

    #[tokio::test]
    async fn what_breaks_is_told_with_why() {
        let told = told_of(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n\
             event: gap\nid: 1-9\ndata: [\n\n",
        )
        .await;
        let [Message::Following(7), Message::Cut { failed, .. }] = told.as_slice() else {
            panic!("{told:?}");
        };
        let why = failed.as_ref().map(Failed::told).unwrap_or_default();
        assert!(why.contains("malformed"), "{why}");
        let told = told_of("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n").await;
        assert!(
            matches!(
                told.as_slice(),
                [Message::Cut {
                    failed: Some(_),
                    ..
                }]
            ),
            "{told:?}"
        );
    }
}
