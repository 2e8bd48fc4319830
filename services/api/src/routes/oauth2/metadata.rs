//! `GET /.well-known/oauth-authorization-server`

use std::sync::Arc;

use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::payload::Response;

use crate::app::App;
use crate::http::Json;
use crate::routes::tags::Tags;

pub(crate) struct Metadata;

#[OpenApi]
impl Metadata {
    /// Read what OAuth there is
    ///
    /// The authorization server metadata of RFC 8414.
    #[oai(
        path = "/.well-known/oauth-authorization-server",
        method = "get",
        operation_id = "oauth_metadata",
        tag = "Tags::OAuth"
    )]
    async fn oauth_metadata(
        &self,
        app: Data<&Arc<App>>,
    ) -> Response<Json<wire::AuthorizationServer>> {
        let metadata = wire::AuthorizationServer::of(&app.0.config.issuer);
        Response::new(Json(metadata)).header("Cache-Control", "public, max-age=300")
    }
}
