//! The mailer beside the service.

use std::path::PathBuf;
use std::time::Duration;

use countersign_api::Clock;
use countersign_log::{Log, SealError, random};
use countersign_mail::{ActionTokens, MailConfig, Mailer, Retry, Security, Transport};
use zeroize::Zeroizing;

use crate::parts::{Failure, text};
use crate::settings::Settings;

/// How long each part of a conversation with a mail server may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The folder that mails are put into, if they are not sent.
pub fn folder(settings: &Settings) -> Option<PathBuf> {
    match text(settings, "mail_transport").as_str() {
        "" | "off" | "smtp" => None,
        path => Some(PathBuf::from(path)),
    }
}

/// Starts what sends the mails. `issuer` is where links lead unless a setting
/// says otherwise.
pub async fn start(
    settings: &Settings,
    log: &Log,
    clock: &Clock,
    issuer: &str,
) -> Result<Mailer, Failure> {
    let make = || Ok::<_, SealError>(Zeroizing::new(random::<32>()?.to_vec()));
    let secret = log.vault().named("action-token-key", make).await?;
    let base = text(settings, "mail_link_base");
    let config = MailConfig {
        from: text(settings, "mail_from"),
        reply_to: Some(text(settings, "mail_reply_to")).filter(|address| !address.is_empty()),
        product_name: text(settings, "product"),
        link_base: if base.is_empty() {
            issuer.to_owned()
        } else {
            base
        },
        transport: transport(settings)?,
        retry: Retry::default(),
    };
    let clock = clock.clone();
    let now = move || clock.now();
    Mailer::start(log.clone(), ActionTokens::new(&secret), config, now)
        .await
        .map_err(Failure::other)
}

fn transport(settings: &Settings) -> Result<Transport, Failure> {
    if let Some(folder) = folder(settings) {
        return Ok(Transport::Folder(folder));
    }
    if text(settings, "mail_transport") != "smtp" {
        return Ok(Transport::Off);
    }
    let security = match text(settings, "smtp_security").as_str() {
        "starttls" => Security::StartTls,
        "tls" => Security::Tls,
        "none" => Security::None,
        _ => return Err(settings.wrong("smtp_security").into()),
    };
    Ok(Transport::Smtp {
        host: settings.parsed("smtp_host")?,
        port: settings.parsed("smtp_port")?,
        security,
        user: Some(text(settings, "smtp_user")).filter(|user| !user.is_empty()),
        password: settings.get("smtp_password").cloned(),
        timeout: TIMEOUT,
    })
}
