//! Bodies that are not what they should be.

use std::fs;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, World, email};

const JSON: &str = "application/json";

/// A body that does not announce its length.
fn chunked(chunk: Bytes, times: usize) -> reqwest::Body {
    let chunks = std::iter::repeat_n(chunk, times).map(Ok::<_, std::io::Error>);
    reqwest::Body::wrap_stream(stream::iter(chunks))
}

/// Every operation that takes a body, with a body that it would take.
fn operations() -> Vec<(&'static str, &'static str, Value)> {
    let id = "0190c7a2-5b1e-7a6e-9d5b-6b1f3e2d4c5a";
    let revoke: &str = Box::leak(format!("/v1/admin/sessions/{id}/revoke").into_boxed_str());
    vec![
        (
            "POST",
            "/v1/auth/register",
            json!({ "email": "x@y.example", "password": PASSWORD }),
        ),
        (
            "POST",
            "/v1/auth/login",
            json!({ "email": "x@y.example", "password": PASSWORD }),
        ),
        (
            "POST",
            "/v1/auth/refresh",
            json!({ "refresh_token": "csr_x" }),
        ),
        (
            "POST",
            "/v1/auth/logout",
            json!({ "refresh_token": "csr_x" }),
        ),
        ("PATCH", "/v1/me", json!({ "display_name": "x" })),
        ("POST", revoke, json!({ "reason": "x" })),
    ]
}

async fn send(
    client: &Client,
    by: &str,
    method: &str,
    path: &str,
    body: impl Into<reqwest::Body>,
    content_type: &str,
) -> (u16, String) {
    let call = client.call(method, path).by(by).body(content_type, body);
    match call.try_send().await {
        Some(answer) => {
            answer.problem();
            (answer.status, answer.code())
        }
        None => (0, "hung up".into()),
    }
}

#[tokio::test]
async fn a_body_that_does_not_fit_is_refused_with_its_code_and_writes_nothing() {
    let world = World::start().await;
    let operator = world.operator().await;
    let before = world.ends().await;
    let by = operator.access.as_str();
    for (method, path, good) in operations() {
        let send = async |body: Vec<u8>, kind| send(&world, by, method, path, body, kind).await;
        let invalid = (400, "validation_failed".to_owned());
        let text = good.to_string();
        let field = good
            .as_object()
            .and_then(|object| object.keys().next())
            .expect("a field");
        let mut bad: Vec<Vec<u8>> = [
            "{",
            "[]",
            "[{}]",
            "\"x\"",
            "1",
            "true",
            "{\"",
            "nul",
            "{} {}",
            "\u{feff}{}",
            "{,}",
        ]
        .iter()
        .map(|body| body.as_bytes().to_vec())
        .collect();
        bad.push(text.as_bytes()[..text.len() - 1].to_vec());
        bad.push([text.as_bytes(), b"x"].concat());
        bad.push(b"{\"\xff\":1}".to_vec());
        // A field of every wrong type, an unknown one, one that comes twice.
        for wrong in [
            json!(1),
            json!(true),
            json!([]),
            json!({}),
            json!(["x"]),
            json!(1e300),
        ] {
            let mut body = good.clone();
            body[field] = wrong;
            bad.push(body.to_string().into_bytes());
        }
        let mut more = good.clone();
        more["email_verified"] = true.into();
        more["roles"] = json!(["admin"]);
        bad.push(more.to_string().into_bytes());
        bad.push(
            text.replacen('{', &format!("{{{}:\"x\",", json!(field)), 1)
                .into_bytes(),
        );
        for body in bad {
            let shown = String::from_utf8_lossy(&body).into_owned();
            assert_eq!(
                send(body, JSON).await,
                invalid,
                "{method} {path} {shown:.80}"
            );
        }
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/xml",
            "application/jsonx",
            "json",
        ] {
            let answer = send(text.clone().into_bytes(), kind).await;
            assert_eq!(
                answer,
                (415, "unsupported_media_type".into()),
                "{path} {kind}"
            );
        }
    }
    assert_eq!(world.ends().await, before, "nothing was written");
}

