//! A conversation with a mail server (RFC 5321).
//!
//! Step by step, because what a failure means depends on how far it had come:
//! before the content it is certain that nothing was accepted, after it only
//! the server's answer tells.

use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{Error, response::Response};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;

use crate::compose::Mail;
use crate::config::{MailConfigError, Security};
use crate::trouble::{Failure, Trouble};

/// A mail server, and how it is spoken to.
pub(crate) struct Smtp {
    host: String,
    port: u16,
    security: Security,
    tls: Option<TlsParameters>,
    login: Option<(String, SecretString)>,
    hello: ClientId,
    limit: Duration,
}

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);
/// What a login is made with. The password is readable in both, so the
/// configuration allows a login under TLS only.
const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

impl Smtp {
    pub(crate) fn new(
        host: &str,
        port: u16,
        security: Security,
        login: Option<(String, SecretString)>,
        hello: &str,
        limit: Duration,
    ) -> Result<Self, MailConfigError> {
        let tls = match security {
            Security::None => None,
            Security::StartTls | Security::Tls => {
                let made = TlsParameters::new(host.to_owned());
                Some(made.map_err(|_| MailConfigError::Host)?)
            }
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            security,
            tls,
            login,
            hello: ClientId::Domain(hello.to_owned()),
            limit,
        })
    }

    /// Connects, as far as the first mail. Whatever fails here may be mended:
    /// no mail is at fault.
    pub(crate) async fn connect(&self) -> Result<Connection, Trouble> {
        let ready = timeout(self.limit, self.greet()).await;
        let inner = ready.map_err(|_| Trouble::Timeout)??;
        Ok(Connection {
            inner,
            limit: self.limit,
        })
    }

    async fn greet(&self) -> Result<AsyncSmtpConnection, Trouble> {
        let at_once = match self.security {
            Security::Tls => self.tls.clone(),
            Security::None | Security::StartTls => None,
        };
        let server = (self.host.as_str(), self.port);
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            server,
            Some(self.limit),
            &self.hello,
            at_once,
            None,
        )
        .await
        .map_err(|error| unwelcome(&error, Trouble::Unreachable))?;
        if let (Security::StartTls, Some(tls)) = (self.security, &self.tls) {
            connection
                .starttls(tls.clone(), &self.hello)
                .await
                .map_err(|error| unwelcome(&error, Trouble::Broken))?;
        }
        if let Some((user, password)) = &self.login {
            let login = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection
                .auth(MECHANISMS, &login)
                .await
                .map_err(|error| unwelcome(&error, Trouble::Broken))?;
        }
        Ok(connection)
    }
}

/// An open conversation, for one mail.
pub(crate) struct Connection {
    inner: AsyncSmtpConnection,
    limit: Duration,
}

impl Connection {
    pub(crate) async fn deliver(mut self, mail: &Mail) -> Result<(), Failure> {
        let envelope = timeout(self.limit, self.envelope(mail)).await;
        envelope.map_err(|_| Failure::NotYet(Trouble::Timeout))??;
        // From here on the server may have it without our knowing.
        let content = timeout(self.limit, self.inner.message(&mail.bytes)).await;
        match content {
            Err(_) => return Err(Failure::Unknown(Trouble::Timeout)),
            Ok(Err(error)) => match answered(&error) {
                Some(failure) => return Err(failure),
                None => return Err(Failure::Unknown(Trouble::Broken)),
            },
            Ok(Ok(_)) => {}
        }
        let _ = timeout(FAREWELL, self.inner.quit()).await;
        Ok(())
    }

    async fn envelope(&mut self, mail: &Mail) -> Result<Response, Failure> {
        let server = self.inner.server_info();
        let mut parameters = Vec::new();
        let needs = [
            (
                mail.from.to_string().is_ascii() && mail.to.to_string().is_ascii(),
                Extension::SmtpUtfEight,
                MailParameter::SmtpUtfEight,
            ),
            (
                mail.bytes.is_ascii(),
                Extension::EightBitMime,
                MailParameter::Body(MailBodyParameter::EightBitMime),
            ),
        ];
        for (is_plain, extension, parameter) in needs {
            if !is_plain && !server.supports_feature(extension) {
                return Err(Failure::Never(Trouble::Unsupported));
            }
            if !is_plain {
                parameters.push(parameter);
            }
        }
        let failed = |error: Error| {
            let failure = answered(&error);
            failure.unwrap_or(Failure::NotYet(Trouble::Broken))
        };
        let from = MailFrom::new(Some(mail.from.clone()), parameters);
        self.inner.command(from).await.map_err(failed)?;
        let to = Rcpt::new(mail.to.clone(), Vec::new());
        self.inner.command(to).await.map_err(failed)?;
        self.inner.command(Data).await.map_err(failed)
    }
}

/// What the server's no means, if it said no.
fn answered(error: &Error) -> Option<Failure> {
    let trouble = Trouble::Answered(error.status()?.to_string());
    Some(if error.is_permanent() {
        Failure::Never(trouble)
    } else {
        Failure::NotYet(trouble)
    })
}

/// Why no conversation came about.
fn unwelcome(error: &Error, otherwise: Trouble) -> Trouble {
    if let Some(code) = error.status() {
        Trouble::Unwelcome(code.to_string())
    } else if error.is_timeout() {
        Trouble::Timeout
    } else if error.is_tls() {
        Trouble::Tls
    } else if error.is_client() {
        Trouble::Unsupported
    } else {
        otherwise
    }
}
