//! What each kind of mail says.

use countersign_events::{AccountId, FactorKind, Timestamp};
use zeroize::Zeroizing;

use crate::kind::{Asked, Kind};
use crate::letter::{Action, Fact, Letter, readable};
use crate::token::{ActionTokens, Purpose};

/// What the words are made from.
pub(crate) struct Facts<'a> {
    pub(crate) account: AccountId,
    pub(crate) at: Timestamp,
    pub(crate) product: &'a str,
    /// Where links lead, without a slash at the end.
    pub(crate) home: &'a str,
    /// Opened and made fit to be shown.
    pub(crate) network: Option<String>,
    /// The same.
    pub(crate) agent: Option<String>,
}

/// The letter of a kind.
pub(crate) fn letter(kind: &Kind, facts: &Facts<'_>, tokens: &ActionTokens) -> Letter {
    let product = facts.product;
    let link = |purpose, page, label, asked: &Asked| {
        let token = tokens.seal(purpose, facts.account, asked.request);
        // In the fragment: it reaches no server's log, and a scanner that
        // follows the link uses nothing up.
        let url = format!("{}/account/{page}#token={}", facts.home, *token);
        Some(Action {
            label,
            url: Zeroizing::new(url),
            validity: format!("The link works once, until {}.", readable(asked.expires_at)),
        })
    };
    match kind {
        Kind::VerifyEmail(asked) => Letter {
            subject: format!("Confirm your address for {product}"),
            before: vec![format!(
                "This address was given for an account at {product}."
            )],
            action: link(Purpose::VerifyEmail, "verify", "Confirm the address", asked),
            after: vec!["If that was not you, you need not do anything.".into()],
            ..Letter::default()
        },
        Kind::ChangeEmail(asked) => Letter {
            subject: format!("Confirm your new address for {product}"),
            before: vec![format!(
                "This address is to become the one of an account at {product}."
            )],
            action: link(Purpose::ChangeEmail, "email", "Use this address", asked),
            after: vec!["If that was not you, you need not do anything.".into()],
            ..Letter::default()
        },
        Kind::ResetPassword(asked) => Letter {
            subject: format!("Set a new password for {product}"),
            before: vec!["Somebody, hopefully you, has forgotten the password.".into()],
            action: link(Purpose::ResetPassword, "reset", "Set a new password", asked),
            after: vec![
                "If that was not you, you need not do anything: the password stays as it is."
                    .into(),
            ],
            ..Letter::default()
        },
        notice => {
            let (subject, before) = told(notice);
            let mut after = vec![undo(notice, facts.home)];
            if let Some(advice) = advice(notice) {
                after.insert(0, advice.into());
            }
            Letter {
                subject: format!("{subject} at {product}"),
                before: vec![before],
                facts: circumstances(facts),
                after,
                ..Letter::default()
            }
        }
    }
}

/// The subject and the first sentence of a notice.
fn told(kind: &Kind) -> (&'static str, String) {
    let (subject, sentence) = match kind {
        // Those with a link are written above.
        Kind::VerifyEmail(_) | Kind::ChangeEmail(_) | Kind::ResetPassword(_) => {
            ("A request", "Something was asked for.".into())
        }
        Kind::EmailChangeAsked(_) => (
            "Another address was asked for",
            "Somebody signed in to your account wants another address to be used for it. \
             Nothing changes until that address is confirmed."
                .into(),
        ),
        Kind::EmailChanged => (
            "Your address was changed",
            "The address of your account was changed.".into(),
        ),
        Kind::PasswordChanged => (
            "Your password was changed",
            "The password of your account was changed, and everybody was signed out.".into(),
        ),
        Kind::PasswordReset => (
            "Your password was reset",
            "A new password was set by a link that came by mail, and everybody was signed out."
                .into(),
        ),
        Kind::FactorAdded(factor) => (
            "A second factor was added",
            format!("{} was added to your account.", a(*factor)),
        ),
        Kind::FactorRemoved(factor) => (
            "A second factor was removed",
            format!("{} was removed from your account.", a(*factor)),
        ),
        Kind::FactorsRemoved => (
            "Your second factors were removed",
            "Several second factors were removed from your account at once.".into(),
        ),
        Kind::FactorDisabled(factor) => (
            "Too many failed attempts",
            format!(
                "{} of your account was switched off, because it was tried in vain too often.",
                a(*factor)
            ),
        ),
        Kind::RecoveryCodesSet { count } => (
            "New recovery codes",
            format!("{count} new recovery codes were made. The ones of before are void."),
        ),
        Kind::RecoveryCodeUsed { left } => (
            "A recovery code was used",
            format!("A recovery code was used up. Codes left: {left}."),
        ),
        Kind::ChallengeFailed { method, .. } => (
            "A sign-in was stopped",
            format!(
                "Somebody gave the right password of your account and then failed at the second \
                 step ({}).",
                step(*method)
            ),
        ),
        Kind::DeviceAdded { .. } => (
            "A new device",
            "Somebody signed in to your account from a device that was not known.".into(),
        ),
    };
    (subject, sentence)
}

/// What a notice asks for even if all is well.
fn advice(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::RecoveryCodeUsed { left: 0..=2 } => Some("Make new codes before they run out."),
        Kind::FactorDisabled(_) => Some("Set it up anew to use it again."),
        _ => None,
    }
}

fn undo(kind: &Kind, home: &str) -> String {
    match kind {
        Kind::ChallengeFailed { .. } => {
            format!("If it was not you, somebody knows your password: change it at {home}, now.")
        }
        Kind::EmailChanged => format!(
            "If it was not you, somebody has got into your account: tell those who run {home}."
        ),
        _ => format!("If it was not you, change your password at {home}, and sign out everywhere."),
    }
}

fn circumstances(facts: &Facts<'_>) -> Vec<Fact> {
    let fact = |label, value: &String| Fact {
        label,
        value: value.clone(),
    };
    let mut found = vec![fact("Time", &readable(facts.at))];
    found.extend(facts.network.as_ref().map(|value| fact("From", value)));
    found.extend(facts.agent.as_ref().map(|value| fact("With", value)));
    found
}

fn a(factor: FactorKind) -> &'static str {
    match factor {
        FactorKind::Password => "The password",
        FactorKind::Totp => "An authenticator app",
        FactorKind::Passkey => "A passkey",
        FactorKind::RecoveryCode => "The set of recovery codes",
    }
}

fn step(factor: FactorKind) -> &'static str {
    match factor {
        FactorKind::Password => "password",
        FactorKind::Totp => "code of the authenticator app",
        FactorKind::Passkey => "passkey",
        FactorKind::RecoveryCode => "recovery code",
    }
}

#[cfg(test)]
mod tests;
