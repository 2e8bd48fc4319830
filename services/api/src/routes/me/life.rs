//! `GET /v1/me/export` and `GET /v1/me/events`

use std::sync::Arc;

use countersign_domain::AccountCommand;
use countersign_events::{AccountId, EntityId, Position, Sealed, SessionId};
use countersign_log::DataKey;
use countersign_openapi as wire;
use countersign_views::history::{self, Entry, EntryCursor};
use countersign_views::session::{self, SessionFilter};
use futures_util::{StreamExt, TryStreamExt, stream};
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Query};

use crate::app::App;
use crate::circumstances::Circumstances;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::routes::page::limit;
use crate::routes::show;
use crate::routes::tags::Tags;

pub(crate) struct MyLife;

/// The most sessions, and the most events, of an export.
const EXPORTED: u16 = 200;

/// How many messages are read side by side.
const READS: usize = 16;

#[OpenApi(tag = "Tags::Me")]
impl MyLife {
    /// Take everything with one
    ///
    /// The account, its factors without their secrets, its sessions and what
    /// happened to it, as they are kept.
    #[oai(path = "/v1/me/export", method = "get", operation_id = "export_me")]
    async fn export_me(
        &self,
        app: Data<&Arc<App>>,
        request: Circumstances,
        caller: SignedIn,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Export>> {
        let (app, id) = (app.0, caller.0.account());
        app.wait_for(min_position.0.as_deref()).await?;
        let account = app.accounts.current(id).await.map_err(Denied::from)?;
        let filter = SessionFilter {
            account: Some(id),
            limit: EXPORTED,
            ..SessionFilter::default()
        };
        let sessions = session::list(&app.views, &filter, request.now).await;
        let sessions = sessions.map_err(Denied::from)?;
        let events = history::list(&app.views, id, None, EXPORTED).await;
        let events = events.map_err(Denied::from)?;
        let truncated = sessions.next.is_some() || events.next.is_some();
        let own = |row| show::own_session(row, request.now);
        Ok(Json(wire::Export {
            exported_at: request.now.to_datetime(),
            account: app.show_account(id, &account.state).await?,
            factors: app.show_factors(id, &account.state).await?,
            sessions: sessions.items.into_iter().map(own).collect(),
            events: app.show_history(id, events.items).await?,
            truncated,
        }))
    }

    /// Read what happened to one's account
    ///
    /// Sign-ins, failures after a right password, changes of password, address
    /// and factors: newest first.
    #[oai(
        path = "/v1/me/events",
        method = "get",
        operation_id = "list_my_events"
    )]
    async fn list_my_events(
        &self,
        app: Data<&Arc<App>>,
        caller: SignedIn,
        /// How many to return, 1 to 200.
        #[oai(default = "crate::routes::page::default_limit")]
        limit: Query<u16>,
        /// The `next` of the page before.
        after: Query<Option<String>>,
        /// Answer only from a state that holds this position.
        #[oai(name = "Countersign-Min-Position")]
        min_position: Header<Option<String>>,
    ) -> poem::Result<Json<wire::Page<wire::SecurityEvent>>> {
        let (app, id) = (app.0, caller.0.account());
        let shard = app.log.subject_of(id).shard;
        let after = after.0.as_deref().map(|text| cursor(text, shard));
        let after = after.transpose()?;
        let limit = self::limit(limit.0)?;
        app.wait_for(min_position.0.as_deref()).await?;
        let page = history::list(&app.views, id, after, limit).await;
        let page = page.map_err(Denied::from)?;
        Ok(Json(wire::Page {
            items: app.show_history(id, page.items).await?,
            next: page
                .next
                .map(|next| format!("{}.{}", next.position, next.index)),
        }))
    }
}

