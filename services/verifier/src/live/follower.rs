//! What has been read of the feed, and since when that is known to be all.
//!
//! No I/O and no clock: it is given messages, answers and the time, as a
//! duration since any moment that stays the same. What a message revokes must
//! be in the set before the message is told here.

use crate::feed::{Beat, EventId, FEED_VERSION, Message, ReportAnswer, StreamId};
use std::collections::VecDeque;
use std::time::Duration;

/// How long an answer's sequence may be waited for while nothing comes.
const DEAD_AFTER: Duration = Duration::from_secs(2);
/// How often, at most, the feed is read again from its start when the last
/// time led to nothing.
const RELOAD_EVERY: Duration = Duration::from_secs(10);
/// And when it led to a proof.
const RELOAD_AFTER_PROOF: Duration = Duration::from_secs(1);
/// How many answers wait for their sequence.
const MAX_WAITING: usize = 8;
/// For so long two services may know differently much of the stream. Answers
/// that name an earlier sequence than one before for longer than that tell of
/// another stream.
const BACKWARD_FOR: Duration = Duration::from_secs(3);
/// How many shards there can be.
const MAX_SHARDS: usize = 256;

/// The state of one reader of the feed.
///
/// It reads in *runs*: stretches of the stream without anything missing. A
/// missing or unreadable message ends one, and the next begins after it. An
/// answer proves something only to a run that began early enough.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// Which reading from the start this is. Answers to the reports of an
    /// earlier one say nothing.
    load: u64,
    run: Run,
    /// Which stream is read; none before its first message.
    stream: Option<StreamId>,
    applied: Option<u64>,
    advanced_at: Duration,
    waiting: VecDeque<Waiting>,
    /// The highest sequence of it that an answer has named.
    highest: u64,
    backward_since: Option<Duration>,
    proven_at: Option<Duration>,
    position: Option<Vec<u64>>,
    wants_reload: bool,
    begun_at: Duration,
    /// Whether anything was proven since then.
    has_proof: bool,
}

/// A stretch without a gap.
#[derive(Debug, Default)]
struct Run {
    /// The stream's sequence that it began with.
    start: Option<u64>,
    /// How far each shard has been told, by its number.
    known: Vec<Option<u64>>,
    /// Whether an answer has proven it complete.
    is_proven: bool,
}

/// An answer whose sequence has not been reached.
#[derive(Debug)]
struct Waiting {
    as_of: Duration,
    heard_at: Duration,
    answer: ReportAnswer,
}

/// When a report was sent, and by which reading.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    load: u64,
    at: Duration,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It was the next one.
    Next,
    /// It had been applied before.
    Old,
    /// Something before it is missing, or it cannot be read.
    Gap,
}

/// What whoever reads the stream should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    /// Go on.
    GoOn,
    /// Connect anew and go on after the last message: this connection is
    /// dead.
    Reconnect,
    /// Read the stream from its start.
    Reload,
}

impl Follower {
    /// The stream is read from its first message now. What was proven stays
    /// proven: nothing is forgotten.
    pub(crate) fn begin(&mut self, now: Duration) {
        self.load += 1;
        self.run = Run::default();
        self.stream = None;
        self.applied = None;
        self.advanced_at = now;
        self.waiting.clear();
        self.highest = 0;
        self.backward_since = None;
        self.wants_reload = false;
        self.begun_at = now;
        self.has_proof = false;
    }

    /// A message whose records are in the set.
    pub(crate) fn message(&mut self, id: EventId, message: &Message, now: Duration) -> Step {
        if message.v != FEED_VERSION || message.from > message.to {
            return self.unreadable(id, now);
        }
        let mut step = self.step(id, now);
        if step == Step::Old {
            return step;
        }
        let shard = usize::from(message.shard);
        if self.known(shard).is_some_and(|known| message.from > known) {
            self.break_run(Some(id.seq));
            step = Step::Gap;
        }
        self.raise(shard, message.to);
        self.settle();
        step
    }

    /// A beat.
    pub(crate) fn beat(&mut self, id: EventId, beat: &Beat, now: Duration) -> Step {
        if beat.v != FEED_VERSION || beat.cursor.len() > MAX_SHARDS {
            return self.unreadable(id, now);
        }
        let step = self.step(id, now);
        if step != Step::Old {
            for (shard, to) in beat.cursor.iter().enumerate() {
                self.raise(shard, *to);
            }
            self.settle();
        }
        step
    }

    /// A message that says nothing to this program: what it revokes is
    /// missing.
    pub(crate) fn unreadable(&mut self, id: EventId, now: Duration) -> Step {
        if self.step(id, now) == Step::Old {
            return Step::Old;
        }
        self.break_run(Some(id.seq.saturating_add(1)));
        Step::Gap
    }

    /// Whoever delivers the stream says that something was left out.
    pub(crate) fn gap(&mut self) {
        self.break_run(None);
        self.applied = None;
    }

    /// Something could not be added to the set: nothing is proven any more,
    /// until all of it has been read again.
    pub(crate) fn distrust(&mut self) {
        self.gap();
        self.load += 1;
        self.waiting.clear();
        self.proven_at = None;
        self.position = None;
    }

    /// A report is sent at this moment.
    pub(crate) const fn sent(&self, now: Duration) -> Sent {
        Sent {
            load: self.load,
            at: now,
        }
    }

