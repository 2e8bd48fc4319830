//! nginx in front of a service, as `examples/gateway` sets it up.

use std::fs;
use std::net::{SocketAddr, TcpListener as PortFinder};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::support::{Client, Enrolled, World, email, eventually, stack};

const CONFIGURATION: &str = include_str!("../../../examples/gateway/nginx.conf");
const ASKING: &str = include_str!("../../../examples/gateway/countersign-ask.conf");

/// Where distributions put it.
const PROGRAMS: [&str; 2] = ["/usr/sbin/nginx", "/usr/bin/nginx"];

/// nginx, and behind it a service that answers with the request's head.
struct Gateway {
    client: Client,
    child: Child,
    folder: PathBuf,
}

impl Gateway {
    /// `None` on a machine without nginx, where there is nothing to tell. The
    /// script of the pipeline installs it.
    async fn start(countersign: &Client) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let program = PROGRAMS.iter().find(|path| Path::new(path).exists())?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = stack().folder.join(format!("nginx-{number}"));
        fs::create_dir_all(&folder).expect("a folder");
        let behind = echo().await;
        let listen = free_port();
        let service = countersign.url.trim_start_matches("http://").to_owned();
        let configuration = CONFIGURATION
            .replace("127.0.0.1:8080", &service)
            .replace("127.0.0.1:9000", &behind.to_string())
            .replace("127.0.0.1:8090", &listen.to_string());
        fs::write(folder.join("nginx.conf"), configuration).expect("a file");
        fs::write(folder.join("countersign-ask.conf"), ASKING).expect("a file");
        let child = Command::new(program)
            .arg("-p")
            .arg(&folder)
            .args(["-e", "stderr", "-c", "nginx.conf", "-g", "daemon off;"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("nginx starts");
        let listening = async || TcpStream::connect(listen).await.is_ok();
        eventually(Duration::from_secs(10), listening).await;
        Some(Self {
            client: Client::new(format!("http://{listen}")),
            child,
            folder,
        })
    }

    async fn stop(mut self) {
        // Its workers go with the master only when it is asked, not killed.
        let quit = format!("kill -TERM $(cat {}/nginx.pid)", self.folder.display());
        let asked = Command::new("/bin/sh").args(["-c", &quit]).status().await;
        assert!(asked.expect("a shell").success());
        self.child.wait().await.expect("nginx ends");
    }
}

/// A port that was free a moment ago: nginx cannot be asked which it took.
fn free_port() -> SocketAddr {
    let finder = PortFinder::bind("127.0.0.1:0").expect("a port");
    finder.local_addr().expect("an address")
}

/// Answers every request with its own head.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_all(stream));
        }
    });
    address
}

