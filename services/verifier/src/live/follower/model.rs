//! A reader of a stream to which everything happens, compared with the
//! stream as it really is.

use super::tests::{SHARDS, beat, message, ms};
use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Where a sequence is in the list.
fn index(seq: u64) -> usize {
    usize::try_from(seq - 1).expect("a short list")
}

/// What can happen to a reader.
#[derive(Debug, Clone)]
enum Op {
    Wait(u64),
    Publish(u8),
    Beat,
    Deliver,
    Lose,
    Repeat(usize),
    Swap,
    Spoil,
    Trim,
    /// The stream is lost, and made again from the log.
    Remake,
    Ask {
        age: u64,
    },
    Answer(usize),
    Begin,
    Gap,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => (1..3_000_u64).prop_map(Op::Wait),
        4 => (0..3_u8).prop_map(Op::Publish),
        2 => Just(Op::Beat),
        12 => Just(Op::Deliver),
        1 => Just(Op::Lose),
        1 => (0..64_usize).prop_map(Op::Repeat),
        1 => Just(Op::Swap),
        1 => Just(Op::Spoil),
        1 => Just(Op::Trim),
        1 => Just(Op::Remake),
        4 => (0..2_000_u64).prop_map(|age| Op::Ask { age }),
        5 => (0..64_usize).prop_map(Op::Answer),
        2 => Just(Op::Begin),
        1 => Just(Op::Gap),
    ]
}

#[derive(Debug, Clone)]
enum Told {
    Message(Message),
    Beat(Beat),
}

/// What a message tells of.
fn entries_of(told: &Told) -> Vec<Entry> {
    match told {
        Told::Message(message) => (message.from + 1..=message.to)
            .map(|number| (message.shard, number))
            .collect(),
        Told::Beat(_) => Vec::new(),
    }
}

/// An entry of the log: its shard and its number there.
type Entry = (u8, u64);