/// `3.8412.0`: a position in the account's shard and an event of its message,
/// as this list has written it.
fn cursor(text: &str, shard: u8) -> Result<EntryCursor, Denied> {
    let parse = || {
        let (position, index) = text.rsplit_once('.')?;
        let position = position.parse::<Position>().ok()?;
        let cursor = EntryCursor {
            position,
            index: index.parse().ok()?,
        };
        let is_ours = position.shard == shard && position.sequence > 0;
        let same = format!("{}.{}", cursor.position, cursor.index) == text;
        (is_ours && same).then_some(cursor)
    };
    parse().ok_or(Denied::InvalidParameter {
        name: "after",
        message: "not a cursor of this list",
    })
}

impl App {
    /// Entries of a history with what is sealed in their events.
    pub(crate) async fn show_history(
        &self,
        id: AccountId,
        entries: Vec<Entry>,
    ) -> Result<Vec<wire::SecurityEvent>, Denied> {
        let key = self.data_key(id).await?;
        stream::iter(entries)
            .map(|entry| self.show_entry(id, &key, entry))
            .buffered(READS)
            .try_collect()
            .await
    }

    async fn show_entry(
        &self,
        id: AccountId,
        key: &DataKey,
        entry: Entry,
    ) -> Result<wire::SecurityEvent, Denied> {
        let mut shown = wire::SecurityEvent {
            position: entry.position.to_string(),
            at: entry.occurred_at.to_datetime(),
            name: format!("{}.{}", entry.noun, entry.name),
            session_id: (entry.noun == SessionId::NOUN.as_str()).then_some(entry.subject),
            by_other: entry.actor != Some(id),
            ip: None,
            user_agent: None,
        };
        // Forgotten in its time, while the read model still had it.
        let Some(message) = self.log.message(entry.position).await? else {
            return Ok(shown);
        };
        let envelope = message.envelope()?;
        let sealed = envelope.header().id;
        let data = envelope.raw_events().nth(usize::from(entry.index));
        let data: serde_json::Value = data
            .and_then(|(_, _, data)| serde_json::from_str(data.get()).ok())
            .unwrap_or_default();
        let open = |field: &str| {
            let value = data.get(field)?.clone();
            let value: Sealed = serde_json::from_value(value).ok()?;
            key.open(&value, id, sealed, field).ok()
        };
        shown.ip = open("ip");
        shown.user_agent = open("user_agent");
        let session = data.get("session").and_then(|id| id.as_str());
        let session = session.and_then(|id| id.parse().ok());
        shown.session_id = shown.session_id.or(session);
        Ok(shown)
    }

    /// Forgets a person: nothing of theirs can be read by anybody after this.
    pub(crate) async fn erase(
        &self,
        request: &Circumstances,
        actor: countersign_events::Actor,
        id: AccountId,
        command: &AccountCommand,
    ) -> Result<Position, Denied> {
        let before = self.accounts.current(id).await?;
        // Read before the key is gone.
        let address = if before.state.exists() {
            Some(self.address(id, &before.state).await?)
        } else {
            None
        };
        let meta = request.meta(actor, None)?;
        let erased = self.accounts.execute(id, &meta, command).await?;
        self.raise_epoch_locally(id, erased.state.state.min_epoch, request.now)?;
        // From here on the janitor goes on if this cannot.
        if let Some(address) = address {
            self.release(request, id, &address).await?;
        }
        if let Some(password) = before.state.password {
            self.hashes.remove(&password);
        }
        self.log.vault().destroy_account(id).await?;
        Ok(erased.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_position_and_an_index() {
        let read = cursor("3.8412.1", 3).expect("a cursor");
        assert_eq!(
            (read.position.to_string().as_str(), read.index),
            ("3.8412", 1)
        );
        for text in [
            "",
            "3",
            "3.8412",
            "3.8412.x",
            "3.8412.-1",
            "3.8412.1.1",
            "3.0.0",
            "2.8412.1",
            "3.8412.01",
            "a.b.c",
        ] {
            assert!(cursor(text, 3).is_err(), "{text}");
        }
    }
}
