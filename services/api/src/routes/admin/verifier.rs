//! `/v1/admin/verifiers`

use std::sync::Arc;
use std::time::Duration;

use countersign_events::{Cursor, Position};
use countersign_feed::{Applied, Receipt, Standing};
use countersign_openapi as wire;
use poem::web::Data;
use poem_openapi::OpenApi;
use poem_openapi::param::Query;

use crate::app::App;
use crate::denied::Denied;
use crate::guard::SignedIn;
use crate::http::Json;
use crate::routes::answer::Waited;
use crate::routes::tags::Tags;

pub(crate) struct Verifiers;

/// How long an answer waits for verifiers, unless it is told otherwise.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most positions that are asked about at once: one of each shard there
/// may be.
const SEVERAL_MAX: usize = 64;

/// The longest it can be told to, in seconds.
const WAIT_SECONDS_MAX: u64 = 10;

#[OpenApi(prefix_path = "/v1/admin/verifiers", tag = "Tags::Admin")]
impl Verifiers {
    /// List the verifiers
    ///
    /// Everybody who checks tokens and reports, this deployment's own
    /// instances among them, with how far each has come; and, of a position,
    /// who has not applied it. Needs `verifiers:read`.
    #[oai(path = "/", method = "get", operation_id = "list_verifiers")]
    async fn list_verifiers(
        &self,
        app: Data<&Arc<App>>,
        _caller: SignedIn,
        /// Who has applied this? A `Countersign-Position`, several of them, as
        /// `0.12,2.7`, or a sequence for each shard, as `12-0-7`.
        position: Query<Option<String>>,
        /// How many seconds to wait for that, 0 to 10.
        #[oai(default)]
        wait: Query<u64>,
    ) -> poem::Result<Json<wire::Verifiers>> {
        if wait.0 > WAIT_SECONDS_MAX {
            return Err(Denied::InvalidParameter {
                name: "wait",
                message: "expected 0 to 10",
            }
            .into());
        }
        let awaited = position.0.map(|text| awaited(&text, app.0.log.shards()));
        let applied = match awaited.transpose()? {
            Some(awaited) => {
                let patience = Duration::from_secs(wait.0);
                Some(app.0.feed.receipts().applied(&awaited, patience).await)
            }
            None => None,
        };
        let all = app.0.feed.receipts().list();
        Ok(Json(wire::Verifiers {
            items: all.into_iter().map(verifier).collect(),
            applied: applied.as_ref().map(|applied| applied.behind.is_empty()),
            behind: applied
                .map(|applied| behind(applied.behind))
                .unwrap_or_default(),
        }))
    }
}

/// The positions that a text names.
fn awaited(text: &str, shards: u8) -> Result<Vec<(u8, u64)>, Denied> {
    let refused = Denied::InvalidParameter {
        name: "position",
        message: "expected positions, as 3.8412 or 0.12,2.7, or one sequence a shard, as 12-0-7",
    };
    let several = text.split(',').map(|text| {
        let position = text.parse::<Position>().ok()?;
        (position.shard < shards).then_some((position.shard, position.sequence))
    });
    // Of each shard one is enough: the last.
    let several = several.take(SEVERAL_MAX + 1).collect::<Option<Vec<_>>>();
    if let Some(several) = several {
        let is_few = several.len() <= SEVERAL_MAX;
        return is_few.then_some(several).ok_or(refused);
    }
    match text.parse::<Cursor>() {
        Ok(cursor) if cursor.sequences().len() == usize::from(shards) => {
            let sequences = cursor.sequences().iter().copied();
            Ok((0..shards).zip(sequences).collect())
        }
        _ => Err(refused),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn state(standing: Standing) -> wire::VerifierState {
    match standing {
        Standing::Live => wire::VerifierState::Live,
        Standing::Silent => wire::VerifierState::Silent,
    }
}

fn verifier(receipt: Receipt) -> wire::Verifier {
    wire::Verifier {
        id: receipt.id,
        name: receipt.name,
        client: receipt.client,
        state: state(receipt.standing),
        position: receipt.cursor,
        staleness_ms: receipt.staleness.map(millis),
        heard_ms_ago: millis(receipt.heard),
        kids: receipt.kids,
    }
}

fn behind(receipts: Vec<Receipt>) -> Vec<wire::VerifierBehind> {
    let one = |receipt: Receipt| wire::VerifierBehind {
        id: receipt.id,
        name: receipt.name,
        state: state(receipt.standing),
        staleness_ms: receipt.staleness.map(millis),
        max_staleness_ms: Some(millis(receipt.max_staleness)),
    };
    receipts.into_iter().map(one).collect()
}

impl App {
    /// Waits until every live verifier has applied these positions, two
    /// seconds at most, and says who has not.
    pub(crate) async fn applied(&self, awaited: &[Position]) -> wire::Applied {
        self.applied_within(awaited, PATIENCE).await
    }

    /// The same, at most for `patience`.
    pub(crate) async fn applied_within(
        &self,
        awaited: &[Position],
        patience: Duration,
    ) -> wire::Applied {
        let awaited: Vec<_> = awaited
            .iter()
            .map(|position| (position.shard, position.sequence))
            .collect();
        let Applied {
            verifiers,
            behind: receipts,
        } = self.feed.receipts().applied(&awaited, patience).await;
        wire::Applied {
            verifiers: u64::try_from(verifiers).unwrap_or(u64::MAX),
            behind: behind(receipts),
        }
    }

    /// The answer to a write that revokes: at once, or when it is in effect
    /// everywhere.
    pub(crate) async fn revoked(&self, at: Position, wait: bool) -> Waited {
        if !wait {
            return Waited::NoContent(at.to_string());
        }
        let applied = self.applied(&[at]).await;
        Waited::Ok(Json(wire::Revoked { applied }), at.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_one_of_a_shard_or_one_of_each() {
        assert_eq!(awaited("2.8", 3).expect("a position"), [(2, 8)]);
        let all = awaited("12-0-7", 3).expect("a cursor");
        assert_eq!(all, [(0, 12), (1, 0), (2, 7)]);
        let several = awaited("0.12,2.7", 3).expect("positions");
        assert_eq!(several, [(0, 12), (2, 7)]);
        let many = "0.1,".repeat(SEVERAL_MAX);
        for refused in [
            "", "3.1", "1-2", "1-2-3-4", "x", "1.", "-1", "0.1,", "0.1,3.1", ",",
        ] {
            assert!(awaited(refused, 3).is_err(), "{refused}");
        }
        assert!(awaited(&format!("{many}0.1"), 3).is_err());
        assert!(awaited(many.trim_end_matches(','), 3).is_ok());
    }
}
