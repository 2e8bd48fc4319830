//! What a mailer must be told.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use secrecy::SecretString;

/// What a mailer must be told.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// Who the mails are from: `address` or `Name <address>`.
    pub from: String,
    /// Where answers go, if not there.
    pub reply_to: Option<String>,
    /// What the product is called in mails.
    pub product_name: String,
    /// The public URL below which the pages are that links lead to. Nothing
    /// else ever decides where a link points.
    pub link_base: String,
    /// How mails leave.
    pub transport: Transport,
    /// How often a mail that does not get through is tried again.
    pub retry: Retry,
}

/// How mails leave.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Not at all: nothing is read, and nothing is kept for later.
    Off,
    /// Into a folder, one `.eml` a mail.
    Folder(PathBuf),
    /// To a server.
    Smtp {
        /// Its name, which its certificate must bear.
        host: String,
        /// Its port.
        port: u16,
        /// What protects the connection.
        security: Security,
        /// Who we are to it, if it asks.
        user: Option<String>,
        /// And the password.
        password: Option<SecretString>,
        /// How long each part of the conversation may take.
        timeout: Duration,
    },
}

/// What protects the connection to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Nothing: for a server on the same machine.
    None,
    /// TLS after a word in the clear (RFC 3207), or no mail at all.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
}

/// How often a mail that does not get through is tried again.
#[derive(Debug, Clone)]
pub struct Retry {
    /// The wait after each try; the last one is repeated.
    pub delays: Vec<Duration>,
    /// How long after its event a mail is given up.
    pub give_up_after: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        let seconds = [5, 30, 2 * 60, 10 * 60, 60 * 60];
        Self {
            delays: seconds.map(Duration::from_secs).to_vec(),
            give_up_after: Duration::from_hours(24),
        }
    }
}

impl Retry {
    /// The wait after this many tries.
    pub(crate) fn delay(&self, tries: u64) -> Duration {
        let index = usize::try_from(tries.saturating_sub(1)).unwrap_or(usize::MAX);
        let delay = self.delays.get(index).or(self.delays.last());
        delay.copied().unwrap_or(Duration::from_mins(1))
    }
}

/// A value of the configuration that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailConfigError {
    /// The sender.
    #[error("the sender is not of the form address or Name <address>")]
    From,
    /// Where answers go.
    #[error("the address for answers is not of the form address or Name <address>")]
    ReplyTo,
    /// The product's name.
    #[error("the product's name must be 1 to 64 visible characters")]
    ProductName,
    /// The links' base.
    #[error("the base of links must be an http or https URL without query and fragment")]
    LinkBase,
    /// The user and password.
    #[error("a user of the mail server needs a password, and the other way round")]
    Credentials,
    /// A login without TLS.
    #[error("the mail server's password must not travel without TLS")]
    Exposed,
    /// The server's certificate cannot be checked against this name.
    #[error("the mail server's name cannot be used for TLS")]
    Host,
}

/// A configuration that was found to work.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    pub(crate) from: Mailbox,
    pub(crate) reply_to: Option<Mailbox>,
    pub(crate) product: String,
    /// Without a slash at its end.
    pub(crate) home: String,
}

impl MailConfig {
    /// Checks what does not check itself.
    pub fn validate(&self) -> Result<(), MailConfigError> {
        self.sender().map(|_| ())
    }

    pub(crate) fn sender(&self) -> Result<Sender, MailConfigError> {
        let mailbox = |text: &str| text.trim().parse::<Mailbox>().ok();
        let reply_to = self.reply_to.as_deref();
        let reply_to = reply_to.map(|text| mailbox(text).ok_or(MailConfigError::ReplyTo));
        let product = self.product_name.trim();
        let visible = |text: &str| !text.chars().any(char::is_control);
        if !(1..=64).contains(&product.chars().count()) || !visible(product) {
            return Err(MailConfigError::ProductName);
        }
        if let Transport::Smtp {
            user,
            password,
            security,
            ..
        } = &self.transport
        {
            if user.is_some() != password.is_some() {
                return Err(MailConfigError::Credentials);
            }
            if user.is_some() && *security == Security::None {
                return Err(MailConfigError::Exposed);
            }
        }
        Ok(Sender {
            from: mailbox(&self.from).ok_or(MailConfigError::From)?,
            reply_to: reply_to.transpose()?,
            product: product.to_owned(),
            home: home(&self.link_base).ok_or(MailConfigError::LinkBase)?,
        })
    }
}

fn home(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('/');
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\"<>\\^`{|}@".contains(&byte);
    let sound = !rest.is_empty() && !rest.starts_with('/') && rest.bytes().all(plain);
    sound.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> MailConfig {
        MailConfig {
            from: "Example <id@people.example>".into(),
            reply_to: None,
            product_name: "Example".into(),
            link_base: "https://id.people.example/".into(),
            transport: Transport::Off,
            retry: Retry::default(),
        }
    }

    #[test]
    fn what_would_make_bad_headers_or_links_is_refused() {
        assert_eq!(config().validate(), Ok(()));
        let wrong = |change: fn(&mut MailConfig)| {
            let mut config = config();
            change(&mut config);
            config.validate()
        };
        let from = wrong(|config| config.from = "a@b\r\nBcc: c@d".into());
        assert_eq!(from, Err(MailConfigError::From));
        let name = wrong(|config| config.product_name = "A\nB".into());
        assert_eq!(name, Err(MailConfigError::ProductName));
        for base in [
            "",
            "ftp://a",
            "https://",
            "https://a/?b",
            "https://a#b",
            "https://a b",
        ] {
            let mut config = config();
            config.link_base = base.into();
            assert_eq!(config.validate(), Err(MailConfigError::LinkBase), "{base}");
        }
    }

    #[test]
    fn waits_grow_and_then_stay() {
        let retry = Retry::default();
        assert_eq!(retry.delay(1), Duration::from_secs(5));
        assert_eq!(retry.delay(5), Duration::from_hours(1));
        assert_eq!(retry.delay(500), Duration::from_hours(1));
    }
}
