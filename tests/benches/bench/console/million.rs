//! A million sessions in Postgres, and what an operator asks of them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use crate::Outcome;
use crate::deployment::Deployment;
use crate::http::{Connection as Http, get};
use crate::statistics::{median, millis, pass, quantile};
use crate::table::{Row, note, print};

const PAGE_MS: f64 = 100.0;
const FILTER_MS: f64 = 300.0;
/// How often each question is asked.
const TIMES: usize = 20;
/// Until the service counts again for an overview.
const COUNTED_AGAIN: Duration = Duration::from_secs(11);
const PATIENCE: Duration = Duration::from_secs(30);

/// People: one in five hundred has an address elsewhere.
const ACCOUNTS: &str = "
insert into countersign.accounts
    (id, email, email_lower, display_name, display_name_lower, email_verified, roles,
     created_at, state, factors, shard, sequence)
select ('0190000000007' || '000' || '8' || lpad(to_hex(n), 15, '0'))::uuid,
    address, address, 'Person ' || n, 'person ' || n, n % 3 > 0, '{user}',
    now() - interval '400 days', case when n % 200 = 0 then 'suspended' else 'active' end,
    '{}', 0, 0
from (select n, 'person' || n || case when n % 500 = 0
        then '@elsewhere.example' else '@bench.example.com' end as address
    from generate_series(0, 49999) n) people";

/// Sessions of ninety days, the oldest first. Whoever comes often has many. Of
/// those of the last week six in ten are still open; the others have ended or
/// expired. One network in twenty is the same; two addresses and one client
/// were seen ten times each, long ago.
const SESSIONS: &str = "
insert into countersign.sessions
    (id, account_id, client, ip, ip_addr, user_agent, acr, amr, started_at, auth_time,
     last_seen_at, idle_expires_at, expires_at, forget_at, generation, epoch,
     ended_at, ended_by, end_reason, ended_sequence, first_ip_addr, first_user_agent,
     first_acr, shard, started_sequence, sequence)
select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
        || lpad(to_hex(n % 4096), 3, '0') || '8' || substr(md5(n::text), 1, 15))::uuid,
    ('0190000000007' || '000' || '8'
        || lpad(to_hex((power(dice, 2) * 49999)::int), 15, '0'))::uuid,
    client, ip, ip::inet,
    'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    case when n % 4 = 0 then 'aal2' else 'aal1' end,
    case when n % 4 = 0 then '{pwd,otp}'::text[] else '{pwd}'::text[] end,
    at, at, at + interval '1 hour', at + interval '7 days 1 hour', at + interval '30 days',
    at + interval '130 days', 1 + n % 9, 1,
    case when is_over then at + interval '2 hours' end,
    case when is_over then 'system' end,
    case when is_over then case when n % 10 = 0 then 'revoked_by_operator' else 'logout' end end,
    case when is_over then n end,
    ip::inet, 'Mozilla/5.0', 'aal1', 0, n, n
from (select n, dice,
        now() - interval '90 days' * (1 - n::float8 / $1) as at,
        case when n < 5000 and n % 500 = 7 then 'legacy'
            when n % 10 < 7 then 'first-party' when n % 10 < 9 then 'spa'
            else 'portal-' || n % 7 end as client,
        case when n < 5000 and n % 500 = 9 then '192.0.2.77'
            when n % 20 = 0 then '198.51.100.' || n % 250
            else '10.' || (dice * 200)::int || '.' || n % 251 || '.' || n % 241 end as ip,
        n % 100 < case when n > $1 * 83 / 90 then 40 else 60 end as is_over
    from (select n, ('x' || substr(md5(n::text || 'd'), 1, 8))::bit(32)::bigint::float8
            / 4294967296 as dice
        from generate_series(0, $1 - 1) n) drawn) sessions";

