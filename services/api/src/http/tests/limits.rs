//! Too slow, too long, too much.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::support::{Running, Setup, post, soon, start, start_default};
use crate::http::Limits;

/// Between the time for a request and the time for idling, with room for a
/// machine that is busy.
const WELL_BEFORE_IDLE: Duration = Duration::from_secs(8);

/// A server that loses its patience after 200 ms.
fn hasty() -> Running {
    start(Setup {
        limits: Limits {
            request_timeout: Duration::from_millis(200),
            idle_timeout: Duration::from_secs(10),
            ..Limits::default()
        },
        ..Setup::default()
    })
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_cut() {
    let server = hasty();
    let mut client = server.connect().await;
    let since = Instant::now();
    assert!(client.closed().await);
    assert!(since.elapsed() >= Duration::from_millis(190));
    assert!(since.elapsed() < WELL_BEFORE_IDLE);
}

#[tokio::test]
async fn ab_65_a_dribbled_head_is_cut_although_bytes_keep_coming() {
    let server = hasty();
    let mut client = server.connect().await;
    let since = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    for byte in b"GET /v1/ping HTTP/1.1\r\nx: "
        .iter()
        .chain([b'y'; 1_000].iter())
    {
        ticks.tick().await;
        if client.try_send(&[*byte]).await.is_err() {
            break;
        }
    }
    assert!(client.closed().await);
    assert!(since.elapsed() < WELL_BEFORE_IDLE);
    assert_eq!(server.stats.cut.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn ab_65_a_dribbled_body_is_answered_408() {
    let server = hasty();
    let mut client = server.connect().await;
    client
        .send("POST /v1/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n{")
        .await;
    let since = Instant::now();
    let (mut reader, mut writer) = client.socket.split();
    let dribble = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        loop {
            ticks.tick().await;
            if tokio::io::AsyncWriteExt::write_all(&mut writer, b" ")
                .await
                .is_err()
            {
                break;
            }
        }
    };
    let read = async {
        let mut bytes = Vec::new();
        let mut buffer = [0; 1_024];
        while let Ok(count @ 1..) = tokio::io::AsyncReadExt::read(&mut reader, &mut buffer).await {
            bytes.extend_from_slice(&buffer[..count]);
            if bytes.ends_with(b"}") {
                break;
            }
        }
        String::from_utf8(bytes).expect("text")
    };
    let answer = soon(async {
        tokio::select! { () = dribble => String::new(), text = read => text }
    });
    let answer = answer.await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.contains("\"code\":\"request_timeout\""), "{answer}");
    assert!(since.elapsed() < WELL_BEFORE_IDLE);
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_a_while_and_then_closed() {
    let server = start(Setup {
        limits: Limits {
            request_timeout: Duration::from_millis(200),
            idle_timeout: Duration::from_secs(2),
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut client = server.connect().await;
    let since = Instant::now();
    // Longer than a head may take, shorter than idling may.
    for _ in 0..3 {
        client
            .send("GET /v1/ping HTTP/1.1\r\nhost: x\r\n\r\n")
            .await;
        assert_eq!(client.answer().await.status, 200);
        let waited = tokio::time::timeout(Duration::from_millis(300), client.more()).await;
        assert!(waited.is_err(), "closed too early");
    }
    assert!(client.closed().await);
    assert!(since.elapsed() >= Duration::from_millis(2_500));
    assert_eq!(server.stats.cut.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_second_head_that_dribbles_is_cut_like_the_first() {
    let server = hasty();
    let mut client = server.connect().await;
    client
        .send("GET /v1/ping HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 200);
    client.send("GET /v1/pi").await;
    let since = Instant::now();
    assert!(client.closed().await);
    assert!(since.elapsed() < WELL_BEFORE_IDLE);
    assert_eq!(server.stats.cut.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_slow_handler_is_not_cut() {
    let server = hasty();
    let mut client = server.connect().await;
    client
        .send("GET /v1/slow HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    let waited = tokio::time::timeout(Duration::from_millis(900), client.more()).await;
    assert!(waited.is_err(), "cut");
    server.gate.open.add_permits(1);
    assert_eq!(client.answer().await.status, 200);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_cut() {
    let server = start(Setup {
        limits: Limits {
            stall_timeout: Duration::from_millis(200),
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut client = server.connect().await;
    client
        .send("GET /v1/flood HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    soon(async {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        while server.stats.cut.load(Ordering::Relaxed) == 0 {
            ticks.tick().await;
        }
    })
    .await;
    assert!(client.rest().await.len() < 32 << 20);
}

#[tokio::test]
async fn a_client_that_reads_a_large_answer_slowly_gets_it() {
    let server = start(Setup {
        limits: Limits {
            stall_timeout: Duration::from_millis(500),
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut client = server.connect().await;
    client
        .send("GET /v1/flood HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await;
    assert!(client.rest().await.len() > 32 << 20);
}

#[tokio::test]
async fn ab_15_a_body_announced_too_long_is_refused_before_it_is_sent() {
    let server = start_default();
    let mut client = server.connect().await;
    client
        .send("POST /v1/echo HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1048576\r\n\r\n")
        .await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (413, "payload_too_large")
    );
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(client.closed().await);
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_before_it_sends() {
    let server = start_default();
    let mut client = server.connect().await;
    client
        .send("POST /v1/echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 1048576\r\n\r\n")
        .await;
    // No 100 comes first.
    assert_eq!(client.answer().await.status, 413);
    assert!(client.closed().await);

    let mut client = server.connect().await;
    client
        .send("POST /v1/maybe HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n")
        .await;
    assert_eq!(client.answer().await.status, 100);
    client.send("{\"title\":\"a\"}").await;
    assert_eq!(client.answer().await.json()["ok"], true);
}

#[tokio::test]
async fn ab_15_a_body_announced_too_long_and_sent_anyway_still_reads_the_answer() {
    let server = start_default();
    for _ in 0..20 {
        let mut client = server.connect().await;
        let body = vec![b'x'; 200 * 1024];
        let head = post("/v1/echo", "content-type: application/json\r\n", "");
        let head = head.replace("content-length: 0", "content-length: 204800");
        client.send(head).await;
        client.send(&body).await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (413, "payload_too_large")
        );
    }
}

#[tokio::test]
async fn ab_65_a_chunked_body_is_refused_at_the_byte_that_is_too_much() {
    let server = start_default();
    let head = "POST /v1/maybe HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    let chunk = |bytes: usize| format!("{bytes:x}\r\n{}\r\n", " ".repeat(bytes));

    // Exactly the limit: 64 KiB of blanks are no JSON, but they are taken.
    let mut client = server.connect().await;
    client.send(head).await;
    for _ in 0..64 {
        client.send(chunk(1_024)).await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 400);

    // One byte more, with no end in sight.
    let mut client = server.connect().await;
    client.send(head).await;
    for _ in 0..64 {
        client.send(chunk(1_024)).await;
    }
    client.send(chunk(1)).await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (413, "payload_too_large")
    );

    // For ever: the connection ends, whatever the client does.
    let mut client = server.connect().await;
    client.send(head).await;
    let endless = chunk(16 * 1024);
    let mut sent = 0;
    while sent < 64 << 20 && client.try_send(endless.as_bytes()).await.is_ok() {
        sent += endless.len();
    }
    assert!(sent < 64 << 20, "it was all taken");
}

#[tokio::test]
async fn ab_65_bodies_of_all_requests_together_are_bounded() {
    let server = start(Setup {
        limits: Limits {
            bodies_bytes_max: 100 * 1024,
            ..Limits::default()
        },
        ..Setup::default()
    });
    let body = "x".repeat(60 * 1024);
    let request = post("/v1/maybe", "content-type: application/json\r\n", &body);
    let (most, last) = request.split_at(request.len() - 1);
    let mut first = server.connect().await;
    first.send(most).await;
    // The first body holds most of the memory until it is answered. It may
    // have arrived or not when the second comes, so the second tries again.
    let mut refused = None;
    for _ in 0..1_000 {
        let answer = server.ask(&request).await;
        if answer.status == 503 {
            refused = Some(answer);
            break;
        }
        assert_eq!(answer.status, 400);
    }
    let refused = refused.expect("one was refused");
    assert_eq!(refused.problem(), "overloaded");
    first.send(last).await;
    assert_eq!(first.answer().await.status, 400);
    assert_eq!(server.ask(&request).await.status, 400);
}

#[tokio::test]
async fn ab_67_a_head_that_is_too_large_is_431() {
    let server = start_default();
    // Within the limit.
    let large = format!(
        "GET /v1/ping HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "y".repeat(15_000)
    );
    assert_eq!(server.ask(&large).await.status, 200);
    // Beyond it, by one field, by many, in the path, and for ever.
    let one = format!(
        "GET /v1/ping HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "y".repeat(1 << 20)
    );
    let many = format!(
        "GET /v1/ping HTTP/1.1\r\nhost: x\r\n{}\r\n",
        "x: y\r\n".repeat(200)
    );
    let path = format!(
        "GET /v1/{} HTTP/1.1\r\nhost: x\r\n\r\n",
        "y".repeat(100_000)
    );
    let token = format!(
        "GET /v1/ping HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        ".".repeat(100_000)
    );
    let parameters = "a=b&".repeat(100_000);
    let query = format!("GET /v1/ping?{parameters} HTTP/1.1\r\nhost: x\r\n\r\n");
    for request in [one, many, path, token, query] {
        let mut client = server.connect().await;
        let _ = client.try_send(request.as_bytes()).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 431, "{}", answer.text());
        assert_eq!(answer.problem(), "headers_too_large");
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(answer.header("date").is_some());
        assert!(client.closed().await);
    }
}

#[tokio::test]
async fn ab_65_as_many_parameters_as_fit_a_head_are_nothing_special() {
    let server = start_default();
    let query = "a=b&".repeat(3_900);
    assert_eq!(server.get(&format!("/v1/ping?{query}")).await.status, 200);
}

#[tokio::test]
async fn malformed_http_is_a_problem_too() {
    let server = start_default();
    for request in [
        "GET /v1/ping HTTP/1.1\r\nho st: x\r\n\r\n",
        "GET  /v1/ping HTTP/1.1\r\nhost: x\r\n\r\n",
        "G\x01T /v1/ping HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /v1/ping HTTP/9.9\r\nhost: x\r\n\r\n",
        "GET /v1/\x7f HTTP/1.1\r\nhost: x\r\n\r\n",
        "GET /v1/ping HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n",
        "POST /v1/echo HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        "POST /v1/echo HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST /v1/echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n",
        "GET /v1/ping HTTP/1.1\r\n\r\n",
        "GET /v1/ping HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
    ] {
        let mut client = server.connect().await;
        client.send(request).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 400, "{request:?}");
        assert_eq!(answer.problem(), "validation_failed");
        assert!(client.closed().await);
    }
}
