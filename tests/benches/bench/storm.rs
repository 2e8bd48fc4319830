//! Three times the logins that the service can check, and what becomes of
//! those who are signed in already.

use std::sync::Arc;
use std::time::Duration;

use crate::arrivals::{Tally, storm};
use crate::deployment::Servers;
use crate::load::drive;
use crate::options::Options;
use crate::people::{Person, register};
use crate::statistics::{median, percentiles, quantile};
use crate::table::{Row, note, print};
use crate::users::{LoggingIn, Refreshing, Repeating};
use crate::{Outcome, argon_limit, machine};

/// Accounts whose owners know their passwords. So many that none of them has
/// more than two logins under way: the third would be written down first.
const PEOPLE: usize = 96;
/// Accounts that somebody guesses at.
const VICTIMS: usize = 16;
/// Sessions that are refreshed meanwhile, one after the other.
const SESSIONS: usize = 8;
/// Logins for each that can be checked.
const TIMES: f64 = 3.0;
/// One login of so many has a wrong password, at an account or at none in turn.
const WRONG_ONE_OF: usize = 5;
const SURPLUS_MAX_MS: f64 = 50.0;
const REFRESHED_MIN: f64 = 0.999;

/// Measures how many logins the service checks, then sends three times as many.
pub async fn measure(options: &Options, servers: &Servers) -> Outcome<()> {
    let deployment = servers.deploy("storming").await?;
    let service = deployment.serve().await?;
    let target = &service.target;
    let mut people = register(target.address, PEOPLE + VICTIMS + SESSIONS).await?;
    let refreshing = people.split_off(PEOPLE + VICTIMS);
    let victims = people.split_off(PEOPLE);
    let quarter = options.time / 4;
    let before = argon_limit::measure(quarter).await?;
    let crowd = LoggingIn::crowd(&people, 4 * machine::cores());
    let capacity = drive(target, crowd, options.time / 2).await?.rate;
    let mut tally = storm(
        target,
        Arc::new(logins(&people, &victims)),
        refreshing.iter().map(Refreshing::new).collect(),
        Repeating::verify(&refreshing[0]),
        capacity * TIMES,
        options.time,
    )
    .await?;
    let after = argon_limit::measure(quarter).await?;
    let limit = f64::midpoint(before.rate, after.rate);
    show(&mut tally, capacity, limit, options.time);
    service.process.stop().await
}

/// The storm's requests, which are sent in turn. Strangers have an address
/// each, so that no count of theirs refuses them before they cost a hash.
fn logins(people: &[Person], victims: &[Person]) -> Vec<Vec<u8>> {
    // More than the longest storm of the fastest machine asks for does not
    // matter: they are few bytes, and a stranger may come twice.
    const LOGINS: usize = 20_000;
    let (mut people, mut victims) = (people.iter().cycle(), victims.iter().cycle());
    let mut of_turn = |turn: usize| match (turn % WRONG_ONE_OF, turn % (2 * WRONG_ONE_OF)) {
        (0, 0) => Some(Person::stranger(turn)),
        (0, _) => victims.next().map(Person::guess),
        _ => people.next().map(Person::login),
    };
    (0..LOGINS).filter_map(&mut of_turn).collect()
}

fn show(tally: &mut Tally, capacity: f64, limit: f64, time: Duration) {
    let seconds = time.as_secs_f64();
    let checked = (tally.right.len() + tally.wrong.len()) as f64 / seconds;
    let name = format!("logins checked, of {:.0}/s sent", capacity * TIMES);
    print(&Row::new(name, format!("{checked:.1}/s")).against(checked, limit));
    note(&format!(
        "right {}, {}; wrong {}; without a storm {capacity:.1}/s",
        tally.right.len(),
        percentiles(&mut tally.right),
        tally.wrong.len()
    ));
    note(&tally.shares);
    let surplus = &mut tally.surplus;
    let most = quantile(surplus, 0.99);
    let row = Row::new("surplus logins: 429 or 503", percentiles(surplus));
    let is_met = most < SURPLUS_MAX_MS && tally.unsent == 0 && tally.other.is_empty();
    print(&row.goal("p99 < 50 ms", is_met).beside(tally.others));
    note(&format!(
        "429: {}, 503: {}, the slowest {:.1} ms; without Retry-After {}; \
         not sent for want of a connection {}; answered otherwise {}",
        tally.throttled,
        surplus.len() - tally.throttled,
        quantile(surplus, 1.0),
        tally.without_retry_after,
        tally.unsent,
        tally.other.len()
    ));
    let refreshes = tally.refreshes.len() + tally.not_refreshed.len();
    let share = tally.refreshes.len() as f64 / refreshes.max(1) as f64;
    let value = format!("{:.2} % of {refreshes}", share * 100.0);
    let row = Row::new(format!("refreshes of {SESSIONS} sessions meanwhile"), value);
    print(&row.goal(">= 99.9 %", share >= REFRESHED_MIN));
    note(&percentiles(&mut tally.refreshes));
    print(&Row::new(
        "GET /v1/auth/verify meanwhile",
        percentiles(&mut tally.verified),
    ));
    let (first, second) = (median(&mut tally.late), quantile(&mut tally.late, 0.99));
    note(&format!(
        "times are from when a request was due; the generator itself was late \
         by {first:.2} ms in the median, p99 {second:.2} ms"
    ));
    for finding in tally.other.iter().chain(&tally.not_refreshed).take(3) {
        note(finding);
    }
}