/// A stream as it really is, and a reader of it.
struct World {
    now: u64,
    /// Which stream it is, and when it was made.
    id: StreamId,
    made: u64,
    /// Message `seq - 1`, and when it was published.
    stream: Vec<(u64, Told)>,
    first: u64,
    ends: Vec<u64>,
    /// When each entry was told for the first time.
    entries: BTreeMap<Entry, u64>,
    /// What concerns no token any more.
    expired: BTreeSet<Entry>,
    /// What the reader was told of, by any stream.
    delivered: BTreeSet<Entry>,
    follower: Follower,
    /// The next sequence the connection delivers. It does not care which
    /// stream it is.
    next: u64,
    answers: Vec<(Sent, ReportAnswer)>,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            now: 1_000_000,
            id: StreamId(1),
            made: 1_000_000,
            stream: Vec::new(),
            first: 1,
            ends: vec![0; SHARDS],
            entries: BTreeMap::new(),
            expired: BTreeSet::new(),
            delivered: BTreeSet::new(),
            follower: Follower::default(),
            next: 1,
            answers: Vec::new(),
        };
        world.follower.begin(ms(world.now));
        world
    }

    fn publish(&mut self, told: Told) {
        self.stream.push((self.now, told));
    }

    fn last(&self) -> u64 {
        self.stream.len() as u64
    }

    fn deliver(&mut self, seq: u64, readable: bool) {
        if seq < self.first || seq > self.last() {
            return;
        }
        let (_, told) = self.stream[index(seq)].clone();
        let now = ms(self.now);
        let stream = self.id;
        let id = EventId { stream, seq };
        if readable {
            self.delivered.extend(entries_of(&told));
            match told {
                Told::Message(message) => self.follower.message(id, &message, now),
                Told::Beat(beat) => self.follower.beat(id, &beat, now),
            };
        } else {
            self.follower.unreadable(id, now);
        }
    }

    fn begin(&mut self) {
        self.follower.begin(ms(self.now));
        self.next = self.first;
    }

    /// The stream begins anew, with everything that still matters.
    fn remake(&mut self) {
        self.id.0 += 1;
        self.made = self.now;
        self.stream.clear();
        self.first = 1;
        for (shard, end) in (0u8..).zip(self.ends.clone()) {
            self.publish(Told::Message(message(shard, 0, end)));
        }
        self.publish(Told::Beat(beat(&self.ends.clone())));
    }

    fn ask(&mut self, age: u64) {
        // Nobody knows anything of a stream from before it was there.
        let age = age.min(self.now - self.made);
        let then = self.now - age;
        let seq = self.stream.iter().filter(|(at, _)| *at <= then).count() as u64;
        let told = self.stream.iter().take(index(seq + 1));
        let mut cursor = vec![0; SHARDS];
        for (_, told) in told {
            if let Told::Message(message) = told {
                cursor[usize::from(message.shard)] = message.to;
            }
        }
        let sent = self.follower.sent(ms(self.now));
        let answer = ReportAnswer {
            v: FEED_VERSION,
            stream: self.id,
            seq,
            cursor,
            age_ms: age,
            since: self.first,
        };
        self.answers.push((sent, answer));
    }

    fn apply(&mut self, op: Op) {
        self.now += 1;
        match op {
            Op::Wait(millis) => self.now += millis,
            Op::Publish(shard) => {
                let end = &mut self.ends[usize::from(shard)];
                let from = *end;
                *end += 1;
                self.entries.insert((shard, from + 1), self.now);
                self.publish(Told::Message(message(shard, from, from + 1)));
            }
            Op::Beat => self.publish(Told::Beat(beat(&self.ends.clone()))),
            Op::Deliver | Op::Spoil => {
                let seq = self.next;
                self.next = (seq + 1).min(self.last() + 1);
                self.deliver(seq, matches!(op, Op::Deliver));
            }
            Op::Lose => self.next = (self.next + 1).min(self.last() + 1),
            Op::Repeat(n) => {
                let seq = n as u64 % self.next.max(1);
                self.deliver(seq, true);
            }
            Op::Swap => {
                let seq = self.next;
                self.deliver(seq + 1, true);
                self.deliver(seq, true);
            }
            Op::Trim => {
                if self.first < self.last() {
                    let (_, told) = &self.stream[index(self.first)];
                    self.expired.extend(entries_of(told));
                    self.first += 1;
                }
                self.next = self.next.max(self.first);
            }
            Op::Remake => self.remake(),
            Op::Ask { age } => self.ask(age),
            Op::Answer(n) => {
                if !self.answers.is_empty() {
                    let (sent, answer) = self.answers.swap_remove(n % self.answers.len());
                    self.follower.answered(sent, answer, ms(self.now));
                }
            }
            Op::Begin => self.begin(),
            Op::Gap => self.follower.gap(),
        }
        if self.follower.advice(ms(self.now)) == Advice::Reload {
            self.begin();
        }
    }

    /// Everything that is believed is true.
    fn check(&self) -> Result<(), TestCaseError> {
        for (entry, at) in &self.entries {
            if self.expired.contains(entry) || self.delivered.contains(entry) {
                continue;
            }
            let is_claimed = self.follower.proven_at().is_some_and(|p| ms(*at) <= p);
            prop_assert!(!is_claimed, "{entry:?} is missing, and believed known");
            let (shard, number) = *entry;
            if let Some(position) = self.follower.position() {
                let is_claimed = position[usize::from(shard)] >= number;
                prop_assert!(!is_claimed, "{entry:?} is missing, and said to be applied");
            }
        }
        let now = ms(self.now);
        prop_assert!(self.follower.proven_at().is_none_or(|at| at <= now));
        prop_assert!(self.follower.waiting.len() <= MAX_WAITING);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn it_is_never_believed_to_know_what_it_does_not(ops in prop::collection::vec(op(), 1..120)) {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
            world.check()?;
        }
        // And a reading without trouble always leads to a proof.
        world.publish(Told::Beat(beat(&world.ends.clone())));
        world.begin();
        for seq in world.first..=world.last() {
            world.deliver(seq, true);
        }
        world.answers.clear();
        world.ask(0);
        world.apply(Op::Answer(0));
        prop_assert_eq!(world.follower.proven_at(), Some(ms(world.now - 1)));
        world.check()?;
    }
}
