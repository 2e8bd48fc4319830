//! Which messages end what.

use countersign_events::{
    AccountEvent, AccountId, ClientEvent, ClientId, GrantEvent, GrantId, KeyEvent, Noun,
    SessionEvent, SessionId, Timestamp,
};
use countersign_log::{LogError, RawMessage};

/// What can no longer come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// One session.
    Session(SessionId),
    /// Everything of an account with an older epoch.
    Account {
        /// Whose.
        account: AccountId,
        /// The oldest epoch that is still good.
        min_epoch: u64,
    },
    /// One token that a client was given for itself.
    Grant(GrantId),
    /// Everything of a client with an older epoch.
    Client {
        /// Whose.
        client: ClientId,
        /// The oldest epoch that is still good.
        min_epoch: u64,
    },
    /// Everything that a key signed.
    Key(Box<str>),
    /// Nothing; but the published keys are others than before.
    KeysChanged,
}

/// What a message revokes, and when that was decided.
///
/// Every new event must say here whether it revokes: the matches have no
/// default arm. A change of an account that must end its sessions says so with
/// a `SessionsEnded` in the same message, so that there is one rule here and
/// not one for every such change.
pub fn revocations_in(message: &RawMessage) -> Result<Vec<(Timestamp, Revocation)>, LogError> {
    let envelope = message.envelope()?;
    let decode = |error| LogError::Decode {
        position: message.position,
        subject: message.subject,
        error,
    };
    let decided = envelope.header().occurred_at;
    let found: Vec<Revocation> = match message.subject.noun {
        Noun::Session => {
            let session = SessionId::from_uuid(message.subject.id);
            envelope
                .events()
                .map_err(decode)?
                .iter()
                .filter_map(|event| match event {
                    SessionEvent::Ended(_) => Some(Revocation::Session(session)),
                    SessionEvent::Started(_)
                    | SessionEvent::Refreshed(_)
                    | SessionEvent::RefreshReused(_)
                    | SessionEvent::Attempted(_)
                    | SessionEvent::FactorRejected(_)
                    | SessionEvent::SteppedUp(_)
                    | SessionEvent::Continued(_)
                    | SessionEvent::Bound(_)
                    | SessionEvent::BindingBroken(_) => None,
                })
                .collect()
        }
        Noun::Account => {
            let account = AccountId::from_uuid(message.subject.id);
            let min_epoch = message.position.sequence;
            envelope
                .events()
                .map_err(decode)?
                .iter()
                .filter_map(|event| match event {
                    AccountEvent::SessionsEnded(_) => {
                        Some(Revocation::Account { account, min_epoch })
                    }
                    AccountEvent::Registered(_)
                    | AccountEvent::CredentialSet(_)
                    | AccountEvent::ProfileChanged(_)
                    | AccountEvent::Abandoned(_)
                    | AccountEvent::VerificationRequested(_)
                    | AccountEvent::EmailVerified(_)
                    | AccountEvent::EmailChangeRequested(_)
                    | AccountEvent::EmailChanged(_)
                    | AccountEvent::PasswordResetRequested(_)
                    | AccountEvent::FactorOffered(_)
                    | AccountEvent::FactorAdded(_)
                    | AccountEvent::FactorRenamed(_)
                    | AccountEvent::FactorRemoved(_)
                    | AccountEvent::FactorDisabled(_)
                    | AccountEvent::ChallengeFailed(_)
                    | AccountEvent::RecoveryCodesSet(_)
                    | AccountEvent::RecoveryCodeUsed(_)
                    | AccountEvent::DeviceAdded(_)
                    | AccountEvent::Suspended(_)
                    | AccountEvent::Reinstated(_)
                    | AccountEvent::RolesChanged(_)
                    | AccountEvent::Erased(_)
                    | AccountEvent::Noted(_) => None,
                })
                .collect()
        }
        Noun::Client => {
            let client = ClientId::from_uuid(message.subject.id);
            let min_epoch = message.position.sequence;
            envelope
                .events()
                .map_err(decode)?
                .iter()
                .filter_map(|event| match event {
                    ClientEvent::TokensEnded(_) => Some(Revocation::Client { client, min_epoch }),
                    ClientEvent::Registered(_)
                    | ClientEvent::Changed(_)
                    | ClientEvent::SecretAdded(_)
                    | ClientEvent::SecretRemoved(_)
                    | ClientEvent::KeysSet(_)
                    | ClientEvent::Disabled(_)
                    | ClientEvent::Enabled(_) => None,
                })
                .collect()
        }
        Noun::Grant => {
            let grant = GrantId::from_uuid(message.subject.id);
            envelope
                .events()
                .map_err(decode)?
                .iter()
                .map(|event| match event {
                    GrantEvent::Revoked(_) => Revocation::Grant(grant),
                })
                .collect()
        }
        Noun::Key => envelope
            .events()
            .map_err(decode)?
            .iter()
            .map(|event| match event {
                KeyEvent::Revoked(revoked) => Revocation::Key(revoked.kid.as_str().into()),
                KeyEvent::Created(_)
                | KeyEvent::RotationRequested(_)
                | KeyEvent::Activated(_)
                | KeyEvent::Retired(_) => Revocation::KeysChanged,
            })
            .collect(),
        Noun::Email | Noun::Factor | Noun::Revocation => Vec::new(),
    };
    Ok(found
        .into_iter()
        .map(|revocation| (decided, revocation))
        .collect())
}

/// What a message that cannot be read revokes at worst: its session, or
/// everything of its account. It is dated as if it were decided at the end of
/// time, so that it is not forgotten before it is understood.
pub(crate) fn revoked_at_worst(message: &RawMessage) -> Vec<(Timestamp, Revocation)> {
    let never = Timestamp::from_millis(i64::from(u32::MAX) * 1_000);
    let revocation = match message.subject.noun {
        Noun::Session => Revocation::Session(SessionId::from_uuid(message.subject.id)),
        Noun::Account => Revocation::Account {
            account: AccountId::from_uuid(message.subject.id),
            min_epoch: message.position.sequence,
        },
        Noun::Client => Revocation::Client {
            client: ClientId::from_uuid(message.subject.id),
            min_epoch: message.position.sequence,
        },
        Noun::Grant => Revocation::Grant(GrantId::from_uuid(message.subject.id)),
        Noun::Key => Revocation::KeysChanged,
        Noun::Email | Noun::Factor | Noun::Revocation => return Vec::new(),
    };
    vec![(never, revocation)]
}
