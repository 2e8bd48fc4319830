//! `/v1/admin/projections`

use std::sync::Arc;

use crate::http::Json;
use countersign_events::{Position, Timestamp};
use countersign_openapi as wire;
use countersign_views::failure::Failure;
use countersign_views::generation::ReadModel;
use countersign_views::projector::{Owner, OwnerState};
use countersign_views::rebuild::{Rebuild, RebuildState};
use countersign_views::{checkpoint, control, failure, generation, lock, projector, rebuild};
use poem::web::Data;
use poem_openapi::{ApiResponse, OpenApi};

use crate::app::App;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::routes::tags::Tags;

pub(crate) struct Projections;

/// The one projection there is.
const NAME: &str = "accounts_and_sessions";

/// 202: somebody will do it.
#[derive(ApiResponse)]
pub enum Taken {
    /// A projector will take it up. How far it is stands among the
    /// projections.
    #[oai(status = 202)]
    Accepted,
}

#[OpenApi(prefix_path = "/v1/admin/projections", tag = "Tags::Admin")]
impl Projections {
    /// Read the state of the read models
    ///
    /// One entry a shard, in order. After them, while the read models are made
    /// anew beside those that serve, one more a shard; and one, if that did
    /// not come to an end, with the reason. Needs `projections:read`.
    #[oai(path = "/", method = "get", operation_id = "list_projections")]
    async fn list_projections(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
    ) -> poem::Result<Json<wire::Page<wire::ProjectionState>>> {
        let ends = app.0.log.ends().await.map_err(Denied::from)?;
        let mut items = serving_to(app.0, &ends).await?;
        let rebuild = rebuild::current(&app.0.views).await.map_err(Denied::from)?;
        items.extend(
            rebuild
                .map(|rebuild| rebuilding(&rebuild, &ends))
                .unwrap_or_default(),
        );
        Ok(Json(wire::Page { items, next: None }))
    }

    /// Have stopped projections try again
    ///
    /// They try the event that they stopped at, now and not at their own time;
    /// none is skipped. Needs `projections:write`.
    #[oai(path = "/repair", method = "post", operation_id = "repair_projections")]
    async fn repair_projections(
        &self,
        app: Data<&Arc<App>>,
        caller: SignedIn,
        body: Json<wire::RepairProjections>,
    ) -> poem::Result<Json<wire::ProjectionsRepaired>> {
        let pool = &app.0.views;
        let mut shards = Vec::new();
        for failure in failure::list(pool).await.map_err(Denied::from)? {
            let shard = failure.position.shard;
            if body.0.shard.is_some_and(|wanted| wanted != shard) {
                continue;
            }
            // It may have gone on meanwhile.
            let asked = failure::request_retry(pool, shard).await;
            if asked.map_err(Denied::from)? {
                shards.push(shard);
            }
        }
        tracing::info!(by = %caller.0.account(), ?shards, "projections are to try again");
        Ok(Json(wire::ProjectionsRepaired { shards }))
    }

    /// Have the read models made anew
    ///
    /// From the first event, beside those that serve, which the new ones
    /// replace once they have caught up. A running projector does it; one that
    /// stops or is lost leaves it to the next, and after three that were lost
    /// it has failed. Needs `projections:write`.
    #[oai(
        path = "/rebuild",
        method = "post",
        operation_id = "rebuild_projections"
    )]
    async fn rebuild_projections(
        &self,
        app: Data<&Arc<App>>,
        caller: SignedIn,
    ) -> poem::Result<Taken> {
        let pool = &app.0.views;
        if !projector::is_any_alive(pool).await.map_err(Denied::from)? {
            return Err(Denied::NoProjector.into());
        }
        let by = caller.0.account();
        if !rebuild::request(pool, by).await.map_err(Denied::from)? {
            return Err(Denied::Rebuilding.into());
        }
        tracing::info!(%by, "the read models are to be made anew");
        Ok(Taken::Accepted)
    }
}

/// What serves, one entry a shard.
pub(super) async fn serving(app: &App) -> Result<Vec<wire::ProjectionState>, Denied> {
    serving_to(app, &app.log.ends().await?).await
}

