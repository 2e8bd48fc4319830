//! `/v1/admin/overview` and `/v1/admin/projections`

use std::sync::Arc;

use crate::http::Json;
use countersign_events::EndReason;
use countersign_openapi as wire;
use countersign_views::{checkpoint, failure, generation, overview};
use futures_util::future::try_join_all;
use poem::web::Data;
use poem_openapi::OpenApi;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::routes::tags::Tags;

pub(crate) struct Overview;

#[OpenApi(prefix_path = "/v1/admin/overview", tag = "Tags::Admin")]
impl Overview {
    /// Read the numbers
    ///
    /// Needs `sessions:read`.
    #[oai(path = "/", method = "get", operation_id = "get_overview")]
    async fn get_overview(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        _caller: SignedIn,
    ) -> poem::Result<Json<wire::Overview>> {
        let numbers = overview(&app.0.views, request.now);
        let numbers = numbers.await.map_err(Denied::from)?;
        let projections = projections(app.0).await?;
        Ok(Json(wire::Overview {
            at: request.now.to_datetime(),
            positions: projections
                .iter()
                .map(|shard| shard.position.clone())
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

pub(crate) struct Projections;

#[OpenApi(prefix_path = "/v1/admin/projections", tag = "Tags::Admin")]
impl Projections {
    /// Read the state of the read models
    ///
    /// One entry a shard. Needs `projections:read`.
    #[oai(path = "/", method = "get", operation_id = "list_projections")]
    async fn list_projections(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
    ) -> poem::Result<Json<wire::Page<wire::ProjectionState>>> {
        let items = projections(app.0).await?;
        Ok(Json(wire::Page { items, next: None }))
    }
}

async fn projections(app: &App) -> Result<Vec<wire::ProjectionState>, Denied> {
    let pool = &app.views;
    let active = generation::active(pool).await?;
    let positions = checkpoint::positions(pool).await?;
    let failures = failure::list(pool).await?;
    let ends = (0..app.log.shards()).map(|shard| app.log.last_sequence(shard));
    let ends = try_join_all(ends).await?;
    let version = active.map_or(0, |model| u32::try_from(model.version).unwrap_or(0));
    let states = (0u8..).zip(ends).map(|(shard, end)| {
        let here = positions.iter().find(|position| position.shard == shard);
        let sequence = here.map_or(0, |position| position.sequence);
        let failed = failures
            .iter()
            .find(|failure| failure.position.shard == shard);
        let at = |sequence| countersign_events::Position { shard, sequence }.to_string();
        let lag = end.saturating_sub(sequence);
        wire::ProjectionState {
            name: "accounts_and_sessions".into(),
            version,
            shard: shard.into(),
            state: match (failed, here) {
                (Some(_), _) => wire::ProjectionMode::Stopped,
                (None, None) => wire::ProjectionMode::Unowned,
                (None, Some(_)) => wire::ProjectionMode::Running,
            },
            position: at(sequence),
            log_end: at(end),
            lag_events: lag,
            events_per_second: None,
            eta_seconds: None,
            owner: None,
            fault: failed.map(|failure| wire::ProjectionFault {
                position: failure.position.to_string(),
                since: failure.failed_at.to_datetime(),
                message: failure.error.clone(),
            }),
        }
    });
    Ok(states.collect())
}
