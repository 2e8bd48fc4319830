//! As of when a question or an order counts: a position in the log and a
//! moment, as one text.

use std::time::Duration;

use countersign_events::{Cursor, Position, Timestamp};
use countersign_views::session::AsOf;
use futures_util::future::try_join_all;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::SemaphorePermit;

use crate::app::App;
use crate::denied::Denied;

/// How long a preview is good. What has been pruned from the read models since
/// would be missing.
const GOOD_FOR: Duration = Duration::from_hours(24);

/// What a question about the past is asked as of, with its place among the few
/// that are answered at the same time: it is held until the answer is made.
pub(crate) struct Moment<'a> {
    pub(crate) as_of: AsOf,
    _place: SemaphorePermit<'a>,
}

/// As it is shown: `12-0-7@1795356187000`.
pub(crate) fn show(as_of: &AsOf) -> String {
    let cursor = Cursor::new(as_of.fence.clone());
    format!("{cursor}@{}", as_of.at.as_millis())
}

fn parse(text: &str) -> Option<AsOf> {
    let (cursor, millis) = text.split_once('@')?;
    let cursor: Cursor = cursor.parse().ok()?;
    let plain = millis.len() <= 15 && millis.bytes().all(|byte| byte.is_ascii_digit());
    let millis = millis.parse().ok().filter(|_| plain)?;
    Some(AsOf {
        fence: cursor.sequences().to_vec(),
        at: Timestamp::from_millis(millis),
    })
}

impl App {
    /// As of a preview, or as of now: the ends of all shards as their leaders
    /// know them.
    pub(crate) async fn as_of(&self, text: Option<&str>, now: Timestamp) -> Result<AsOf, Denied> {
        let Some(text) = text else {
            return Ok(AsOf {
                fence: self.log.ends().await?,
                at: now,
            });
        };
        let invalid = |message| Denied::Invalid {
            field: "/as_of",
            message,
        };
        let found = parse(text).filter(|as_of| as_of.fence.len() == usize::from(self.log.shards()));
        let as_of = found.ok_or(invalid("expected the as_of of a preview"))?;
        if as_of.at > now.plus(self.config.clock_skew) {
            return Err(invalid("expected the as_of of a preview"));
        }
        if now.distance(as_of.at) > GOOD_FOR {
            return Err(invalid("the preview is more than a day old: make another"));
        }
        Ok(as_of)
    }

    /// As of what a question about the past is: a time, or what an earlier
    /// answer says of itself. There is no bound on how long ago.
    ///
    /// A time becomes the last sequence of every shard that the log had stored
    /// by then, so an answer that is asked for again by its header is the same
    /// for ever. To find it costs the leaders some hundred questions, so the
    /// place for the answer is taken before.
    pub(crate) async fn moment(&self, text: &str, now: Timestamp) -> Result<Moment<'_>, Denied> {
        let invalid = Denied::InvalidParameter {
            name: "as_of",
            message: "expected a time in the past (RFC 3339), or the Countersign-As-Of of an answer",
        };
        let latest = now.plus(self.config.clock_skew);
        if !text.contains('@') {
            let at = OffsetDateTime::parse(text, &Rfc3339)
                .ok()
                .map(Timestamp::from);
            let at = at.filter(|at| (0..=latest.as_millis()).contains(&at.as_millis()));
            let at = at.ok_or(invalid)?;
            let place = self.place_for_past()?;
            let fence = (0..self.log.shards()).map(|shard| self.log.sequence_at(shard, at));
            let fence = try_join_all(fence).await?;
            return Ok(Moment {
                as_of: AsOf { fence, at },
                _place: place,
            });
        }
        let found = parse(text).filter(|as_of| as_of.at <= latest);
        let found = found.filter(|as_of| as_of.fence.len() == usize::from(self.log.shards()));
        let as_of = found.ok_or(invalid)?;
        let place = self.place_for_past()?;
        // What is not in the log yet is no past.
        let ends = self.log.ends().await?;
        if as_of.fence.iter().zip(&ends).any(|(at, end)| at > end) {
            return Err(Denied::InvalidParameter {
                name: "as_of",
                message: "it is of another log, or of one that has lost its end",
            });
        }
        Ok(Moment {
            as_of,
            _place: place,
        })
    }

    /// The same, if anything was asked.
    pub(crate) async fn moment_if(
        &self,
        text: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<Moment<'_>>, Denied> {
        match text {
            Some(text) => self.moment(text, now).await.map(Some),
            None => Ok(None),
        }
    }

    /// Waits until the read models hold everything up to a fence.
    pub(crate) async fn reached_all(&self, fence: &[u64]) -> Result<(), Denied> {
        let reached = (0u8..).zip(fence).map(|(shard, sequence)| {
            let position = Position {
                shard,
                sequence: *sequence,
            };
            self.projected.reached(&self.views, position)
        });
        try_join_all(reached).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_reads_back_and_has_one_spelling() {
        let as_of = AsOf {
            fence: vec![12, 0, 7],
            at: Timestamp::from_millis(1_795_356_187_000),
        };
        assert_eq!(show(&as_of), "12-0-7@1795356187000");
        assert_eq!(parse(&show(&as_of)), Some(as_of));
        for text in [
            "",
            "@",
            "12-0-7",
            "12-0-7@",
            "12-0-7@-5",
            "12-0-7@+5",
            "12-0-7@1e9",
            "12--7@1",
            "01-2@1",
            "1-2@9999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
