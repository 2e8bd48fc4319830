//! Devices that somebody signed in from before.

use countersign_domain::{Account, AccountCommand, KnownDevice, NewDevice, SealedIn};
use countersign_events::{AccountId, Actor, MessageId, SessionId};
use countersign_log::{DataKey, SealError, random};
use countersign_openapi as wire;
use uuid::Uuid;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::http::client::truncated;
use crate::token::Device;

impl App {
    /// What this device sends with its next login.
    pub(crate) fn device_token(
        &self,
        id: AccountId,
        account: &Account,
    ) -> Result<Option<wire::Secret>, Denied> {
        let Some(password) = account.password else {
            return Ok(None);
        };
        let device = Device {
            id: Uuid::from_bytes(random()?),
            account: id,
            password,
        };
        Ok(Some(wire::Secret::new(self.device_tokens.seal(device))))
    }

    /// Has the owner told of a sign-in from a device and a network that are
    /// both new together. The session is there already: whatever goes wrong
    /// here does not undo it.
    pub(crate) async fn note_device(
        &self,
        request: &Circumstances,
        session: SessionId,
        id: AccountId,
        account: &Account,
    ) {
        let attempt = async {
            let key = self.data_key(id).await?;
            let place = place(&request.network, request.user_agent.as_deref());
            for known in &account.devices {
                if opened(known, &key, id)? == place {
                    return Ok(());
                }
            }
            let meta = request.meta(Actor::Account(id), Some(id))?;
            let device = new_device(request, session, &key, id, meta.message)?;
            let command = AccountCommand::AddDevice(device);
            self.accounts.execute(id, &meta, &command).await?;
            Ok::<_, Denied>(())
        };
        if let Err(error) = attempt.await {
            tracing::warn!(%error, "a new device was not noted");
        }
    }
}

/// Where a request comes from, sealed.
pub(crate) fn new_device(
    request: &Circumstances,
    session: SessionId,
    key: &DataKey,
    id: AccountId,
    message: MessageId,
) -> Result<NewDevice, SealError> {
    let agent = request.user_agent.as_deref();
    Ok(NewDevice {
        session,
        ip: key.seal(&request.ip.to_string(), id, message, "ip")?,
        user_agent: agent
            .map(|agent| key.seal(agent, id, message, "user_agent"))
            .transpose()?,
    })
}

fn opened(known: &KnownDevice, key: &DataKey, id: AccountId) -> Result<String, SealError> {
    let open = |sealed: &SealedIn, field| key.open(&sealed.value, id, sealed.message, field);
    let agent = known.user_agent.as_ref();
    let agent = agent.map(|agent| open(agent, "user_agent")).transpose()?;
    let network = open(&known.ip, "ip")?.parse().map(truncated);
    Ok(place(&network.unwrap_or_default(), agent.as_deref()))
}

/// The network, and the user agent without its numbers: an update of a browser
/// is no other device.
pub(crate) fn place(network: &str, agent: Option<&str>) -> String {
    let agent = agent.unwrap_or_default();
    let agent: String = agent.chars().filter(|c| !c.is_ascii_digit()).collect();
    format!("{network}\n{agent}")
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn another_version_is_no_other_device_and_another_network_is() {
        let home = "192.0.2.0/24";
        assert_eq!(
            place(home, Some("Firefox/130.0 (Linux)")),
            place(home, Some("Firefox/131.2 (Linux)"))
        );
        assert_ne!(
            place(home, Some("Firefox/130.0 (Linux)")),
            place(home, Some("Chrome/130.0 (Linux)"))
        );
        assert_ne!(
            place(home, Some("Firefox/130.0")),
            place("198.51.100.0/24", Some("Firefox/130.0"))
        );
        assert_ne!(place(home, None), place(home, Some("Firefox")));
    }
}
