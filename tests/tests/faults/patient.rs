//! A deployment whose log can be damaged, and what must hold on such a log.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign::stack::Child;
use serde_json::json;

use super::deployment::{Deployment, SHARDS, copy, free_port, ready};
use super::http::{
    Call, PASSWORD, Person, Service, get, login, logout, post, refresh, register, verify,
};
use super::wait::{note, until};

/// Damage is found within this time after the start.
pub(super) const FOUND: Duration = Duration::from_secs(15);

/// A deployment that was stopped, and copies of its log.
pub(super) struct Patient {
    pub(super) deployment: Deployment,
    pub(super) port: u16,
    pub(super) people: Vec<Person>,
    /// As it was at the end.
    good: PathBuf,
    /// As it was earlier.
    old: PathBuf,
}

/// What is done to the log, and in which shard.
#[derive(Debug, Clone, Copy)]
pub(super) enum Damage {
    None,
    /// The index beside the messages is missing, which is harmless.
    NoIndex(u8),
    Deleted(u8),
    Older(u8),
    AllOlder,
    /// One bit of a file, at so many thousandths of it; with the index, or not.
    Flipped(u8, u64, bool),
    /// The last bytes of a file; with the index, or not.
    Cut(u8, u64, bool),
}

impl Damage {
    pub(super) fn is_harmless(self) -> bool {
        matches!(self, Self::None | Self::NoIndex(_))
    }
}

impl Patient {
    /// A log with a life behind it.
    pub(super) async fn new(label: &str) -> Self {
        let deployment = Deployment::start(label).await;
        let port = free_port();
        let mut instance = deployment.serve_on(port).await;
        ready(&instance.service).await;
        let mut projector = deployment.project().await;
        let (good, old) = (
            deployment.folder().join("good"),
            deployment.folder().join("old"),
        );
        let mut people = Vec::new();
        for number in 0..10 {
            people.push(
                instance
                    .service
                    .register(&format!("p{number}@example.com"))
                    .await,
            );
        }
        lived(&instance.service, &mut people).await;
        deployment.hold_down(Child::Nats).await;
        copy(&deployment.store(), &old);
        deployment.release(Child::Nats).await;
        let back = Duration::from_secs(10);
        let call = login(&people[0].email, PASSWORD);
        until("writes are back", back, async || {
            instance.service.wants(&call, 200).await
        })
        .await;
        for number in 10..16 {
            people.push(
                instance
                    .service
                    .register(&format!("p{number}@example.com"))
                    .await,
            );
        }
        lived(&instance.service, &mut people).await;
        for person in &people {
            let call = get("/v1/me/sessions")
                .bearer(&person.access)
                .at_least(&person.position);
            until("it is projected", back, async || {
                instance.service.wants(&call, 200).await
            })
            .await;
        }
        instance.process.stop().await;
        projector.stop().await;
        deployment.hold_down(Child::Nats).await;
        copy(&deployment.store(), &good);
        assert!(
            deployment.checkpoint_file().is_file(),
            "the checkpoint file was written"
        );
        Self {
            deployment,
            port,
            people,
            good,
            old,
        }
    }

    /// Puts the good log back in place, and damages it.
    pub(super) fn spoil(&self, damage: Damage) {
        let store = self.deployment.store();
        fs::remove_dir_all(&store).expect("it is there");
        copy(&self.good, &store);
        let stream = |shard: u8| of_shard(&store, shard);
        match damage {
            Damage::None => {}
            Damage::NoIndex(shard) => without_index(&stream(shard)),
            Damage::Deleted(shard) => fs::remove_dir_all(stream(shard)).expect("it is there"),
            Damage::Older(shard) => {
                let folder = stream(shard);
                fs::remove_dir_all(&folder).expect("it is there");
                copy(&of_shard(&self.old, shard), &folder);
            }
            Damage::AllOlder => {
                fs::remove_dir_all(&store).expect("it is there");
                copy(&self.old, &store);
            }
            Damage::Flipped(shard, thousandths, index) => {
                let block = block(&stream(shard));
                let length = fs::metadata(&block).expect("it is there").len();
                flip(&block, (length - 1) * thousandths / 1_000);
                if !index {
                    without_index(&stream(shard));
                }
            }
            Damage::Cut(shard, bytes, index) => {
                let block = block(&stream(shard));
                let file = OpenOptions::new()
                    .write(true)
                    .open(&block)
                    .expect("it is there");
                let length = file.metadata().expect("it is there").len();
                file.set_len(length.saturating_sub(bytes))
                    .expect("it is cut");
                if !index {
                    without_index(&stream(shard));
                }
            }
        }
    }

