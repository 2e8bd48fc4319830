//! The kinds of mails.

use countersign_domain::{Account, Request};
use countersign_events::{CredentialId, FactorKind, Sealed, Timestamp};

/// A request that a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) request: CredentialId,
    pub(crate) expires_at: Timestamp,
}

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    VerifyEmail(Asked),
    ChangeEmail(Asked),
    /// To the address of before: somebody wants another.
    EmailChangeAsked(Asked),
    EmailChanged,
    ResetPassword(Asked),
    PasswordChanged,
    PasswordReset,
    FactorAdded(FactorKind),
    FactorRemoved(FactorKind),
    /// Several at once.
    FactorsRemoved,
    FactorDisabled(FactorKind),
    RecoveryCodesSet {
        count: u8,
    },
    RecoveryCodeUsed {
        left: u8,
    },
    ChallengeFailed {
        method: FactorKind,
        ip: Sealed,
    },
    DeviceAdded {
        ip: Sealed,
        user_agent: Option<Sealed>,
    },
}

impl Kind {
    /// The word for it in claims, ids and logs. Never changed: a mail that was
    /// sent under one word would be sent again under another.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::VerifyEmail(_) => "verify_email",
            Self::ChangeEmail(_) => "change_email",
            Self::EmailChangeAsked(_) => "email_change_asked",
            Self::EmailChanged => "email_changed",
            Self::ResetPassword(_) => "reset_password",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::FactorAdded(_) => "factor_added",
            Self::FactorRemoved(_) => "factor_removed",
            Self::FactorsRemoved => "factors_removed",
            Self::FactorDisabled(_) => "factor_disabled",
            Self::RecoveryCodesSet { .. } => "recovery_codes_set",
            Self::RecoveryCodeUsed { .. } => "recovery_code_used",
            Self::ChallengeFailed { .. } => "challenge_failed",
            Self::DeviceAdded { .. } => "device_added",
        }
    }

    /// How telling it is, beside other mails of the same message. A link that
    /// is not sent is of no use to anybody, so links come first.
    pub(crate) const fn weight(&self) -> u8 {
        match self {
            Self::VerifyEmail(_) | Self::ChangeEmail(_) | Self::ResetPassword(_) => 100,
            Self::EmailChanged => 90,
            Self::PasswordChanged | Self::PasswordReset => 80,
            Self::EmailChangeAsked(_) => 75,
            Self::FactorsRemoved => 71,
            Self::FactorRemoved(_) => 70,
            Self::FactorDisabled(_) => 65,
            Self::FactorAdded(_) => 60,
            Self::RecoveryCodeUsed { .. } => 50,
            Self::ChallengeFailed { .. } => 45,
            Self::RecoveryCodesSet { .. } => 40,
            Self::DeviceAdded { .. } => 30,
        }
    }

    /// Whether it still says something, to an account that has become this.
    pub(crate) fn is_timely(&self, account: &Account, now: Timestamp) -> bool {
        let open = |newest: Option<&Request>, asked: &Asked| {
            account.is_active()
                && now < asked.expires_at
                && newest.is_some_and(|newest| newest.id == asked.request)
        };
        match self {
            Self::VerifyEmail(asked) => open(account.verification.as_ref(), asked),
            Self::ResetPassword(asked) => open(account.reset.as_ref(), asked),
            Self::ChangeEmail(asked) | Self::EmailChangeAsked(asked) => {
                let newest = account.email_change.as_ref();
                open(newest.map(|change| &change.request), asked)
            }
            Self::EmailChanged
            | Self::PasswordChanged
            | Self::PasswordReset
            | Self::FactorAdded(_)
            | Self::FactorRemoved(_)
            | Self::FactorsRemoved
            | Self::FactorDisabled(_)
            | Self::RecoveryCodesSet { .. }
            | Self::RecoveryCodeUsed { .. }
            | Self::ChallengeFailed { .. }
            | Self::DeviceAdded { .. } => account.exists(),
        }
    }
}

/// Who gets a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum To {
    /// The address the account had after the message.
    Holder,
    /// The address that somebody says is theirs.
    Candidate(Sealed),
    /// The address the account had before the message.
    Previous(Sealed),
}

impl To {
    /// The word for it in claims and ids. Never changed, as above.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Holder => "holder",
            Self::Candidate(_) => "candidate",
            Self::Previous(_) => "previous",
        }
    }
}
