//! What people find in their mail: a real mailer and a real mail server beside
//! a world.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use countersign_mail::Mailer;
use serde_json::json;

use super::smtp::{Received, SmtpServer};
use super::{Answer, Client, ISSUER, PATIENCE, World, eventually};

/// Subjects of mails with a link.
pub(crate) const VERIFY: &str = "Confirm your address";
pub(crate) const CHANGE: &str = "Confirm your new address";
pub(crate) const RESET: &str = "Set a new password";

/// Every mail that a world sends.
pub(crate) struct Mailbox {
    server: SmtpServer,
    /// Those that were opened, by their place in the server.
    opened: Mutex<HashSet<usize>>,
    _mailer: Mailer,
}

impl Mailbox {
    /// A world whose mails arrive.
    pub(crate) async fn with(differing: &[(&str, &str)]) -> (World, Self) {
        let server = SmtpServer::start().await;
        let port = server.address.port().to_string();
        let mut settings = vec![
            ("mail_transport", "smtp"),
            ("smtp_host", "127.0.0.1"),
            ("smtp_port", &port),
            ("smtp_security", "none"),
        ];
        settings.extend_from_slice(differing);
        let world = World::with(&settings).await;
        let clock = world.clock.clock();
        let mailer = countersign::mail::start(&world.settings, &world.log, &clock, ISSUER).await;
        let mailbox = Self {
            server,
            opened: Mutex::default(),
            _mailer: mailer.unwrap_or_else(|error| panic!("{error}")),
        };
        (world, mailbox)
    }

    /// Opens the next mail to an address with such a subject, and waits for it
    /// if it is not there.
    pub(crate) async fn open(&self, to: &str, subject: &str) -> Received {
        let mut found = None;
        let arrived = || {
            found = self.unopened(to, subject);
            let arrived = found.is_some();
            async move { arrived }
        };
        eventually(PATIENCE, arrived).await;
        found.expect("it arrived")
    }

    /// The token in the link of the next such mail.
    pub(crate) async fn token(&self, to: &str, subject: &str) -> String {
        let mail = self.open(to, subject).await;
        mail.token().expect("a link with a token")
    }

    /// All mails to an address, opened or not.
    pub(crate) fn to(&self, to: &str) -> Vec<Received> {
        let mut mails = self.server.accepted();
        mails.retain(|mail| mail.to == to);
        mails
    }

    /// Waits until nothing that the log says has yet to be told.
    pub(crate) async fn told(&self, world: &World) {
        let told = || async {
            for shard in 0..world.log.shards() {
                let waiting = world.log.reactor_backlog("mail", shard).await;
                if waiting.ok() != Some(0) {
                    return false;
                }
            }
            true
        };
        eventually(PATIENCE, told).await;
    }

    fn unopened(&self, to: &str, subject: &str) -> Option<Received> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = |mail: &Received| {
            let found = mail.header("Subject").unwrap_or_default();
            mail.to == to && found.starts_with(subject)
        };
        let mails = self.server.accepted().into_iter().enumerate();
        let mut unopened = mails.filter(|(place, mail)| !opened.contains(place) && is_meant(mail));
        let (place, mail) = unopened.next()?;
        opened.insert(place);
        Some(mail)
    }
}

impl Client {
    /// Says that the password is forgotten.
    pub(crate) async fn forgot(&self, email: &str) -> Answer {
        let form = json!({ "email": email });
        self.post("/v1/auth/password/forgot", &form).send().await
    }

    /// Sets another password by the token in a mail.
    pub(crate) async fn reset_password(&self, token: &str, password: &str) -> Answer {
        let form = json!({ "token": token, "password": password });
        self.post("/v1/auth/password/reset", &form).send().await
    }

    /// Proves an address by the token in a mail.
    pub(crate) async fn confirm_email(&self, token: &str) -> Answer {
        let form = json!({ "token": token });
        self.post("/v1/auth/email/verify", &form).send().await
    }

    /// Asks for another address.
    pub(crate) async fn ask_for_email(&self, access: &str, email: &str) -> Answer {
        let form = json!({ "email": email });
        self.post("/v1/me/email", &form).by(access).send().await
    }

    /// Changes the password, without the current one if there is none.
    pub(crate) async fn change_password(
        &self,
        access: &str,
        current: Option<&str>,
        new: &str,
    ) -> Answer {
        let mut form = json!({ "new_password": new });
        if let Some(current) = current {
            form["current_password"] = json!(current);
        }
        let call = self.post("/v1/auth/password/change", &form);
        call.by(access).send().await
    }
}
