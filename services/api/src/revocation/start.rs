//! Giving an order, or being told what it would do.

use std::time::Duration;

use aws_lc_rs::digest;
use countersign_domain::{RevocationCommand, RevocationRefusal};
use countersign_events::{
    AccountId, EntityId, MessageId, Position, RevocationId, RevocationRequested, SessionId,
};
use countersign_log::{ExecuteError, random};
use countersign_openapi as wire;
use countersign_views::revocation::{ended_by, ends_of};
use countersign_views::session::{self, AsOf, Selecting, StateFilter, Totals, select, totals};
use uuid::{Builder, Uuid};

use super::Terms;
use crate::app::App;
use crate::as_of;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::Caller;
use crate::permission::{Permission, permitted};

/// How many sessions a preview shows.
const SAMPLE: u16 = 20;

/// How long an answer waits for an order to be carried out.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it looks. It looks into memory, which the feed keeps up to date.
const LOOK: Duration = Duration::from_millis(10);

/// The longest `Idempotency-Key`.
const KEY_MAX: usize = 255;

/// A request that was understood: what is meant, and as of when.
struct Meant {
    terms: Terms,
    as_of: AsOf,
    state: StateFilter,
    own: SessionId,
}

/// What an order would do.
pub(crate) struct Preview {
    pub(crate) totals: Totals,
    /// As of when that is so, as it is shown.
    pub(crate) as_of: String,
    /// The newest of what is meant; nothing for who may not see sessions.
    pub(crate) sample: Vec<session::Session>,
}

/// What an order is known by, before it is given.
struct Ids {
    order: RevocationId,
    message: MessageId,
}

impl Ids {
    /// Of a request that is made once.
    fn draw(request: &Circumstances, by: AccountId) -> Result<Self, Denied> {
        // Beside the operator: what is sealed for them ends with them.
        let mut bytes: [u8; 10] = random()?;
        bytes[9] = by.placement();
        Ok(Self {
            order: RevocationId::generate(request.now, bytes),
            message: MessageId::generate(request.now, random()?),
        })
    }

    /// Of a request that may be repeated: they follow from its key, so that
    /// there is one order however often and wherever it is made.
    fn of_key(by: AccountId, key: &str) -> Result<Self, Denied> {
        if key.is_empty() || key.len() > KEY_MAX || !key.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(Denied::InvalidParameter {
                name: "Idempotency-Key",
                message: "expected 1 to 255 printable characters of ASCII, without spaces",
            });
        }
        let text = format!("countersign revocation {by} {key}");
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        let half = |from: usize| -> Result<[u8; 16], Denied> {
            let half = hash.as_ref().get(from..from + 16);
            let half = half.and_then(|half| half.try_into().ok());
            half.ok_or_else(|| Denied::Broken("a hash of another length".into()))
        };
        let mut order = half(0)?;
        order[15] = by.placement();
        let uuid = |bytes| Builder::from_custom_bytes(bytes).into_uuid();
        Ok(Self {
            order: RevocationId::from_uuid(uuid(order)),
            message: MessageId::from_uuid(uuid(half(16)?)),
        })
    }
}

impl App {
    async fn meant(
        &self,
        request: &Circumstances,
        caller: &Caller,
        body: &wire::StartRevocation,
    ) -> Result<Meant, Denied> {
        let as_of = self.as_of(body.as_of.as_deref(), request.now).await?;
        let mut terms = Terms::of(&body.predicate, as_of.at)?;
        self.resolve_key(&mut terms).await?;
        let own = caller.session();
        if body.spare_own_session.unwrap_or(true) {
            terms.spared = Some(own);
        }
        let state = match body.predicate.state {
            None | Some(wire::SessionState::Active) => StateFilter::Active,
            Some(wire::SessionState::Expired) => StateFilter::Expired,
            Some(wire::SessionState::Revoked) => StateFilter::Revoked,
        };
        Ok(Meant {
            terms,
            as_of,
            state,
            own,
        })
    }

    async fn totals(&self, meant: &Meant) -> Result<Totals, Denied> {
        self.reached_all(&meant.as_of.fence).await?;
        let selection = meant.terms.selection(meant.state)?;
        Ok(totals(&self.views, &selection, &meant.as_of, meant.own).await?)
    }

    /// Says what an order would end, and changes nothing.
    pub(crate) async fn preview_revocation(
        &self,
        request: &Circumstances,
        caller: &Caller,
        body: &wire::StartRevocation,
    ) -> Result<Preview, Denied> {
        let meant = self.meant(request, caller, body).await?;
        let totals = self.totals(&meant).await?;
        // Who may end sessions and not see them is told how many.
        let sample = if permitted(&caller.claims().roles, Permission::SessionsRead) {
            self.sample(&meant).await?
        } else {
            Vec::new()
        };
        Ok(Preview {
            totals,
            as_of: as_of::show(&meant.as_of),
            sample,
        })
    }

    async fn sample(&self, meant: &Meant) -> Result<Vec<session::Session>, Denied> {
        let page = Selecting {
            cause: MessageId::from_uuid(Uuid::nil()),
            outcome: None,
            after: None,
            limit: SAMPLE,
        };
        let selection = meant.terms.selection(meant.state)?;
        let selected = select(&self.views, &selection, &meant.as_of, &page).await?;
        let ids: Vec<SessionId> = selected.into_iter().map(|row| row.id).collect();
        Ok(session::all(&self.views, &ids).await?)
    }

