//! One session from its first step on: tried, completed, raised, continued,
//! used from elsewhere.

use uuid::uuid;

use super::{ACCOUNT, DAY, at, hinted, message, own, sealed, stored};
use crate::{
    Acr, Attempted, BindingBroken, Bound, Continued, FactorKind, FactorRejected, Refreshed, Sealed,
    SessionEvent, SessionId, Started, SteppedUp,
};

const FOURTH: SessionId = SessionId::from_uuid(uuid!("019e7044-8800-7a22-8004-00000000000b"));

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn bound() -> SessionEvent {
    Bound {
        binding: sealed("192.0.2.0/24 curl"),
    }
    .into()
}

fn refreshed(generation: u32, seconds: i64) -> SessionEvent {
    Refreshed {
        generation,
        idle_expires_at: at(seconds + 7 * DAY),
        ip: sealed("198.51.100.7"),
    }
    .into()
}

fn broken(user_agent: Option<Sealed>) -> SessionEvent {
    BindingBroken {
        ip: sealed("198.51.100.7"),
        user_agent,
    }
    .into()
}

/// The state of the attempt after so many tries.
fn pending(tries: u8, rejected: &str) -> String {
    format!(
        r#"{{"v":2,"pending":{{"account":"{ACCOUNT}","epoch":2,"amr":["pwd"],"expires_at":1780001300000,"forget_at":1787777300000,"tries":{tries}{rejected}}}}}"#
    )
}

/// The state of the session, with what changes in it.
struct Live {
    epoch: u64,
    proof: &'static str,
    generation: u32,
    rotated_at: i64,
    idle_from: i64,
    was_replaced: bool,
    bound_in: u8,
}

impl Live {
    fn hint(&self) -> String {
        let Self {
            epoch,
            proof,
            generation,
            bound_in,
            ..
        } = self;
        let rotated_at = at(self.rotated_at).as_millis();
        let idle = at(self.idle_from + 7 * DAY).as_millis();
        let expires = at(1_060 + 30 * DAY).as_millis();
        let forget = at(1_060 + 120 * DAY).as_millis();
        let replaced = if self.was_replaced {
            r#","was_replaced":true"#
        } else {
            ""
        };
        let binding = serde_json::to_string(&(message(*bound_in), sealed("192.0.2.0/24 curl")));
        let binding = binding.expect("encodes");
        format!(
            r#"{{"v":2,"live":{{"account":"{ACCOUNT}","epoch":{epoch},"client":"first-party",{proof},"generation":{generation},"rotated_at":{rotated_at},"idle_expires_at":{idle},"expires_at":{expires},"forget_at":{forget},"was_attempted":true{replaced},"binding":{binding}}}}}"#
        )
    }
}

pub(super) fn all() -> Vec<(&'static str, Vec<u8>)> {
    [before(), after()].concat()
}

fn before() -> Vec<(&'static str, Vec<u8>)> {
    let attempted = SessionEvent::from(Attempted {
        account: ACCOUNT,
        epoch: 2,
        ip: sealed("192.0.2.1"),
        amr: words(&["pwd"]),
        expires_at: at(1_300),
        forget_at: at(1_300 + 90 * DAY),
    });
    let rejected = SessionEvent::from(FactorRejected {
        method: FactorKind::Totp,
        tries: 1,
    });
    vec![
        stored(
            "session.attempted.v1.json",
            hinted(own(44, FOURTH, 1_000, vec![attempted]), &pending(0, "")),
        ),
        stored(
            "session.factor_rejected.v1.json",
            hinted(
                own(45, FOURTH, 1_030, vec![rejected]),
                &pending(1, r#","rejected":"totp""#),
            ),
        ),
    ]
}

fn after() -> Vec<(&'static str, Vec<u8>)> {
    let started = SessionEvent::from(Started {
        account: ACCOUNT,
        epoch: 2,
        client: "first-party".into(),
        ip: sealed("192.0.2.1"),
        user_agent: Some(sealed("curl/8.5.0")),
        acr: Acr::Aal2,
        amr: words(&["pwd", "otp"]),
        auth_time: at(1_060),
        idle_expires_at: at(1_060 + 7 * DAY),
        expires_at: at(1_060 + 30 * DAY),
        forget_at: at(1_060 + 120 * DAY),
    });
    let stepped_up = SessionEvent::from(SteppedUp {
        acr: Acr::Aal3,
        amr: words(&["pwd", "otp", "hwk", "user"]),
        auth_time: at(1_200),
        generation: 2,
    });
    let continued = SessionEvent::from(Continued { epoch: 9 });
    let begun = Live {
        epoch: 2,
        proof: r#""acr":"aal2","amr":["pwd","otp"],"auth_time":1780001060000"#,
        generation: 1,
        rotated_at: 1_060,
        idle_from: 1_060,
        was_replaced: false,
        bound_in: 46,
    };
    let went_on = Live { epoch: 9, ..begun };
    let raised = Live {
        proof: r#""acr":"aal3","amr":["pwd","otp","hwk","user"],"auth_time":1780001200000"#,
        generation: 2,
        rotated_at: 1_200,
        was_replaced: true,
        ..went_on
    };
    let tied = Live {
        bound_in: 49,
        ..raised
    };
    let moved = Live {
        generation: 3,
        rotated_at: 1_400,
        idle_from: 1_400,
        was_replaced: false,
        bound_in: 50,
        ..tied
    };
    let moved_again = Live {
        generation: 4,
        rotated_at: 1_500,
        idle_from: 1_500,
        bound_in: 51,
        ..moved
    };
    let away = |user_agent, generation, seconds| {
        vec![broken(user_agent), bound(), refreshed(generation, seconds)]
    };
    let full = away(Some(sealed("wget/1.24")), 3, 1_400);
    vec![
        stored(
            "session.started.v1.completed.json",
            hinted(
                own(46, FOURTH, 1_060, vec![started, bound()]),
                &begun.hint(),
            ),
        ),
        stored(
            "session.continued.v1.json",
            hinted(own(47, FOURTH, 1_100, vec![continued]), &went_on.hint()),
        ),
        stored(
            "session.stepped_up.v1.json",
            hinted(own(48, FOURTH, 1_200, vec![stepped_up]), &raised.hint()),
        ),
        stored(
            "session.bound.v1.json",
            hinted(own(49, FOURTH, 1_300, vec![bound()]), &tied.hint()),
        ),
        stored(
            "session.binding_broken.v1.json",
            hinted(own(50, FOURTH, 1_400, full), &moved.hint()),
        ),
        stored(
            "session.binding_broken.v1.min.json",
            hinted(
                own(51, FOURTH, 1_500, away(None, 4, 1_500)),
                &moved_again.hint(),
            ),
        ),
    ]
}
