//! People who come with a browser: the refresh token is in a cookie.

use serde_json::{Value, json};

use super::{Answer, Call, Client, PASSWORD};

/// The name of the one cookie.
pub(crate) const COOKIE: &str = "__Host-countersign";

/// What a browser holds of somebody who has signed in.
#[derive(Debug, Clone)]
pub(crate) struct InBrowser {
    /// As in a `Cookie` header.
    pub(crate) cookie: String,
    /// For `X-CSRF-Token`.
    pub(crate) csrf: String,
    pub(crate) session: String,
    pub(crate) access: String,
}

impl Answer {
    /// Every `Set-Cookie`.
    pub(crate) fn cookies(&self) -> Vec<&str> {
        let values = self.headers.get_all("set-cookie").iter();
        values.map(|value| value.to_str().expect("ASCII")).collect()
    }

    /// The value that the one `Set-Cookie` gives to our cookie.
    #[track_caller]
    pub(crate) fn cookie(&self) -> String {
        let [set] = self.cookies()[..] else {
            panic!("not one cookie: {:?} {}", self.cookies(), self.text())
        };
        let (pair, _) = set.split_once(';').expect("attributes");
        let (name, value) = pair.split_once('=').expect("a value");
        assert_eq!(name, COOKIE);
        value.to_owned()
    }
}

impl Call {
    /// As a page that wants its refresh token in a cookie.
    pub(crate) fn for_cookie(self) -> Self {
        self.header("countersign-transport", "cookie")
    }

    /// With our cookie.
    pub(crate) fn with_cookie(self, value: &str) -> Self {
        self.header("cookie", &format!("theme=dark; {COOKIE}={value}"))
    }

    /// As a page of ours that somebody has signed in to.
    pub(crate) fn in_page(self, person: &InBrowser) -> Self {
        self.for_cookie()
            .with_cookie(&person.cookie)
            .header("x-csrf-token", &person.csrf)
    }
}

impl Client {
    /// A login whose refresh token comes in a cookie.
    pub(crate) fn cookie_login(&self, email: &str) -> Call {
        let form = json!({ "email": email, "password": PASSWORD });
        self.post("/v1/auth/login", &form).for_cookie()
    }

    /// The CSRF token for whoever's cookie it is.
    pub(crate) async fn csrf(&self, cookie: &str) -> String {
        let call = self.get("/v1/auth/csrf").with_cookie(cookie);
        let answer = call.send().await.expect(200);
        let body = answer.json();
        body["csrf_token"].as_str().expect("a token").to_owned()
    }

    /// Somebody comes back in a browser.
    pub(crate) async fn in_browser(&self, email: &str) -> InBrowser {
        let answer = self.cookie_login(email).send().await.expect(200);
        let body = answer.json();
        let text = |name: &str| body[name].as_str().expect("text").to_owned();
        assert_eq!(body["refresh_token"], Value::Null, "no script may read it");
        let cookie = answer.cookie();
        InBrowser {
            csrf: self.csrf(&cookie).await,
            cookie,
            session: text("session_id"),
            access: text("access_token"),
        }
    }
}