    /// The answer to that report came.
    pub(crate) fn answered(&mut self, sent: Sent, answer: ReportAnswer, now: Duration) {
        let is_ours = answer.v == FEED_VERSION && sent.load == self.load;
        if !is_ours || answer.cursor.len() > MAX_SHARDS {
            return;
        }
        if self.stream.is_some_and(|stream| stream != answer.stream) {
            // Whatever it says, it is not of what was read here.
            self.wants_reload = true;
            return;
        }
        if answer.seq < self.highest {
            let since = *self.backward_since.get_or_insert(now);
            self.wants_reload |= now.saturating_sub(since) > BACKWARD_FOR;
            return;
        }
        if self.stream.is_some() {
            self.highest = answer.seq;
        }
        self.backward_since = None;
        let as_of = sent.at.checked_sub(Duration::from_millis(answer.age_ms));
        if let Some(as_of) = as_of
            && self.waiting.len() < MAX_WAITING
        {
            self.waiting.push_back(Waiting {
                as_of,
                heard_at: now,
                answer,
            });
            self.settle();
        }
    }

    /// What to do now. Asked often, also when nothing comes.
    pub(crate) fn advice(&mut self, now: Duration) -> Advice {
        let since = |then: Duration| now.saturating_sub(then);
        let pause = if self.has_proof {
            RELOAD_AFTER_PROOF
        } else {
            RELOAD_EVERY
        };
        if self.wants_reload && since(self.begun_at) >= pause {
            return Advice::Reload;
        }
        let is_dead = since(self.advanced_at) > DEAD_AFTER
            && self
                .waiting
                .front()
                .is_some_and(|front| since(front.heard_at) > DEAD_AFTER);
        if is_dead {
            // The new connection has as long again.
            self.advanced_at = now;
            return Advice::Reconnect;
        }
        Advice::GoOn
    }

    /// The moment as of which everything revoked is known here.
    pub(crate) const fn proven_at(&self) -> Option<Duration> {
        self.proven_at
    }

    /// Whether what is read now has been proven complete.
    pub(crate) const fn is_complete(&self) -> bool {
        self.run.is_proven
    }

    /// How far every shard of the log is known to be applied.
    pub(crate) fn position(&self) -> Option<&[u64]> {
        self.position.as_deref()
    }

    /// The last message of the stream that was applied.
    pub(crate) fn applied(&self) -> Option<EventId> {
        let (stream, seq) = self.stream.zip(self.applied)?;
        Some(EventId { stream, seq })
    }

    fn step(&mut self, id: EventId, now: Duration) -> Step {
        let EventId { stream, seq } = id;
        let before = self.stream.replace(stream);
        if before.is_some_and(|before| before != stream) {
            // Nothing of one stream says anything of another.
            self.break_run(Some(seq));
            self.applied = Some(seq);
            self.advanced_at = now;
            self.waiting.clear();
            self.highest = 0;
            self.backward_since = None;
            return Step::Gap;
        }
        let step = match self.applied {
            Some(applied) if seq <= applied => return Step::Old,
            Some(applied) if seq - 1 == applied => Step::Next,
            Some(_) => {
                self.break_run(Some(seq));
                Step::Gap
            }
            None => {
                self.run.start = Some(seq);
                Step::Next
            }
        };
        self.applied = Some(seq);
        self.advanced_at = now;
        step
    }

    /// Ends the run; the next begins with `start`, or whatever comes next.
    fn break_run(&mut self, start: Option<u64>) {
        self.wants_reload = true;
        self.run = Run {
            start,
            ..Run::default()
        };
    }

    fn known(&self, shard: usize) -> Option<u64> {
        self.run.known.get(shard).copied().flatten()
    }

    fn raise(&mut self, shard: usize, to: u64) {
        if self.run.known.len() <= shard {
            self.run.known.resize(shard + 1, None);
        }
        let known = &mut self.run.known[shard];
        *known = (*known).max(Some(to));
        let place = self.position.as_mut().and_then(|all| all.get_mut(shard));
        if let Some(place) = place.filter(|_| self.run.is_proven) {
            *place = (*place).max(to);
        }
    }

    /// Takes the answers whose sequence has been reached.
    fn settle(&mut self) {
        while let Some(front) = self.waiting.front() {
            let is_reached = self.applied.is_some_and(|own| own >= front.answer.seq);
            if !is_reached {
                break;
            }
            if let Some(reached) = self.waiting.pop_front() {
                self.prove(reached);
            }
        }
    }

    fn prove(&mut self, reached: Waiting) {
        let Waiting { as_of, answer, .. } = reached;
        let is_of_another = self.stream != Some(answer.stream);
        if is_of_another || self.run.start.is_none_or(|start| start > answer.since) {
            // It began too late, or lost something that still matters.
            self.wants_reload = true;
            return;
        }
        self.run.is_proven = true;
        self.has_proof = true;
        self.wants_reload = false;
        self.proven_at = self.proven_at.max(Some(as_of));
        let position = self.position.get_or_insert_default();
        if position.len() < answer.cursor.len() {
            position.resize(answer.cursor.len(), 0);
        }
        for (own, proven) in position.iter_mut().zip(answer.cursor) {
            *own = (*own).max(proven);
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
