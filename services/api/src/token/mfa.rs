//! The token between a right password and a second factor. It names the
//! session that may come to be, whose subject in the log counts its tries and
//! knows whether it was used: the token itself opens nothing.

use countersign_events::SessionId;
use uuid::Uuid;

use super::seal::{Forged, Kind, Seal};

/// Seals and reads `mfa_token`s.
pub(crate) struct MfaTokens(Seal<16>);

const KIND: Kind = Kind {
    prefix: "csm_",
    purpose: "countersign mfa token v1",
};

impl MfaTokens {
    /// Under a secret of 32 bytes from the vault.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(Seal::new(KIND, secret))
    }

    /// The token of a sign-in.
    pub(crate) fn seal(&self, session: SessionId) -> String {
        self.0.seal(session.uuid().as_bytes())
    }

    /// The sign-in of a presented token, if it was sealed here.
    pub(crate) fn open(&self, text: &str) -> Result<SessionId, Forged> {
        self.0
            .open(text)
            .map(|body| SessionId::from_uuid(Uuid::from_bytes(body)))
    }
}
