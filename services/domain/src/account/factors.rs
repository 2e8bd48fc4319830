//! The rules of an account's second factors.

use countersign_events::{
    AccountEvent, ChallengeFailed, EndReason, FactorAdded, FactorDisabled, FactorKind,
    FactorOffered, FactorRemoved, FactorRenamed, RecoveryCodeUsed, RecoveryCodesSet,
};

use super::decide::{end_sessions, noted};
use super::{Account, AccountRefusal, Factor, FactorCommand};

/// How many second factors an account may have.
pub const MOST_FACTORS: usize = 10;

pub(super) fn decide(
    account: &Account,
    command: &FactorCommand,
) -> Result<Vec<AccountEvent>, AccountRefusal> {
    match command {
        FactorCommand::Offer {
            kind,
            credential,
            expires_at,
            ..
        } => {
            fits(account, *kind)?;
            Ok(vec![
                FactorOffered {
                    kind: *kind,
                    credential: *credential,
                    expires_at: *expires_at,
                }
                .into(),
            ])
        }
        FactorCommand::Confirm {
            credential,
            now,
            name,
            recovery_codes,
        } => {
            let offer = account.offer.as_ref();
            let offer = offer
                .filter(|offer| offer.credential == *credential && *now < offer.expires_at)
                .ok_or(AccountRefusal::NoSuchFactor)?;
            fits(account, offer.kind)?;
            let mut events = vec![
                FactorAdded {
                    kind: offer.kind,
                    credential: *credential,
                    name: name.clone(),
                }
                .into(),
            ];
            if account.recovery.is_none() {
                let (credential, count) = *recovery_codes;
                events.push(RecoveryCodesSet { credential, count }.into());
            }
            events.push(end_sessions(EndReason::FactorChanged));
            Ok(events)
        }
        FactorCommand::Rename { credential, name } => {
            find(account, *credential)?;
            Ok(vec![
                FactorRenamed {
                    credential: *credential,
                    name: name.clone(),
                }
                .into(),
            ])
        }
        FactorCommand::Remove { credential } => {
            let factor = find(account, *credential)?;
            Ok(vec![
                removed(factor),
                end_sessions(EndReason::FactorChanged),
            ])
        }
        FactorCommand::Reset { note } => {
            let mut events: Vec<AccountEvent> = account.factors.iter().map(removed).collect();
            if !events.is_empty() {
                events.extend(noted(note.as_ref()));
                events.push(end_sessions(EndReason::FactorChanged));
            }
            Ok(events)
        }
        FactorCommand::SetRecoveryCodes { credential, count } => {
            if account.factors.is_empty() {
                return Err(AccountRefusal::NoSuchFactor);
            }
            Ok(vec![
                RecoveryCodesSet {
                    credential: *credential,
                    count: *count,
                }
                .into(),
            ])
        }
        FactorCommand::UseRecoveryCode { credential, index } => {
            let set = account.recovery.as_ref();
            let set = set
                .filter(|set| set.credential == *credential && set.has(*index))
                .ok_or(AccountRefusal::CodeSpent)?;
            Ok(vec![
                RecoveryCodeUsed {
                    credential: *credential,
                    index: *index,
                    left: set.left() - 1,
                }
                .into(),
            ])
        }
        FactorCommand::Disable {
            kind,
            credential,
            failures,
        } => {
            if !counts(account, *kind, *credential) {
                return Ok(Vec::new());
            }
            Ok(vec![
                FactorDisabled {
                    kind: *kind,
                    credential: *credential,
                    failures: *failures,
                }
                .into(),
            ])
        }
        FactorCommand::NoteFailure {
            session,
            method,
            ip,
        } => {
            if account.challenge_failed == Some(*session) {
                return Ok(Vec::new());
            }
            Ok(vec![
                ChallengeFailed {
                    session: *session,
                    method: *method,
                    ip: ip.clone(),
                }
                .into(),
            ])
        }
    }
}

/// Whether one more of this kind may be added. A disabled code generator may
/// stand beside the one that replaces it.
fn fits(account: &Account, kind: FactorKind) -> Result<(), AccountRefusal> {
    if account.factors.len() >= MOST_FACTORS {
        return Err(AccountRefusal::TooManyFactors);
    }
    let live = |factor: &&Factor| factor.kind == FactorKind::Totp && !factor.disabled;
    if kind == FactorKind::Totp && account.factors.iter().any(|factor| live(&factor)) {
        return Err(AccountRefusal::FactorExists);
    }
    Ok(())
}

fn find(
    account: &Account,
    credential: countersign_events::CredentialId,
) -> Result<&Factor, AccountRefusal> {
    let mut factors = account.factors.iter();
    factors
        .find(|factor| factor.credential == credential)
        .ok_or(AccountRefusal::NoSuchFactor)
}

fn removed(factor: &Factor) -> AccountEvent {
    FactorRemoved {
        kind: factor.kind,
        credential: factor.credential,
    }
    .into()
}

/// Whether it is live and trusted, so that disabling it changes something.
fn counts(
    account: &Account,
    kind: FactorKind,
    credential: countersign_events::CredentialId,
) -> bool {
    match kind {
        FactorKind::Password => account.password == Some(credential) && !account.password_disabled,
        FactorKind::RecoveryCode => account
            .recovery
            .as_ref()
            .is_some_and(|set| set.credential == credential && !set.disabled),
        FactorKind::Totp | FactorKind::Passkey => {
            find(account, credential).is_ok_and(|factor| !factor.disabled)
        }
    }
}
