//! `/v1/admin/overview`

use std::sync::Arc;

use crate::http::Json;
use countersign_events::{EndReason, Position};
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;

use super::projection;
use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::permission::{Permission, permitted};
use crate::routes::tags::Tags;

pub(crate) struct Overview;

#[OpenApi(prefix_path = "/v1/admin/overview", tag = "Tags::Admin")]
impl Overview {
    /// Read the numbers
    ///
    /// They may be some seconds old; `at` says when they were true. Who
    /// projects, and what is wrong with a projection, is left out without
    /// `projections:read`. Needs `sessions:read`.
    #[oai(path = "/", method = "get", operation_id = "get_overview")]
    async fn get_overview(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
    ) -> poem::Result<Json<wire::Overview>> {
        let counted = app.0.numbers.read(&app.0.views, request.now).await;
        let counted = counted.map_err(Denied::from)?;
        let numbers = counted.numbers;
        let mut projections = projection::serving(app.0).await?;
        if !permitted(&caller.0.claims().roles, Permission::ProjectionsRead) {
            for projection in &mut projections {
                (projection.owner, projection.fault) = (None, None);
            }
        }
        let position = |shard| {
            let mut known = counted.positions.iter();
            let known = known.find(|position| position.shard == shard);
            known.copied().unwrap_or(Position { shard, sequence: 0 })
        };
        Ok(Json(wire::Overview {
            at: counted.at.to_datetime(),
            positions: (0..app.0.log.shards())
                .map(|shard| position(shard).to_string())
                .collect(),
            accounts: numbers.accounts,
            sessions_active: numbers.sessions_active,
            logins_15m: numbers.started_15_min,
            logins_failed_15m: app.0.metrics.failed_logins(request.now),
            logins_24h: numbers.started_24_h,
            sessions_ended_24h: numbers.ended_24_h.iter().map(|(_, count)| count).sum(),
            refresh_reused_24h: numbers
                .ended_24_h
                .iter()
                .filter(|(reason, _)| reason == EndReason::RefreshReused.as_str())
                .map(|(_, count)| count)
                .sum(),
            projections,
        }))
    }
}