async fn answer_all(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            match stream.read_line(&mut head).await {
                Ok(more) if more > 0 => {}
                _ => return,
            }
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{head}",
            head.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The value of a header in what the service behind was sent; none if it was
/// not sent.
fn sent(head: &str, name: &str) -> Option<String> {
    let mut found = head.lines().filter_map(|line| {
        let (header, value) = line.split_once(": ")?;
        header.eq_ignore_ascii_case(name).then(|| value.to_owned())
    });
    let first = found.next();
    assert_eq!(found.next(), None, "{name} was sent twice: {head}");
    first
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_lets_in_who_is_signed_in_and_says_who_it_is() {
    let world = World::start().await;
    let Some(gateway) = Gateway::start(&world).await else {
        return;
    };
    let refused = gateway.client.get("/orders").send().await.expect(401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    let forged = gateway.client.get("/orders").by("a.b.c").send().await;
    let forged = forged.expect(401);
    assert!(forged.header("www-authenticate").contains("invalid_token"));

    let ada = world.register(&email("ada")).await;
    let head = gateway.client.get("/orders").by(&ada.access);
    let head = head.send().await.expect(200).text();
    assert_eq!(
        sent(&head, "Countersign-Account"),
        Some(ada.account.to_string())
    );
    assert_eq!(
        sent(&head, "Countersign-Session"),
        Some(ada.session.to_string())
    );
    assert_eq!(sent(&head, "Countersign-Roles").as_deref(), Some("user"));
    assert_eq!(sent(&head, "Countersign-Acr").as_deref(), Some("aal1"));
    assert_eq!(sent(&head, "Authorization"), None);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_tells_the_service_behind_a_gateway_who_they_are_but_the_gateway() {
    let world = World::start().await;
    let Some(gateway) = Gateway::start(&world).await else {
        return;
    };
    let ada = world.register(&email("ada")).await;
    let spoofed = gateway
        .client
        .get("/orders")
        .by(&ada.access)
        .header("Countersign-Account", "somebody-else")
        .header("countersign-roles", "admin")
        .header("Countersign_Roles", "admin")
        .header("Countersign-Acr", "aal3");
    let head = spoofed.send().await.expect(200).text();
    assert_eq!(
        sent(&head, "Countersign-Account"),
        Some(ada.account.to_string())
    );
    assert_eq!(sent(&head, "Countersign-Roles").as_deref(), Some("user"));
    assert_eq!(sent(&head, "Countersign-Acr").as_deref(), Some("aal1"));
    assert!(!head.contains("admin") && !head.contains("somebody-else"));
    // What only the gateway may ask is not for the outside.
    let inside = gateway.client.get("/_countersign/any").by(&ada.access);
    inside.send().await.expect(404);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_refuses_a_session_that_was_revoked_within_the_bound() {
    let world = World::start().await;
    let other = world.second_service().await;
    let Some(gateway) = Gateway::start(&other).await else {
        return;
    };
    let ada = world.register(&email("ada")).await;
    let operator = world.operator().await;
    let ask = || gateway.client.get("/orders").by(&ada.access).send();
    ask().await.expect(200);
    let path = format!("/v1/admin/sessions/{}/revoke", ada.session);
    let reason = serde_json::json!({"reason": "phished"});
    let revoke = world.post(&path, &reason).by(&operator.access);
    assert!(revoke.send().await.status < 300);
    let revoked = Instant::now();
    let refused = async || ask().await.status == 401;
    eventually(Duration::from_secs(2), refused).await;
    assert!(revoked.elapsed() < Duration::from_secs(2));
    let refused = ask().await.expect(401);
    assert!(refused.header("www-authenticate").contains("invalid_token"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_behind_a_gateway_can_ask_for_a_step_up() {
    let world = World::start().await;
    let Some(gateway) = Gateway::start(&world).await else {
        return;
    };
    let ada = world.register(&email("ada")).await;
    let ask = |token: &str| gateway.client.get("/refunds/7").by(token).send();
    let refused = ask(&ada.access).await.expect(401);
    let challenge = refused.header("www-authenticate");
    assert!(challenge.contains("insufficient_user_authentication"));
    assert!(challenge.contains(r#"acr_values="aal2""#), "{challenge}");
    assert!(challenge.contains(r#"max_age="300""#), "{challenge}");

    let bob = Enrolled::new(&world, "bob").await;
    let fresh = bob.login(&world).await;
    let head = ask(&fresh.access).await.expect(200).text();
    assert_eq!(sent(&head, "Countersign-Acr").as_deref(), Some("aal2"));
    world.later(Duration::from_secs(301));
    ask(&fresh.access).await.expect(401);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_countersign_does_not_answer_lets_nobody_in() {
    let world = World::start().await;
    let behind = world.second_service().await;
    let Some(gateway) = Gateway::start(&behind).await else {
        return;
    };
    let ada = world.register(&email("ada")).await;
    let ask = || gateway.client.get("/orders").by(&ada.access).send_once();
    ask().await.expect(200);
    behind.stop().await;
    let refused = ask().await.expect(503);
    assert_eq!(refused.header("retry-after"), "1");
    gateway.stop().await;
}
