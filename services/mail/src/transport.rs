//! The way out.

use std::path::PathBuf;

use crate::compose::{Form, Mail};
use crate::config::{MailConfig, MailConfigError, Sender, Transport};
use crate::folder;
use crate::smtp::{Connection, Smtp};
use crate::trouble::{Failure, Trouble};

/// Where mails go.
pub(crate) enum Out {
    Folder(PathBuf),
    Smtp(Smtp),
}

/// A way out that is open, for one mail.
pub(crate) enum Opened {
    Folder(PathBuf),
    Smtp(Box<Connection>),
}

impl Out {
    /// None if mail is off.
    pub(crate) fn new(
        config: &MailConfig,
        sender: &Sender,
    ) -> Result<Option<Self>, MailConfigError> {
        Ok(match &config.transport {
            Transport::Off => None,
            Transport::Folder(folder) => Some(Self::Folder(folder.clone())),
            Transport::Smtp {
                host,
                port,
                security,
                user,
                password,
                timeout,
            } => {
                let login = user.clone().zip(password.clone());
                let hello = sender.from.email.domain();
                let smtp = Smtp::new(host, *port, *security, login, hello, *timeout)?;
                Some(Self::Smtp(smtp))
            }
        })
    }

    pub(crate) fn form(&self) -> Form {
        match self {
            Self::Folder(_) => Form::File,
            Self::Smtp(_) => Form::Wire,
        }
    }

    /// As far as it goes without a mail, so that a server that is away costs
    /// no claim.
    pub(crate) async fn open(&self) -> Result<Opened, Trouble> {
        Ok(match self {
            Self::Folder(folder) => Opened::Folder(folder.clone()),
            Self::Smtp(smtp) => Opened::Smtp(Box::new(smtp.connect().await?)),
        })
    }
}

impl Opened {
    pub(crate) async fn deliver(self, mail: Mail) -> Result<(), Failure> {
        match self {
            Self::Smtp(connection) => connection.deliver(&mail).await,
            Self::Folder(folder) => {
                let put = move || folder::put(&folder, &mail);
                // A rename that was not seen to succeed may have.
                let put = tokio::task::spawn_blocking(put).await;
                let broken = |_| Failure::Unknown(Trouble::Broken);
                put.map_err(broken)?
                    .map_err(|error| Failure::NotYet(Trouble::Folder(error.kind())))
            }
        }
    }
}
