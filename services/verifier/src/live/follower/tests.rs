//! Given messages, answers and times, when is it believed to be complete?

use super::*;

pub(super) const SHARDS: usize = 3;

pub(super) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) fn message(shard: u8, from: u64, to: u64) -> Message {
    Message {
        v: FEED_VERSION,
        shard,
        from,
        to,
        records: Vec::new(),
    }
}

pub(super) fn beat(cursor: &[u64]) -> Beat {
    Beat {
        v: FEED_VERSION,
        cursor: cursor.to_vec(),
        genesis: false,
    }
}

/// The stream that is read here, and one that took its place.
const STREAM: StreamId = StreamId(1);
const ANOTHER: StreamId = StreamId(2);

/// A message of the stream that is read here.
pub(super) fn at(seq: u64) -> EventId {
    let stream = STREAM;
    EventId { stream, seq }
}

fn answer(seq: u64, since: u64, age_ms: u64) -> ReportAnswer {
    ReportAnswer {
        v: FEED_VERSION,
        stream: STREAM,
        seq,
        cursor: vec![seq; SHARDS],
        age_ms,
        since,
    }
}

/// One that has read 1 to 3 and was proven complete as of 1,000 ms.
fn proven() -> Follower {
    let mut follower = Follower::default();
    follower.begin(ms(900));
    assert_eq!(follower.beat(at(1), &beat(&[5, 5, 5]), ms(910)), Step::Next);
    assert_eq!(
        follower.message(at(2), &message(0, 5, 7), ms(920)),
        Step::Next
    );
    assert_eq!(follower.beat(at(3), &beat(&[7, 5, 5]), ms(930)), Step::Next);
    let sent = follower.sent(ms(1_010));
    follower.answered(sent, answer(3, 1, 10), ms(1_020));
    assert_eq!(follower.proven_at(), Some(ms(1_000)));
    follower
}

#[test]
fn an_answer_proves_the_moment_its_report_was_sent_less_its_age() {
    let follower = proven();
    assert_eq!(follower.position(), Some(&[3, 3, 3][..]));
    assert_eq!(follower.applied(), Some(at(3)));
}

#[test]
fn an_answer_counts_when_its_sequence_is_reached() {
    let mut follower = proven();
    let sent = follower.sent(ms(2_000));
    follower.answered(sent, answer(5, 1, 0), ms(2_001));
    assert_eq!(
        follower.message(at(4), &message(1, 5, 6), ms(2_002)),
        Step::Next
    );
    assert_eq!(follower.proven_at(), Some(ms(1_000)));
    assert_eq!(
        follower.beat(at(5), &beat(&[7, 6, 5]), ms(2_003)),
        Step::Next
    );
    assert_eq!(follower.proven_at(), Some(ms(2_000)));
}

#[test]
fn what_a_pause_left_in_buffers_makes_nothing_fresh() {
    let mut follower = proven();
    let sent = follower.sent(ms(2_000));
    // Stopped here for a minute; then everything old arrives at once.
    let now = ms(62_000);
    assert_eq!(follower.message(at(4), &message(1, 5, 6), now), Step::Next);
    assert_eq!(follower.beat(at(5), &beat(&[7, 6, 5]), now), Step::Next);
    assert_eq!(follower.proven_at(), Some(ms(1_000)));
    follower.answered(sent, answer(5, 1, 0), now);
    assert_eq!(follower.proven_at(), Some(ms(2_000)));
}

#[test]
fn what_is_missing_ends_the_run_and_asks_for_another_reading() {
    type Break = fn(&mut Follower) -> Step;
    let cases: [(&str, Break); 6] = [
        ("a sequence is skipped", |one| {
            one.beat(at(5), &beat(&[9, 9, 9]), ms(2_000))
        }),
        ("a shard has a gap", |one| {
            one.message(at(4), &message(0, 8, 9), ms(2_000))
        }),
        ("a later version", |one| {
            let newer = Message {
                v: 2,
                ..message(0, 7, 8)
            };
            one.message(at(4), &newer, ms(2_000))
        }),
        ("it goes backwards", |one| {
            one.message(at(4), &message(0, 8, 7), ms(2_000))
        }),
        ("it cannot be read", |one| one.unreadable(at(4), ms(2_000))),
        ("whoever delivers says so", |one| {
            one.gap();
            one.beat(at(4), &beat(&[9, 9, 9]), ms(2_000));
            Step::Gap
        }),
    ];
    for (case, break_it) in cases {
        let mut follower = proven();
        let position = follower.position().map(<[u64]>::to_vec);
        assert_eq!(break_it(&mut follower), Step::Gap, "{case}");
        for seq in 5..9 {
            follower.beat(at(seq), &beat(&[20, 20, 20]), ms(2_010));
        }
        let sent = follower.sent(ms(2_020));
        follower.answered(sent, answer(6, 1, 0), ms(2_030));
        assert_eq!(follower.proven_at(), Some(ms(1_000)), "{case}");
        assert_eq!(follower.position(), position.as_deref(), "{case}");
        assert_eq!(follower.advice(ms(2_040)), Advice::Reload, "{case}");

        // Reading again from the start makes up for it.
        follower.begin(ms(2_050));
        for seq in 1..9 {
            follower.beat(at(seq), &beat(&[20, 20, 20]), ms(2_060));
        }
        let sent = follower.sent(ms(2_070));
        follower.answered(sent, answer(8, 1, 0), ms(2_080));
        assert_eq!(follower.proven_at(), Some(ms(2_070)), "{case}");
        assert_eq!(follower.advice(ms(9_000)), Advice::GoOn, "{case}");
    }
}