    /// Starts on the log as it is, and fails unless the service behaves as
    /// its state demands. Damage that is not found is returned, so that the
    /// rest can be tried.
    async fn examine(&self, damage: Damage, projecting: bool) -> Result<(), String> {
        let Self {
            deployment, people, ..
        } = self;
        deployment.release(Child::Nats).await;
        let checkpoint = fs::read(deployment.checkpoint_file()).ok();
        let before = ends(deployment).await;
        let mut projector = None;
        if projecting {
            projector = Some(deployment.project().await);
        }
        let mut instance = match deployment.try_serve_on(self.port).await {
            Ok(instance) => instance,
            Err(why) => {
                deployment.hold_down(Child::Nats).await;
                return Err(format!("{damage:?}: {why}"));
            }
        };
        let service = &instance.service;
        // Whatever the state of the log: tokens are verified.
        for person in people.iter().take(4) {
            service.ask(&verify(&person.access)).await.expect(200);
        }
        if damage.is_harmless() {
            ready(service).await;
            service
                .ask(&login(&people[0].email, PASSWORD))
                .await
                .expect(200);
        } else {
            let Some(first_bad) = found(service).await else {
                deployment.hold_down(Child::Nats).await;
                return Err(format!("{damage:?} was not found; ends {before:?}"));
            };
            note(&format!("{damage:?}: {first_bad}"));
            names_the_place(damage, &first_bad, &before);
            for call in writes(people) {
                let answer = service.ask(&call).await;
                assert!(
                    answer.is_unavailable(),
                    "{damage:?}: {} {}: {answer:?}",
                    call.method,
                    call.path
                );
            }
            for person in people.iter().take(4) {
                service.ask(&verify(&person.access)).await.expect(200);
            }
            service
                .ask(&get("/.well-known/jwks.json"))
                .await
                .expect(200);
            assert_eq!(
                ends(deployment).await,
                before,
                "{damage:?}: nothing was appended"
            );
        }
        instance.process.stop().await;
        if let Some(mut projector) = projector {
            projector.stop().await;
            if !damage.is_harmless() {
                let now = fs::read(deployment.checkpoint_file()).ok();
                assert_eq!(now, checkpoint, "{damage:?}: the evidence is left alone");
            }
        }
        deployment.hold_down(Child::Nats).await;
        Ok(())
    }

    pub(super) async fn tried(&self, damage: Damage, projecting: bool) -> Result<(), String> {
        self.spoil(damage);
        let examined = self.examine(damage, projecting).await;
        if let Err(missed) = &examined {
            note(missed);
        }
        examined
    }
}

/// What readiness says of the damage, once the log has been looked at.
async fn found(service: &Service) -> Option<String> {
    let (said, took) = until("the log is compared", FOUND, async || {
        let (status, check) = service.readiness("anchor").await;
        let detail = check["detail"].as_str().unwrap_or_default();
        match detail.split_once("damaged at ") {
            Some((_, bad)) if status == 503 && check["state"] == "down" => Ok(Some(bad.to_owned())),
            _ if check["state"] == "ok" => Ok(None),
            _ => Err(format!("{status} {check}")),
        }
    })
    .await;
    note(&format!("compared after {took:?}"));
    said
}

/// The first bad position is in the shard that was damaged, and not behind
/// what is left of it.
fn names_the_place(damage: Damage, first_bad: &str, ends: &[u64]) {
    let place = first_bad.split(':').next().unwrap_or_default();
    let (shard, sequence) = place
        .split_once('.')
        .unwrap_or_else(|| panic!("{first_bad}"));
    let shard: usize = shard.parse().unwrap_or_else(|_| panic!("{first_bad}"));
    let sequence: u64 = sequence.parse().unwrap_or_else(|_| panic!("{first_bad}"));
    let expected = match damage {
        Damage::Deleted(shard)
        | Damage::Older(shard)
        | Damage::Flipped(shard, ..)
        | Damage::Cut(shard, ..) => Some(usize::from(shard)),
        _ => None,
    };
    assert!(
        expected.is_none_or(|expected| expected == shard),
        "{damage:?}: {first_bad}"
    );
    assert!(
        sequence <= ends[shard] + 1,
        "{damage:?}: {first_bad}, ends {ends:?}"
    );
}

/// Rotations, so that there is something in every shard.
async fn lived(service: &Service, people: &mut [Person]) {
    for person in people {
        for _ in 0..4 {
            let answer = service.ask(&refresh(&person.refresh)).await.expect(200);
            person.renew(&answer);
        }
    }
}

pub(super) fn writes(people: &[Person]) -> Vec<Call> {
    let mut calls = vec![register("new@example.com")];
    for person in people {
        calls.push(refresh(&person.refresh));
    }
    let person = &people[0];
    calls.push(login(&person.email, PASSWORD));
    calls.push(logout(&person.refresh));
    calls.push(post("/v1/auth/logout-all", json!({})).bearer(&person.access));
    calls
}

fn of_shard(store: &Path, shard: u8) -> PathBuf {
    let folder = store
        .join("$G/streams")
        .join(format!("faults_EVENTS_{shard}"));
    assert!(folder.is_dir(), "{} is missing", folder.display());
    folder
}

/// The last block of messages.
fn block(stream: &Path) -> PathBuf {
    let files = fs::read_dir(stream.join("msgs"))
        .expect("messages")
        .flatten()
        .map(|entry| entry.path());
    let mut blocks: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|end| end == "blk"))
        .collect();
    blocks.sort();
    blocks.pop().expect("a block")
}

fn without_index(stream: &Path) {
    fs::remove_file(stream.join("msgs/index.db")).expect("an index");
}

fn flip(path: &Path, at: u64) {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .expect("it is there");
    let mut byte = [0];
    file.seek(SeekFrom::Start(at)).expect("it is long enough");
    file.read_exact(&mut byte).expect("it is long enough");
    byte[0] ^= 1 << (at % 8);
    file.seek(SeekFrom::Start(at)).expect("it is long enough");
    file.write_all(&byte).expect("it is written");
}

/// Where the shards end, by the server's own account.
pub(super) async fn ends(deployment: &Deployment) -> Vec<u64> {
    let context = deployment.streams().await;
    let mut ends = Vec::new();
    for shard in 0..SHARDS {
        let stream = context.get_stream(format!("faults_EVENTS_{shard}")).await;
        ends.push(stream.map_or(0, |stream| stream.cached_info().state.last_sequence));
    }
    ends
}
