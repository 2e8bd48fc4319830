//! Every test talks to the same software authenticator as the stories do.

mod ab_30;
#[path = "../../../../tests/tests/support/authenticator.rs"]
mod authenticator;
mod ceremonies;
mod quiet;
mod relying_party;
mod sealing;

use authenticator::Authenticator;
use countersign_events::{AccountId, Timestamp};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{Passkeys, StoredPasskey};

const ORIGIN: &str = "https://id.example.com";

fn passkeys() -> Passkeys {
    Passkeys::new(ORIGIN, "Countersign").expect("a relying party")
}

fn account(seed: u8) -> AccountId {
    AccountId::generate(Timestamp::from_millis(1_800_000_000_000), [seed; 10])
}

/// The start of a registration by somebody who has these keys.
fn start_registration(
    passkeys: &Passkeys,
    account: AccountId,
    existing: &[StoredPasskey],
) -> (Value, Zeroizing<Vec<u8>>) {
    passkeys
        .start_registration(account, "ada@example.com", "Ada", existing)
        .expect("options")
}

/// An account's device and its passkey.
fn registered(passkeys: &Passkeys, account: AccountId) -> (Authenticator, StoredPasskey) {
    let mut device = Authenticator::new(passkeys.origin());
    let (options, state) = start_registration(passkeys, account, &[]);
    let stored = passkeys
        .finish_registration(&state, &device.register(&options))
        .expect("a passkey");
    (device, stored)
}
