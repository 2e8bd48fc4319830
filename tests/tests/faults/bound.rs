//! A revoked session is refused by every verifier within the stated bound,
//! whatever breaks. SECURITY.md R-11.

mod cut;
mod host;
mod tally;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign::stack::Child;
use rustix::process::Signal;
use serde_json::json;

use super::deployment::{Deployment, Instance};
use super::http::{Call, Person, logout, post, refresh, register, send};
use super::wait::{Chance, note, until};
use cut::Line;
use host::{Host, Setup};
use tally::Tally;

/// The stated bound for verifiers that are connected.
const BOUND: Duration = Duration::from_secs(2);

/// What a machine that is busy with other tests may add.
const SLACK: Duration = Duration::from_millis(250);

/// How much is tried.
struct Scale {
    hosts: usize,
    verifiers: usize,
    healthy: usize,
    faulty: usize,
    max_staleness: Duration,
    beat: Duration,
}

impl Scale {
    fn of_this_run() -> Self {
        if std::env::var_os("COUNTERSIGN_SOAK").is_some() {
            return Self {
                hosts: 5,
                verifiers: 10,
                healthy: 940,
                faulty: 60,
                max_staleness: Duration::from_secs(10),
                beat: Duration::from_millis(20),
            };
        }
        note(
            "COUNTERSIGN_SOAK is not set: 46 revocations before 6 verifiers instead of 1,000 before 50",
        );
        Self {
            hosts: 3,
            verifiers: 2,
            healthy: 40,
            faulty: 6,
            max_staleness: Duration::from_secs(3),
            beat: Duration::from_millis(10),
        }
    }
}

/// What goes wrong around a revocation.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// nats-server is killed in the instant of the acknowledgement.
    NatsKilled,
    /// A process of verifiers is stopped meanwhile and goes on afterwards.
    Paused,
    /// Nothing comes through to a process of verifiers any more, for longer
    /// than they may trust themselves.
    Cut,
}

const FAULTS: [Fault; 3] = [Fault::NatsKilled, Fault::Paused, Fault::Cut];

#[expect(clippy::disallowed_methods, reason = "processes compare these times")]
fn nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.expect("after 1970").as_nanos()).expect("before 2554")
}

/// A deployment, its verifiers, and somebody who may revoke.
struct Trial {
    deployment: Deployment,
    instance: Instance,
    operator: Person,
    hosts: Vec<Host>,
    /// The line of each process of verifiers, in their order.
    lines: Vec<Line>,
    /// A session that nobody revokes.
    control: Person,
    chance: Chance,
    people: usize,
    max_staleness: Duration,
}

impl Trial {
    async fn start(scale: &Scale) -> Self {
        let deployment = Deployment::start("bound").await;
        let instance = deployment.serve().await;
        let operator = deployment.operator(&instance.service).await;
        let client = client(&instance, &operator).await;
        let (mut hosts, mut lines) = (Vec::new(), Vec::new());
        for number in 0..scale.hosts {
            // Every third process hears over HTTP, the others over NATS.
            let over_http = number % 3 == 2;
            let target = if over_http {
                instance
                    .service
                    .url
                    .trim_start_matches("http://")
                    .to_owned()
            } else {
                host_of(deployment.nats_url()).to_owned()
            };
            let line = Line::to(target.parse().expect("an address")).await;
            let through = line.address.to_string();
            let base_url = format!("http://{through}");
            let jwks = format!("{}/.well-known/jwks.json", instance.service.url);
            let nats = deployment.nats_url().replace(&target, &through);
            let settings = vec![
                ("SOURCE", if over_http { "sse" } else { "nats" }.to_owned()),
                ("NATS_URL", nats),
                ("PREFIX", "faults".to_owned()),
                ("BASE_URL", base_url),
                ("CLIENT_ID", client.0.clone()),
                ("CLIENT_SECRET", client.1.clone()),
                ("ISSUER", "http://countersign.test".to_owned()),
                ("AUDIENCE", "countersign".to_owned()),
                ("JWKS_URL", jwks),
                (
                    "MAX_STALENESS_MS",
                    scale.max_staleness.as_millis().to_string(),
                ),
                ("BEAT_MS", scale.beat.as_millis().to_string()),
            ];
            let setup = Setup {
                name: format!("verifiers-{number}"),
                verifiers: scale.verifiers,
                settings,
            };
            hosts.push(Host::start(setup, deployment.folder()).await);
            lines.push(line);
        }
        let control = instance.service.register("control@example.com").await;
        let mut trial = Self {
            deployment,
            instance,
            operator,
            hosts,
            lines,
            control,
            chance: Chance::new("bound"),
            people: 0,
            max_staleness: scale.max_staleness,
        };
        let (id, token) = (trial.control.session.clone(), trial.control.access.clone());
        trial.watch(&id, &token).await;
        trial
    }

