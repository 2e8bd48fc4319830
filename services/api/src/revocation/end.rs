//! Ending the sessions that an order is about.
//!
//! Those of a shard are ended together, by one append: half of the work of
//! ending each alone. What cannot be done so is done alone.

use countersign_domain::{SessionCommand, SessionRefusal};
use countersign_events::{AccountId, EndReason, MessageId, SessionId};
use countersign_log::{ExecuteError, Meta};
use countersign_views::session::{Outcome, Selected};
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::Order;
use crate::app::App;
use crate::denied::Denied;

/// How many sessions of a shard are ended alone at the same time.
const ALONE: usize = 8;

/// What has become of one session.
pub(super) enum Done {
    Ended,
    AlreadyOver,
}

/// Ends sessions of one shard; what became of each.
pub(super) async fn settle_all(
    app: &App,
    order: &Order,
    sessions: &[Selected],
) -> Vec<(SessionId, Result<Done, Denied>)> {
    let (open, mut rest): (Vec<_>, Vec<_>) = sessions
        .iter()
        .partition(|selected| selected.outcome == Outcome::Open);
    let mut settled = Vec::with_capacity(sessions.len());
    for (selected, ended) in open.iter().zip(together(app, order, &open).await) {
        match ended {
            Some(ended) => settled.push((selected.id, ended)),
            None => rest.push(selected),
        }
    }
    let mut alone = Vec::with_capacity(rest.len());
    for selected in rest {
        alone.push(settle(app, order, selected));
    }
    let mut alone = stream::iter(alone).buffer_unordered(ALONE);
    while let Some(done) = alone.next().await {
        settled.push(done);
    }
    settled
}

/// Ends sessions by one append; none where it is not known what became of one.
async fn together(
    app: &App,
    order: &Order,
    sessions: &[&Selected],
) -> Vec<Option<Result<Done, Denied>>> {
    let meta = |selected: &&Selected| {
        let meta = meta(app, order, selected.id.uuid(), Some(selected.account));
        (selected.id, meta)
    };
    let work: Vec<_> = sessions.iter().map(meta).collect();
    let ended = match app.sessions.execute_together(&work, &END).await {
        Ok(ended) => ended,
        Err(error) => {
            tracing::debug!(%error, "sessions are not ended together");
            return sessions.iter().map(|_| None).collect();
        }
    };
    let told = |((id, meta), ended): (&(SessionId, Meta), Option<_>)| {
        ended.map(|_| app.revoke_locally(*id, meta.now).map(|()| Done::Ended))
    };
    work.iter().zip(ended).map(told).collect()
}

const END: SessionCommand = SessionCommand::End {
    reason: EndReason::RevokedByOperator,
    note: None,
};

/// Ends one session, unless the read models know that it is over for good.
async fn settle(
    app: &App,
    order: &Order,
    selected: &Selected,
) -> (SessionId, Result<Done, Denied>) {
    let done = match selected.outcome {
        Outcome::Ended => Ok(Done::Ended),
        Outcome::AlreadyOver if !selected.with_account => Ok(Done::AlreadyOver),
        // It ended with all of its account and may be the one that goes on.
        Outcome::AlreadyOver => end(app, order, selected).await.map(|_| Done::AlreadyOver),
        Outcome::Open => end(app, order, selected).await,
    };
    (selected.id, done)
}

async fn end(app: &App, order: &Order, selected: &Selected) -> Result<Done, Denied> {
    let meta = meta(app, order, selected.id.uuid(), Some(selected.account));
    let ended = match app.sessions.execute(selected.id, &meta, &END).await {
        // The log has forgotten it.
        Err(ExecuteError::Refused(SessionRefusal::Unknown)) => return Ok(Done::AlreadyOver),
        other => other.map_err(Denied::from)?,
    };
    app.revoke_locally(selected.id, meta.now)?;
    // By this call or by one before it, here or elsewhere.
    let is_ours = ended.state.last_message == Some(meta.message);
    Ok(if is_ours {
        Done::Ended
    } else {
        Done::AlreadyOver
    })
}

/// The circumstances of what an order does to an entity. The id follows from
/// both, so that nothing is done twice whoever does it.
pub(super) fn meta(app: &App, order: &Order, entity: Uuid, account: Option<AccountId>) -> Meta {
    Meta {
        message: message_of(order.message, entity),
        now: app.clock.now(),
        actor: order.by,
        account,
        correlation: order.correlation,
        causation: Some(order.message),
        trace_parent: None,
    }
}

/// The time of the order's message, and the random bits of both mixed: as hard
/// to meet by chance as any other id.
fn message_of(order: MessageId, entity: Uuid) -> MessageId {
    let mut bytes = *order.uuid().as_bytes();
    let entity = entity.as_bytes();
    // The version and the variant stay as they are.
    bytes[6] ^= entity[6] & 0x0f;
    bytes[8] ^= entity[8] & 0x3f;
    for index in [7, 9, 10, 11, 12, 13, 14, 15] {
        bytes[index] ^= entity[index];
    }
    MessageId::from_uuid(Uuid::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use countersign_events::Timestamp;

    use super::*;

    #[test]
    fn the_id_of_an_end_follows_from_the_order_and_the_session() {
        let at = Timestamp::from_millis(1_795_356_187_000);
        let orders = [1, 2].map(|seed| MessageId::generate(at, [seed; 10]));
        let account = AccountId::generate(at, [3; 10]);
        let mut seen = HashSet::new();
        for order in orders {
            for seed in 0..=255 {
                let session = SessionId::generate(account, at, [seed; 10]);
                let id = message_of(order, session.uuid());
                assert_eq!(id, message_of(order, session.uuid()));
                assert_eq!(id.uuid().get_version_num(), 7);
                assert_eq!(id.uuid().get_variant(), uuid::Variant::RFC4122);
                seen.insert(id);
            }
        }
        assert_eq!(seen.len(), 2 * 256);
    }
}
