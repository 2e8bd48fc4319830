//! Whom a message concerns: the account as it was then, and as it is now.

use countersign_domain::{Account, Aggregate as _, Fact, SealedIn};
use countersign_events::{AccountEvent, AccountId, MessageId, Sealed, Timestamp};
use countersign_log::{DataKey, Log, RawMessage};
use lettre::Address;
use zeroize::Zeroizing;

use crate::kind::{Kind, To};
use crate::plain;
use crate::plan::Planned;
use crate::trouble::Trouble;

/// Everything about an account that its mails need.
pub(super) struct Situation {
    pub(super) account: AccountId,
    message: MessageId,
    /// Right after the message: a warning goes to the address that it is
    /// about, not to one that was put in its place meanwhile.
    then: Account,
    /// As far as the log is known.
    now: Account,
    key: DataKey,
}

/// A mail with its address, and what is told of the circumstances.
pub(super) struct Addressed {
    pub(super) kind: Kind,
    pub(super) to: To,
    pub(super) address: Address,
    pub(super) name: Option<String>,
    pub(super) network: Option<String>,
    pub(super) agent: Option<String>,
}

impl Situation {
    /// None if there is nobody to write to any more.
    pub(super) async fn read(
        log: &Log,
        account: AccountId,
        message: &RawMessage,
    ) -> Result<Option<Self>, Trouble> {
        let history = log.history(message.subject, 1).await;
        let history = history.map_err(|_| Trouble::Log)?;
        let mut now = Account::default();
        let mut then = None;
        for stored in &history {
            let id = fold(&mut now, stored)?;
            if stored.position == message.position {
                then = Some((id, now.clone()));
            }
        }
        // A replica may be behind the leader that delivered the message.
        let (message, then) = then.ok_or(Trouble::Log)?;
        if !now.exists() {
            return Ok(None);
        }
        let key = log.vault().data_key(account).await;
        let Some(key) = key.map_err(|_| Trouble::Log)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            account,
            message,
            then,
            now,
            key,
        }))
    }

    /// The mails that still say something, one an address.
    pub(super) fn addressed(
        &self,
        planned: Vec<Planned>,
        now: Timestamp,
    ) -> Vec<Result<Addressed, Trouble>> {
        let timely = planned
            .into_iter()
            .filter(|mail| mail.kind.is_timely(&self.now, now));
        let mut found: Vec<Result<Addressed, Trouble>> = Vec::new();
        for mail in timely.map(|mail| self.address(mail)) {
            let Ok(mail) = mail else {
                found.push(mail);
                continue;
            };
            let same = found
                .iter_mut()
                .flatten()
                .find(|other| is_same(&other.address, &mail.address));
            match same {
                None => found.push(Ok(mail)),
                Some(other) if other.kind.weight() < mail.kind.weight() => *other = mail,
                Some(_) => {}
            }
        }
        found
    }

    fn address(&self, mail: Planned) -> Result<Addressed, Trouble> {
        let Planned { kind, to } = mail;
        let address = match &to {
            To::Holder => {
                let email = self.then.email.as_ref().ok_or(Trouble::Address)?;
                self.open(email, "email")?
            }
            To::Candidate(email) => self.open_here(email, "email")?,
            To::Previous(email) => self.open_here(email, "previous_email")?,
        };
        let address: Address = address.parse().map_err(|_| Trouble::Address)?;
        // Who gave a name is only known to be who gets the mail once the
        // address is proven. Before, a name is a way to make us say something
        // to a stranger.
        let known = self.then.email_verified && !matches!(to, To::Candidate(_));
        let name = self.then.display_name.as_ref().filter(|_| known);
        let name = name.map(|name| self.open(name, "display_name"));
        let name = name.transpose()?.and_then(|name| plain::name(&name));
        let (ip, agent) = match &kind {
            Kind::ChallengeFailed { ip, .. } => (Some(ip), None),
            Kind::DeviceAdded { ip, user_agent } => (Some(ip), user_agent.as_ref()),
            _ => (None, None),
        };
        let ip = ip.map(|ip| self.open_here(ip, "ip")).transpose()?;
        let agent = agent.map(|agent| self.open_here(agent, "user_agent"));
        let agent = agent.transpose()?;
        Ok(Addressed {
            network: ip.map(|ip| plain::network(&ip)),
            agent: agent.map(|agent| plain::agent(&agent)),
            kind,
            to,
            address,
            name,
        })
    }

    fn open(&self, sealed: &SealedIn, field: &str) -> Result<Zeroizing<String>, Trouble> {
        let opened = self
            .key
            .open(&sealed.value, self.account, sealed.message, field);
        opened.map(Zeroizing::new).map_err(|_| Trouble::Unreadable)
    }

    /// What was sealed in the message itself.
    fn open_here(&self, sealed: &Sealed, field: &str) -> Result<Zeroizing<String>, Trouble> {
        let opened = self.key.open(sealed, self.account, self.message, field);
        opened.map(Zeroizing::new).map_err(|_| Trouble::Unreadable)
    }
}

/// Two spellings that reach one mailbox everywhere in practice.
fn is_same(one: &Address, other: &Address) -> bool {
    one.to_string().to_lowercase() == other.to_string().to_lowercase()
}

fn fold(account: &mut Account, stored: &RawMessage) -> Result<MessageId, Trouble> {
    let envelope = stored.envelope().map_err(|_| Trouble::Unreadable)?;
    let events: Vec<AccountEvent> = envelope.events().map_err(|_| Trouble::Unreadable)?;
    let header = envelope.header();
    for event in &events {
        account.evolve(
            event,
            Fact {
                occurred_at: header.occurred_at,
                sequence: stored.position.sequence,
                message: header.id,
            },
        );
    }
    Ok(header.id)
}