    /// Has every verifier accept a token before anything is done to it.
    async fn watch(&mut self, id: &str, token: &str) {
        for host in &mut self.hosts {
            host.watch(id, token).await;
        }
        for host in &self.hosts {
            let accepts = async || host.has_accepted(id);
            until("the token is accepted", Duration::from_secs(30), accepts).await;
        }
    }

    async fn forget(&mut self, id: &str) {
        for host in &mut self.hosts {
            host.forget(id).await;
        }
    }

    /// Somebody new; after a fault the first tries may fail.
    async fn somebody(&mut self) -> Person {
        let patience = Duration::from_secs(30);
        let (person, _) = until("somebody registers", patience, async || {
            self.people += 1;
            let email = format!("victim-{}@example.com", self.people);
            let call = register(&email);
            let answer = self.instance.service.wants(&call, 201).await?;
            Ok(Person::of(&email, &answer))
        })
        .await;
        person
    }

    /// Takes new tokens for those who stay: a long trial outlives the old ones.
    async fn renew(&mut self) {
        let before = self.control.session.clone();
        self.forget(&before).await;
        let service = &self.instance.service;
        self.operator = self.deployment.sign_in_operator(service).await;
        self.control = self.somebody().await;
        let (id, token) = (self.control.session.clone(), self.control.access.clone());
        self.watch(&id, &token).await;
    }

    /// A way to end a session, by chance.
    async fn way(&mut self, victim: &Person) -> Call {
        let by_operator = |path: String| post(path, json!({"reason": "bound"}));
        match self.chance.below(6) {
            0 => logout(&victim.refresh),
            1 => post("/v1/auth/logout-all", json!({})).bearer(&victim.access),
            2 => {
                let path = format!("/v1/me/sessions/{}", victim.session);
                send(reqwest::Method::DELETE, path, json!({})).bearer(&victim.access)
            }
            3 => by_operator(format!("/v1/admin/accounts/{}/suspend", victim.account))
                .bearer(&self.operator.access),
            4 => {
                // A token that was rotated away twice: somebody stole it.
                let service = &self.instance.service;
                let next = service.ask(&refresh(&victim.refresh)).await.expect(200);
                let next = refresh(next.text("refresh_token"));
                service.ask(&next).await.expect(200);
                refresh(&victim.refresh)
            }
            _ => by_operator(format!("/v1/admin/sessions/{}/revoke", victim.session))
                .bearer(&self.operator.access),
        }
    }

    /// Sends the order until it is acknowledged, and says when that was.
    async fn acknowledged(&self, order: &Call) -> u64 {
        let (at, _) = until("the revocation", Duration::from_secs(30), async || {
            let answer = self.instance.service.try_ask(order).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let is_done = answer.status < 300
                || ["refresh_reused", "session_revoked", "token_revoked"].contains(&answer.code());
            if is_done {
                Ok(nanos())
            } else {
                Err(format!("{answer:?}"))
            }
        })
        .await;
        at
    }

    /// Waits until every verifier refuses, and notes how that came.
    async fn refused(&self, id: &str, acknowledged: u64, tally: &mut Tally) {
        let patience = self.max_staleness + Duration::from_secs(30);
        for host in &self.hosts {
            let refuses = async || host.refusals(id);
            let (refusals, _) = until("every verifier refuses", patience, refuses).await;
            for refusal in &refusals {
                tally.add(acknowledged, refusal);
            }
        }
    }

    async fn revoke_one(&mut self, tally: &mut Tally) {
        let victim = self.somebody().await;
        self.watch(&victim.session, &victim.access).await;
        let order = self.way(&victim).await;
        let acknowledged = self.acknowledged(&order).await;
        self.refused(&victim.session, acknowledged, tally).await;
        self.forget(&victim.session).await;
    }

