//! `POST /v1/auth/login`

use std::sync::Arc;

use crate::http::Json;
use countersign_domain::{Account, AccountCommand};
use countersign_events::{AccountId, Acr, Actor, CredentialId, SignalKind};
use countersign_log::{Loaded, VaultKey, random};
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;
use uuid::Uuid;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::email::EmailAddress;
use crate::password::{Password, PasswordHash, Verdict};
use crate::routes::answer::{Written, written};
use crate::routes::tags::Tags;

pub(crate) struct Login;

#[OpenApi]
impl Login {
    /// Log in
    ///
    /// An unknown address and a wrong password are told apart neither by the
    /// answer nor by the time it takes.
    #[oai(
        path = "/v1/auth/login",
        method = "post",
        operation_id = "login",
        tag = "Tags::Auth"
    )]
    async fn login(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        body: Json<wire::Login>,
    ) -> poem::Result<Written<wire::LoginAnswer>> {
        let password = Password::new(body.0.password.expose());
        if !app.0.password_policy.is_plausible(&password) {
            return Err(Denied::InvalidCredentials.into());
        }
        let found = find(app.0, &body.0.email).await?;
        let stored = found.as_ref().map(|found| found.hash.clone());
        let verdict = match app.0.hashing.verify(password, stored).await {
            Ok(verdict) => verdict,
            Err(shed) => {
                app.0.observe(&request, SignalKind::LoginShed, None).await;
                return Err(Denied::from(shed).into());
            }
        };
        let found = match (found, verdict) {
            (Some(found), Verdict::Right { outdated }) => {
                if outdated {
                    rehash(app.0, &request, &found, body.0.password.expose()).await;
                }
                found
            }
            (found, _) => {
                let account = found.map(|found| found.id);
                let kind =
                    account.map_or(SignalKind::UnknownAccount, |_| SignalKind::WrongPassword);
                app.0.observe(&request, kind, account).await;
                return Err(Denied::InvalidCredentials.into());
            }
        };
        let granted = app
            .0
            .open_session(&request, found.id, &found.account, Acr::Aal1, &["pwd"])
            .await?;
        app.0.metrics.logged_in();
        let shown = app.0.show_account(found.id, &found.account.state).await?;
        let answer =
            wire::LoginAnswer::Authenticated(wire::Authenticated::new(granted.tokens, shown));
        Ok(written(answer, granted.position))
    }
}

struct Found {
    id: AccountId,
    account: Arc<Loaded<Account>>,
    credential: CredentialId,
    hash: PasswordHash,
}

/// The account of an address, if it has a password.
///
/// Whatever is not there is asked for all the same, so that the time tells
/// nobody how far the search came.
async fn find(app: &App, address: &str) -> Result<Option<Found>, Denied> {
    let owner = match EmailAddress::parse(address) {
        Ok(address) => {
            let reservation = app.emails.recent(app.blind_index.of(&address)).await?;
            reservation.state.owner
        }
        Err(_) => None,
    };
    let id = owner.unwrap_or(AccountId::from_uuid(Uuid::max()));
    let account = app.accounts.current(id).await?;
    let live = account.state.password.filter(|_| account.state.exists());
    let credential = live.unwrap_or(CredentialId::from_uuid(Uuid::max()));
    let phc = app
        .log
        .vault()
        .get(VaultKey::Credential(credential))
        .await?;
    if live.is_none() {
        return Ok(None);
    }
    let phc = phc.ok_or_else(|| Denied::Broken("a live password is not in the vault".into()))?;
    let hash = PasswordHash::parse(&phc)?;
    Ok(Some(Found {
        id,
        account,
        credential,
        hash,
    }))
}

/// Brings a hash up to the parameters of today. Whatever goes wrong, the
/// sign-in goes on, and the next one tries again.
async fn rehash(app: &App, request: &Circumstances, found: &Found, typed: &str) {
    let attempt = async {
        let hash = app.hashing.hash(Password::new(typed)).await?;
        let credential = CredentialId::generate(request.now, random()?);
        let vault = app.log.vault();
        vault
            .create(VaultKey::Credential(credential), hash.to_phc().as_bytes())
            .await?;
        let meta = request.meta(Actor::System, None)?;
        let command = AccountCommand::SetPassword {
            replaces: found.credential,
            password: credential,
        };
        let done = app.accounts.execute(found.id, &meta, &command).await?;
        let refuse = if done.events.is_empty() {
            credential
        } else {
            found.credential
        };
        vault.destroy(VaultKey::Credential(refuse)).await?;
        Ok::<_, Denied>(())
    };
    if let Err(error) = attempt.await {
        tracing::warn!(%error, "a password was not rehashed");
    }
}
