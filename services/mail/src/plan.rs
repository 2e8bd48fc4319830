//! Which events cause which mails.

use countersign_events::{AccountEvent, CredentialKind, EndReason};

use crate::kind::{Asked, Kind, To};

/// A mail to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) kind: Kind,
    pub(crate) to: To,
}

/// The mails that one message causes: one a recipient, the most telling.
pub(crate) fn plan(events: &[AccountEvent]) -> Vec<Planned> {
    let ended = events.iter().find_map(|event| match event {
        AccountEvent::SessionsEnded(ended) => Some(ended.reason),
        _ => None,
    });
    // Who has just come has no other device to compare with.
    let born = |event: &&AccountEvent| matches!(event, AccountEvent::Registered(_));
    let newborn = events.iter().any(|event| born(&event));
    let removed = |event: &&AccountEvent| matches!(event, AccountEvent::FactorRemoved(_));
    let several = events.iter().filter(removed).count() > 1;
    let mut planned: Vec<Planned> = Vec::new();
    for mail in events.iter().flat_map(|event| caused_by(event, ended)) {
        if newborn && matches!(mail.kind, Kind::DeviceAdded { .. }) {
            continue;
        }
        let same = |other: &&mut Planned| other.to.word() == mail.to.word();
        match planned.iter_mut().find(same) {
            None => planned.push(mail),
            Some(other) if other.kind.weight() < mail.kind.weight() => *other = mail,
            Some(_) => {}
        }
    }
    for mail in &mut planned {
        if several && matches!(mail.kind, Kind::FactorRemoved(_)) {
            mail.kind = Kind::FactorsRemoved;
        }
    }
    planned
}

/// Without a default on purpose: whoever adds an event decides here whether
/// somebody has to be told. `ended` is why the same message ended sessions.
fn caused_by(event: &AccountEvent, ended: Option<EndReason>) -> Vec<Planned> {
    let to_holder = |kind| {
        vec![Planned {
            kind,
            to: To::Holder,
        }]
    };
    match event {
        AccountEvent::VerificationRequested(asked) => to_holder(Kind::VerifyEmail(Asked {
            request: asked.request,
            expires_at: asked.expires_at,
        })),
        AccountEvent::EmailChangeRequested(wanted) => {
            let asked = Asked {
                request: wanted.request,
                expires_at: wanted.expires_at,
            };
            let mut mails = to_holder(Kind::EmailChangeAsked(asked));
            mails.push(Planned {
                kind: Kind::ChangeEmail(asked),
                to: To::Candidate(wanted.email.clone()),
            });
            mails
        }
        AccountEvent::EmailChanged(changed) => {
            let mut mails = to_holder(Kind::EmailChanged);
            mails.push(Planned {
                kind: Kind::EmailChanged,
                to: To::Previous(changed.previous.clone()),
            });
            mails
        }
        AccountEvent::PasswordResetRequested(asked) => to_holder(Kind::ResetPassword(Asked {
            request: asked.request,
            expires_at: asked.expires_at,
        })),
        // A registration and a better hash of the same password end nothing.
        AccountEvent::CredentialSet(set) => match (set.kind, ended) {
            (CredentialKind::Password, None) => Vec::new(),
            (CredentialKind::Password, Some(EndReason::PasswordReset)) => {
                to_holder(Kind::PasswordReset)
            }
            (CredentialKind::Password, Some(_)) => to_holder(Kind::PasswordChanged),
        },
        AccountEvent::FactorAdded(added) => to_holder(Kind::FactorAdded(added.kind)),
        AccountEvent::FactorRemoved(removed) => to_holder(Kind::FactorRemoved(removed.kind)),
        AccountEvent::FactorDisabled(disabled) => to_holder(Kind::FactorDisabled(disabled.kind)),
        AccountEvent::RecoveryCodesSet(set) => {
            to_holder(Kind::RecoveryCodesSet { count: set.count })
        }
        AccountEvent::RecoveryCodeUsed(used) => {
            to_holder(Kind::RecoveryCodeUsed { left: used.left })
        }
        AccountEvent::ChallengeFailed(failed) => to_holder(Kind::ChallengeFailed {
            method: failed.method,
            ip: failed.ip.clone(),
        }),
        AccountEvent::DeviceAdded(device) => to_holder(Kind::DeviceAdded {
            ip: device.ip.clone(),
            user_agent: device.user_agent.clone(),
        }),
        // What the person did themselves and sees at once, what operators do,
        // and what leaves nobody to write to.
        AccountEvent::Registered(_)
        | AccountEvent::ProfileChanged(_)
        | AccountEvent::SessionsEnded(_)
        | AccountEvent::Abandoned(_)
        | AccountEvent::EmailVerified(_)
        | AccountEvent::FactorOffered(_)
        | AccountEvent::FactorRenamed(_)
        | AccountEvent::Suspended(_)
        | AccountEvent::Reinstated(_)
        | AccountEvent::RolesChanged(_)
        | AccountEvent::Noted(_)
        | AccountEvent::Erased(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
