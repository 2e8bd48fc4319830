//! Who asks for the signatures.

use core::fmt;
use core::net::IpAddr;
use core::time::Duration;

use tracing::{Dispatch, dispatcher};
use webauthn_rs::prelude::{Url, Webauthn, WebauthnBuilder, WebauthnResult};

use crate::refusal::PasskeyError;

/// How long a browser waits for the user; challenges live as long.
const TIMEOUT: Duration = Duration::from_mins(5);

/// The relying party: makes options, judges responses.
#[derive(Clone)]
pub struct Passkeys {
    webauthn: Webauthn,
    origin: String,
    rp_id: String,
}

impl fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passkeys")
            .field("origin", &self.origin)
            .field("rp_id", &self.rp_id)
            .finish_non_exhaustive()
    }
}

impl Passkeys {
    /// A relying party whose id is the host of `public_url` and whose only
    /// origin is that of `public_url`, port included; `product` is the name
    /// that browsers show.
    ///
    /// Browsers take no IP address for a relying party. For the loopback
    /// addresses of development (`http://127.0.0.1:8080`) the relying party is
    /// `localhost` and the origin `http://localhost:8080`: the pages that use
    /// passkeys must be opened there. Any other address is an error.
    pub fn new(public_url: &str, product: &str) -> Result<Self, PasskeyError> {
        let mut url = Url::parse(public_url).map_err(|_| PasskeyError::PublicUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(PasskeyError::PublicUrl);
        }
        if url.domain().is_none() {
            if !url.host_str().is_some_and(is_loopback) {
                return Err(PasskeyError::Address);
            }
            url.set_host(Some("localhost"))
                .map_err(|_| PasskeyError::Address)?;
        }
        let origin = url.origin().ascii_serialization();
        let rp_id = url.domain().ok_or(PasskeyError::PublicUrl)?.to_owned();
        let webauthn = WebauthnBuilder::new(&rp_id, &url)
            .and_then(|builder| builder.rp_name(product).timeout(TIMEOUT).build())
            .map_err(|_| PasskeyError::Library)?;
        Ok(Self {
            webauthn,
            origin,
            rp_id,
        })
    }

    /// Asks the library. What it logs on its way holds pieces of the response,
    /// at any level, hence nobody listens.
    pub(crate) fn ask<T>(
        &self,
        question: impl FnOnce(&Webauthn) -> WebauthnResult<T>,
    ) -> WebauthnResult<T> {
        dispatcher::with_default(&Dispatch::none(), || question(&self.webauthn))
    }

    /// The one origin that responses are accepted from.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The id of the relying party: a domain.
    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }
}

/// Whether the host of a URL is an address of this very machine.
fn is_loopback(host: &str) -> bool {
    host.trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .is_ok_and(|address| address.is_loopback())
}
