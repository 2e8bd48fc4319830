//! `/v1/me/factors`

use std::sync::Arc;

use countersign_domain::{Account, AccountCommand, FactorCommand};
use countersign_events::{AccountId, CredentialId, FactorKind};
use countersign_log::{VaultKey, random};
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use poem_openapi::types::{Any, MaybeUndefined};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::factor::totp;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::routes::answer::{Written, written};
use crate::routes::me::enrol::Confirmation;
use crate::routes::tags::Tags;

pub(crate) struct MyFactors;

#[OpenApi(prefix_path = "/v1/me/factors", tag = "Tags::Me")]
impl MyFactors {
    /// List one's second factors
    ///
    /// Recovery codes are the last of the list, with how many are left.
    #[oai(path = "/", method = "get", operation_id = "list_my_factors")]
    async fn list_my_factors(
        &self,
        app: Data<&Arc<App>>,
        caller: SignedIn,
    ) -> poem::Result<Json<wire::Page<wire::Factor>>> {
        let id = caller.0.account();
        let account = app.0.accounts.current(id).await.map_err(Denied::from)?;
        Ok(Json(wire::Page {
            items: app.0.show_factors(id, &account.state).await?,
            next: None,
        }))
    }

    /// Set up an authenticator app
    ///
    /// Answers the seed, which is shown this once. It counts from when a code
    /// confirms it.
    #[oai(path = "/totp", method = "post", operation_id = "offer_totp")]
    async fn offer_totp(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
    ) -> poem::Result<Written<wire::TotpOffer>> {
        let (app, id) = (app.0, caller.0.account());
        let account = app.accounts.current(id).await.map_err(Denied::from)?;
        let address = app.address(id, &account.state).await?;
        let seed = random::<{ totp::SEED_BYTES }>().map(Zeroizing::new);
        let seed = seed.map_err(Denied::from)?;
        let enrolment = totp::enrolment(&seed[..], &app.config.product, address.as_str())?;
        let lifetime = app.config.factor_offer;
        let (credential, position) = app
            .offer(&request, id, FactorKind::Totp, &seed[..], |command| {
                caller.0.asks(command)
            })
            .await?;
        let secret = |text: &Zeroizing<String>| wire::Secret::new(text.as_str());
        let answer = wire::TotpOffer {
            id: credential.uuid(),
            secret: secret(&enrolment.secret),
            otpauth_uri: secret(&enrolment.uri),
            qr_svg: secret(&enrolment.qr_svg),
            qr_text: secret(&enrolment.qr_text),
            expires_in: lifetime.as_secs(),
        };
        Ok(written(answer, position))
    }

    /// Confirm an authenticator app
    ///
    /// From now on a login asks for its code. The account's other sessions
    /// end; this one goes on with the access token in the answer.
    #[oai(path = "/totp/confirm", method = "post", operation_id = "confirm_totp")]
    async fn confirm_totp(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        body: Json<wire::ConfirmTotp>,
    ) -> poem::Result<Written<wire::FactorConfirmed>> {
        let (app, id) = (app.0, caller.0.account());
        let credential = CredentialId::from_uuid(body.0.id);
        let seed = app
            .offered(&request, id, FactorKind::Totp, credential)
            .await?;
        let now = u64::try_from(request.now.as_seconds()).unwrap_or_default();
        let Some(step) = totp::step_of(&seed, body.0.code.expose(), now)? else {
            return Err(Denied::MfaInvalid.into());
        };
        // The code is used up by this, like any other.
        if !app.accept_code(&request, id, credential, step).await? {
            return Err(Denied::MfaInvalid.into());
        }
        let confirmation = Confirmation {
            credential,
            name: body.0.name,
            proof: crate::grant::Proof::CODE,
        };
        Ok(app.confirm(&request, &caller.0, confirmation).await?)
    }

    /// Set up a passkey
    ///
    /// Answers what to give to `navigator.credentials.create()`.
    #[oai(path = "/passkeys", method = "post", operation_id = "offer_passkey")]
    async fn offer_passkey(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
    ) -> poem::Result<Written<wire::PasskeyOffer>> {
        let (app, id) = (app.0, caller.0.account());
        let account = app.accounts.current(id).await.map_err(Denied::from)?;
        let shown = app.show_account(id, &account.state).await?;
        let existing = app.passkeys_of(id, &account.state).await?;
        let existing: Vec<_> = existing.into_iter().map(|(_, key)| key).collect();
        let name = shown.display_name.as_deref().unwrap_or(&shown.email);
        let started = app
            .passkeys()?
            .start_registration(id, &shown.email, name, &existing);
        let (options, state) = started.map_err(|error| Denied::Broken(error.to_string()))?;
        let lifetime = app.config.factor_offer;
        let (credential, position) = app
            .offer(&request, id, FactorKind::Passkey, &state, |command| {
                caller.0.asks(command)
            })
            .await?;
        let answer = wire::PasskeyOffer {
            id: credential.uuid(),
            options: Any(options),
            expires_in: lifetime.as_secs(),
        };
        Ok(written(answer, position))
    }