#[test]
fn a_gap_that_stays_is_stale_until_the_stream_no_longer_needs_it() {
    let mut follower = Follower::default();
    follower.begin(ms(1_000));
    follower.beat(at(10), &beat(&[1, 1, 1]), ms(1_001));
    follower.beat(at(12), &beat(&[2, 2, 2]), ms(1_002));
    let mut ask = |since, at| {
        let sent = follower.sent(ms(at));
        follower.answered(sent, answer(12, since, 0), ms(at));
        (follower.proven_at(), follower.advice(ms(at)))
    };
    assert_eq!(ask(10, 1_100), (None, Advice::GoOn));
    // It is read again every ten seconds, not every moment.
    assert_eq!(ask(11, 10_999), (None, Advice::GoOn));
    assert_eq!(ask(11, 11_000), (None, Advice::Reload));
    assert_eq!(ask(12, 11_100), (Some(ms(11_100)), Advice::GoOn));
}

#[test]
fn who_began_too_late_is_not_complete() {
    let mut follower = Follower::default();
    follower.begin(ms(0));
    follower.beat(at(40), &beat(&[1, 1, 1]), ms(1));
    for (since, proven_at) in [(39, None), (40, Some(ms(10)))] {
        let sent = follower.sent(ms(10));
        follower.answered(sent, answer(40, since, 0), ms(11));
        assert_eq!(follower.proven_at(), proven_at);
    }
}

#[test]
fn nothing_is_proven_by_an_answer_to_an_earlier_reading_or_of_another_version() {
    let mut follower = proven();
    let early = follower.sent(ms(5_000));
    follower.begin(ms(5_001));
    follower.beat(at(1), &beat(&[9, 9, 9]), ms(5_002));
    follower.answered(early, answer(1, 1, 0), ms(5_003));
    let sent = follower.sent(ms(5_004));
    let newer = ReportAnswer {
        v: 2,
        ..answer(1, 1, 0)
    };
    follower.answered(sent, newer, ms(5_005));
    assert_eq!(follower.proven_at(), Some(ms(1_000)));
}

#[test]
fn a_stream_that_goes_backwards_is_another_stream() {
    let mut follower = proven();
    for at in [2_000, 3_000, 4_000, 5_000] {
        let sent = follower.sent(ms(at));
        follower.answered(sent, answer(2, 1, 0), ms(at));
        assert_eq!(follower.proven_at(), Some(ms(1_000)));
        assert_eq!(follower.advice(ms(at)), Advice::GoOn);
    }
    let sent = follower.sent(ms(5_001));
    follower.answered(sent, answer(2, 1, 0), ms(5_001));
    assert_eq!(follower.advice(ms(5_001)), Advice::Reload);
}

#[test]
fn an_answer_of_another_stream_proves_nothing_and_asks_for_another_reading() {
    let another = |seq, since| ReportAnswer {
        stream: ANOTHER,
        ..answer(seq, since, 0)
    };
    let mut follower = proven();
    // All of it would prove something, were it of this stream.
    let sent = follower.sent(ms(2_000));
    follower.answered(sent, another(3, 1), ms(2_001));
    assert_eq!(follower.proven_at(), Some(ms(1_000)));
    assert_eq!(follower.advice(ms(2_002)), Advice::Reload);

    // Nor if it came before anything was read.
    follower.begin(ms(2_003));
    let sent = follower.sent(ms(2_004));
    follower.answered(sent, another(3, 1), ms(2_005));
    for seq in 1..=3 {
        follower.beat(at(seq), &beat(&[9, 9, 9]), ms(2_006));
    }
    assert_eq!(follower.proven_at(), Some(ms(1_000)));
    let sent = follower.sent(ms(2_007));
    follower.answered(sent, answer(3, 1, 0), ms(2_008));
    assert_eq!(follower.proven_at(), Some(ms(2_007)));
}

