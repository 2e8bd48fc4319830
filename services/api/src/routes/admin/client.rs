//! `/v1/admin/clients`

use std::sync::Arc;
use std::time::Duration;

use countersign_domain::ClientCommand;
use countersign_events::{ClientId, SecretId};
use countersign_openapi as wire;
use countersign_views::client::{self, ClientFilter};
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::client::{canonical_jwks, validated};
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::routes::answer::{Done, Waited, Written, done, written};
use crate::routes::page::{Cursor, limit};
use crate::routes::show;
use crate::routes::tags::Tags;

pub(crate) struct Clients;

#[derive(ApiResponse)]
enum Created {
    /// It has come to be.
    #[oai(status = 201)]
    Created(
        Json<wire::ClientRegistered>,
        /// Where the write stands in the log, to be sent with reads that must
        /// see it.
        #[oai(header = "Countersign-Position")]
        String,
    ),
}

const DAY: Duration = Duration::from_hours(24);

#[OpenApi(prefix_path = "/v1/admin/clients", tag = "Tags::Admin")]
impl Clients {
    /// List clients
    ///
    /// Services that sign in as themselves, newest first. Needs
    /// `clients:read`.
    #[oai(path = "/", method = "get", operation_id = "list_clients")]
    async fn list_clients(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
        /// How many to return, 1 to 200.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// The `next` of the page before.
        after: Query<Option<String>>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Page<wire::Client>>> {
        let filter = ClientFilter {
            after: Cursor::parse(after.0.as_deref())?.map(ClientId::from_uuid),
            limit: self::limit(limit.0)?,
        };
        app.0.wait_for(min_position.0.as_deref()).await?;
        let page = client::list(&app.0.views, &filter)
            .await
            .map_err(Denied::from)?;
        Ok(Json(wire::Page {
            items: page.items.into_iter().map(show::client).collect(),
            next: page.next.map(|id| Cursor::show(id.uuid())),
        }))
    }

    /// Register a client
    ///
    /// It has no way to prove itself yet: add a secret, or set keys. Needs
    /// `clients:write` and a step-up.
    #[oai(path = "/", method = "post", operation_id = "register_client")]
    async fn register_client(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        body: Json<wire::ClientProfile>,
    ) -> poem::Result<Created> {
        let (id, position) = app
            .0
            .register_client(&request, caller.0.actor(), body.0)
            .await?;
        let registered = wire::ClientRegistered { id: id.uuid() };
        Ok(Created::Created(Json(registered), position.to_string()))
    }

    /// Read a client
    ///
    /// Needs `clients:read`.
    #[oai(path = "/:id", method = "get", operation_id = "get_client")]
    async fn get_client(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
        /// The client.
        id: Path<Uuid>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Client>> {
        app.0.wait_for(min_position.0.as_deref()).await?;
        let row = client::get(&app.0.views, ClientId::from_uuid(id.0))
            .await
            .map_err(Denied::from)?;
        Ok(Json(show::client(row.ok_or(Denied::NotFound)?)))
    }

    /// Change a client
    ///
    /// All that it is: what is not named is taken away. If anything is, the
    /// tokens it was given are refused. Needs `clients:write` and a step-up.
    #[oai(path = "/:id", method = "put", operation_id = "change_client")]
    async fn change_client(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The client.
        id: Path<Uuid>,
        body: Json<wire::ClientProfile>,
    ) -> poem::Result<Done> {
        let profile = validated(body.0)?;
        let command = ClientCommand::Change { profile };
        let id = ClientId::from_uuid(id.0);
        let changed = app
            .0
            .put_client(&request, caller.0.actor(), id, &command)
            .await?;
        Ok(done(changed.position))
    }

    /// Add a secret to a client
    ///
    /// The answer is the only place where it is ever shown. A client has two
    /// at most, so that one can be replaced by the other without a pause.
    /// Needs `clients:write` and a step-up.
    #[oai(
        path = "/:id/secrets",
        method = "post",
        operation_id = "add_client_secret"
    )]
    async fn add_client_secret(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The client.
        id: Path<Uuid>,
        body: Json<Option<wire::AddClientSecret>>,
    ) -> poem::Result<Written<wire::NewClientSecret>> {
        let days = body.0.and_then(|body| body.expires_in_days);
        let lifetime = days.map(|days| DAY * u32::from(days));
        let id = ClientId::from_uuid(id.0);
        let added = app
            .0
            .add_client_secret(&request, caller.0.actor(), id, lifetime)
            .await?;
        let shown = wire::NewClientSecret {
            id: added.id.uuid(),
            client_id: id.uuid(),
            secret: added.secret,
            expires_at: added
                .expires_at
                .map(countersign_events::Timestamp::to_datetime),
        };
        Ok(written(shown, added.position))
    }

    /// Remove a secret of a client
    ///
    /// The tokens the client was given are refused, as somebody else may have
    /// got them. Needs `clients:write` and a step-up.
    #[oai(
        path = "/:id/secrets/:secret",
        method = "delete",
        operation_id = "remove_client_secret"
    )]
    async fn remove_client_secret(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The client.
        id: Path<Uuid>,
        /// The secret's id.
        secret: Path<Uuid>,
    ) -> poem::Result<Done> {
        let secret = SecretId::from_uuid(secret.0);
        let command = ClientCommand::RemoveSecret { secret };
        let id = ClientId::from_uuid(id.0);
        let removed = app
            .0
            .put_client(&request, caller.0.actor(), id, &command)
            .await?;
        Ok(done(removed.position))
    }

    /// Set the public keys of a client
    ///
    /// With which it signs assertions (RFC 7523) from now on, and with no
    /// others. If it had others, the tokens it was given are refused. Needs
    /// `clients:write` and a step-up.
    #[oai(path = "/:id/jwks", method = "put", operation_id = "set_client_keys")]
    async fn set_client_keys(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The client.
        id: Path<Uuid>,
        body: Json<wire::ClientKeys>,
    ) -> poem::Result<Done> {
        let jwks = canonical_jwks(&body.0.jwks.0)?;
        let command = ClientCommand::SetKeys { jwks };
        let id = ClientId::from_uuid(id.0);
        let set = app
            .0
            .put_client(&request, caller.0.actor(), id, &command)
            .await?;
        Ok(done(set.position))
    }

    /// Disable a client
    ///
    /// It gets no tokens, and those it was given are refused, until it is
    /// enabled. Needs `clients:write` and a step-up.
    #[oai(
        path = "/:id/disable",
        method = "post",
        operation_id = "disable_client"
    )]
    async fn disable_client(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The client.
        id: Path<Uuid>,
        body: Json<wire::RevokeReason>,
    ) -> poem::Result<Waited> {
        let id = ClientId::from_uuid(id.0);
        let disabled = app
            .0
            .disable_client(&request, &caller.0, id, &body.0.reason)
            .await?;
        Ok(app.0.revoked(disabled.position, body.0.wait).await)
    }

    /// Enable a client
    ///
    /// It gets tokens again; those of before stay refused. Needs
    /// `clients:write` and a step-up.
    #[oai(path = "/:id/enable", method = "post", operation_id = "enable_client")]
    async fn enable_client(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The client.
        id: Path<Uuid>,
    ) -> poem::Result<Done> {
        let id = ClientId::from_uuid(id.0);
        let enabled = app
            .0
            .put_client(&request, caller.0.actor(), id, &ClientCommand::Enable)
            .await?;
        Ok(done(enabled.position))
    }
}
