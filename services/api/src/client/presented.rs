//! What a request brings to prove which client it comes from.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_openapi as wire;
use poem::http::header::AUTHORIZATION;
use poem::{FromRequest, PathPattern, Request, RequestBody};

use super::OAuthRefused;
use crate::access::Access;
use crate::app::App;
use crate::denied::Denied;
use crate::http::decoded;

/// The `client_assertion_type` of a JWT (RFC 7523 section 2.2).
const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// More of an assertion is not looked at. Ours would have about 400 bytes.
const ASSERTION_BYTES_MAX: usize = 8 * 1024;

/// What a client brings.
#[derive(Debug)]
pub(crate) struct Presented {
    /// Who it says to be.
    pub(crate) client_id: String,
    /// What shall prove it.
    pub(crate) proof: ClientProof,
}

/// What shall prove which client it is.
#[derive(Debug)]
pub(crate) enum ClientProof {
    /// A secret (RFC 6749 section 2.3.1).
    Secret(wire::Secret),
    /// A signed JWT (RFC 7523).
    Assertion(wire::Secret),
}

/// What stands in `Authorization`.
#[derive(Debug)]
pub(crate) enum ClientHeader {
    /// Nothing.
    None,
    /// A client and its secret, by the Basic scheme.
    Basic(String, wire::Secret),
    /// Something else, or more than one.
    Other,
}

impl<'a> FromRequest<'a> for ClientHeader {
    /// Only where the page of access says that a client is asked for.
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        ensure_asked(request)?;
        let mut headers = request.headers().get_all(AUTHORIZATION).iter();
        Ok(match (headers.next(), headers.next()) {
            (None, _) => Self::None,
            (Some(header), None) => basic(header.as_bytes()).unwrap_or(Self::Other),
            _ => Self::Other,
        })
    }
}

fn ensure_asked(request: &Request) -> Result<(), Denied> {
    let app = request.data::<Arc<App>>();
    let app = app.ok_or_else(|| Denied::Broken("a request came without the service".into()))?;
    let pattern = request.data::<PathPattern>();
    let pattern = pattern.map_or("", |pattern| &*pattern.0);
    match app.access.of(request.method(), pattern)? {
        Access::Client => Ok(()),
        _ => Err(Denied::Broken(
            "a client is let in where none is asked for".into(),
        )),
    }
}

/// The two halves of Basic credentials, each encoded like a form (RFC 6749
/// section 2.3.1).
fn basic(header: &[u8]) -> Option<ClientHeader> {
    let (scheme, credentials) = header.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let pair = zeroize::Zeroizing::new(STANDARD.decode(credentials.trim_ascii()).ok()?);
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let (id, secret) = (decoded(&pair[..colon])?, decoded(&pair[colon + 1..])?);
    Some(ClientHeader::Basic(id, wire::Secret::new(secret)))
}

/// The parameters of a form that say who the client is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InForm<'a> {
    id: Option<&'a str>,
    secret: Option<&'a wire::Secret>,
    assertion_type: Option<&'a str>,
    assertion: Option<&'a wire::Secret>,
}

impl Presented {
    /// Exactly one method is used in a request (RFC 6749 section 2.3).
    pub(crate) fn read(header: ClientHeader, form: InForm<'_>) -> Result<Self, OAuthRefused> {
        let assertion = match (form.assertion_type, form.assertion) {
            (None, None) => None,
            (Some(JWT_BEARER), Some(jwt)) if jwt.expose().len() <= ASSERTION_BYTES_MAX => Some(jwt),
            _ => return Err(OAuthRefused::InvalidClient),
        };
        match (header, form.secret, assertion) {
            (ClientHeader::Basic(client_id, secret), None, None) => {
                // A second name for the client must at least be the same.
                if form.id.is_some_and(|other| other != client_id) {
                    return Err(OAuthRefused::InvalidClient);
                }
                Ok(Self {
                    client_id,
                    proof: ClientProof::Secret(secret),
                })
            }
            (ClientHeader::None, Some(secret), None) => Ok(Self {
                client_id: form.id.ok_or(OAuthRefused::InvalidClient)?.to_owned(),
                proof: ClientProof::Secret(secret.clone()),
            }),
            (ClientHeader::None, None, Some(jwt)) => {
                let client_id = super::assertion::subject(jwt.expose());
                let client_id = client_id.ok_or(OAuthRefused::InvalidClient)?;
                if form.id.is_some_and(|other| other != client_id) {
                    return Err(OAuthRefused::InvalidClient);
                }
                Ok(Self {
                    client_id,
                    proof: ClientProof::Assertion(jwt.clone()),
                })
            }
            _ => Err(OAuthRefused::InvalidClient),
        }
    }
}

impl<'a> From<&'a wire::TokenRequest> for InForm<'a> {
    fn from(form: &'a wire::TokenRequest) -> Self {
        Self {
            id: form.client_id.as_deref(),
            secret: form.client_secret.as_ref(),
            assertion_type: form.client_assertion_type.as_deref(),
            assertion: form.client_assertion.as_ref(),
        }
    }
}

impl<'a> From<&'a wire::TokenQuestion> for InForm<'a> {
    fn from(form: &'a wire::TokenQuestion) -> Self {
        Self {
            id: form.client_id.as_deref(),
            secret: form.client_secret.as_ref(),
            assertion_type: form.client_assertion_type.as_deref(),
            assertion: form.client_assertion.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Option<(String, String)> {
        match basic(text.as_bytes())? {
            ClientHeader::Basic(id, secret) => Some((id, secret.expose().to_owned())),
            _ => None,
        }
    }

    #[test]
    fn basic_credentials_are_encoded_like_a_form() {
        let encoded = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(header(&encoded("id:secret")), pair("id", "secret"));
        assert_eq!(header(&encoded("a%3Ab:c+d:e")), pair("a:b", "c d:e"));
        let lower = encoded("id:s").replace("Basic", "bAsIc");
        assert_eq!(header(&lower), pair("id", "s"));
        for bad in [
            "",
            "Basic",
            "Basic ",
            "Basic !!",
            "Bearer abc",
            &encoded("no colon"),
            &encoded("id:%zz"),
        ] {
            assert_eq!(header(bad), None, "{bad}");
        }
    }
}