#[test]
fn a_message_of_another_stream_ends_the_run_whatever_its_number() {
    for seq in [2, 4] {
        let mut follower = proven();
        let id = EventId {
            stream: ANOTHER,
            seq,
        };
        let step = follower.message(id, &message(1, 5, 6), ms(2_000));
        assert_eq!(step, Step::Gap, "{seq}");
        assert_eq!(follower.applied(), Some(id));
        let sent = follower.sent(ms(2_001));
        let other = ReportAnswer {
            stream: ANOTHER,
            ..answer(seq, 1, 0)
        };
        follower.answered(sent, other.clone(), ms(2_002));
        assert_eq!(follower.proven_at(), Some(ms(1_000)), "{seq}");
        assert_eq!(follower.advice(ms(2_003)), Advice::Reload, "{seq}");

        // Who has read it from its start knows all of it.
        follower.begin(ms(2_004));
        for seq in 1..=seq {
            follower.beat(EventId { seq, ..id }, &beat(&[9, 9, 9]), ms(2_005));
        }
        let sent = follower.sent(ms(2_006));
        follower.answered(sent, other, ms(2_007));
        assert_eq!(follower.proven_at(), Some(ms(2_006)), "{seq}");
    }
}

#[test]
fn a_service_that_lags_a_little_is_no_other_stream() {
    let mut follower = proven();
    for (n, seq) in [2, 3, 2, 3, 2, 3].into_iter().enumerate() {
        let at = ms(2_000 + 1_000 * n as u64);
        let sent = follower.sent(at);
        follower.answered(sent, answer(seq, 1, 0), at);
        assert_eq!(follower.advice(at), Advice::GoOn);
    }
    assert_eq!(follower.proven_at(), Some(ms(7_000)));
}

#[test]
fn a_connection_that_does_not_bring_what_was_promised_is_dead() {
    let mut follower = proven();
    let sent = follower.sent(ms(2_000));
    follower.answered(sent, answer(4, 1, 0), ms(2_000));
    assert_eq!(follower.advice(ms(4_000)), Advice::GoOn);
    assert_eq!(follower.advice(ms(4_001)), Advice::Reconnect);
    // The new connection has as long again.
    assert_eq!(follower.advice(ms(4_002)), Advice::GoOn);
    assert_eq!(follower.advice(ms(6_002)), Advice::Reconnect);
    // Who is behind but moves is not dead.
    follower.answered(sent, answer(9, 1, 0), ms(6_003));
    follower.beat(at(4), &beat(&[9, 9, 9]), ms(6_500));
    assert_eq!(follower.advice(ms(8_400)), Advice::GoOn);
}

#[test]
fn a_full_set_is_trusted_again_only_after_a_whole_reading() {
    let mut follower = proven();
    let early = follower.sent(ms(2_000));
    follower.distrust();
    assert_eq!((follower.proven_at(), follower.position()), (None, None));
    follower.answered(early, answer(3, 1, 0), ms(2_001));
    follower.beat(at(5), &beat(&[9, 9, 9]), ms(2_002));
    let sent = follower.sent(ms(2_003));
    follower.answered(sent, answer(5, 1, 0), ms(2_004));
    assert_eq!(follower.proven_at(), None);
    assert_eq!(follower.advice(ms(2_005)), Advice::Reload);
    follower.begin(ms(2_006));
    follower.beat(at(1), &beat(&[9, 9, 9]), ms(2_007));
    let sent = follower.sent(ms(2_008));
    follower.answered(sent, answer(1, 1, 0), ms(2_009));
    assert_eq!(follower.proven_at(), Some(ms(2_008)));
}

#[test]
fn after_a_proof_what_is_read_raises_the_position() {
    let mut follower = proven();
    follower.message(at(4), &message(2, 5, 30), ms(2_000));
    assert_eq!(follower.position().map(|all| all[2]), Some(30));
    follower.beat(at(5), &beat(&[8, 40, 30]), ms(2_001));
    assert_eq!(follower.position().map(|all| all[1]), Some(40));
    // An overlap and a repetition change nothing.
    follower.message(at(6), &message(2, 5, 20), ms(2_002));
    assert_eq!(
        follower.message(at(4), &message(2, 5, 99), ms(2_003)),
        Step::Old
    );
    assert_eq!(follower.position().map(|all| all[2]), Some(30));
}

#[test]
fn absurd_numbers_do_no_harm() {
    let mut follower = proven();
    let sent = follower.sent(ms(2_000));
    follower.answered(sent, answer(3, 1, u64::MAX), ms(2_001));
    let mut huge = answer(3, 1, 0);
    huge.cursor = vec![u64::MAX; 257];
    follower.answered(sent, huge, ms(2_001));
    assert_eq!(follower.proven_at(), Some(ms(1_000)));
    let step = follower.beat(at(u64::MAX), &beat(&[u64::MAX; 256]), ms(2_002));
    assert_eq!(step, Step::Gap);
    assert_eq!(follower.unreadable(at(u64::MAX), ms(2_003)), Step::Old);
    assert_eq!(follower.beat(at(0), &beat(&[]), ms(2_004)), Step::Old);
}
