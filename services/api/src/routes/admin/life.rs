//! What operators change about an account.

use std::sync::Arc;

use countersign_domain::{Account, AccountCommand, FactorCommand};
use countersign_events::{AccountId, EndReason, Sealed};
use countersign_log::{DataKey, Executed, Meta};
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Path;
use uuid::Uuid;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::{Caller, SignedIn};
use crate::http::Json;
use crate::permission::{Permission, ROLES, permitted};
use crate::routes::answer::{Done, Waited, done};
use crate::routes::tags::Tags;

pub(crate) struct AccountLife;

#[OpenApi(prefix_path = "/v1/admin/accounts", tag = "Tags::Admin")]
impl AccountLife {
    /// Suspend an account
    ///
    /// Its sessions end, its tokens are refused, and it cannot log in until it
    /// is reinstated. Needs `accounts:write` and a step-up.
    #[oai(
        path = "/:id/suspend",
        method = "post",
        operation_id = "suspend_account"
    )]
    async fn suspend_account(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The account.
        id: Path<Uuid>,
        body: Json<wire::RevokeReason>,
    ) -> poem::Result<Waited> {
        let (note, wait) = (body.0.reason, body.0.wait);
        let suspended = app
            .0
            .put(&request, &caller.0, id.0, note, |note| {
                AccountCommand::Suspend { note }
            })
            .await?;
        Ok(app.0.revoked(suspended.position, wait).await)
    }

    /// Reinstate an account
    ///
    /// It may log in again. Needs `accounts:write` and a step-up.
    #[oai(
        path = "/:id/reinstate",
        method = "post",
        operation_id = "reinstate_account"
    )]
    async fn reinstate_account(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The account.
        id: Path<Uuid>,
        body: Json<wire::Reason>,
    ) -> poem::Result<Done> {
        let note = body.0.reason;
        let reinstated = app
            .0
            .put(&request, &caller.0, id.0, note, |note| {
                AccountCommand::Reinstate { note }
            })
            .await?;
        Ok(done(reinstated.position))
    }

    /// Give an account its roles
    ///
    /// All of them: what is not named is taken away. Its sessions end, so that
    /// no token says what is no longer so. Needs `accounts:write`, a step-up,
    /// and every permission that the roles give.
    #[oai(path = "/:id/roles", method = "put", operation_id = "set_roles")]
    async fn set_roles(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The account.
        id: Path<Uuid>,
        body: Json<wire::SetRoles>,
    ) -> poem::Result<Waited> {
        let roles = body.0.roles;
        if !roles.iter().all(|role| ROLES.contains(&role.as_str())) {
            return Err(Denied::Invalid {
                field: "/roles",
                message: "expected names of roles: user, support, operator, admin",
            }
            .into());
        }
        let own = &caller.0.claims().roles;
        let exceeds = |permission| permitted(&roles, permission) && !permitted(own, permission);
        if Permission::ALL.into_iter().any(exceeds) {
            return Err(Denied::Forbidden.into());
        }
        let (note, wait) = (body.0.reason, body.0.wait);
        let changed = app
            .0
            .put(&request, &caller.0, id.0, note, |note| {
                AccountCommand::SetRoles { roles, note }
            })
            .await?;
        Ok(app.0.revoked(changed.position, wait).await)
    }

    /// Take an account's second factors away
    ///
    /// For somebody who has lost them all and was recognised otherwise. Its
    /// sessions end. Needs `accounts:write` and a step-up.
    #[oai(
        path = "/:id/reset-factors",
        method = "post",
        operation_id = "reset_factors"
    )]
    async fn reset_factors(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The account.
        id: Path<Uuid>,
        body: Json<wire::RevokeReason>,
    ) -> poem::Result<Waited> {
        let account = AccountId::from_uuid(id.0);
        let before = app.0.accounts.current(account).await;
        let before = before.map_err(Denied::from)?;
        let (note, wait) = (body.0.reason, body.0.wait);
        let reset = app
            .0
            .put(&request, &caller.0, id.0, note, |note| {
                AccountCommand::Factor(FactorCommand::Reset { note })
            })
            .await?;
        let state = &reset.state.state;
        app.0
            .discard_unreferenced(account, &before.state, state)
            .await;
        Ok(app.0.revoked(reset.position, wait).await)
    }

    /// End all sessions of an account
    ///
    /// Needs `sessions:revoke` and a step-up.
    #[oai(
        path = "/:id/revoke-sessions",
        method = "post",
        operation_id = "revoke_account_sessions"
    )]
    async fn revoke_account_sessions(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The account.
        id: Path<Uuid>,
        body: Json<wire::RevokeReason>,
    ) -> poem::Result<Waited> {
        let (note, wait) = (body.0.reason, body.0.wait);
        let ended = app
            .0
            .put(&request, &caller.0, id.0, note, |note| {
                AccountCommand::EndSessions {
                    reason: EndReason::RevokedByOperator,
                    note,
                }
            })
            .await?;
        Ok(app.0.revoked(ended.position, wait).await)
    }

    /// Have somebody forgotten
    ///
    /// Everything about the person becomes unreadable, for ever. Needs
    /// `accounts:erase` and a step-up, and no reason: what was written about a
    /// person who is forgotten would be forgotten with them.
    #[oai(path = "/:id/erase", method = "post", operation_id = "erase_account")]
    async fn erase_account(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The account.
        id: Path<Uuid>,
    ) -> poem::Result<Done> {
        let id = AccountId::from_uuid(id.0);
        let position = app
            .0
            .erase(&request, caller.0.actor(), id, &AccountCommand::Erase)
            .await?;
        Ok(done(position))
    }
}

impl App {
    /// Puts an operator's command to an account, with what they wrote sealed
    /// for the person it is about.
    async fn put(
        &self,
        request: &Circumstances,
        caller: &Caller,
        id: Uuid,
        note: String,
        command: impl FnOnce(Option<Sealed>) -> AccountCommand,
    ) -> Result<Executed<Account>, Denied> {
        let id = AccountId::from_uuid(id);
        let meta: Meta = request.meta(caller.actor(), Some(id))?;
        let key = self.log.vault().data_key(id).await?;
        let seal = |key: DataKey| key.seal(&note, id, meta.message, "note");
        let note: Option<Sealed> = key.map(seal).transpose()?;
        let executed = self.accounts.execute(id, &meta, &command(note)).await?;
        let min_epoch = executed.state.state.min_epoch;
        self.raise_epoch_locally(id, min_epoch, request.now)?;
        Ok(executed)
    }
}
