//! What is known of a request beside its body.

use std::borrow::Cow;
use std::net::IpAddr;

use countersign_events::{AccountId, Actor, MessageId, Timestamp};
use countersign_log::{Meta, SealError, random};
use poem::{FromRequest, Request, RequestBody};
use uuid::Uuid;

use crate::denied::Denied;
use crate::http::RequestInfo;
use crate::http::client::truncated;

/// When, from where, and as part of what a request is made.
#[derive(Debug, Clone)]
pub struct Circumstances {
    /// The time at which it began.
    pub now: Timestamp,
    /// Its id.
    pub correlation: Uuid,
    /// Its W3C `traceparent`.
    pub trace_parent: Option<String>,
    /// The client's address.
    pub ip: IpAddr,
    /// The client's network, truncated so that it names no person.
    pub network: String,
    /// The user agent as the client told it; never shown raw.
    pub user_agent: Option<String>,
}

impl Circumstances {
    /// Of what a program on this machine does without a request.
    pub fn of_this_machine(now: Timestamp) -> Result<Self, SealError> {
        Ok(Self {
            now,
            correlation: Uuid::from_bytes(random()?),
            trace_parent: None,
            ip: IpAddr::from([127, 0, 0, 1]),
            network: "bootstrap".into(),
            user_agent: None,
        })
    }

    /// The circumstances of a command about `account`, under a new message id.
    pub fn meta(&self, actor: Actor, account: Option<AccountId>) -> Result<Meta, SealError> {
        Ok(Meta {
            message: MessageId::generate(self.now, random()?),
            now: self.now,
            actor,
            account,
            correlation: self.correlation,
            causation: None,
            trace_parent: self.trace_parent.clone(),
        })
    }
}

impl From<&RequestInfo> for Circumstances {
    fn from(info: &RequestInfo) -> Self {
        let millis = i64::try_from(info.received_at).unwrap_or(i64::MAX);
        Self {
            now: Timestamp::from_millis(millis),
            correlation: info.id.0,
            trace_parent: info.trace_parent.as_ref().map(ToString::to_string),
            ip: info.client,
            network: truncated(info.client),
            user_agent: info.user_agent().map(Cow::into_owned),
        }
    }
}

impl<'a> FromRequest<'a> for Circumstances {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        Ok(of(request)?.into())
    }
}

/// What the shell found out about a request.
pub(crate) fn of(request: &Request) -> Result<&RequestInfo, Denied> {
    request
        .data::<RequestInfo>()
        .ok_or_else(|| Denied::Broken("a request came without its shell".into()))
}
