//! The rules of the ring.

use countersign_events::{
    Activated, Created, KeyEvent, KeyRetired, KeyRevoked, RotationRequested, Sealed,
};

use super::{
    Key, KeyCommand, KeyRefusal, KeyState, Keyring, Publication, Retirement, RevokeKey, Rotate,
};

/// The most keys that are published at once. Verifiers take sets of 256; the
/// rest is room for a revocation, which must never be refused for this.
pub const MOST_PUBLISHED: usize = 200;

type Decision = Result<Vec<KeyEvent>, KeyRefusal>;

pub(super) fn decide(ring: &Keyring, command: &KeyCommand) -> Decision {
    match command {
        KeyCommand::Found(created) => Ok(found(ring, created)),
        KeyCommand::Prepare(created) => match ring.next() {
            Some(next) => Err(KeyRefusal::Prepared {
                kid: next.kid.clone(),
            }),
            None => Ok(vec![add(ring, created)?]),
        },
        KeyCommand::Rotate(rotate) => self::rotate(ring, rotate),
        KeyCommand::Activate { kid, publication } => activate(ring, kid, publication),
        KeyCommand::Retire(retirement) => retire(ring, retirement),
        KeyCommand::Revoke(revoke) => self::revoke(ring, revoke),
    }
}

fn found(ring: &Keyring, created: &Created) -> Vec<KeyEvent> {
    if !ring.keys.is_empty() {
        return Vec::new();
    }
    vec![created.clone().into(), signs(&created.kid)]
}

fn rotate(ring: &Keyring, rotate: &Rotate) -> Decision {
    let active = ring.active().ok_or(KeyRefusal::Unknown)?;
    if active.kid != rotate.replaces {
        return Ok(Vec::new());
    }
    let Some(next) = ring.next() else {
        let fresh = rotate.fresh.as_ref().ok_or(KeyRefusal::NoSuccessor)?;
        let mut events = vec![add(ring, fresh)?, wanted(&fresh.kid, rotate.note.as_ref())];
        events.extend(rotate.is_forced.then(|| signs(&fresh.kid)));
        return Ok(events);
    };
    let may_sign = rotate.is_forced || is_known(next, &rotate.publication).is_ok();
    if !may_sign && next.is_wanted {
        return Ok(Vec::new());
    }
    let mut events = vec![wanted(&next.kid, rotate.note.as_ref())];
    events.extend(may_sign.then(|| signs(&next.kid)));
    Ok(events)
}

fn activate(ring: &Keyring, kid: &str, publication: &Publication) -> Decision {
    let key = ring.get(kid).ok_or(KeyRefusal::Unknown)?;
    match key.state {
        KeyState::Active => Ok(Vec::new()),
        KeyState::Next => {
            is_known(key, publication)?;
            Ok(vec![signs(kid)])
        }
        KeyState::Retiring | KeyState::Retired | KeyState::Revoked => Err(KeyRefusal::Over),
    }
}

/// Whether everybody who verifies tokens can know the key.
fn is_known(key: &Key, publication: &Publication) -> Result<(), KeyRefusal> {
    let due = key.known_from(publication.cache);
    if publication.now < due {
        return Err(KeyRefusal::TooEarly { due });
    }
    if publication.lacking > 0 {
        return Err(KeyRefusal::NotHeld);
    }
    Ok(())
}

fn retire(ring: &Keyring, retirement: &Retirement) -> Decision {
    let key = ring.get(&retirement.kid).ok_or(KeyRefusal::Unknown)?;
    match key.state {
        KeyState::Next | KeyState::Active => Err(KeyRefusal::InUse),
        KeyState::Retired => Ok(Vec::new()),
        KeyState::Revoked => Err(KeyRefusal::Over),
        KeyState::Retiring => {
            let until = key.retires_at(retirement.window).unwrap_or(retirement.now);
            if retirement.now < until {
                return Err(KeyRefusal::TokensValid { until });
            }
            let kid = retirement.kid.clone();
            Ok(vec![KeyRetired { kid }.into()])
        }
    }
}

fn revoke(ring: &Keyring, revoke: &RevokeKey) -> Decision {
    let key = ring.get(&revoke.kid).ok_or(KeyRefusal::Unknown)?;
    let revoked = KeyRevoked {
        kid: revoke.kid.clone(),
        note: revoke.note.clone(),
    };
    match key.state {
        KeyState::Revoked => Ok(Vec::new()),
        KeyState::Next | KeyState::Retiring | KeyState::Retired => Ok(vec![revoked.into()]),
        KeyState::Active => {
            if let Some(next) = ring.next() {
                return Ok(vec![revoked.into(), signs(&next.kid)]);
            }
            let fresh = revoke.fresh.as_ref().ok_or(KeyRefusal::NoSuccessor)?;
            is_new(ring, fresh)?;
            Ok(vec![
                revoked.into(),
                fresh.clone().into(),
                signs(&fresh.kid),
            ])
        }
    }
}

fn add(ring: &Keyring, created: &Created) -> Result<KeyEvent, KeyRefusal> {
    is_new(ring, created)?;
    if ring.published().count() >= MOST_PUBLISHED {
        return Err(KeyRefusal::TooMany);
    }
    Ok(created.clone().into())
}

fn is_new(ring: &Keyring, created: &Created) -> Result<(), KeyRefusal> {
    match ring.get(&created.kid) {
        Some(_) => Err(KeyRefusal::NotNew),
        None => Ok(()),
    }
}

fn signs(kid: &str) -> KeyEvent {
    Activated { kid: kid.into() }.into()
}

fn wanted(kid: &str, note: Option<&Sealed>) -> KeyEvent {
    RotationRequested {
        kid: kid.into(),
        note: note.cloned(),
    }
    .into()
}
