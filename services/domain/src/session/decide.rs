//! The rules of a session.

use countersign_events::{EndReason, Ended, RefreshReused, Refreshed, SessionEvent, Started};

use super::{Live, Refresh, Session, SessionCommand, SessionRefusal, Start};

pub(super) fn decide(
    session: &Session,
    command: &SessionCommand,
) -> Result<Vec<SessionEvent>, SessionRefusal> {
    match (command, session.get()) {
        (SessionCommand::Start(_), Some(_)) => Err(SessionRefusal::Exists),
        (SessionCommand::Start(start), None) => begin(start),
        (_, None) => Err(SessionRefusal::Unknown),
        (SessionCommand::Refresh(refresh), Some(live)) => rotate(live, refresh),
        (SessionCommand::End { reason, note }, Some(live)) => Ok(match live.ended {
            Some(_) => Vec::new(),
            None => vec![
                Ended {
                    reason: *reason,
                    note: note.clone(),
                }
                .into(),
            ],
        }),
    }
}

fn begin(start: &Start) -> Result<Vec<SessionEvent>, SessionRefusal> {
    if !start.standing.active {
        return Err(SessionRefusal::Fenced);
    }
    let expires_at = start.now.plus(start.absolute);
    Ok(vec![
        Started {
            account: start.account,
            epoch: start.standing.epoch,
            client: start.client.clone(),
            ip: start.ip.clone(),
            user_agent: start.user_agent.clone(),
            acr: start.acr,
            amr: start.amr.clone(),
            auth_time: start.now,
            idle_expires_at: start.now.plus(start.idle).min(expires_at),
            expires_at,
            forget_at: expires_at.plus(start.retention),
        }
        .into(),
    ])
}

fn rotate(live: &Live, refresh: &Refresh) -> Result<Vec<SessionEvent>, SessionRefusal> {
    if let Some(reason) = live.ended {
        return Err(SessionRefusal::Ended(reason));
    }
    if !refresh.standing.active || live.epoch < refresh.standing.min_epoch {
        return Err(SessionRefusal::Fenced);
    }
    if refresh.now >= live.expires_at || refresh.now >= live.idle_expires_at {
        return Err(SessionRefusal::Expired);
    }
    if refresh.presented == 0 || refresh.presented > live.generation {
        return Err(SessionRefusal::NeverIssued);
    }
    if refresh.presented == live.generation {
        return Ok(vec![
            Refreshed {
                generation: live
                    .generation
                    .checked_add(1)
                    .ok_or(SessionRefusal::Expired)?,
                idle_expires_at: refresh.now.plus(refresh.idle).min(live.expires_at),
                ip: refresh.ip.clone(),
            }
            .into(),
        ]);
    }
    // The live generation being the presented one's successor means that the
    // successor has not been used: had it been, there would be a later one.
    let is_predecessor = refresh.presented == live.generation - 1;
    if is_predecessor && refresh.now.distance(live.rotated_at) <= refresh.grace {
        return Ok(Vec::new());
    }
    Ok(vec![
        RefreshReused {
            presented: refresh.presented,
            live: live.generation,
            ip: refresh.ip.clone(),
        }
        .into(),
        Ended {
            reason: EndReason::RefreshReused,
            note: None,
        }
        .into(),
    ])
}