#[tokio::test]
async fn ab_65_a_body_too_large_too_deep_or_packed_is_refused_whatever_it_announces() {
    let world = World::alone().await;
    let ada = world.register(&email("ada")).await;
    let before = world.ends().await;
    let memory = resident();
    let array = format!("{{\"email\":[{}1]}}", "1,".repeat(25_000));
    let deep = format!("{{\"email\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
    let wide = {
        let members: Vec<String> = (0..5_000).map(|n| format!("\"k{n}\":1")).collect();
        format!("{{{}}}", members.join(","))
    };
    let megabyte = Bytes::from(vec![b'x'; 1 << 20]);
    let too_large = (413, "payload_too_large".to_owned());
    let gone = (0, "hung up".to_owned());
    for round in 0..10 {
        for path in [
            "/v1/auth/login",
            "/v1/auth/refresh",
            "/v1/auth/register",
            "/v1/auth/logout",
        ] {
            let send = async |body: reqwest::Body| {
                send(&world, &ada.access, "POST", path, body, JSON).await
            };
            let announced = send(vec![b' '; 10 << 20].into()).await;
            assert!(
                announced == too_large || announced == gone,
                "{path} {announced:?}"
            );
            let streamed = send(chunked(megabyte.clone(), 10)).await;
            assert!(
                streamed == too_large || streamed == gone,
                "{path} {streamed:?}"
            );
            let barely = send(chunked(Bytes::from(vec![b' '; 65_537]), 1)).await;
            assert!(barely == too_large || barely == gone, "{path} {barely:?}");
            for (what, body) in [("wide", &wide), ("deep", &deep), ("array", &array)] {
                let answer = send(body.clone().into()).await;
                assert_eq!(
                    answer,
                    (400, "validation_failed".into()),
                    "{path} {what} {round}"
                );
            }
            let packed = world.call("POST", path).header("content-encoding", "gzip");
            let packed = packed
                .body(JSON, vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0])
                .send()
                .await;
            packed.refused(415, "unsupported_media_type");
        }
        let field = world
            .get("/v1/me")
            .header("x-filler", &"x".repeat(64 << 10))
            .try_send()
            .await;
        assert!(
            field.is_none_or(|answer| answer.status == 431),
            "a field of 64 KiB"
        );
        let query = format!("/v1/auth/verify?{}", "a=1&".repeat(3_000));
        let answer = world.get(&query).by(&ada.access).try_send().await;
        let status = answer.map_or(0, |answer| answer.status);
        assert!([0, 200, 400, 414, 431].contains(&status), "{status}");
    }
    let began = Instant::now();
    world.verify(&ada.access).await.expect(200);
    assert!(
        began.elapsed() < Duration::from_millis(250),
        "others do not wait"
    );
    let grown = resident().saturating_sub(memory);
    assert!(grown < 64 << 20, "{} MiB more", grown >> 20);
    assert_eq!(world.ends().await, before, "nothing was written");
}

/// Resident bytes of this process.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.expect("a number") << 10
}

#[tokio::test]
async fn a_body_that_comes_in_pieces_is_taken_as_one() {
    let world = World::start().await;
    let address = email("ada");
    world.register(&address).await;
    let body = json!({ "email": address, "password": PASSWORD }).to_string();
    let pieces: Vec<_> = body
        .bytes()
        .map(|byte| Ok::<_, std::io::Error>(Bytes::from(vec![byte])))
        .collect();
    let stream = reqwest::Body::wrap_stream(stream::iter(pieces));
    world
        .call("POST", "/v1/auth/login")
        .body(JSON, stream)
        .send()
        .await
        .expect(200);
    let padded = format!("{body}{}", " ".repeat((64 << 10) - body.len()));
    world
        .call("POST", "/v1/auth/login")
        .body("application/json; charset=utf-8", padded)
        .send()
        .await
        .expect(200);
}
