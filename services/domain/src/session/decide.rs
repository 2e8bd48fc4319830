//! The rules of a session.

use countersign_events::{
    Acr, Attempted, BindingBroken, Bound, Continued, EndReason, Ended, FactorRejected,
    RefreshReused, Refreshed, SessionEvent, Started, SteppedUp, Timestamp,
};

use super::{
    Attempt, Live, Pending, Place, Refresh, Session, SessionCommand, SessionRefusal, Start, StepUp,
};

/// How often a second factor may be tried in one sign-in.
pub const MOST_TRIES: u8 = 5;

type Decision = Result<Vec<SessionEvent>, SessionRefusal>;

pub(super) fn decide(session: &Session, command: &SessionCommand) -> Decision {
    match (session, command) {
        (Session::Absent, SessionCommand::Attempt(attempt)) => consider(attempt),
        (Session::Absent, SessionCommand::Start(start)) => {
            if start.standing.needs_factor && start.acr == Acr::Aal1 {
                return Err(SessionRefusal::FactorMissing);
            }
            begin(start, &[])
        }

        (Session::Pending(pending), SessionCommand::Start(start)) => {
            still_open(pending, start.now)?;
            // The account has changed what it asks for since, or is gone.
            if start.acr == Acr::Aal1
                || start.account != pending.account
                || pending.epoch < start.standing.min_epoch
            {
                return Err(SessionRefusal::AttemptOver);
            }
            begin(start, &pending.amr)
        }
        (Session::Pending(pending), SessionCommand::RejectFactor { method, now }) => {
            still_open(pending, *now)?;
            Ok(vec![
                FactorRejected {
                    method: *method,
                    tries: pending.tries + 1,
                }
                .into(),
            ])
        }
        (Session::Pending(_) | Session::Live(_), SessionCommand::Attempt(_)) => {
            Err(SessionRefusal::Exists)
        }
        // Until it is complete, it is no session to anybody.
        (Session::Absent | Session::Pending(_), _) => Err(SessionRefusal::Unknown),

        (Session::Live(live), SessionCommand::Start(_) | SessionCommand::RejectFactor { .. }) => {
            Err(if live.was_attempted {
                SessionRefusal::AttemptOver
            } else {
                SessionRefusal::Exists
            })
        }
        (Session::Live(live), SessionCommand::Refresh(refresh)) => rotate(live, refresh),
        (Session::Live(live), SessionCommand::StepUp(step_up)) => raise(live, step_up),
        (Session::Live(live), SessionCommand::Continue { epoch }) => {
            if let Some(reason) = live.ended {
                return Err(SessionRefusal::Ended(reason));
            }
            if live.epoch >= *epoch {
                return Ok(Vec::new());
            }
            Ok(vec![Continued { epoch: *epoch }.into()])
        }
        (Session::Live(live), SessionCommand::End { reason, note }) => Ok(match live.ended {
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

fn consider(attempt: &Attempt) -> Decision {
    if !attempt.standing.active {
        return Err(SessionRefusal::Fenced);
    }
    let expires_at = attempt.now.plus(attempt.lifetime);
    Ok(vec![
        Attempted {
            account: attempt.account,
            epoch: attempt.standing.epoch,
            ip: attempt.ip.clone(),
            amr: attempt.amr.clone(),
            expires_at,
            forget_at: expires_at.plus(attempt.retention),
        }
        .into(),
    ])
}

fn still_open(pending: &Pending, now: Timestamp) -> Result<(), SessionRefusal> {
    if now >= pending.expires_at || pending.tries >= MOST_TRIES {
        return Err(SessionRefusal::AttemptOver);
    }
    Ok(())
}

fn begin(start: &Start, before: &[String]) -> Decision {
    if !start.standing.active {
        return Err(SessionRefusal::Fenced);
    }
    let expires_at = start.now.plus(start.absolute);
    let mut events = vec![
        Started {
            account: start.account,
            epoch: start.standing.epoch,
            client: start.client.clone(),
            ip: start.ip.clone(),
            user_agent: start.user_agent.clone(),
            acr: start.acr,
            amr: united(before, &start.amr),
            auth_time: start.now,
            idle_expires_at: start.now.plus(start.idle).min(expires_at),
            expires_at,
            forget_at: expires_at.plus(start.retention),
        }
        .into(),
    ];
    if let Some(binding) = &start.binding {
        events.push(
            Bound {
                binding: binding.clone(),
            }
            .into(),
        );
    }
    Ok(events)
}

/// Both, each once, in the order of their first use. Two factors of different
/// kinds are `mfa` too (RFC 8176 section 2).
fn united(before: &[String], new: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for method in before.iter().chain(new) {
        if !all.contains(method) {
            all.push(method.clone());
        }
    }
    all
}

/// What every command to a living session begins with.
fn alive(live: &Live, standing: crate::Standing, now: Timestamp) -> Result<(), SessionRefusal> {
    if let Some(reason) = live.ended {
        return Err(SessionRefusal::Ended(reason));
    }
    if !standing.active || live.epoch < standing.min_epoch {
        return Err(SessionRefusal::Fenced);
    }
    if now >= live.expires_at || now >= live.idle_expires_at {
        return Err(SessionRefusal::Expired);
    }
    Ok(())
}

fn rotate(live: &Live, refresh: &Refresh) -> Decision {
    alive(live, refresh.standing, refresh.now)?;
    if refresh.presented == 0 || refresh.presented > live.generation {
        return Err(SessionRefusal::NeverIssued);
    }
    if refresh.presented == live.generation {
        return successor(live, refresh);
    }
    // The live generation being the presented one's successor means that the
    // successor has not been used: had it been, there would be a later one.
    let is_predecessor = refresh.presented == live.generation - 1;
    let is_soon = refresh.now.distance(live.rotated_at) <= refresh.grace;
    if is_predecessor && is_soon && live.was_replaced {
        return Err(SessionRefusal::Replaced);
    }
    if is_predecessor && is_soon {
        return match refresh.place {
            Place::Refused => Err(SessionRefusal::Elsewhere),
            Place::Same | Place::Noted { .. } => Ok(Vec::new()),
        };
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

fn successor(live: &Live, refresh: &Refresh) -> Decision {
    let mut events = Vec::new();
    match &refresh.place {
        Place::Same => {}
        Place::Refused => return Err(SessionRefusal::Elsewhere),
        Place::Noted {
            user_agent,
            binding,
        } => {
            events.push(
                BindingBroken {
                    ip: refresh.ip.clone(),
                    user_agent: user_agent.clone(),
                }
                .into(),
            );
            events.push(
                Bound {
                    binding: binding.clone(),
                }
                .into(),
            );
        }
    }
    let generation = live.generation.checked_add(1);
    events.push(
        Refreshed {
            generation: generation.ok_or(SessionRefusal::Expired)?,
            idle_expires_at: refresh.now.plus(refresh.idle).min(live.expires_at),
            ip: refresh.ip.clone(),
        }
        .into(),
    );
    Ok(events)
}

fn raise(live: &Live, step_up: &StepUp) -> Decision {
    alive(live, step_up.standing, step_up.now)?;
    // Where a second factor is asked for, a password proves too little to make
    // an older proof of more count as new.
    if step_up.standing.needs_factor && step_up.acr == Acr::Aal1 {
        return Err(SessionRefusal::FactorMissing);
    }
    let generation = if step_up.replaces_token {
        live.generation.checked_add(1)
    } else {
        Some(live.generation)
    };
    let mut events = vec![
        SteppedUp {
            // As strong as what was proved now: an older, stronger proof does
            // not become new by a weaker one.
            acr: step_up.acr,
            amr: united(&live.amr, &step_up.amr),
            auth_time: step_up.now.max(live.auth_time),
            generation: generation.ok_or(SessionRefusal::Expired)?,
        }
        .into(),
    ];
    if let Some(binding) = &step_up.binding {
        events.push(
            Bound {
                binding: binding.clone(),
            }
            .into(),
        );
    }
    Ok(events)
}