/// Fills the read models past the projector: what is measured here are
/// questions, and a projector would take a minute for as many.
pub async fn fill(deployment: &Deployment, count: u64) -> Outcome<()> {
    let options = deployment.postgres()?.disable_statement_logging();
    let mut connection = options.connect().await?;
    let deadline = Instant::now() + PATIENCE;
    let served = "select to_regclass('countersign.sessions') is not null";
    // The projector makes the tables.
    while !sqlx::query_scalar::<_, bool>(served)
        .fetch_one(&mut connection)
        .await?
    {
        if Instant::now() > deadline {
            return Err("no read models after half a minute".into());
        }
        pass(Duration::from_millis(50)).await;
    }
    let began = Instant::now();
    connection.execute(ACCOUNTS).await?;
    let sessions = SESSIONS.replace("$1", &count.to_string());
    connection.execute(AssertSqlSafe(sessions)).await?;
    connection.execute("analyze").await?;
    // What a checkpoint writes in the background is not measured.
    connection.execute("checkpoint").await?;
    connection.close().await?;
    let seconds = began.elapsed().as_secs_f64();
    note(&format!(
        "{count} sessions of 50,000 people were put into Postgres in {seconds:.0} s"
    ));
    Ok(())
}

/// Asks, over HTTP, as the console does.
pub async fn measure(address: SocketAddr, token: &str, count: u64) -> Outcome<()> {
    let mut service = Service::open(address, token).await?;
    let mut first = service
        .times("/v1/admin/sessions?state=any&limit=200")
        .await?;
    let most = quantile(&mut first, 0.95);
    let value = format!("p50 {:.1} ms, p95 {most:.1} ms", median(&mut first));
    let row = Row::new(format!("first page of {count} sessions"), value);
    print(&row.goal("p95 < 100 ms", most < PAGE_MS));
    for (filter, questions) in FILTERS {
        let mut worst: Option<(f64, &str)> = None;
        let mut all = Vec::new();
        for question in *questions {
            let path = format!("/v1/admin/sessions?limit=200&{question}");
            let mut times = service.times(&path).await?;
            let most = quantile(&mut times, 0.95);
            if worst.is_none_or(|(known, _)| most > known) {
                worst = Some((most, question));
            }
            all.extend(times);
        }
        let (most, question) = worst.unwrap_or((f64::NAN, ""));
        let value = format!("p50 {:.1} ms, p95 {most:.1} ms", median(&mut all));
        let row = Row::new(format!("sessions filtered by {filter}"), value);
        print(&row.goal("p95 < 300 ms", most < FILTER_MS));
        note(&format!("slowest: {question}"));
    }
    let mut times = Vec::new();
    for _ in 0..4 {
        times.push(service.time("/v1/admin/overview").await?);
        pass(COUNTED_AGAIN).await;
    }
    let value = format!("p50 {:.0} ms", median(&mut times));
    print(&Row::new("overview, counted anew", value));
    Ok(())
}

/// Rare, common and absent, and together.
const FILTERS: &[(&str, &[&str])] = &[
    (
        "a part of the address",
        &[
            "q=person49950",
            "q=person",
            "q=elsewhere",
            "q=nobody-at-all",
            "q=person4",
        ],
    ),
    (
        "network",
        &[
            "ip=192.0.2.77",
            "ip=198.51.100.0/24",
            "ip=10.7.0.0/16",
            "ip=10.0.0.0/8",
            "ip=0.0.0.0/0",
            "ip=203.0.113.1",
        ],
    ),
    (
        "client",
        &[
            "client=first-party",
            "client=portal-2",
            "client=legacy",
            "client=nobody",
        ],
    ),
    ("state", &["state=active", "state=expired", "state=revoked"]),
    (
        "several",
        &[
            "state=active&q=person49950",
            "state=active&q=person4",
            "state=active&ip=192.0.2.77",
            "state=expired&ip=198.51.100.0/24",
            "state=active&client=legacy",
            "state=active&ip=10.0.0.0/8&client=spa",
            "state=active&q=elsewhere&client=spa",
            "state=active&client=legacy&q=person",
        ],
    ),
];

struct Service<'a> {
    connection: Http,
    token: &'a str,
}

impl<'a> Service<'a> {
    async fn open(address: SocketAddr, token: &'a str) -> Outcome<Self> {
        let connection = Http::open(address).await?;
        Ok(Self { connection, token })
    }

    /// How long an answer takes.
    async fn time(&mut self, path: &str) -> Outcome<f64> {
        let request = get(path, &format!("authorization: Bearer {}\r\n", self.token));
        let began = Instant::now();
        let answer = self.connection.exchange(&request).await?;
        if answer.status != 200 {
            let body = String::from_utf8_lossy(answer.body);
            return Err(format!("{path}: {} {body}", answer.status).into());
        }
        Ok(millis(began.elapsed()))
    }

    async fn times(&mut self, path: &str) -> Outcome<Vec<f64>> {
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            times.push(self.time(path).await?);
        }
        Ok(times)
    }
}
