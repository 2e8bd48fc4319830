//! `POST /v1/auth/password/{forgot,reset,change}`

use std::sync::Arc;

use countersign_domain::{Account, AccountCommand, AccountRefusal, Request};
use countersign_events::{AccountId, Actor, CredentialId, FactorKind};
use countersign_log::{ExecuteError, random};
use countersign_mail::Purpose;
use countersign_openapi as wire;
use countersign_throttle::Limited;
use poem::web::Data;
use poem_openapi::OpenApi;

use crate::access::Access;
use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::email::EmailAddress;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::password::Password as Typed;
use crate::routes::answer::{Done, MailSent, Written, done, written};
use crate::routes::tags::Tags;

pub(crate) struct Password;

#[OpenApi]
impl Password {
    /// Ask for a mail to set another password
    ///
    /// The answer is the same for every address, and comes before anything is
    /// looked up.
    #[oai(
        path = "/v1/auth/password/forgot",
        method = "post",
        operation_id = "forgot_password",
        tag = "Tags::Auth"
    )]
    async fn forgot_password(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        body: Json<wire::ForgotPassword>,
    ) -> poem::Result<MailSent> {
        let app = Arc::clone(app.0);
        let limit = Limited::MailFrom(request.ip);
        let allowed = app.throttle.allow(limit, request.now).await;
        allowed.map_err(Denied::from)?;
        if let Ok(address) = EmailAddress::parse(&body.0.email) {
            // Not waited for: how long it takes would tell who has an account.
            let permit = app.afterwards().ok_or(Denied::Overloaded)?;
            tokio::spawn(async move {
                if let Err(error) = app.offer_reset(&request, &address).await {
                    tracing::warn!(%error, "a forgotten password was not looked after");
                }
                drop(permit);
            });
        }
        Ok(MailSent::Accepted)
    }

    /// Set another password by the token in a mail
    ///
    /// The token is good once, for thirty minutes, and only the newest. It
    /// logs nobody in: every session ends, and a second factor is asked for as
    /// before.
    #[oai(
        path = "/v1/auth/password/reset",
        method = "post",
        operation_id = "reset_password",
        tag = "Tags::Auth"
    )]
    async fn reset_password(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        body: Json<wire::ResetPassword>,
    ) -> poem::Result<Done> {
        let app = app.0;
        let opened = app
            .action_tokens
            .open(Purpose::ResetPassword, body.0.token.expose());
        let (id, asked) = opened.map_err(|_| Denied::LinkInvalid)?;
        let account = app.accounts.current(id).await.map_err(Denied::from)?;
        let before = account.state.password;
        let open = |request: &&Request| request.id == asked;
        account
            .state
            .reset
            .as_ref()
            .filter(open)
            .filter(|reset| request.now < reset.expires_at)
            .ok_or(Denied::LinkInvalid)?;
        let typed = body.0.password.expose();
        app.check_new_password(id, &account.state, typed).await?;
        let password = app.store_password(&request, id, typed).await?;
        let meta = request
            .meta(Actor::Account(id), None)
            .map_err(Denied::from)?;
        let command = AccountCommand::ResetPassword {
            request: asked,
            now: request.now,
            password,
        };
        let done_with = match app.accounts.execute(id, &meta, &command).await {
            Ok(reset) => reset,
            Err(ExecuteError::Refused(refusal)) => {
                app.discard(id, password).await;
                return Err(match refusal {
                    AccountRefusal::RequestClosed | AccountRefusal::Suspended => {
                        Denied::LinkInvalid
                    }
                    other => other.into(),
                }
                .into());
            }
            Err(error) => return Err(Denied::from(error).into()),
        };
        let state = &done_with.state.state;
        app.raise_epoch_locally(id, state.min_epoch, request.now)?;
        app.password_is_new(&request, id, before).await;
        Ok(done(done_with.position))
    }

    /// Change one's password
    ///
    /// Needs the current one, or an authentication that is a few minutes old.
    /// The account's other sessions end; this one goes on with the access
    /// token in the answer.
    #[oai(
        path = "/v1/auth/password/change",
        method = "post",
        operation_id = "change_password",
        tag = "Tags::Auth"
    )]
    async fn change_password(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        body: Json<wire::ChangePassword>,
    ) -> poem::Result<Written<wire::AccessToken>> {
        let app = app.0;
        let (id, session) = (caller.0.account(), caller.0.session());
        let account = app.accounts.current(id).await.map_err(Denied::from)?;
        if let Some(current) = &body.0.current_password {
            app.prove_password(&request, id, &account, session, current.expose())
                .await?;
        } else {
            let now = u64::try_from(request.now.as_seconds()).unwrap_or_default();
            let needs_factor = account.state.needs_factor();
            Access::Fresh.check(caller.0.claims(), needs_factor, &app.config, now)?;
        }
        let before = account.state.password.ok_or(Denied::Conflict)?;
        let typed = body.0.new_password.expose();
        app.check_new_password(id, &account.state, typed).await?;
        let password = app.store_password(&request, id, typed).await?;
        let meta = request.meta(caller.0.actor(), None).map_err(Denied::from)?;
        let command = AccountCommand::ChangePassword {
            replaces: before,
            password,
        };
        let command = caller.0.asks(command);
        let changed = match app.accounts.execute(id, &meta, &command).await {
            Ok(changed) => changed,
            Err(error) => {
                if let ExecuteError::Refused(_) = error {
                    app.discard(id, password).await;
                }
                return Err(Denied::from(error).into());
            }
        };
        let state = &changed.state.state;
        let granted = app.continue_session(&request, session, id, state).await?;
        app.password_is_new(&request, id, Some(before)).await;
        Ok(written(granted.access_token(), granted.position))
    }
}

impl App {
    /// Refuses a new password that is too easy to guess, for this person.
    async fn check_new_password(
        &self,
        id: AccountId,
        account: &Account,
        typed: &str,
    ) -> Result<(), Denied> {
        let address = self.address(id, account).await?;
        let shown = self.show_account(id, account).await?;
        let about: Vec<&str> = [Some(address.as_str()), shown.display_name.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        self.password_policy.check(&Typed::new(typed), &about)?;
        Ok(())
    }

    /// Forgets the hash of before, and the failures at it.
    async fn password_is_new(
        &self,
        request: &Circumstances,
        id: AccountId,
        before: Option<CredentialId>,
    ) {
        if let Some(before) = before {
            self.discard(id, before).await;
        }
        self.forgive(request, id, FactorKind::Password).await;
    }

    /// Has a mail sent by which the owner of an address, if it has one, can
    /// set another password.
    pub(crate) async fn offer_reset(
        &self,
        request: &Circumstances,
        address: &EmailAddress,
    ) -> Result<(), Denied> {
        let index = self.blind_index.of(address);
        let Some(id) = self.emails.recent(index).await?.state.owner else {
            return Ok(());
        };
        // Counted apart from what the owner asks for: anybody can ask this.
        let limit = Limited::Mail(index.uuid());
        if self.throttle.allow(limit, request.now).await.is_err() {
            return Ok(());
        }
        let meta = request.meta(Actor::Anonymous, None)?;
        let asked = Request {
            id: CredentialId::generate(id, request.now, random()?),
            expires_at: request.now.plus(self.config.password_reset),
        };
        let command = AccountCommand::RequestReset(asked);
        match self.accounts.execute(id, &meta, &command).await {
            Ok(_) | Err(ExecuteError::Refused(_)) => Ok(()),
            Err(ExecuteError::Failed(error)) => Err(error.into()),
        }
    }
}
