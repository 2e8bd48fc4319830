//! What an account becomes by what happens to it.

use countersign_events::{AccountEvent, CredentialKind, FactorKind, Sealed};

use super::{
    Account, EmailChange, Factor, KnownDevice, MOST_DEVICES, Offer, RecoveryCodes, Request,
    SealedIn, Stage,
};
use crate::Fact;

pub(super) fn evolve(account: &mut Account, event: &AccountEvent, fact: Fact) {
    let sealed = |value: &Sealed| SealedIn {
        message: fact.message,
        value: value.clone(),
    };
    match event {
        AccountEvent::Registered(registered) => {
            account.stage = Stage::Active;
            account.email = Some(sealed(&registered.email));
            account.display_name = registered.display_name.as_ref().map(sealed);
            account.roles.clone_from(&registered.roles);
            account.created_at = fact.occurred_at;
        }
        AccountEvent::CredentialSet(set) => match set.kind {
            CredentialKind::Password => {
                account.password = Some(set.credential);
                account.password_disabled = false;
                account.reset = None;
            }
        },
        AccountEvent::ProfileChanged(changed) => {
            account.display_name = changed.display_name.as_ref().map(sealed);
        }
        AccountEvent::VerificationRequested(asked) => {
            account.verification = Some(Request {
                id: asked.request,
                expires_at: asked.expires_at,
            });
        }
        AccountEvent::EmailVerified(_) => {
            account.email_verified = true;
            account.verification = None;
        }
        AccountEvent::EmailChangeRequested(asked) => {
            account.email_change = Some(EmailChange {
                request: Request {
                    id: asked.request,
                    expires_at: asked.expires_at,
                },
                email: sealed(&asked.email),
            });
        }
        AccountEvent::EmailChanged(changed) => {
            account.email = Some(sealed(&changed.email));
            account.email_verified = true;
            // What was sent to the address before opens nothing any more.
            account.email_change = None;
            account.verification = None;
            account.reset = None;
        }
        AccountEvent::PasswordResetRequested(asked) => {
            account.reset = Some(Request {
                id: asked.request,
                expires_at: asked.expires_at,
            });
        }
        AccountEvent::FactorOffered(offered) => {
            account.offer = Some(Offer {
                kind: offered.kind,
                credential: offered.credential,
                expires_at: offered.expires_at,
            });
        }
        AccountEvent::FactorAdded(added) => {
            account.offer = None;
            account.factors.push(Factor {
                kind: added.kind,
                credential: added.credential,
                name: added.name.as_ref().map(sealed),
                added_at: fact.occurred_at,
                disabled: false,
            });
        }
        AccountEvent::FactorRenamed(renamed) => {
            let name = renamed.name.as_ref().map(sealed);
            for factor in &mut account.factors {
                if factor.credential == renamed.credential {
                    factor.name.clone_from(&name);
                }
            }
        }
        AccountEvent::FactorRemoved(removed) => {
            account
                .factors
                .retain(|factor| factor.credential != removed.credential);
            // Codes are for those who have lost a factor.
            if account.factors.is_empty() {
                account.recovery = None;
            }
        }
        AccountEvent::FactorDisabled(disabled) => match disabled.kind {
            FactorKind::Password => account.password_disabled = true,
            FactorKind::RecoveryCode => {
                if let Some(set) = &mut account.recovery {
                    set.disabled = true;
                }
            }
            FactorKind::Totp | FactorKind::Passkey => {
                for factor in &mut account.factors {
                    factor.disabled |= factor.credential == disabled.credential;
                }
            }
        },
        AccountEvent::ChallengeFailed(failed) => account.challenge_failed = Some(failed.session),
        AccountEvent::RecoveryCodesSet(set) => {
            account.recovery = Some(RecoveryCodes::new(set.credential, set.count));
        }
        AccountEvent::RecoveryCodeUsed(used) => {
            if let Some(set) = &mut account.recovery
                && set.credential == used.credential
            {
                set.spend(used.index);
            }
        }
        AccountEvent::DeviceAdded(added) => {
            if account.devices.len() >= MOST_DEVICES {
                account.devices.remove(0);
            }
            account.devices.push(KnownDevice {
                ip: sealed(&added.ip),
                user_agent: added.user_agent.as_ref().map(sealed),
            });
        }
        AccountEvent::Noted(_) => {}
        AccountEvent::SessionsEnded(_) => {
            account.min_epoch = fact.sequence;
            // What an ended session had asked for must not outlive it: it may
            // have been a thief's.
            account.email_change = None;
        }
        AccountEvent::Suspended(_) => {
            account.stage = Stage::Suspended;
            // A mail that is under way must not outlive the suspension.
            account.reset = None;
        }
        AccountEvent::Reinstated(_) => account.stage = Stage::Active,
        AccountEvent::RolesChanged(changed) => account.roles.clone_from(&changed.roles),
        AccountEvent::Erased(_) => {
            *account = Account {
                stage: Stage::Erased,
                created_at: account.created_at,
                min_epoch: account.min_epoch,
                ..Account::default()
            };
        }
        AccountEvent::Abandoned(_) => account.stage = Stage::Abandoned,
    }
    account.epoch = fact.sequence;
}