    /// Confirm a passkey
    ///
    /// From now on a login asks for it, or for another of the account's
    /// factors. The account's other sessions end; this one goes on with the
    /// access token in the answer.
    #[oai(
        path = "/passkeys/confirm",
        method = "post",
        operation_id = "confirm_passkey"
    )]
    async fn confirm_passkey(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        body: Json<wire::ConfirmPasskey>,
    ) -> poem::Result<Written<wire::FactorConfirmed>> {
        let (app, id) = (app.0, caller.0.account());
        let credential = CredentialId::from_uuid(body.0.id);
        let state = app
            .offered(&request, id, FactorKind::Passkey, credential)
            .await?;
        let finished = app
            .passkeys()?
            .finish_registration(&state, &body.0.credential.0);
        let key = finished.map_err(|refusal| {
            tracing::info!(%refusal, "a passkey was not registered");
            Denied::MfaInvalid
        })?;
        let bytes = key.to_bytes();
        let bytes = bytes.map_err(|error| Denied::Broken(error.to_string()))?;
        // In place of the state, which so is worth nothing any more.
        let stored = VaultKey::Credential(id, credential);
        let replaced = app.log.vault().replace(stored, &bytes).await;
        if !replaced.map_err(Denied::from)? {
            return Err(Denied::Conflict.into());
        }
        let confirmation = Confirmation {
            credential,
            name: body.0.name,
            proof: crate::grant::Proof::PASSKEY,
        };
        Ok(app.confirm(&request, &caller.0, confirmation).await?)
    }

    /// Replace one's recovery codes
    ///
    /// Those of before are worth nothing. The new ones are shown this once.
    #[oai(
        path = "/recovery-codes",
        method = "post",
        operation_id = "replace_recovery_codes"
    )]
    async fn replace_recovery_codes(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
    ) -> poem::Result<Written<wire::RecoveryCodes>> {
        let (app, id) = (app.0, caller.0.account());
        let account = app.accounts.current(id).await.map_err(Denied::from)?;
        if !account.state.needs_factor() {
            return Err(Denied::Conflict.into());
        }
        let before = account.state.recovery.map(|set| set.credential);
        let (credential, codes) = app.draw_codes(&request, id).await?;
        let meta = request.meta(caller.0.actor(), None).map_err(Denied::from)?;
        let command = AccountCommand::Factor(FactorCommand::SetRecoveryCodes {
            credential,
            count: crate::factor::recovery::CODES,
        });
        let command = caller.0.asks(command);
        let set = app.accounts.execute(id, &meta, &command).await;
        let set = set.map_err(Denied::from)?;
        if let Some(before) = before {
            app.discard(id, before).await;
        }
        app.forgive(&request, id, FactorKind::RecoveryCode).await;
        Ok(written(
            wire::RecoveryCodes {
                recovery_codes: codes,
            },
            set.position,
        ))
    }

    /// Name a factor
    #[oai(path = "/:id", method = "patch", operation_id = "rename_factor")]
    async fn rename_factor(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The factor.
        id: Path<Uuid>,
        body: Json<wire::RenameFactor>,
    ) -> poem::Result<Written<wire::Factor>> {
        let (app, credential) = (app.0, CredentialId::from_uuid(id.0));
        let id = caller.0.account();
        let name = match body.0.name {
            MaybeUndefined::Undefined => {
                return Err(Denied::Invalid {
                    field: "/name",
                    message: "nothing to change",
                }
                .into());
            }
            MaybeUndefined::Null => None,
            MaybeUndefined::Value(name) => Some(name),
        };
        let meta = request
            .meta(caller.0.actor(), Some(id))
            .map_err(Denied::from)?;
        let key = app.data_key(id).await?;
        let name = name.map(|name| key.seal(&name, id, meta.message, "factor_name"));
        let command = AccountCommand::Factor(FactorCommand::Rename {
            credential,
            name: name.transpose().map_err(Denied::from)?,
        });
        let command = caller.0.asks(command);
        let renamed = app.accounts.execute(id, &meta, &command).await;
        let renamed = renamed.map_err(Denied::from)?;
        let factors = app.show_factors(id, &renamed.state.state).await?;
        let factor = factors
            .into_iter()
            .find(|factor| factor.id == credential.uuid());
        Ok(written(factor.ok_or(Denied::NotFound)?, renamed.position))
    }

    /// Remove a factor
    ///
    /// With the last one the recovery codes go, too, and the password alone
    /// lets in again. The account's other sessions end; this one goes on with
    /// the access token in the answer.
    #[oai(path = "/:id", method = "delete", operation_id = "remove_factor")]
    async fn remove_factor(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The factor.
        id: Path<Uuid>,
    ) -> poem::Result<Written<wire::AccessToken>> {
        let (app, credential) = (app.0, CredentialId::from_uuid(id.0));
        let (id, session) = (caller.0.account(), caller.0.session());
        let before = app.accounts.current(id).await.map_err(Denied::from)?;
        let meta = request.meta(caller.0.actor(), None).map_err(Denied::from)?;
        let command = AccountCommand::Factor(FactorCommand::Remove { credential });
        let command = caller.0.asks(command);
        let removed = app.accounts.execute(id, &meta, &command).await;
        let removed = removed.map_err(Denied::from)?;
        let state: &Account = &removed.state.state;
        let granted = app.continue_session(&request, session, id, state).await?;
        app.discard_unreferenced(id, &before.state, state).await;
        Ok(written(granted.access_token(), granted.position))
    }
}

impl App {
    /// Destroys what an account referred to before and does not any more.
    pub(crate) async fn discard_unreferenced(
        &self,
        id: AccountId,
        before: &Account,
        after: &Account,
    ) {
        let codes = before.recovery.map(|set| set.credential);
        let factors = before.factors.iter().map(|factor| factor.credential);
        for credential in factors.chain(codes) {
            if !after.refers_to(credential) {
                self.discard(id, credential).await;
            }
        }
    }
}
