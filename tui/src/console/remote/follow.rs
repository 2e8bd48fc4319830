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