async fn serving_to(app: &App, ends: &[u64]) -> Result<Vec<wire::ProjectionState>, Denied> {
    let pool = &app.views;
    let active = generation::active(pool).await?;
    let positions = checkpoint::positions(pool).await?;
    let failures = failure::list(pool).await?;
    let owners = projector::owners(pool).await?;
    let mut connection = pool
        .acquire()
        .await
        .map_err(countersign_views::ViewError::from)?;
    let generation = active.as_ref().map_or(0, |model| model.generation);
    let locked = lock::owned_shards(&mut connection, generation).await?;
    let is_ours = active.as_ref().is_some_and(ReadModel::is_ours);
    let version = version(active.as_ref().map(|model| model.version));
    let states = (0u8..).zip(ends).map(|(shard, end)| {
        let here = positions.iter().find(|position| position.shard == shard);
        let failed = failures
            .iter()
            .find(|failure| failure.position.shard == shard);
        let owner = owners.iter().find(|owner| owner.shard == shard);
        let owner = owner.filter(|owner| is_ours || is_at_work(owner));
        let alive = owner.filter(|owner| owner.is_alive);
        let sequence = here.map_or(0, |position| position.sequence);
        let stopped = failed.map(|failure| wire::ProjectionFault {
            position: failure.position.to_string(),
            since: failure.failed_at.to_datetime(),
            message: failure.error.clone(),
        });
        let outdated = || {
            active
                .as_ref()
                .and_then(|model| outdated(model, at(shard, sequence)))
        };
        let lag = end.saturating_sub(sequence);
        let rate = alive.map(|owner| owner.events_per_second);
        wire::ProjectionState {
            name: NAME.into(),
            version,
            shard: shard.into(),
            state: mode(failed, owner, locked.contains(&shard)),
            phase: None,
            position: at(shard, sequence),
            log_end: at(shard, *end),
            lag_events: lag,
            events_per_second: rate,
            eta_seconds: rate
                .filter(|rate| *rate > 0 && lag > 0)
                .map(|rate| lag.div_ceil(rate)),
            owner: alive.map(|owner| owner.projector.clone()),
            fault: stopped.or_else(outdated),
        }
    });
    Ok(states.collect())
}

/// Whether the owner of a shard that this program does not write has it. One
/// who waits, or is not heard of, is idle; programs of the other version need
/// not speak of themselves, and the lock speaks for them.
fn is_at_work(owner: &Owner) -> bool {
    owner.is_alive && owner.state != OwnerState::Waiting
}

/// That what serves was made by an older program.
fn outdated(model: &ReadModel, position: String) -> Option<wire::ProjectionFault> {
    let (theirs, ours) = (model.version, control::VERSION);
    (theirs < ours).then(|| wire::ProjectionFault {
        position,
        since: model.activated_at.unwrap_or(model.created_at).to_datetime(),
        message: format!(
            "the read models are of version {theirs}, this program writes version {ours}: \
             rebuild them"
        ),
    })
}

/// What a shard's projection is doing. Its owner says so; of one who has said
/// nothing yet, the lock.
fn mode(failed: Option<&Failure>, owner: Option<&Owner>, is_locked: bool) -> wire::ProjectionMode {
    match (failed, owner) {
        (Some(_), _) => wire::ProjectionMode::Stopped,
        (None, Some(owner)) if owner.is_alive => match owner.state {
            OwnerState::Waiting => wire::ProjectionMode::Retrying,
            // It goes on, or will have said why not in a moment.
            OwnerState::Running | OwnerState::Failed => wire::ProjectionMode::Running,
        },
        (None, None) if is_locked => wire::ProjectionMode::Running,
        (None, _) => wire::ProjectionMode::Unowned,
    }
}

/// What is made anew, one entry a shard; or one that says why it failed.
fn rebuilding(rebuild: &Rebuild, ends: &[u64]) -> Vec<wire::ProjectionState> {
    let number = rebuild
        .generation
        .map_or("next".into(), |number| format!("r{number}"));
    let rates = rates(rebuild);
    let entry = |shard: u8, end: u64, state| {
        let sequence = rebuild.positions.get(usize::from(shard)).copied();
        let sequence = sequence.unwrap_or_default();
        wire::ProjectionState {
            name: format!("{NAME}_{number}"),
            version: version(rebuild.version),
            shard: shard.into(),
            state,
            phase: Some(rebuild.phase.clone().unwrap_or_else(|| "waiting".into())),
            position: at(shard, sequence),
            log_end: at(shard, end),
            lag_events: end.saturating_sub(sequence),
            events_per_second: rates.get(usize::from(shard)).copied(),
            eta_seconds: rebuild.eta_seconds,
            owner: rebuild.runner.clone(),
            fault: None,
        }
    };
    let shards = || (0u8..).zip(ends.iter().copied());
    match rebuild.state {
        RebuildState::Requested | RebuildState::Running => shards()
            .map(|(shard, end)| entry(shard, end, wire::ProjectionMode::Rebuilding))
            .collect(),
        RebuildState::Failed => shards()
            .take(1)
            .map(|(shard, end)| {
                let stopped = entry(shard, end, wire::ProjectionMode::Stopped);
                wire::ProjectionState {
                    phase: Some("failed".into()),
                    events_per_second: None,
                    fault: Some(fault(rebuild, &stopped.position)),
                    ..stopped
                }
            })
            .collect(),
        RebuildState::Done => Vec::new(),
    }
}

