//! What is counted, and where.

use std::net::IpAddr;

use countersign_events::{AccountId, EmailId, FactorKind};
use countersign_log::{Blind, Counters};
use uuid::Uuid;

use crate::network::network_of;

/// Who is said to be trying, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A factor of an account that exists.
    Account {
        /// Whose.
        account: AccountId,
        /// Which kind.
        factor: FactorKind,
    },
    /// A password for an address that belongs to nobody. Counted like one that
    /// does, so that waits do not tell them apart.
    Address(EmailId),
}

impl Target {
    pub(crate) fn factor(self) -> FactorKind {
        match self {
            Self::Account { factor, .. } => factor,
            Self::Address(_) => FactorKind::Password,
        }
    }
}

/// One try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    /// The client's address, as the trusted proxies have it.
    pub ip: IpAddr,
    /// What is tried.
    pub target: Target,
    /// The device, if the caller has proof that the account was signed in on
    /// it before.
    pub device: Option<Uuid>,
}

/// What may happen only so often, whoever asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limited {
    /// A mail to an address or an account.
    Mail(Uuid),
    /// A mail asked for from here.
    MailFrom(IpAddr),
    /// A registration from here.
    Registration(IpAddr),
}

/// A counter's place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) of: Counters,
    pub(crate) name: Box<str>,
}

impl Key {
    fn window(name: String) -> Self {
        Self {
            of: Counters::Windows,
            name: name.into(),
        }
    }

    pub(crate) fn target(target: Target) -> Self {
        match target {
            Target::Account { account, factor } => Self {
                of: Counters::Attempts,
                name: format!("account.{account}.{factor}").into(),
            },
            Target::Address(email) => Self::window(format!("address.{email}")),
        }
    }

    /// A device has a count for each kind of factor: else its right password
    /// would wipe out its wrong codes.
    pub(crate) fn device(device: Uuid, factor: FactorKind) -> Self {
        Self::window(format!("device.{device}.{factor}"))
    }

    pub(crate) fn network(blind: &Blind, address: IpAddr) -> Self {
        Self::window(format!("network.{}", blind.of(&network_of(address))))
    }

    /// What comes from a network in the name of one client. The name is a
    /// stranger's input.
    pub(crate) fn client(blind: &Blind, address: IpAddr, client: &str) -> Self {
        let mut bytes = network_of(address);
        bytes.push(0);
        bytes.extend_from_slice(client.as_bytes());
        Self::window(format!("client.{}", blind.of(&bytes)))
    }

    /// What comes from a network in the names of clients.
    pub(crate) fn clients(blind: &Blind, address: IpAddr) -> Self {
        Self::window(format!("clients.{}", blind.of(&network_of(address))))
    }

    pub(crate) fn limited(blind: &Blind, limited: Limited) -> Self {
        Self::window(match limited {
            Limited::Mail(to) => format!("mail.{to}"),
            Limited::MailFrom(from) => format!("mail-from.{}", blind.of(&network_of(from))),
            Limited::Registration(from) => {
                format!("registration.{}", blind.of(&network_of(from)))
            }
        })
    }
}
