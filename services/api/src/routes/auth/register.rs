//! `POST /v1/auth/register`

use std::sync::Arc;

use countersign_domain::{
    Account, AccountCommand, AccountRefusal, EmailCommand, EmailRefusal, Request,
};
use countersign_events::{AccountId, Actor, CredentialId, EmailId, SessionId};
use countersign_log::{ExecuteError, LogError, VaultKey, random};
use countersign_openapi as wire;
use countersign_throttle::Limited;
use poem::web::Data;
use poem_openapi::OpenApi;

use crate::app::App;
use crate::carrier::Carrier;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::device::new_device;
use crate::email::EmailAddress;
use crate::grant::Proof;
use crate::http::Json;
use crate::password::{Password, PasswordHash};
use crate::routes::answer::Registered;
use crate::routes::tags::Tags;

pub(crate) struct Register;

#[OpenApi]
impl Register {
    /// Register
    ///
    /// Creates an account and signs it in. The address is taken by whoever
    /// registers it first, in whatever spelling. Where addresses have to be
    /// verified first, the answer is 202 for every address, and a mail says
    /// the rest.
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
        carrier: Carrier,
        body: Json<wire::Register>,
    ) -> poem::Result<Registered<wire::LoginAnswer>> {
        let app = app.0;
        let registration = Registration::read(app, &body.0)?;
        let allowed = app
            .throttle
            .allow(Limited::Registration(request.ip), request.now);
        allowed.await.map_err(Denied::from)?;
        let hash = app
            .hashing
            .hash(Password::new(body.0.password.expose()))
            .await
            .map_err(Denied::from)?;
        if app.config.verify_email_first {
            // Not waited for: how long it takes would tell who has an account.
            // What can be known of its failing is asked before.
            app.log.gate().check().map_err(Denied::from)?;
            if !app.log.is_connected() {
                let away = LogError::Unavailable("NATS is not connected".into());
                return Err(Denied::Log(away).into());
            }
            let permit = app.afterwards().ok_or(Denied::Overloaded)?;
            let app = Arc::clone(app);
            tokio::spawn(async move {
                if let Err(error) = register_or_remind(&app, &request, &registration, &hash).await {
                    tracing::warn!(%error, "a registration was not carried out");
                }
                drop(permit);
            });
            return Ok(Registered::Accepted);
        }
        let registration = registration.signing_in();
        let created = create_account(app, &request, &registration, &hash, &["user"]).await?;
        let (id, session) = created;
        let account = app.accounts.recent(id).await.map_err(Denied::from)?;
        let mut granted = app
            .open_session(&request, Some(session), id, &account, Proof::PASSWORD)
            .await?;
        let cookie = Carrier::carry(&mut granted, carrier.by_cookie())?;
        let shown = app.show_account(id, &account.state).await?;
        let answer = wire::Authenticated {
            device_token: app.device_token(id, &account.state)?,
            ..wire::Authenticated::new(granted.tokens, shown)
        };
        let answer = Json(wire::LoginAnswer::Authenticated(answer));
        let position = granted.position.to_string();
        Ok(Registered::Created(answer, position, cookie))
    }
}

/// Creates the account; or tells the owner of the address that somebody tried:
/// by the mail for a forgotten password, which is what whoever has forgotten
/// the account needs.
async fn register_or_remind(
    app: &App,
    request: &Circumstances,
    registration: &Registration,
    hash: &PasswordHash,
) -> Result<(), Denied> {
    match create_account(app, request, registration, hash, &["user"]).await {
        Ok(_) => Ok(()),
        Err(Denied::EmailTaken) => app.offer_reset(request, &registration.email).await,
        Err(denied) => Err(denied),
    }
}

/// A registration whose form is sound.
pub(crate) struct Registration {
    email: EmailAddress,
    display_name: Option<String>,
    /// Whether the address has to be proved.
    proves_address: bool,
    /// Whether a session follows at once.
    signs_in: bool,
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
            proves_address: true,
            signs_in: false,
        })
    }

    /// For accounts that are made without a request, by somebody who knows
    /// whose address it is.
    pub(crate) fn of(email: EmailAddress, display_name: Option<String>) -> Self {
        Self {
            email,
            display_name,
            proves_address: false,
            signs_in: false,
        }
    }

    /// The same, with a session that follows at once.
    fn signing_in(self) -> Self {
        Self {
            signs_in: true,
            ..self
        }
    }
}

/// Reserves the address, then appends the account. Beside the account's id it
/// gives that of the session that is to follow.
pub(crate) async fn create_account(
    app: &App,
    request: &Circumstances,
    registration: &Registration,
    hash: &PasswordHash,
    roles: &[&str],
) -> Result<(AccountId, SessionId), Denied> {
    let id = AccountId::generate(request.now, random()?);
    let session = SessionId::generate(id, request.now, random()?);
    let index = app.blind_index.of(&registration.email);
    reserve(app, request, index, id).await?;
    let meta = request.meta(Actor::Account(id), Some(id))?;
    let credential = CredentialId::generate(id, request.now, random()?);
    let vault = app.log.vault();
    let key = vault.create_data_key(id).await?;
    vault
        .create(
            VaultKey::Credential(id, credential),
            hash.to_phc().as_bytes(),
        )
        .await?;
    let name = registration.display_name.as_deref();
    let command = AccountCommand::Register {
        email: key.seal(registration.email.as_str(), id, meta.message, "email")?,
        display_name: name
            .map(|name| key.seal(name, id, meta.message, "display_name"))
            .transpose()?,
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        password: credential,
        verification: if registration.proves_address {
            Some(Request {
                id: CredentialId::generate(id, request.now, random()?),
                expires_at: request.now.plus(app.config.email_verification),
            })
        } else {
            None
        },
        device: if registration.signs_in {
            Some(new_device(request, session, &key, id, meta.message)?)
        } else {
            None
        },
    };
    app.accounts.execute(id, &meta, &command).await?;
    Ok((id, session))
}

/// The step that must be unique. An owner that never came to be is made sure
/// never to come, and then replaced; so is one that holds the address for
/// nothing.
pub(crate) async fn reserve(
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
    let held = app.emails.current(index).await?;
    let since = held.state.reserved_at;
    let is_new = request.now.distance(since) < app.config.registration_timeout;
    let holder = app.accounts.current(owner).await?;
    if holder.state.exists() {
        if is_new || wants(app, request, index, owner, &holder.state).await? {
            return Err(Denied::EmailTaken);
        }
    } else if !holder.state.is_abandoned() && !holder.state.is_erased() {
        if is_new {
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
        since,
        account: id,
    };
    app.emails.execute(index, &taking_over, &command).await?;
    Ok(())
}

/// Whether an account that holds an address has it, or may still get it. One
/// that asked for it and went another way holds it for nothing; if it asks
/// again meanwhile, its reservation is newer than the one that was seen.
async fn wants(
    app: &App,
    request: &Circumstances,
    index: EmailId,
    owner: AccountId,
    account: &Account,
) -> Result<bool, Denied> {
    let open = account.email_change.as_ref();
    let open = open
        .is_some_and(|change| request.now < change.request.expires_at.plus(app.config.clock_skew));
    let own = app.address(owner, account).await?;
    Ok(open || app.blind_index.of(&own) == index)
}