    async fn revoke_one_despite(&mut self, fault: Fault, tally: &mut Tally) {
        let victim = self.somebody().await;
        self.watch(&victim.session, &victim.access).await;
        let path = format!("/v1/admin/sessions/{}/revoke", victim.session);
        let order = post(path, json!({"reason": "bound"})).bearer(&self.operator.access);
        let afflicted =
            usize::try_from(self.chance.below(self.hosts.len() as u64)).expect("an index");
        let acknowledged = match fault {
            Fault::NatsKilled => {
                let at = self.acknowledged(&order).await;
                self.deployment.hold_down(Child::Nats).await;
                self.deployment.release(Child::Nats).await;
                at
            }
            Fault::Paused => {
                self.hosts[afflicted].signal(Signal::STOP);
                let at = self.acknowledged(&order).await;
                for (number, host) in self.hosts.iter().enumerate() {
                    if number != afflicted {
                        let refuses = async || host.refusals(&victim.session);
                        until("the others refuse", BOUND * 5, refuses).await;
                    }
                }
                self.hosts[afflicted].signal(Signal::CONT);
                at
            }
            Fault::Cut => {
                let before = self.hosts[afflicted].stale();
                self.lines[afflicted].cut();
                let at = self.acknowledged(&order).await;
                let host = &self.hosts[afflicted];
                let all = before + host.verifiers;
                let patience = self.max_staleness * 2 + Duration::from_secs(5);
                until("the cut off know it", patience, async || {
                    let stale = host.stale();
                    if stale >= all {
                        Ok(())
                    } else {
                        Err(format!("{stale} of {all}"))
                    }
                })
                .await;
                self.lines[afflicted].mend();
                at
            }
        };
        self.refused(&victim.session, acknowledged, tally).await;
        self.forget(&victim.session).await;
        // The next fault begins with everybody well.
        let control = self.control.session.clone();
        let token = self.control.access.clone();
        let again = format!("{control} again");
        self.watch(&again, &token).await;
        self.forget(&again).await;
    }

    /// Whether anybody was refused who should not have been, or let in again.
    fn assert_no_mistake(&self, tally: &Tally) {
        assert_eq!(tally.wrong(), [] as [String; 0]);
        for host in &self.hosts {
            assert_eq!(host.wrong(), [] as [String; 0], "{}", host.name);
            let control = host.refusals(&self.control.session);
            assert!(control.is_err(), "{}: the control was refused", host.name);
        }
    }
}

/// `127.0.0.1:4222` of `nats://user:password@127.0.0.1:4222`.
fn host_of(url: &str) -> &str {
    let rest = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
    rest.trim_start_matches("nats://").trim_end_matches('/')
}

/// A service that may hear of revocations: its id and secret.
async fn client(instance: &Instance, operator: &Person) -> (String, String) {
    let body = json!({
        "name": "verifiers",
        "serves": ["countersign"],
        "audiences": ["countersign"],
        "scopes": ["revocations:read"],
    });
    let register = post("/v1/admin/clients", body).bearer(&operator.access);
    let client = instance.service.ask(&register).await.expect(201);
    let id = client.text("id").to_owned();
    let path = format!("/v1/admin/clients/{id}/secrets");
    let add = post(path, json!({})).bearer(&operator.access);
    let secret = instance.service.ask(&add).await.expect(200);
    (id, secret.text("secret").to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn r_11_soak_a_revoked_session_is_refused_within_the_bound_whatever_breaks() {
    let scale = Scale::of_this_run();
    let mut trial = Trial::start(&scale).await;

    let mut healthy = Tally::default();
    for _ in 0..scale.healthy {
        trial.revoke_one(&mut healthy).await;
    }
    note(&healthy.line("healthy"));
    trial.assert_no_mistake(&healthy);
    let latest = healthy.latest_acceptance();
    assert!(
        latest <= BOUND,
        "accepted {latest:?} after the acknowledgement"
    );

    trial.renew().await;
    let mut faulty = Tally::default();
    for number in 0..scale.faulty {
        let fault = FAULTS[number % FAULTS.len()];
        trial.revoke_one_despite(fault, &mut faulty).await;
    }
    note(&faulty.line("with faults"));
    trial.assert_no_mistake(&faulty);
    let (latest, bound) = (faulty.latest_acceptance(), scale.max_staleness + SLACK);
    assert!(
        latest <= bound,
        "accepted {latest:?} after the acknowledgement"
    );

    let Trial {
        deployment,
        hosts,
        instance,
        ..
    } = trial;
    for host in hosts {
        host.stop().await;
    }
    drop(instance);
    deployment.stop().await;
}
