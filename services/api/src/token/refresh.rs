//! Refresh tokens. One follows from its session and generation, so the same
//! successor can be handed out again byte for byte.

use countersign_events::SessionId;
use uuid::Uuid;

use super::seal::{Forged, Kind, Seal};

/// Seals and reads refresh tokens.
pub(crate) struct RefreshTokens(Seal<20>);

/// What a refresh token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RefreshToken {
    /// The session it continues.
    pub(crate) session: SessionId,
    /// Its place in the chain of rotations.
    pub(crate) generation: u32,
}

const KIND: Kind = Kind {
    prefix: "csr_",
    purpose: "countersign refresh token v1",
};

impl RefreshTokens {
    /// Under a secret of 32 bytes from the vault.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(Seal::new(KIND, secret))
    }

    /// The token of a session's generation.
    pub(crate) fn seal(&self, token: RefreshToken) -> String {
        let mut body = [0; 20];
        body[..16].copy_from_slice(token.session.uuid().as_bytes());
        body[16..].copy_from_slice(&token.generation.to_be_bytes());
        self.0.seal(&body)
    }

    /// What a presented token says, if it was sealed here.
    pub(crate) fn open(&self, text: &str) -> Result<RefreshToken, Forged> {
        let body = self.0.open(text)?;
        let (session, generation) = body.split_at(16);
        let session = Uuid::from_slice(session).map_err(|_| Forged)?;
        let generation = generation.try_into().map_err(|_| Forged)?;
        Ok(RefreshToken {
            session: SessionId::from_uuid(session),
            generation: u32::from_be_bytes(generation),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_was_sealed() {
        let tokens = RefreshTokens::new(&[1; 32]);
        let token = RefreshToken {
            session: SessionId::from_uuid(Uuid::from_u128(7)),
            generation: 0x0102_0304,
        };
        assert_eq!(tokens.open(&tokens.seal(token)), Ok(token));
    }
}
