//! How a client carries what it holds between requests: the refresh token in
//! the body or in a cookie, the device token in a header.

use countersign_domain::Account;
use countersign_events::{AccountId, SessionId};
use countersign_openapi::{self as wire, DEVICE_HEADER};
use poem::{FromRequest, Request, RequestBody};

use crate::app::App;
use crate::csrf::CSRF_TOKEN;
use crate::denied::Denied;
use crate::grant::Granted;
use crate::http::cookie::{self, BadCookie, Transport};
use crate::token::{Device, RefreshToken};

/// What a request carries beside its body.
pub(crate) struct Carrier {
    transport: Transport,
    /// Looked at only where it is used: a login never reads it.
    cookie: Result<Option<wire::Secret>, BadCookie>,
    csrf: Option<wire::Secret>,
    device: Option<wire::Secret>,
}

impl<'a> FromRequest<'a> for Carrier {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let headers = request.headers();
        let transport = Transport::of(headers).map_err(|_| Denied::InvalidParameter {
            name: "Countersign-Transport",
            message: "expected cookie or body",
        })?;
        // One value of a header; several are none.
        let only = |name: &str| {
            let mut values = headers.get_all(name).iter();
            let value = values.next()?.to_str().ok()?;
            values.next().is_none().then(|| wire::Secret::new(value))
        };
        Ok(Self {
            transport,
            cookie: cookie::read(headers),
            csrf: only(CSRF_TOKEN.as_str()),
            device: only(DEVICE_HEADER),
        })
    }
}

impl Carrier {
    /// The refresh token of the body or, without one, of the cookie. What a
    /// cookie authenticates needs the CSRF token of its session, too.
    pub(crate) fn refresh_token(
        &self,
        app: &App,
        body: Option<&wire::Secret>,
    ) -> Result<Option<RefreshToken>, Denied> {
        if let Some(token) = body {
            let opened = app.refresh_tokens.open(token.expose());
            return opened.map(Some).map_err(|_| Denied::RefreshInvalid);
        }
        let Some(token) = self.cookie_token(app)? else {
            return Ok(None);
        };
        let csrf = self.csrf.as_ref().map_or("", wire::Secret::expose);
        if !app.csrf_tokens.check(token.session, csrf) {
            return Err(Denied::CsrfInvalid);
        }
        Ok(Some(token))
    }

    /// The refresh token of the cookie, for what changes nothing.
    pub(crate) fn cookie_token(&self, app: &App) -> Result<Option<RefreshToken>, Denied> {
        let cookie = self.cookie.as_ref().map_err(|_| Denied::RefreshInvalid)?;
        let Some(cookie) = cookie else {
            return Ok(None);
        };
        let opened = app.refresh_tokens.open(cookie.expose());
        opened.map(Some).map_err(|_| Denied::RefreshInvalid)
    }

    /// Whether the client keeps its refresh token in a cookie.
    pub(crate) fn by_cookie(&self) -> bool {
        self.transport == Transport::Cookie
    }

    /// Whether the cookie holds this session's refresh token, which is then
    /// replaced whenever the person proves again who they are.
    pub(crate) fn holds(&self, app: &App, session: SessionId) -> bool {
        let held = self.cookie_token(app).ok().flatten();
        held.is_some_and(|token| token.session == session)
    }

    /// Moves the refresh token of a grant to where the client wants it, and
    /// says what `Set-Cookie` has to say.
    pub(crate) fn carry(granted: &mut Granted, by_cookie: bool) -> Result<Option<String>, Denied> {
        if !by_cookie {
            return Ok(None);
        }
        let Some(token) = granted.tokens.refresh_token.take() else {
            return Ok(None);
        };
        let broken = || Denied::Broken("a refresh token does not fit a cookie".into());
        let value =
            cookie::set(token.expose(), granted.refresh_expires_in).map_err(|_| broken())?;
        value
            .to_str()
            .map(|text| Some(text.to_owned()))
            .map_err(|_| broken())
    }

    /// Takes the cookie away, if there is one.
    pub(crate) fn clear(&self) -> Option<String> {
        let value = cookie::clear();
        self.cookie.as_ref().ok()?.as_ref()?;
        value.to_str().ok().map(str::to_owned)
    }

    /// The device, if it has logged in to this account with the password of
    /// now before.
    pub(crate) fn device(&self, app: &App, id: AccountId, account: &Account) -> Option<Device> {
        let presented = self.device.as_ref()?;
        let device = app.device_tokens.open(presented.expose()).ok()?;
        (device.account == id && account.password == Some(device.password)).then_some(device)
    }
}
