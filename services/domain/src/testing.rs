//! given / when / then over any aggregate.

use core::fmt::Debug;

use countersign_events::{MessageId, Timestamp};
use uuid::Uuid;

use crate::{Aggregate, Fact};

/// The moment of the first event of a story; each later one is a second on.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_780_000_000_000);

pub(crate) struct Given<A>(A);

impl<A: Aggregate> Given<A> {
    pub(crate) fn nothing() -> Self {
        Self(A::default())
    }

    /// Folds events as if each were a message of its own, sequences from 1.
    pub(crate) fn events(events: impl IntoIterator<Item = A::Event>) -> Self {
        let mut state = A::default();
        for (index, event) in events.into_iter().enumerate() {
            let sequence = index as u64 + 1;
            let millis = START.as_millis() + i64::try_from(index).expect("short") * 1_000;
            state.evolve(
                &event,
                Fact {
                    occurred_at: Timestamp::from_millis(millis),
                    sequence,
                    message: MessageId::from_uuid(Uuid::from_u128(u128::from(sequence))),
                },
            );
        }
        Self(state)
    }

    pub(crate) fn state(self) -> A {
        self.0
    }

    pub(crate) fn when(self, command: A::Command) -> Outcome<A> {
        Outcome(self.0.decide(&command))
    }
}

pub(crate) struct Outcome<A: Aggregate>(Result<Vec<A::Event>, A::Refusal>);

impl<A: Aggregate> Outcome<A>
where
    A::Event: PartialEq + Debug,
    A::Refusal: PartialEq,
{
    pub(crate) fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        assert_eq!(self.0, Ok(expected.into_iter().collect()));
    }

    pub(crate) fn refused(self, expected: A::Refusal) {
        assert_eq!(self.0, Err(expected));
    }
}
