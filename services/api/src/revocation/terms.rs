//! Which sessions an order is about, as it is kept in the log: sealed under the
//! operator's data key, for networks and user agents are about people.

use std::time::Duration;

use countersign_events::{AccountId, Acr, KeyEvent, KeyringId, SessionId, Timestamp};
use countersign_openapi as wire;
use countersign_views::session::{AcrFilter, IpFilter, Selection, StateFilter};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::app::App;
use crate::denied::Denied;

/// The version of the stored form. Never changed: what was sealed is read for
/// as long as the log is.
const VERSION: u16 = 1;

/// Services do not change keys in the same instant, and their clocks differ.
const KEY_MARGIN: Duration = Duration::from_mins(1);

/// What an order says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terms {
    v: u16,
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    all: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acr: Option<Acr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acr_below: Option<Acr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// When that key had ceased to sign, as the order saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started_before: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started_after: Option<Timestamp>,
    /// The moment as of which a session counts as active.
    pub(crate) at: Timestamp,
    /// The session of the operator, if it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) spared: Option<SessionId>,
    /// Whether all of the one account end by one event.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(crate) whole_account: bool,
}

fn invalid(field: &'static str, message: &'static str) -> Denied {
    Denied::Invalid { field, message }
}

fn stored(acr: wire::Acr) -> Acr {
    match acr {
        wire::Acr::Aal1 => Acr::Aal1,
        wire::Acr::Aal2 => Acr::Aal2,
        wire::Acr::Aal3 => Acr::Aal3,
    }
}

fn shown(acr: Acr) -> wire::Acr {
    match acr {
        Acr::Aal1 => wire::Acr::Aal1,
        Acr::Aal2 => wire::Acr::Aal2,
        Acr::Aal3 => wire::Acr::Aal3,
    }
}

impl Terms {
    /// What a request says, if that can be meant.
    pub(crate) fn of(said: &wire::RevocationPredicate, at: Timestamp) -> Result<Self, Denied> {
        let terms = Self {
            v: VERSION,
            all: said.all.unwrap_or_default(),
            account: said.account.map(AccountId::from_uuid),
            client: said.client.clone(),
            network: said.network.clone(),
            user_agent: said.user_agent.clone(),
            acr: said.acr.map(stored),
            acr_below: said.acr_below.map(stored),
            key: said.key.clone(),
            key_until: None,
            started_before: said.started_before.map(Timestamp::from),
            started_after: said.started_after.map(Timestamp::from),
            at,
            spared: None,
            whole_account: false,
        };
        match (terms.all, terms.has_condition()) {
            (false, false) => Err(invalid(
                "/predicate",
                "expected at least one condition, or all: true to mean everybody",
            )),
            (true, true) => Err(invalid(
                "/predicate/all",
                "expected either all: true or conditions",
            )),
            _ => Ok(()),
        }?;
        if terms.acr_below == Some(Acr::Aal1) {
            return Err(invalid("/predicate/acr_below", "expected aal2 or aal3"));
        }
        if terms.acr.is_some() && terms.acr_below.is_some() {
            return Err(invalid(
                "/predicate/acr_below",
                "expected either acr or acr_below",
            ));
        }
        if let (Some(after), Some(before)) = (terms.started_after, terms.started_before)
            && after >= before
        {
            return Err(invalid(
                "/predicate/started_after",
                "expected a time before started_before",
            ));
        }
        terms.network()?;
        Ok(terms)
    }

    fn has_condition(&self) -> bool {
        self.is_more_than_account() || self.account.is_some()
    }

    fn is_more_than_account(&self) -> bool {
        self.client.is_some()
            || self.network.is_some()
            || self.user_agent.is_some()
            || self.acr.is_some()
            || self.acr_below.is_some()
            || self.key.is_some()
            || self.started_before.is_some()
            || self.started_after.is_some()
    }

    /// The account, if nothing else is said.
    pub(crate) fn only_account(&self) -> Option<AccountId> {
        self.account.filter(|_| !self.is_more_than_account())
    }

    fn network(&self) -> Result<Option<IpFilter>, Denied> {
        let network = self.network.as_deref().map(str::parse).transpose();
        network.map_err(|_| invalid("/predicate/network", "expected an address or a network"))
    }

    /// The same as a question to the read models.
    pub(crate) fn selection(&self, state: StateFilter) -> Result<Selection, Denied> {
        let acr = self.acr.map(AcrFilter::Exactly);
        let before = [self.started_before, self.key_until];
        Ok(Selection {
            account: self.account,
            client: self.client.clone(),
            network: self.network()?,
            user_agent: self.user_agent.clone(),
            acr: acr.or(self.acr_below.map(AcrFilter::Below)),
            started_after: self.started_after,
            started_before: before.into_iter().flatten().min(),
            state,
            spared: self.spared,
        })
    }

    /// Whether two orders mean the same, whenever they were given.
    pub(crate) fn says_the_same_as(&self, other: &Self) -> bool {
        let timeless = |terms: &Self| Self {
            at: Timestamp::from_millis(0),
            key_until: None,
            spared: None,
            whole_account: false,
            ..terms.clone()
        };
        timeless(self) == timeless(other)
    }

