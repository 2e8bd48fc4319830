//! One command for many entities of a shard.

use std::sync::Arc;

use countersign_domain::Aggregate;
use futures_util::{StreamExt, stream};

use super::{Draft, Executed, Loaded, Repository, done};
use crate::LogError;
use crate::append::{Entry, Meta};

/// How many states are loaded at the same time.
const LOADS: usize = 16;

impl<A: Aggregate> Repository<A> {
    /// Carries out a command for several entities of one shard (at most
    /// [`TOGETHER_MAX`](crate::TOGETHER_MAX), all different), in one append
    /// that happens wholly or not at all.
    ///
    /// What it did for each, in their order. None where that is not known: the
    /// command is refused there or does nothing, somebody else was quicker, or
    /// no answer came. [`Repository::execute`] with the same `meta` finds out.
    pub async fn execute_together(
        &self,
        work: &[(A::Id, Meta)],
        command: &A::Command,
    ) -> Result<Vec<Option<Executed<A>>>, LogError> {
        let drafts: Vec<_> = work
            .iter()
            .map(|(id, meta)| self.draft(*id, meta, command))
            .collect();
        let drafts: Vec<Option<Ready<A>>> = stream::iter(drafts).buffered(LOADS).collect().await;
        let entries: Vec<Entry> = drafts
            .iter()
            .zip(work)
            .filter_map(|(ready, work)| Some((ready.as_ref()?, work)))
            .map(|(ready, (id, _))| Entry {
                subject: self.log.subject_of(*id),
                expected: ready.loaded.sequence,
                payload: ready.draft.payload.clone().into(),
                ttl: ready.draft.ttl,
            })
            .collect();
        let Some(first) = self.log.append_together(&entries).await? else {
            return Ok(work.iter().map(|_| None).collect());
        };
        let mut sequence = first;
        let mut executed = Vec::with_capacity(work.len());
        for (ready, (id, meta)) in drafts.into_iter().zip(work) {
            executed.push(ready.map(|Ready { loaded, draft }| {
                let after = self.keep(*id, draft.at(&loaded, sequence, meta));
                sequence += 1;
                done(self.log.subject_of(*id), after, draft.events)
            }));
        }
        Ok(executed)
    }

    /// What the command would do, on a state that the append will prove.
    async fn draft(&self, id: A::Id, meta: &Meta, command: &A::Command) -> Option<Ready<A>> {
        let loaded = self.recent(id).await.ok()?;
        let is_new = loaded.last_message != Some(meta.message);
        let events = loaded.state.decide(command).ok()?;
        if !is_new || events.is_empty() {
            return None;
        }
        let draft = Draft::new(&loaded, id, meta, events).ok()?;
        Some(Ready { loaded, draft })
    }
}

struct Ready<A: Aggregate> {
    loaded: Arc<Loaded<A>>,
    draft: Draft<A>,
}
