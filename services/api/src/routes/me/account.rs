//! `GET`, `PATCH` and `DELETE /v1/me`

use std::sync::Arc;

use crate::http::Json;
use countersign_domain::AccountCommand;
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::types::MaybeUndefined;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::routes::answer::{Done, Written, done, written};
use crate::routes::tags::Tags;

pub(crate) struct Me;

#[OpenApi]
impl Me {
    /// Read one's account
    ///
    /// Read from the log, so it is never stale and needs no
    /// `Countersign-Min-Position`.
    #[oai(
        path = "/v1/me",
        method = "get",
        operation_id = "get_me",
        tag = "Tags::Me"
    )]
    async fn get_me(
        &self,
        app: Data<&Arc<App>>,
        caller: SignedIn,
    ) -> poem::Result<Json<wire::Account>> {
        let id = caller.0.account();
        let account = app.0.accounts.current(id).await.map_err(Denied::from)?;
        if !account.state.exists() {
            // A token of ours for an account that is not there: the log has
            // lost it, or nobody has it any more.
            app.0.log.gate().check().map_err(Denied::from)?;
            return Err(Denied::NotFound.into());
        }
        Ok(Json(app.0.show_account(id, &account.state).await?))
    }

    /// Change one's account
    #[oai(
        path = "/v1/me",
        method = "patch",
        operation_id = "update_me",
        tag = "Tags::Me"
    )]
    async fn update_me(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        body: Json<wire::UpdateMe>,
    ) -> poem::Result<Written<wire::Account>> {
        let id = caller.0.account();
        let name = match body.0.display_name {
            MaybeUndefined::Undefined => {
                return Err(Denied::Invalid {
                    field: "/display_name",
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
        let key = app.0.data_key(id).await?;
        let seal = |name: String| key.seal(&name, id, meta.message, "display_name");
        let display_name = name.map(seal).transpose().map_err(Denied::from)?;
        let command = AccountCommand::SetDisplayName { display_name };
        let changed = app
            .0
            .accounts
            .execute(id, &meta, &caller.0.asks(command))
            .await
            .map_err(Denied::from)?;
        let shown = app.0.show_account(id, &changed.state.state).await?;
        Ok(written(shown, changed.position))
    }

    /// Have oneself forgotten
    ///
    /// Every session ends, the address is free again, and the key under which
    /// everything about the person was sealed is destroyed. There is no way
    /// back.
    #[oai(
        path = "/v1/me",
        method = "delete",
        operation_id = "erase_me",
        tag = "Tags::Me"
    )]
    async fn erase_me(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
    ) -> poem::Result<Done> {
        let id = caller.0.account();
        let command = caller.0.asks(AccountCommand::Erase);
        let actor = caller.0.actor();
        let position = app.0.erase(&request, actor, id, &command).await?;
        Ok(done(position))
    }
}
