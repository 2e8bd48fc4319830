//! `/v1/admin/revocations`: orders to end every session of a kind.

use std::sync::Arc;
use std::time::Duration;

use countersign_domain::RevocationCommand;
use countersign_events::{Actor, RevocationCancelled, RevocationId, SessionId, Timestamp};
use countersign_openapi as wire;
use countersign_views::revocation::{self, RevocationState, ended_by};
use countersign_views::session::{Outcome, Selecting, Selection, StateFilter, select};
use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::revocation::{Order, Preview};
use crate::routes::answer::{Done, done};
use crate::routes::page::{Cursor, limit};
use crate::routes::show;
use crate::routes::tags::Tags;

pub(crate) struct Revocations;

const KEY: &str = "idempotency-key";

/// How long an answer that waits does so for verifiers. Of a shard in which
/// nothing is revoked they know after a beat and a report, each a second.
const PATIENCE: Duration = Duration::from_secs(4);

/// What came of an order.
#[derive(ApiResponse)]
pub(crate) enum Started {
    /// What would be ended. Nothing was.
    #[oai(status = 200)]
    Previewed(Json<wire::RevocationPreview>),
    /// Carried out, which was waited for.
    #[oai(status = 201)]
    CarriedOut(
        Json<wire::Revocation>,
        /// Where the order stands in the log.
        #[oai(header = "Countersign-Position")]
        String,
    ),
    /// Taken in. It is carried out whatever becomes of this instance.
    #[oai(status = 202)]
    Accepted(
        Json<wire::Revocation>,
        /// Where the order stands in the log.
        #[oai(header = "Countersign-Position")]
        String,
    ),
}

#[OpenApi(prefix_path = "/v1/admin/revocations", tag = "Tags::Admin")]
impl Revocations {
    /// End every session of a kind
    ///
    /// Preview it first with `dry_run`, then send the preview's `as_of` and
    /// `matched` (as `expected`): exactly what was counted is ended, but for
    /// what is over meanwhile. The order is carried out in the background and
    /// survives the instance that took it. Needs `sessions:revoke` and a
    /// step-up.
    #[oai(path = "/", method = "post", operation_id = "start_revocation")]
    async fn start_revocation(
        &self,
        app: Data<&Arc<App>>,
        raw: &Request,
        request: Circumstances,
        caller: SignedIn,
        /// Chosen by the caller: a request that is repeated with it gives no
        /// second order.
        #[oai(name = "Idempotency-Key")]
        idempotency_key: Header<Option<String>>,
        body: Json<wire::StartRevocation>,
    ) -> poem::Result<Started> {
        let (app, caller, body) = (&app.0, &caller.0, &body.0);
        if body.dry_run {
            let preview = app.preview_revocation(&request, caller, body).await?;
            return Ok(Started::Previewed(Json(shown(preview, request.now))));
        }
        // What is no text would be passed over, and the order given twice.
        let key = match (idempotency_key.0.as_deref(), raw.headers().get(KEY)) {
            (None, Some(_)) => Some(""),
            (key, _) => key,
        };
        let (given, position) = app.order_revocation(&request, caller, body, key).await?;
        let id = RevocationId::from_uuid(given.id);
        if !body.wait || !app.carried_out(id).await? {
            return Ok(Started::Accepted(Json(given), position.to_string()));
        }
        let mut shown = app.show_order_applied(id, PATIENCE).await?;
        shown.started_since = given.started_since;
        Ok(Started::CarriedOut(Json(shown), position.to_string()))
    }