    /// As it is shown to operators.
    pub(crate) fn show(&self) -> wire::RevocationPredicate {
        let moment = |at: Option<Timestamp>| at.map(Timestamp::to_datetime);
        let moment = |at| -> Option<OffsetDateTime> { moment(at) };
        wire::RevocationPredicate {
            all: self.all.then_some(true),
            account: self.account.map(AccountId::uuid),
            client: self.client.clone(),
            network: self.network.clone(),
            user_agent: self.user_agent.clone(),
            acr: self.acr.map(shown),
            acr_below: self.acr_below.map(shown),
            key: self.key.clone(),
            started_before: moment(self.started_before),
            started_after: moment(self.started_after),
            state: None,
        }
    }

    /// The text to seal.
    pub(crate) fn encode(&self) -> Result<String, Denied> {
        serde_json::to_string(self).map_err(|error| Denied::Broken(error.to_string()))
    }

    /// What was sealed.
    pub(crate) fn decode(text: &str) -> Result<Self, Denied> {
        let terms: Self =
            serde_json::from_str(text).map_err(|error| Denied::Broken(error.to_string()))?;
        if terms.v != VERSION {
            return Err(Denied::Broken("an order of a newer program".into()));
        }
        Ok(terms)
    }
}

impl App {
    /// Finds out when the key that is meant ceased to sign, if it did.
    ///
    /// A session may hold a token of a key if it was started before that
    /// moment: whatever is active now was active ever since it was started, so
    /// it could be refreshed while the key signed. A key that still signs
    /// leaves nobody out.
    pub(crate) async fn resolve_key(&self, terms: &mut Terms) -> Result<(), Denied> {
        let Some(kid) = terms.key.clone() else {
            return Ok(());
        };
        let subject = self.log.subject_of(KeyringId::ONLY);
        let mut signs: Option<bool> = None;
        let mut until = None;
        for message in self.log.history(subject, 1).await? {
            let envelope = message.envelope()?;
            let at = envelope.header().occurred_at;
            for event in envelope.events::<KeyEvent>().unwrap_or_default() {
                let ceased = match event {
                    KeyEvent::Activated(activated) if activated.kid == kid => {
                        signs = Some(true);
                        until = None;
                        false
                    }
                    KeyEvent::Activated(_) => true,
                    KeyEvent::Revoked(revoked) => revoked.kid == kid,
                    KeyEvent::Retired(retired) => retired.kid == kid,
                    KeyEvent::Created(_) | KeyEvent::RotationRequested(_) => false,
                };
                if ceased && signs == Some(true) {
                    signs = Some(false);
                    until = Some(at);
                }
            }
        }
        if signs.is_none() {
            return Err(invalid("/predicate/key", "no key of that id ever signed"));
        }
        terms.key_until = until.map(|at| at.plus(KEY_MARGIN));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_795_356_187_000);

    fn said(predicate: serde_json::Value) -> wire::RevocationPredicate {
        serde_json::from_value(predicate).expect("a predicate")
    }

    #[test]
    fn everybody_is_meant_only_when_it_is_said() {
        for (predicate, field) in [
            (serde_json::json!({}), "/predicate"),
            (serde_json::json!({ "all": false }), "/predicate"),
            (serde_json::json!({ "state": "active" }), "/predicate"),
            (
                serde_json::json!({ "all": true, "client": "web" }),
                "/predicate/all",
            ),
            (
                serde_json::json!({ "acr_below": "aal1" }),
                "/predicate/acr_below",
            ),
            (
                serde_json::json!({ "acr": "aal1", "acr_below": "aal2" }),
                "/predicate/acr_below",
            ),
            (
                serde_json::json!({ "network": "localhost" }),
                "/predicate/network",
            ),
            (
                serde_json::json!({ "started_after": "2026-11-22T12:00:00Z",
                    "started_before": "2026-11-22T12:00:00Z" }),
                "/predicate/started_after",
            ),
        ] {
            match Terms::of(&said(predicate), AT) {
                Err(Denied::Invalid { field: found, .. }) => assert_eq!(found, field),
                other => panic!("{other:?}"),
            }
        }
        assert!(Terms::of(&said(serde_json::json!({ "all": true })), AT).is_ok());
    }

    #[test]
    fn only_an_account_is_nothing_else() {
        let account = "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007";
        let only = Terms::of(&said(serde_json::json!({ "account": account })), AT);
        assert!(only.expect("meant").only_account().is_some());
        let more = serde_json::json!({ "account": account, "client": "web" });
        let more = Terms::of(&said(more), AT).expect("meant");
        assert_eq!(more.only_account(), None);
    }

    /// What was sealed once is read for ever.
    #[test]
    fn the_stored_form_stays_as_it_is() {
        let stored = r#"{"v":1,"account":"019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6007","client":"web","network":"192.0.2.0/24","user_agent":"curl","acr_below":"aal2","key":"kid","key_until":1795356187001,"started_before":1795356187003,"started_after":1795356187002,"at":1795356187000,"spared":"019a2b3c-5a01-7c22-9f00-1b2c3d4e5f07","whole_account":true}"#;
        let terms = Terms::decode(stored).expect("readable");
        assert_eq!(terms.encode().expect("JSON"), stored);
        let selection = terms.selection(StateFilter::Active).expect("meant");
        assert_eq!(selection.started_before, terms.key_until, "the earlier");
        let min = r#"{"v":1,"all":true,"at":5}"#;
        let terms = Terms::decode(min).expect("readable");
        assert_eq!(terms.encode().expect("JSON"), min);
        assert!(Terms::decode(r#"{"v":2,"all":true,"at":5}"#).is_err());
    }
}
