//! The token that a device keeps from an earlier login, so that its owner can
//! still log in while strangers guess at the password.
//!
//! It opens nothing: it only says that whoever holds it knew the password that
//! is named in it. A new password makes every device unknown.

use countersign_events::{AccountId, CredentialId};
use uuid::Uuid;

use super::seal::{Forged, Kind, Seal};

/// Seals and reads device tokens.
pub(crate) struct DeviceTokens(Seal<48>);

/// What a device token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Device {
    /// The device.
    pub(crate) id: Uuid,
    /// Whose login it was.
    pub(crate) account: AccountId,
    /// The password it was made with.
    pub(crate) password: CredentialId,
}

const KIND: Kind = Kind {
    prefix: "csd_",
    purpose: "countersign device token v1",
};

impl DeviceTokens {
    /// Under a secret of 32 bytes from the vault.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(Seal::new(KIND, secret))
    }

    /// The token of a device.
    pub(crate) fn seal(&self, device: Device) -> String {
        let mut body = [0; 48];
        body[..16].copy_from_slice(device.id.as_bytes());
        body[16..32].copy_from_slice(device.account.uuid().as_bytes());
        body[32..].copy_from_slice(device.password.uuid().as_bytes());
        self.0.seal(&body)
    }

    /// What a presented token says, if it was sealed here.
    pub(crate) fn open(&self, text: &str) -> Result<Device, Forged> {
        let body = self.0.open(text)?;
        let uuid = |from| {
            let bytes = body.get(from..from + 16).ok_or(Forged)?;
            Uuid::from_slice(bytes).map_err(|_| Forged)
        };
        Ok(Device {
            id: uuid(0)?,
            account: AccountId::from_uuid(uuid(16)?),
            password: CredentialId::from_uuid(uuid(32)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_was_sealed() {
        let tokens = DeviceTokens::new(&[1; 32]);
        let device = Device {
            id: Uuid::from_u128(1),
            account: AccountId::from_uuid(Uuid::from_u128(2)),
            password: CredentialId::from_uuid(Uuid::from_u128(3)),
        };
        assert_eq!(tokens.open(&tokens.seal(device)), Ok(device));
    }
}