    /// List revocations
    ///
    /// Newest first, without what they say. Needs `sessions:read`.
    #[oai(path = "/", method = "get", operation_id = "list_revocation_orders")]
    async fn list_revocation_orders(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
        /// How many to return at most, 1 to 200.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// The `next` of the page before.
        after: Query<Option<String>>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Page<wire::Revocation>>> {
        let app = &app.0;
        let after = Cursor::parse(after.0.as_deref())?.map(RevocationId::from_uuid);
        let limit = self::limit(limit.0)?;
        app.wait_for(min_position.0.as_deref()).await?;
        let page = revocation::list(&app.views, after, limit).await;
        let page = page.map_err(Denied::from)?;
        let mut items = Vec::with_capacity(page.items.len());
        for row in page.items {
            let ended = match row.state {
                RevocationState::Completed | RevocationState::Failed => {
                    row.ended.unwrap_or_default()
                }
                _ => {
                    let ended = ended_by(&app.views, row.message).await;
                    ended.map_err(Denied::from)?
                }
            };
            items.push(listed(&row, ended));
        }
        Ok(Json(wire::Page {
            items,
            next: page.next.map(|id| Cursor::show(id.uuid())),
        }))
    }

    /// Read a revocation
    ///
    /// With who has applied the ends that it counts: asked again and again, it
    /// tells how far an order is, and then who lags behind. Needs
    /// `sessions:read`.
    #[oai(path = "/:id", method = "get", operation_id = "get_revocation")]
    async fn get_revocation(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
        /// The revocation.
        id: Path<Uuid>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Revocation>> {
        app.0.wait_for(min_position.0.as_deref()).await?;
        let id = RevocationId::from_uuid(id.0);
        let shown = app.0.show_order_applied(id, Duration::ZERO).await?;
        Ok(Json(shown))
    }

    /// List the sessions of a revocation
    ///
    /// What has become of each, newest first. Needs `sessions:read`.
    #[oai(
        path = "/:id/items",
        method = "get",
        operation_id = "list_revocation_items"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a documented parameter")]
    async fn list_revocation_items(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
        /// The revocation.
        id: Path<Uuid>,
        /// Only those in this state: `ended`, `already_over`, `pending`,
        /// `failed` or `left`.
        state: Query<Option<String>>,
        /// How many to return at most, 1 to 200.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// The `next` of the page before.
        after: Query<Option<String>>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Page<wire::RevocationItem>>> {
        let app = &app.0;
        let after = Cursor::parse(after.0.as_deref())?.map(SessionId::from_uuid);
        let limit = self::limit(limit.0)?;
        let wanted = state.0.as_deref().map(parse_state).transpose()?;
        app.wait_for(min_position.0.as_deref()).await?;
        let order = app.order(RevocationId::from_uuid(id.0)).await?;
        let order = order.ok_or(Denied::NotFound)?;
        let page = items(app, &order, wanted, after, limit).await?;
        Ok(Json(page))
    }

    /// Give a revocation up
    ///
    /// What it has ended stays ended, and what is being ended in this moment
    /// is. Needs `sessions:revoke` and a step-up.
    #[oai(
        path = "/:id/cancel",
        method = "post",
        operation_id = "cancel_revocation"
    )]
    async fn cancel_revocation(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// The revocation.
        id: Path<Uuid>,
    ) -> poem::Result<Done> {
        let app = &app.0;
        let id = RevocationId::from_uuid(id.0);
        let order = app.orders.current(id).await.map_err(Denied::from)?;
        let message = order.state.message().ok_or(Denied::NotFound)?;
        let ended = ended_by(&app.views, message).await.map_err(Denied::from)?;
        let meta = request.meta(caller.0.actor(), None).map_err(Denied::from)?;
        let command = RevocationCommand::Cancel(RevocationCancelled { ended });
        let cancelled = app.orders.execute(id, &meta, &command).await;
        Ok(done(cancelled.map_err(Denied::from)?.position))
    }
}

fn shown(preview: Preview, now: Timestamp) -> wire::RevocationPreview {
    let sample = preview.sample.into_iter();
    wire::RevocationPreview {
        matched: preview.totals.matched,
        accounts: preview.totals.accounts,
        clients: preview.totals.clients,
        includes_own: preview.totals.includes_own,
        as_of: preview.as_of,
        sample: sample.map(|row| show::session(row, now)).collect(),
    }
}

/// A row of the list.
fn listed(row: &revocation::Revocation, ended: u64) -> wire::Revocation {
    wire::Revocation {
        id: row.id.uuid(),
        state: match row.state {
            RevocationState::Requested => wire::RevocationState::Requested,
            RevocationState::Running => wire::RevocationState::Running,
            RevocationState::Completed => wire::RevocationState::Completed,
            RevocationState::Cancelled => wire::RevocationState::Cancelled,
            RevocationState::Failed => wire::RevocationState::Failed,
        },
        by: match row.by {
            Actor::Account(id) => id.to_string(),
            _ => "system".to_owned(),
        },
        requested_at: row.requested_at.to_datetime(),
        as_of: None,
        predicate: None,
        reason: None,
        matched: row.matched,
        ended,
        already_over: row.already_over,
        failed: row.failed,
        started_since: None,
        started_at: row.counted_at.map(Timestamp::to_datetime),
        finished_at: row.finished_at.map(Timestamp::to_datetime),
        position: row.position.to_string(),
        applied: None,
    }
}

const STATES: [(&str, wire::RevocationItemState); 5] = [
    ("ended", wire::RevocationItemState::Ended),
    ("already_over", wire::RevocationItemState::AlreadyOver),
    ("pending", wire::RevocationItemState::Pending),
    ("failed", wire::RevocationItemState::Failed),
    ("left", wire::RevocationItemState::Left),
];

fn parse_state(word: &str) -> Result<wire::RevocationItemState, Denied> {
    let found = STATES.iter().find(|(name, _)| *name == word);
    found
        .map(|(_, state)| *state)
        .ok_or(Denied::InvalidParameter {
            name: "state",
            message: "expected ended, already_over, pending, failed or left",
        })
}

/// What a session that is still open is, for an order in this state.
fn open_means(state: wire::RevocationState) -> wire::RevocationItemState {
    match state {
        wire::RevocationState::Requested | wire::RevocationState::Running => {
            wire::RevocationItemState::Pending
        }
        wire::RevocationState::Completed | wire::RevocationState::Failed => {
            wire::RevocationItemState::Failed
        }
        wire::RevocationState::Cancelled => wire::RevocationItemState::Left,
    }
}

async fn items(
    app: &App,
    order: &Order,
    wanted: Option<wire::RevocationItemState>,
    after: Option<SessionId>,
    limit: u16,
) -> Result<wire::Page<wire::RevocationItem>, Denied> {
    let open = open_means(order.state());
    let mut page = Selecting {
        cause: order.message,
        outcome: None,
        after,
        limit: limit + 1,
    };
    page.outcome = match wanted {
        None => None,
        Some(wire::RevocationItemState::Ended) => Some(Outcome::Ended),
        Some(wire::RevocationItemState::AlreadyOver) => Some(Outcome::AlreadyOver),
        Some(state) if state == open => Some(Outcome::Open),
        // No session of this order can be in that state.
        Some(_) => {
            let items = Vec::new();
            return Ok(wire::Page { items, next: None });
        }
    };
    let selection = if let Some(selection) = order.selection()? {
        selection
    } else {
        // What it said is gone with its operator; what it did is there.
        page.outcome = Some(Outcome::Ended);
        Selection {
            state: StateFilter::Any,
            ..Selection::default()
        }
    };
    let mut rows = select(&app.views, &selection, &order.as_of(), &page).await?;
    let more = rows.len() > usize::from(limit);
    rows.truncate(usize::from(limit));
    let next = rows.last().filter(|_| more);
    Ok(wire::Page {
        next: next.map(|last| Cursor::show(last.id.uuid())),
        items: rows
            .into_iter()
            .map(|row| wire::RevocationItem {
                session_id: row.id.uuid(),
                account_id: row.account.uuid(),
                state: match row.outcome {
                    Outcome::Ended => wire::RevocationItemState::Ended,
                    Outcome::AlreadyOver => wire::RevocationItemState::AlreadyOver,
                    Outcome::Open => open,
                },
            })
            .collect(),
    })
}
