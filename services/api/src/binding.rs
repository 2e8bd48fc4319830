//! Where a session is tied to: the network and the kind of device it was
//! started on.

use countersign_domain::{Live, Place};
use countersign_events::{AccountId, MessageId, Sealed};
use countersign_log::{DataKey, SealError};

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::config::Binding;
use crate::denied::Denied;
use crate::device;

/// The field that the seal of a binding names.
const FIELD: &str = "binding";

impl App {
    /// What a session of this request is tied to, sealed; nothing if sessions
    /// are tied to nothing.
    pub(crate) fn binding(
        &self,
        request: &Circumstances,
        key: &DataKey,
        account: AccountId,
        message: MessageId,
    ) -> Result<Option<Sealed>, SealError> {
        match self.config.binding {
            Binding::Off => Ok(None),
            Binding::Observe | Binding::Enforce => {
                key.seal(&place(request), account, message, FIELD).map(Some)
            }
        }
    }

    /// Whether a request comes from where its session is tied to. A session
    /// from a time when none were tied comes from anywhere.
    pub(crate) fn place(
        &self,
        request: &Circumstances,
        key: &DataKey,
        live: &Live,
        message: MessageId,
    ) -> Result<Place, Denied> {
        let Some(bound) = &live.binding else {
            return Ok(Place::Same);
        };
        let account = live.account;
        let tied = || key.open(&bound.value, account, bound.message, FIELD);
        match self.config.binding {
            Binding::Off => Ok(Place::Same),
            Binding::Observe | Binding::Enforce if tied()? == place(request) => Ok(Place::Same),
            Binding::Enforce => Ok(Place::Refused),
            Binding::Observe => Ok(Place::Noted {
                user_agent: request
                    .user_agent
                    .as_deref()
                    .map(|agent| key.seal(agent, account, message, "user_agent"))
                    .transpose()?,
                binding: key.seal(&place(request), account, message, FIELD)?,
            }),
        }
    }
}

fn place(request: &Circumstances) -> String {
    device::place(&request.network, request.user_agent.as_deref())
}
