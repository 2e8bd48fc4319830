//! How far the log reaches, as it is heard of.

use std::sync::Arc;

use countersign_events::Position;
use countersign_feed::Listener;
use tokio::sync::watch;

/// The last sequence of each shard that this instance has heard of, whoever
/// appended it. A hint: the log is asked for what is there.
pub(crate) struct Tip(Arc<watch::Sender<Vec<u64>>>);

impl Tip {
    pub(crate) fn new(shards: u8) -> Self {
        Self(Arc::new(watch::Sender::new(vec![0; shards.into()])))
    }

    /// What `listener` hears of is heard of here, too, afterwards.
    pub(crate) fn listening(&self, listener: Listener) -> Listener {
        let tip = Self(Arc::clone(&self.0));
        Arc::new(move |message: &countersign_log::RawMessage| {
            listener(message);
            tip.heard(message.position);
        })
    }

    fn heard(&self, position: Position) {
        self.0.send_if_modified(|ends| {
            let Some(end) = ends.get_mut(usize::from(position.shard)) else {
                return false;
            };
            let is_news = *end < position.sequence;
            *end = position.sequence.max(*end);
            is_news
        });
    }

    /// Tells of it from now on.
    pub(crate) fn follow(&self) -> watch::Receiver<Vec<u64>> {
        self.0.subscribe()
    }
}