/// Events a second of each shard of a rebuild, which add up to those of the
/// whole: the whole is counted from the beginning, and what is filled of a
/// shard since then is its part. None if they are not known.
fn rates(rebuild: &Rebuild) -> Vec<u64> {
    let Some(whole) = rebuild.events_per_second else {
        return Vec::new();
    };
    let filled = |shards: &[u64]| shards.iter().copied().map(u128::from).sum::<u128>();
    let all = filled(&rebuild.positions).max(1);
    // Rounded where they are added up, so that nothing is lost of the whole.
    let up_to = |shards| {
        let part = filled(&rebuild.positions[..shards]) * u128::from(whole) / all;
        u64::try_from(part).unwrap_or(whole)
    };
    let shards = 0..rebuild.positions.len();
    shards
        .map(|shard| up_to(shard + 1) - up_to(shard))
        .collect()
}

fn fault(rebuild: &Rebuild, position: &str) -> wire::ProjectionFault {
    let since: Timestamp = rebuild.changed_at;
    let reason = rebuild
        .error
        .as_deref()
        .unwrap_or("the reason is not known");
    wire::ProjectionFault {
        position: position.to_owned(),
        since: since.to_datetime(),
        message: format!("the rebuild failed: {reason}"),
    }
}

fn at(shard: u8, sequence: u64) -> String {
    Position { shard, sequence }.to_string()
}

fn version(stored: Option<i32>) -> u32 {
    stored.map_or(0, |version| u32::try_from(version).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(state: OwnerState, is_alive: bool) -> Owner {
        Owner {
            shard: 0,
            projector: "project/a:1".into(),
            state,
            events_per_second: 0,
            is_alive,
        }
    }

    #[test]
    fn an_owner_that_is_not_heard_of_is_none() {
        use wire::ProjectionMode::{Retrying, Running, Unowned};
        let running = owner(OwnerState::Running, true);
        assert_eq!(mode(None, Some(&running), false), Running);
        let waiting = owner(OwnerState::Waiting, true);
        assert_eq!(mode(None, Some(&waiting), true), Retrying);
        let silent = owner(OwnerState::Running, false);
        assert_eq!(mode(None, Some(&silent), true), Unowned);
        assert_eq!(mode(None, None, true), Running);
        assert_eq!(mode(None, None, false), Unowned);
    }

    #[test]
    fn who_waits_for_read_models_of_another_version_has_none_of_their_shards() {
        assert!(is_at_work(&owner(OwnerState::Running, true)));
        assert!(is_at_work(&owner(OwnerState::Failed, true)));
        assert!(!is_at_work(&owner(OwnerState::Waiting, true)));
        assert!(!is_at_work(&owner(OwnerState::Running, false)));
    }

    #[test]
    fn only_read_models_of_an_older_program_are_to_be_made_anew() {
        let model = |version| ReadModel {
            generation: 1,
            version,
            state: generation::State::Active,
            created_at: Timestamp::from_millis(0),
            activated_at: None,
        };
        let told = |version| outdated(&model(version), "0.7".into());
        assert_eq!(told(control::VERSION), None);
        assert_eq!(told(control::VERSION + 1), None);
        let fault = told(control::VERSION - 1).expect("a fault");
        assert_eq!(fault.position, "0.7");
        assert!(fault.message.ends_with("rebuild them"), "{fault:?}");
    }

    #[test]
    fn a_rebuild_is_shown_beside_what_serves_and_a_failure_once() {
        let mut rebuild = Rebuild {
            state: RebuildState::Running,
            runner: Some("project/a:1".into()),
            generation: Some(7),
            version: Some(4),
            phase: Some("filling".into()),
            positions: vec![5, 9],
            events_per_second: Some(10),
            eta_seconds: Some(2),
            error: None,
            changed_at: Timestamp::from_millis(0),
        };
        let shown = rebuilding(&rebuild, &[15, 9]);
        assert_eq!(shown.len(), 2);
        assert_eq!(shown[0].name, "accounts_and_sessions_r7");
        assert_eq!((shown[0].lag_events, shown[1].lag_events), (10, 0));
        // A rate for each, not the whole for each.
        let rate = |one: &wire::ProjectionState| one.events_per_second;
        assert_eq!(
            shown.iter().map(rate).collect::<Vec<_>>(),
            [Some(3), Some(7)]
        );
        rebuild.state = RebuildState::Failed;
        rebuild.error = Some("no space".into());
        let shown = rebuilding(&rebuild, &[15, 9]);
        assert_eq!(shown.len(), 1);
        let fault = shown[0].fault.as_ref().expect("a fault");
        assert_eq!(fault.message, "the rebuild failed: no space");
        rebuild.state = RebuildState::Done;
        assert!(rebuilding(&rebuild, &[15, 9]).is_empty());
    }
}
