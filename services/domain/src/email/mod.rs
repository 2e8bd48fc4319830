//! The reservation of an email address: the step of a registration that must
//! be unique.

use countersign_events::{AccountId, EmailEvent, EmailId, Released, Reserved, Timestamp};

use crate::{Aggregate, Fact};

/// The state of an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmailReservation {
    /// The account it belongs to, which may not have come to be yet.
    pub owner: Option<AccountId>,
    /// When that owner got it.
    pub reserved_at: Timestamp,
}

/// What can be asked of an address.
#[derive(Debug, Clone)]
pub enum EmailCommand {
    /// Reserve it for an account. The owner's own request is an event, too:
    /// whoever was about to take the address over sees that it is wanted.
    Reserve {
        /// The account to be.
        account: AccountId,
    },
    /// Take it over from an account that will not have it: asked only after
    /// that account's own subject has shown so.
    TakeOver {
        /// The owner until now.
        from: AccountId,
        /// When the owner had reserved it, as the caller has seen.
        since: Timestamp,
        /// The account to be.
        account: AccountId,
    },
    /// Give it back: its owner was erased, or has another address. What is
    /// somebody else's by now stays so.
    Release {
        /// The owner who gives it back.
        account: AccountId,
    },
}

/// Why an address says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailRefusal {
    /// It belongs to somebody.
    #[error("the address is taken")]
    Taken {
        /// Whose it is.
        owner: AccountId,
    },
}

impl Aggregate for EmailReservation {
    type Id = EmailId;
    type Event = EmailEvent;
    type Command = EmailCommand;
    type Refusal = EmailRefusal;

    fn decide(&self, command: &EmailCommand) -> Result<Vec<EmailEvent>, EmailRefusal> {
        let reserved = |account: AccountId| Ok(vec![Reserved { account }.into()]);
        match (command, self.owner) {
            // A reservation to take over that is not there: start from nothing.
            (EmailCommand::Reserve { account } | EmailCommand::TakeOver { account, .. }, None) => {
                reserved(*account)
            }
            (EmailCommand::Reserve { account }, Some(owner)) if owner == *account => {
                reserved(*account)
            }
            (EmailCommand::TakeOver { account, .. }, Some(owner)) if owner == *account => {
                Ok(Vec::new())
            }
            (
                EmailCommand::TakeOver {
                    from,
                    since,
                    account,
                },
                Some(owner),
            ) if owner == *from && *since == self.reserved_at => reserved(*account),
            (EmailCommand::Reserve { .. } | EmailCommand::TakeOver { .. }, Some(owner)) => {
                Err(EmailRefusal::Taken { owner })
            }
            (EmailCommand::Release { account }, Some(owner)) if owner == *account => {
                Ok(vec![Released { account: *account }.into()])
            }
            (EmailCommand::Release { .. }, _) => Ok(Vec::new()),
        }
    }

    fn evolve(&mut self, event: &EmailEvent, fact: Fact) {
        match event {
            EmailEvent::Reserved(reserved) => {
                self.owner = Some(reserved.account);
                self.reserved_at = fact.occurred_at;
            }
            EmailEvent::Released(_) => self.owner = None,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::Given;

    fn account(n: u128) -> AccountId {
        AccountId::from_uuid(Uuid::from_u128(n))
    }

    fn reserved(n: u128) -> EmailEvent {
        Reserved {
            account: account(n),
        }
        .into()
    }

    #[test]
    fn the_first_to_ask_gets_the_address() {
        Given::<EmailReservation>::nothing()
            .when(EmailCommand::Reserve {
                account: account(1),
            })
            .then([reserved(1)]);
        Given::<EmailReservation>::events([reserved(1)])
            .when(EmailCommand::Reserve {
                account: account(2),
            })
            .refused(EmailRefusal::Taken { owner: account(1) });
    }

    #[test]
    fn asking_again_for_oneself_says_that_it_is_wanted() {
        Given::<EmailReservation>::events([reserved(1)])
            .when(EmailCommand::Reserve {
                account: account(1),
            })
            .then([reserved(1)]);
    }

    #[test]
    fn an_address_is_taken_over_only_from_the_owner_that_was_seen() {
        let take_over = |since| EmailCommand::TakeOver {
            from: account(1),
            since,
            account: account(2),
        };
        let seen = Given::<EmailReservation>::events([reserved(1)])
            .state()
            .reserved_at;
        Given::<EmailReservation>::events([reserved(1)])
            .when(take_over(seen))
            .then([reserved(2)]);
        Given::<EmailReservation>::events([reserved(3)])
            .when(take_over(seen))
            .refused(EmailRefusal::Taken { owner: account(3) });
        // The owner has asked for it again since.
        Given::<EmailReservation>::events([reserved(1), reserved(1)])
            .when(take_over(seen))
            .refused(EmailRefusal::Taken { owner: account(1) });
    }

    #[test]
    fn an_address_is_given_back_by_its_owner_and_free_for_the_next() {
        let release = |n| EmailCommand::Release {
            account: account(n),
        };
        let released = || {
            EmailEvent::from(Released {
                account: account(1),
            })
        };
        Given::<EmailReservation>::events([reserved(1)])
            .when(release(1))
            .then([released()]);
        Given::<EmailReservation>::events([reserved(2)])
            .when(release(1))
            .then([]);
        Given::<EmailReservation>::nothing()
            .when(release(1))
            .then([]);
        Given::<EmailReservation>::events([reserved(1), released()])
            .when(EmailCommand::Reserve {
                account: account(2),
            })
            .then([reserved(2)]);
    }
}
