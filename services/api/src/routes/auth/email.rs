//! `POST /v1/auth/email/verify`, and asking for the mails it answers.

use std::sync::Arc;

use countersign_domain::{Account, AccountCommand, AccountRefusal, EmailCommand, Request};
use countersign_events::{AccountId, Actor, CredentialId, Position};
use countersign_log::{ExecuteError, random};
use countersign_mail::Purpose;
use countersign_openapi as wire;
use countersign_throttle::Limited;
use poem::web::Data;
use poem_openapi::OpenApi;

use super::register::reserve;
use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::email::EmailAddress;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::routes::answer::{Done, MailSent, done};
use crate::routes::tags::Tags;

pub(crate) struct Email;

#[OpenApi]
impl Email {
    /// Prove an address by the token in a mail
    ///
    /// Of a new account's address, or of the one it asked to have instead. The
    /// token is good once, and only the newest.
    #[oai(
        path = "/v1/auth/email/verify",
        method = "post",
        operation_id = "confirm_email",
        tag = "Tags::Auth"
    )]
    async fn confirm_email(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        body: Json<wire::ConfirmToken>,
    ) -> poem::Result<Done> {
        let (app, token) = (app.0, body.0.token.expose());
        if let Ok((id, asked)) = app.action_tokens.open(Purpose::VerifyEmail, token) {
            let meta = request
                .meta(Actor::Account(id), None)
                .map_err(Denied::from)?;
            let command = AccountCommand::VerifyEmail {
                request: asked,
                now: request.now,
            };
            let verified = app.accounts.execute(id, &meta, &command).await;
            let verified = verified.map_err(|error| match error {
                ExecuteError::Refused(AccountRefusal::Suspended) => Denied::LinkInvalid,
                other => other.into(),
            })?;
            return Ok(done(verified.position));
        }
        let opened = app.action_tokens.open(Purpose::ChangeEmail, token);
        let (id, asked) = opened.map_err(|_| Denied::LinkInvalid)?;
        Ok(done(change(app, &request, id, asked).await?))
    }

    /// Ask for another mail to prove one's address
    #[oai(
        path = "/v1/me/email/verification",
        method = "post",
        operation_id = "request_verification",
        tag = "Tags::Me"
    )]
    async fn request_verification(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
    ) -> poem::Result<MailSent> {
        let (app, id) = (app.0, caller.0.account());
        let asked = app.ask(&request, id, app.config.email_verification).await?;
        let meta = request.meta(caller.0.actor(), None).map_err(Denied::from)?;
        let command = AccountCommand::RequestVerification(asked);
        let command = caller.0.asks(command);
        let requested = app.accounts.execute(id, &meta, &command).await;
        requested.map_err(Denied::from)?;
        Ok(MailSent::Accepted)
    }

    /// Ask for another address
    ///
    /// A mail to it asks for proof, and the present address is told. Nothing
    /// changes before the proof.
    #[oai(
        path = "/v1/me/email",
        method = "post",
        operation_id = "request_email_change",
        tag = "Tags::Me"
    )]
    async fn request_email_change(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        body: Json<wire::RequestEmailChange>,
    ) -> poem::Result<MailSent> {
        let (app, id) = (app.0, caller.0.account());
        let address = EmailAddress::parse(&body.0.email).map_err(|_| Denied::Invalid {
            field: "/email",
            message: "expected an email address",
        })?;
        let asked = app.ask(&request, id, app.config.password_reset).await?;
        let meta = request
            .meta(caller.0.actor(), Some(id))
            .map_err(Denied::from)?;
        let key = app.data_key(id).await?;
        let email = key.seal(address.as_str(), id, meta.message, "email");
        let command = AccountCommand::RequestEmailChange {
            request: asked,
            email: email.map_err(Denied::from)?,
        };
        let command = caller.0.asks(command);
        let requested = app.accounts.execute(id, &meta, &command).await;
        requested.map_err(Denied::from)?;
        Ok(MailSent::Accepted)
    }
}

impl App {
    /// A request that a mail asks about; refused if there were too many.
    async fn ask(
        &self,
        request: &Circumstances,
        id: AccountId,
        lifetime: std::time::Duration,
    ) -> Result<Request, Denied> {
        let limit = Limited::Mail(id.uuid());
        self.throttle.allow(limit, request.now).await?;
        Ok(Request {
            id: CredentialId::generate(id, request.now, random()?),
            expires_at: request.now.plus(lifetime),
        })
    }

    /// Whether a login has to wait for proof of the address. Then its owner
    /// gets another mail, and the answer is that of a wrong password: else
    /// whoever registers an address could tell by a login whether it was free.
    pub(crate) fn must_verify_first(
        self: &Arc<Self>,
        request: &Circumstances,
        id: AccountId,
        account: &Account,
    ) -> bool {
        if !self.config.verify_email_first || account.email_verified {
            return false;
        }
        if let Some(permit) = self.afterwards() {
            let (app, request) = (Arc::clone(self), request.clone());
            tokio::spawn(async move {
                if let Err(error) = app.remind_to_verify(&request, id).await {
                    tracing::debug!(%error, "nobody was reminded to verify an address");
                }
                drop(permit);
            });
        }
        true
    }

    async fn remind_to_verify(&self, request: &Circumstances, id: AccountId) -> Result<(), Denied> {
        let asked = self
            .ask(request, id, self.config.email_verification)
            .await?;
        let meta = request.meta(Actor::Account(id), None)?;
        let command = AccountCommand::RequestVerification(asked);
        self.accounts.execute(id, &meta, &command).await?;
        Ok(())
    }

    /// Gives an address back, so that somebody else may have it.
    pub(crate) async fn release(
        &self,
        request: &Circumstances,
        id: AccountId,
        address: &EmailAddress,
    ) -> Result<(), Denied> {
        let index = self.blind_index.of(address);
        let meta = request.meta(Actor::System, None)?;
        let command = EmailCommand::Release { account: id };
        self.emails.execute(index, &meta, &command).await?;
        Ok(())
    }
}

/// Reserves the address that was asked for, makes it the account's, and gives
/// the one before back.
async fn change(
    app: &App,
    request: &Circumstances,
    id: AccountId,
    asked: CredentialId,
) -> Result<Position, Denied> {
    let account = app.accounts.current(id).await?;
    let pending = account.state.email_change.as_ref();
    let pending = pending
        .filter(|change| change.request.id == asked && request.now < change.request.expires_at)
        .filter(|_| account.state.is_active())
        .ok_or(Denied::LinkInvalid)?;
    let previous = app.address(id, &account.state).await?;
    let key = app.data_key(id).await?;
    let text = key.open(&pending.email.value, id, pending.email.message, "email")?;
    let broken = |_| Denied::Broken("a stored address is not one".into());
    let address = EmailAddress::parse(&text).map_err(broken)?;
    let (old, new) = (app.blind_index.of(&previous), app.blind_index.of(&address));
    reserve(app, request, new, id).await?;
    let meta = request.meta(Actor::Account(id), Some(id))?;
    let command = AccountCommand::ChangeEmail {
        request: asked,
        now: request.now,
        email: key.seal(address.as_str(), id, meta.message, "email")?,
        previous: key.seal(previous.as_str(), id, meta.message, "previous_email")?,
    };
    let changed = app.accounts.execute(id, &meta, &command).await?;
    if old != new {
        app.release(request, id, &previous).await?;
    }
    Ok(changed.position)
}
