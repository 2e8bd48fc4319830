//! Many connections, and the end of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::support::{Client, Running, Setup, soon, start, start_default};
use crate::http::{Limits, ServerReport};

const PING: &str = "GET /v1/ping HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_order() {
    let server = start_default();
    let mut client = server.connect().await;
    let burst: String = (0..50)
        .map(|n| match n % 3 {
            0 => PING.to_owned(),
            1 => "POST /v1/maybe HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 13\r\n\r\n{\"title\":\"a\"}".to_owned(),
            _ => "GET /none HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
        })
        .collect();
    client.send(burst).await;
    for n in 0..50 {
        let answer = client.answer().await;
        assert_eq!(answer.status, [200, 200, 404][n % 3], "{n}");
        assert_eq!(answer.header("connection"), None);
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_is_served_and_left() {
    let server = start_default();
    let mut client = server.connect().await;
    client.send("GET /v1/ping HTTP/1.0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    assert!(client.closed().await);
}

#[tokio::test]
async fn an_upgrade_is_not_taken_up() {
    let server = start_default();
    let mut client = server.connect().await;
    for upgrade in ["websocket", "h2c"] {
        client
            .send(format!(
                "GET /v1/ping HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: {upgrade}\r\n\r\n"
            ))
            .await;
        assert_eq!(client.answer().await.status, 200);
    }
    client.send(PING).await;
    assert_eq!(client.answer().await.status, 200);
}

/// Opens many connections and asks once on each, keeping all of them open.
async fn crowd(server: &Running, count: usize) -> (Vec<Client>, Vec<u16>) {
    let asked = join_all((0..count).map(|_| async {
        let mut client = server.connect().await;
        let _ = client.try_send(PING.as_bytes()).await;
        let status = client.answer().await.status;
        (client, status)
    }));
    soon(asked).await.into_iter().unzip()
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|known| **known == status).count()
}

#[tokio::test]
async fn three_thousand_connections_get_a_place_or_a_503() {
    let server = start(Setup {
        limits: Limits {
            connection_wait: Duration::from_millis(100),
            evict_idle_after: Duration::from_mins(1),
            ..Limits::default()
        },
        ..Setup::default()
    });
    let (clients, statuses) = crowd(&server, 3_000).await;
    assert_eq!(count(&statuses, 200), 2_048);
    assert_eq!(count(&statuses, 503), 952);
    assert_eq!(server.stats.refused.load(Ordering::Relaxed), 952);
    assert_eq!(server.stats.open.load(Ordering::Relaxed), 2_048);
    drop(clients);
    // Their places come free.
    let free = soon(async {
        loop {
            let answer = server.get("/v1/ping").await;
            if answer.status == 200 {
                break answer;
            }
            assert_eq!(answer.problem(), "overloaded");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    });
    assert_eq!(free.await.status, 200);
}

#[tokio::test]
async fn three_thousand_connections_are_all_served_when_the_idle_make_room() {
    let server = start(Setup {
        limits: Limits {
            connection_wait: Duration::from_secs(20),
            evict_idle_after: Duration::from_secs(1),
            ..Limits::default()
        },
        ..Setup::default()
    });
    let (_clients, statuses) = crowd(&server, 3_000).await;
    assert_eq!(count(&statuses, 200), 3_000);
    assert!(server.stats.evicted.load(Ordering::Relaxed) >= 952);
}

#[tokio::test]
async fn a_burst_waits_for_a_place() {
    let server = start(Setup {
        limits: Limits {
            connections_max: 1,
            connection_wait: Duration::from_secs(20),
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut first = server.connect().await;
    first
        .send("GET /v1/slow HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await;
    let mut second = server.connect().await;
    second.send(PING).await;
    let early = tokio::time::timeout(Duration::from_millis(100), second.more()).await;
    assert!(early.is_err(), "it was answered without a place");
    server.gate.open.add_permits(1);
    assert_eq!(first.answer().await.status, 200);
    assert_eq!(second.answer().await.status, 200);
    assert_eq!(server.stats.refused.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_stopping_server_finishes_what_it_began() {
    let mut server = start_default();
    let idle: Vec<_> = join_all((0..20).map(|_| async {
        let mut client = server.connect().await;
        client.send(PING).await;
        assert_eq!(client.answer().await.status, 200);
        client
    }))
    .await;
    let mut busy: Vec<_> = join_all((0..20).map(|_| async {
        let mut client = server.connect().await;
        client
            .send("GET /v1/slow HTTP/1.1\r\nhost: x\r\n\r\n")
            .await;
        client
    }))
    .await;
    let fresh = server.connect().await;
    // All twenty are in the handler.
    soon(server.gate.waiting.acquire_many(20))
        .await
        .expect("open")
        .forget();
    server.begin_stop();
    // The idle are let go at once, and new ones find nobody.
    for mut client in idle.into_iter().chain([fresh]) {
        assert!(client.closed().await);
    }
    assert!(TcpStream::connect(server.address).await.is_err());
    server.gate.open.add_permits(20);
    for client in &mut busy {
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.header("connection")),
            (200, Some("close"))
        );
        assert!(client.closed().await);
    }
    assert_eq!(server.stopped().await, ServerReport { cut: 0 });
}

#[tokio::test]
async fn a_stopping_server_does_not_wait_for_ever() {
    let mut server = start(Setup {
        limits: Limits {
            drain_timeout: Duration::from_millis(200),
            ..Limits::default()
        },
        ..Setup::default()
    });
    let mut client = server.connect().await;
    client
        .send("GET /v1/slow HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    soon(server.gate.waiting.acquire())
        .await
        .expect("open")
        .forget();
    let since = Instant::now();
    server.begin_stop();
    assert_eq!(server.stopped().await, ServerReport { cut: 1 });
    assert!(since.elapsed() < Duration::from_secs(5));
    assert!(client.closed().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_under_load_breaks_no_answer() {
    const CLIENTS: u32 = 16;
    for _ in 0..5 {
        let mut server = start_default();
        let served = Arc::new(Semaphore::new(0));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| tokio::spawn(hammer(server.address, Arc::clone(&served))))
            .collect();
        // The load is on when each of them has been served.
        soon(served.acquire_many(CLIENTS))
            .await
            .expect("open")
            .forget();
        server.begin_stop();
        assert_eq!(server.stopped().await, ServerReport { cut: 0 });
        for client in clients {
            soon(client).await.expect("no answer was broken off");
        }
    }
}

/// Asks until the server closes. An answer that has begun is complete.
async fn hammer(address: SocketAddr, served: Arc<Semaphore>) {
    let mut socket = TcpStream::connect(address).await.expect("it listens");
    let mut first = true;
    while socket.write_all(PING.as_bytes()).await.is_ok() {
        let mut read = Vec::new();
        while !read.ends_with(b"{\"ok\":true}") {
            if socket.read_buf(&mut read).await.unwrap_or(0) == 0 {
                let text = String::from_utf8_lossy(&read);
                assert!(text.is_empty(), "an answer was broken off: {text:?}");
                return;
            }
        }
        if std::mem::take(&mut first) {
            served.add_permits(1);
        }
    }
}
