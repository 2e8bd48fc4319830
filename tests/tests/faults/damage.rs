//! A log that lost something is noticed before anything is appended to it.
//! SECURITY.md R-03.

use std::fs;

use countersign::stack::Child;
use sqlx::{Connection as _, PgConnection};

use super::deployment::{SHARDS, ready};
use super::http::{get, verify};
use super::patient::{Damage, FOUND, Patient, ends, writes};
use super::wait::{Chance, until};

#[tokio::test(flavor = "multi_thread")]
async fn r_03_a_damaged_log_is_not_written_to() {
    let mut chance = Chance::new("r_03");
    let patient = Patient::new("damage").await;
    let mut shard = || u8::try_from(chance.below(u64::from(SHARDS))).expect("a shard");
    let wholes = [
        Damage::None,
        Damage::NoIndex(shard()),
        Damage::Deleted(1 + shard() % (SHARDS - 1)),
        Damage::Older(shard()),
        Damage::AllOlder,
    ];
    for (number, damage) in wholes.into_iter().enumerate() {
        // What is written to a good log here is not kept, so nobody may see it.
        let projecting = !damage.is_harmless() && number % 2 == 1;
        patient.tried(damage, projecting).await.expect("found");
    }

    // The checkpoint file alone, as if Postgres were new.
    let url = &patient.deployment.postgres_url;
    let mut connection = PgConnection::connect(url).await.expect("Postgres answers");
    let schemas: Vec<String> = sqlx::query_scalar(
        "select nspname::text from pg_namespace where nspname !~ '^(pg_|information_schema)'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("the schemas");
    let saved = patient.deployment.folder().join("checkpoint.saved");
    fs::rename(patient.deployment.checkpoint_file(), &saved).expect("it is there");
    // Postgres alone first.
    patient
        .tried(Damage::Older(shard()), false)
        .await
        .expect("found");
    fs::rename(&saved, patient.deployment.checkpoint_file()).expect("it is there");
    for schema in schemas {
        let statement = if schema == "public" {
            "drop schema public cascade; create schema public".to_owned()
        } else {
            format!("drop schema \"{schema}\" cascade")
        };
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .expect("it is dropped");
    }
    connection.close().await.expect("it is closed");
    patient
        .tried(Damage::Older(shard()), false)
        .await
        .expect("found");
    patient
        .tried(Damage::Deleted(1 + shard() % (SHARDS - 1)), false)
        .await
        .expect("found");
    patient.deployment.stop().await;
}

/// The shard that tells which key signs is gone.
#[tokio::test(flavor = "multi_thread")]
async fn r_03_tokens_are_verified_without_the_shard_of_the_keys() {
    let patient = Patient::new("keys").await;
    let ring = countersign_events::Subject::of(countersign_events::KeyringId::ONLY, SHARDS);
    patient
        .tried(Damage::Deleted(ring.shard), false)
        .await
        .expect("found");
    patient.deployment.stop().await;
}

/// Bits and bytes of the files, wherever they are.
#[tokio::test(flavor = "multi_thread")]
async fn r_03_flipped_and_missing_bytes_are_found() {
    let mut chance = Chance::new("r_03 bytes");
    let patient = Patient::new("bytes").await;
    let rounds = if std::env::var_os("COUNTERSIGN_SOAK").is_some() {
        25
    } else {
        2
    };
    let mut missed = Vec::new();
    for _ in 0..rounds {
        for index in [true, false] {
            let mut shard = || u8::try_from(chance.below(u64::from(SHARDS))).expect("a shard");
            let (one, other, third) = (shard(), shard(), shard());
            let damages = [
                Damage::Flipped(one, chance.below(1_000), index),
                Damage::Flipped(other, 990 + chance.below(10), index),
                Damage::Cut(third, 1 + chance.below(4_096), index),
            ];
            for (number, damage) in damages.into_iter().enumerate() {
                missed.extend(patient.tried(damage, number % 2 == 0).await.err());
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    patient.deployment.stop().await;
}

/// NATS comes back with less than it had, under a service that goes on.
#[tokio::test(flavor = "multi_thread")]
async fn r_03_a_log_that_shrinks_under_a_running_service_is_noticed() {
    let patient = Patient::new("shrinks").await;
    let Patient {
        deployment, people, ..
    } = &patient;
    deployment.release(Child::Nats).await;
    let mut instance = deployment.serve_on(patient.port).await;
    let service = &instance.service;
    ready(service).await;
    deployment.hold_down(Child::Nats).await;
    patient.spoil(Damage::AllOlder);
    deployment.release(Child::Nats).await;
    let before = ends(deployment).await;
    until("the service is connected", FOUND, async || {
        let (_, check) = service.readiness("log").await;
        if check["state"] == "ok" {
            Ok(())
        } else {
            Err(check.to_string())
        }
    })
    .await;
    for call in writes(people) {
        let answer = service.ask(&call).await;
        assert!(
            answer.is_unavailable(),
            "{} {}: {answer:?}",
            call.method,
            call.path
        );
    }
    assert_eq!(
        ends(deployment).await,
        before,
        "no sequence is given a second time"
    );
    let what = "readiness tells";
    until(what, FOUND, async || {
        service.wants(&get("/readyz"), 503).await
    })
    .await;
    service.ask(&verify(&people[0].access)).await.expect(200);
    instance.process.stop().await;
    patient.deployment.stop().await;
}