    /// Gives an order. The same operator with the same key gives it once.
    pub(crate) async fn order_revocation(
        &self,
        request: &Circumstances,
        caller: &Caller,
        body: &wire::StartRevocation,
        key: Option<&str>,
    ) -> Result<(wire::Revocation, Position), Denied> {
        let invalid = |field, message| Denied::Invalid { field, message };
        let reason = body.reason.as_deref();
        let reason = reason.ok_or(invalid("/reason", "is required unless dry_run"))?;
        let by = caller.account();
        let ids = match key {
            None => Ids::draw(request, by)?,
            Some(key) => Ids::of_key(by, key)?,
        };
        let mut meant = self.meant(request, caller, body).await?;
        if meant.state != StateFilter::Active {
            let message = "only a preview may say another than active";
            return Err(invalid("/predicate/state", message));
        }
        if key.is_some()
            && self
                .orders
                .current(ids.order)
                .await?
                .state
                .message()
                .is_some()
        {
            return self.given_before(&ids, &meant.terms).await;
        }
        let totals = self.totals(&meant).await?;
        if body
            .expected
            .is_some_and(|expected| expected != totals.matched)
        {
            return Err(Denied::Conflict);
        }
        // All of an account end by one event, with what is started until then;
        // so not when a preview is to be met exactly, nor with one spared.
        let account = meant.terms.only_account();
        let spares = account == Some(by) && meant.terms.spared.is_some();
        meant.terms.whole_account = account.is_some() && body.as_of.is_none() && !spares;
        let key = self.data_key(by).await?;
        let mut meta = request.meta(caller.actor(), Some(by))?;
        meta.message = ids.message;
        let terms = meant.terms.encode()?;
        let command = RevocationCommand::Request(RevocationRequested {
            predicate: key.seal(&terms, by, meta.message, "predicate")?,
            fence: meant.as_of.fence.clone(),
            note: Some(key.seal(reason, by, meta.message, "note")?),
        });
        let given = match self.orders.execute(ids.order, &meta, &command).await {
            // The same request was quicker elsewhere, and is under way.
            Err(ExecuteError::Refused(RevocationRefusal::Exists)) => {
                return self.given_before(&ids, &meant.terms).await;
            }
            other => other?,
        };
        let (mut shown, _) = self.show_order(ids.order).await?;
        shown.started_since = Some(totals.started_since);
        Ok((shown, given.position))
    }

    /// What was ordered under the same key, if it was the same.
    async fn given_before(
        &self,
        ids: &Ids,
        terms: &Terms,
    ) -> Result<(wire::Revocation, Position), Denied> {
        let order = self.order(ids.order).await?.ok_or(Denied::Conflict)?;
        let before = order.terms.as_ref();
        if !before.is_some_and(|before| before.says_the_same_as(terms)) {
            return Err(Denied::Conflict);
        }
        self.show_order(ids.order).await
    }

    /// An order as it is shown, and where it stands.
    pub(crate) async fn show_order(
        &self,
        id: RevocationId,
    ) -> Result<(wire::Revocation, Position), Denied> {
        let order = self.order(id).await?.ok_or(Denied::NotFound)?;
        let ended = ended_by(&self.views, order.message).await?;
        Ok((order.show(ended), order.position))
    }

    /// The same, with who has applied the ends that it counts. Those that have
    /// not are waited for, at most for `patience`.
    pub(crate) async fn show_order_applied(
        &self,
        id: RevocationId,
        patience: Duration,
    ) -> Result<wire::Revocation, Denied> {
        let order = self.order(id).await?.ok_or(Denied::NotFound)?;
        let ends = ends_of(&self.views, order.message).await?;
        let mut shown = order.show(ends.count);
        if shown.ended == 0 && order.finish.is_none() {
            return Ok(shown);
        }
        let awaited = if ends.count < shown.ended {
            // The read models lack some of them. All stand before what the
            // shards end with now.
            let all = (0u8..).zip(self.log.ends().await?);
            all.map(|(shard, sequence)| Position { shard, sequence })
                .collect()
        } else {
            ends.last
        };
        shown.applied = Some(self.applied_within(&awaited, patience).await);
        Ok(shown)
    }

    /// Waits until an order was carried out or given up; false if it takes
    /// longer than an answer can wait.
    pub(crate) async fn carried_out(&self, id: RevocationId) -> Result<bool, Denied> {
        let done = async {
            let mut looks = tokio::time::interval(LOOK);
            looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                if !self.orders.recent(id).await?.state.is_open() {
                    return Ok(true);
                }
            }
        };
        tokio::time::timeout(PATIENCE, done)
            .await
            .unwrap_or(Ok(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_one_order_of_one_operator() {
        let of = |by: u128, key: &str| {
            let by = AccountId::from_uuid(Uuid::from_u128(by));
            Ids::of_key(by, key).map(|ids| (ids.order, ids.message))
        };
        let first = of(7, "incident-311").expect("a key");
        assert_eq!(of(7, "incident-311").expect("a key"), first);
        assert_ne!(of(7, "incident-312").expect("a key"), first);
        let other = of(8, "incident-311").expect("a key");
        assert_ne!(other, first);
        assert_eq!((first.0.placement(), other.0.placement()), (7, 8));
        for key in ["", " ", "a b", "ü", "\n", &"k".repeat(256)] {
            assert!(of(7, key).is_err(), "{key:?}");
        }
    }
}
