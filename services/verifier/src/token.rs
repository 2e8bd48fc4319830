//! The shape of a token: JWS compact serialization (RFC 7515 section 7.1).

use crate::Refusal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest header that is looked at, encoded. Ours have 115 bytes.
const MAX_HEADER_CHARS: usize = 1024;
/// The longest signature there is, encoded: RSA with 8192 bits.
const MAX_SIGNATURE_CHARS: usize = 1366;

/// A token taken apart. Nothing in it has been believed yet.
pub(crate) struct Token<'a> {
    /// What the signature is over: the first two parts and their dot.
    pub(crate) signed: &'a [u8],
    /// Header, payload and signature, decoded, one after the other.
    decoded: Vec<u8>,
    payload_at: usize,
    signature_at: usize,
}

impl<'a> Token<'a> {
    /// Takes `token` apart, in time proportional to `max_bytes` at most.
    ///
    /// Exactly three parts, none empty, in base64url without padding, white
    /// space or stray trailing bits: a token has one spelling.
    pub(crate) fn split(token: &'a str, max_bytes: usize) -> Result<Self, Refusal> {
        if token.len() > max_bytes {
            return Err(Refusal::TooLarge);
        }
        let (header, rest) = token.split_once('.').ok_or(Refusal::Malformed)?;
        let (payload, signature) = rest.split_once('.').ok_or(Refusal::Malformed)?;
        // So that only the payload can be large, whatever `max_bytes` is.
        if header.len() > MAX_HEADER_CHARS || signature.len() > MAX_SIGNATURE_CHARS {
            return Err(Refusal::Malformed);
        }
        // A third dot is outside the alphabet, so it is refused here too.
        let mut decoded = Vec::with_capacity(token.len());
        decode(header, &mut decoded)?;
        let payload_at = decoded.len();
        decode(payload, &mut decoded)?;
        let signature_at = decoded.len();
        decode(signature, &mut decoded)?;
        let signed = &token.as_bytes()[..token.len() - signature.len() - 1];
        Ok(Self {
            signed,
            decoded,
            payload_at,
            signature_at,
        })
    }

    /// The header's text.
    pub(crate) fn header(&self) -> Result<&str, Refusal> {
        text(&self.decoded[..self.payload_at])
    }

    /// The payload's text.
    pub(crate) fn payload(&self) -> Result<&str, Refusal> {
        text(&self.decoded[self.payload_at..self.signature_at])
    }

    /// The signature's bytes.
    pub(crate) fn signature(&self) -> &[u8] {
        &self.decoded[self.signature_at..]
    }
}

fn decode(part: &str, decoded: &mut Vec<u8>) -> Result<(), Refusal> {
    if part.is_empty() {
        return Err(Refusal::Malformed);
    }
    URL_SAFE_NO_PAD
        .decode_vec(part, decoded)
        .map_err(|_| Refusal::Malformed)
}

fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|_| Refusal::Malformed)
}
