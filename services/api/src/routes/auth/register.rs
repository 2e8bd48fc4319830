//! `POST /v1/auth/register`

use std::sync::Arc;

use crate::http::Json;
use countersign_domain::{AccountCommand, AccountRefusal, EmailCommand, EmailRefusal};
use countersign_events::{AccountId, Acr, Actor, CredentialId, EmailId};
use countersign_log::{ExecuteError, VaultKey, random};
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::email::EmailAddress;
use crate::password::{Password, PasswordHash};
use crate::routes::answer::{Created, created};
use crate::routes::tags::Tags;

pub(crate) struct Register;

#[OpenApi]
impl Register {
    /// Register
    ///
    /// Creates an account and signs it in. The address is taken by whoever
    /// registers it first, in whatever spelling.
    #[oai(
        path = "/v1/auth/register",
        method = "post",
        operation_id = "register",
        tag = "Tags::Auth"
    )]
    async fn register(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        body: Json<wire::Register>,
    ) -> poem::Result<Created<wire::LoginAnswer>> {
        let registration = Registration::read(app.0, &body.0)?;
        let hash = app
            .0
            .hashing
            .hash(Password::new(body.0.password.expose()))
            .await
            .map_err(Denied::from)?;
        let id = create_account(app.0, &request, &registration, &hash, &["user"]).await?;
        let account = app.0.accounts.recent(id).await.map_err(Denied::from)?;
        let granted = app
            .0
            .open_session(&request, id, &account, Acr::Aal1, &["pwd"])
            .await?;
        let shown = app.0.show_account(id, &account.state).await?;
        let answer =
            wire::LoginAnswer::Authenticated(wire::Authenticated::new(granted.tokens, shown));
        Ok(created(answer, granted.position))
    }
}

/// A registration whose form is sound.
pub(crate) struct Registration {
    email: EmailAddress,
    display_name: Option<String>,
}

impl Registration {
    fn read(app: &App, body: &wire::Register) -> Result<Self, Denied> {
        let email = EmailAddress::parse(&body.email).map_err(|_| Denied::Invalid {
            field: "/email",
            message: "expected an email address",
        })?;
        let password = Password::new(body.password.expose());
        let name = body.display_name.as_deref();
        let about: Vec<&str> = [Some(email.as_str()), name].into_iter().flatten().collect();
        app.password_policy.check(&password, &about)?;
        Ok(Self {
            email,
            display_name: body.display_name.clone(),
        })
    }

    /// For accounts that are made without a request.
    pub(crate) fn of(email: EmailAddress, display_name: Option<String>) -> Self {
        Self {
            email,
            display_name,
        }
    }
}

/// Reserves the address, then appends the account.
pub(crate) async fn create_account(
    app: &App,
    request: &Circumstances,
    registration: &Registration,
    hash: &PasswordHash,
    roles: &[&str],
) -> Result<AccountId, Denied> {
    let id = AccountId::generate(request.now, random()?);
    let index = app.blind_index.of(&registration.email);
    reserve(app, request, index, id).await?;
    let meta = request.meta(Actor::Account(id), Some(id))?;
    let credential = CredentialId::generate(request.now, random()?);
    let vault = app.log.vault();
    let key = vault.create_data_key(id).await?;
    vault
        .create(VaultKey::Credential(credential), hash.to_phc().as_bytes())
        .await?;
    let name = registration.display_name.as_deref();
    let command = AccountCommand::Register {
        email: key.seal(registration.email.as_str(), id, meta.message, "email")?,
        display_name: name
            .map(|name| key.seal(name, id, meta.message, "display_name"))
            .transpose()?,
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        password: credential,
    };
    app.accounts.execute(id, &meta, &command).await?;
    Ok(id)
}

/// The step that must be unique. An owner that never came to be is made sure
/// never to come, and then replaced.
async fn reserve(
    app: &App,
    request: &Circumstances,
    index: EmailId,
    id: AccountId,
) -> Result<(), Denied> {
    let reserving = request.meta(Actor::Anonymous, None)?;
    let command = EmailCommand::Reserve { account: id };
    let owner = match app.emails.execute(index, &reserving, &command).await {
        Ok(_) => return Ok(()),
        Err(ExecuteError::Refused(EmailRefusal::Taken { owner })) => owner,
        Err(ExecuteError::Failed(error)) => return Err(error.into()),
    };
    let holder = app.accounts.current(owner).await?;
    if holder.state.exists() {
        return Err(Denied::EmailTaken);
    }
    if !holder.state.is_abandoned() {
        let since = app.emails.recent(index).await?.state.reserved_at;
        if request.now.distance(since) < app.config.registration_timeout {
            return Err(Denied::EmailTaken);
        }
        let giving_up = request.meta(Actor::System, None)?;
        match app
            .accounts
            .execute(owner, &giving_up, &AccountCommand::Abandon)
            .await
        {
            Ok(_) => {}
            Err(ExecuteError::Refused(AccountRefusal::Exists)) => return Err(Denied::EmailTaken),
            Err(error) => return Err(error.into()),
        }
    }
    let taking_over = request.meta(Actor::System, None)?;
    let command = EmailCommand::TakeOver {
        from: owner,
        account: id,
    };
    app.emails.execute(index, &taking_over, &command).await?;
    Ok(())
}
