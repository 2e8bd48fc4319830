//! A server to talk to, and a client that says exactly what a test wants.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use poem::IntoEndpoint as _;
use poem_openapi::OpenApiService;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::api::{Api, Gate, TABLE};
use crate::http::{
    Limits, Pages, RequestIds, Server, ServerReport, ServerStats, Shell, ShellConfig,
    TrustedProxies, spec,
};

/// Longer than anything here takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A test that waits for this is stuck.
pub(super) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("it came in time")
}

/// What a server is started with.
#[derive(Default)]
pub(super) struct Setup {
    pub(super) limits: Limits,
    pub(super) https: bool,
    pub(super) trusted_proxies: TrustedProxies,
}

/// A server that serves.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) gate: Gate,
    pub(super) stats: Arc<ServerStats>,
    /// `route status` of every answer.
    pub(super) log: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    done: JoinHandle<ServerReport>,
}

pub(super) fn service(gate: &Gate) -> OpenApiService<Api, ()> {
    OpenApiService::new(Api(gate.clone()), "Test <API>", "1").server("https://id.example.com")
}

pub(super) fn finished_spec() -> String {
    spec::finish(&service(&Gate::default()).spec(), TABLE).expect("no gaps")
}

pub(super) fn start(setup: Setup) -> Running {
    let gate = Gate::default();
    let service = service(&gate);
    let spec = finished_spec();
    let pages = Pages::new(spec.as_str())
        .with_docs(&spec, service.swagger_ui_html())
        .expect("the bundled page has not changed");
    let log = Arc::new(Mutex::new(Vec::new()));
    let observed = Arc::clone(&log);
    let config = ShellConfig {
        https: setup.https,
        trusted_proxies: setup.trusted_proxies,
        ids: RequestIds::new(Box::new(|| 1_780_000_000_123), [1, 2]),
        limits: setup.limits,
        pages,
        observe: Some(Box::new(move |answered| {
            let line = format!("{} {}", answered.route, answered.status.as_u16());
            observed.lock().expect("no panic").push(line);
        })),
    };
    let shell = Arc::new(Shell::new(service.into_endpoint(), &spec, config));
    let server = Server::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port");
    let address = server.local_addr();
    let stats = server.stats();
    let (stop, stopped) = oneshot::channel();
    let done = tokio::spawn(server.serve(shell, async {
        let _ = stopped.await;
    }));
    Running {
        address,
        gate,
        stats,
        log,
        stop: Some(stop),
        done,
    }
}

pub(super) fn start_default() -> Running {
    start(Setup::default())
}

impl Running {
    pub(super) async fn connect(&self) -> Client {
        let socket = soon(TcpStream::connect(self.address))
            .await
            .expect("it listens");
        Client {
            socket,
            read: Vec::new(),
        }
    }

    /// One request on a connection of its own.
    pub(super) async fn ask(&self, request: &str) -> Answer {
        let mut client = self.connect().await;
        client.send(request).await;
        client.answer().await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"))
            .await
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask(&post(path, "content-type: application/json\r\n", body))
            .await
    }

    /// As SIGTERM does.
    pub(super) fn begin_stop(&mut self) {
        self.stop.take();
    }

    pub(super) async fn stopped(self) -> ServerReport {
        soon(self.done).await.expect("the server did not panic")
    }
}

pub(super) fn post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

/// A socket that speaks as told.
pub(super) struct Client {
    pub(super) socket: TcpStream,
    read: Vec<u8>,
}

/// One HTTP answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Client {
    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.socket.write_all(bytes.as_ref()))
            .await
            .expect("it is taken");
    }

    /// Sends as much as the server takes.
    pub(super) async fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        soon(self.socket.write_all(bytes)).await
    }

    /// More bytes; false at the end.
    pub(super) async fn more(&mut self) -> bool {
        self.read.reserve(16 * 1024);
        let count = soon(self.socket.read_buf(&mut self.read))
            .await
            .unwrap_or(0);
        count > 0
    }

    /// What was read and not looked at.
    pub(super) fn take_read(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.read)
    }

    /// Everything until the server closes.
    pub(super) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        self.take_read()
    }

    /// Whether the server closes without another word.
    pub(super) async fn closed(&mut self) -> bool {
        self.rest().await.is_empty()
    }

    /// The next answer, with a body of known length.
    pub(super) async fn answer(&mut self) -> Answer {
        self.answer_to(true).await
    }

    /// The next answer, to HEAD or with a body.
    pub(super) async fn answer_to(&mut self, with_body: bool) -> Answer {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            let read = String::from_utf8_lossy(&self.read).into_owned();
            assert!(self.more().await, "closed after {read:?}");
        };
        let head = String::from_utf8(self.read[..end].to_vec()).expect("ASCII");
        self.read.drain(..end + 4);
        let mut answer = Answer {
            status: head[9..12].parse().expect("a status"),
            head,
            body: Vec::new(),
        };
        let length = answer
            .header("content-length")
            .map_or(0, |n| n.parse().expect("a number"));
        let length = if with_body { length } else { 0 };
        while self.read.len() < length {
            assert!(self.more().await, "closed in the body");
        }
        answer.body = self.read.drain(..length).collect();
        answer
    }
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        lines
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    /// The code, of an answer that is in every way a problem.
    #[track_caller]
    pub(super) fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let json = self.json();
        assert_eq!(json["status"], self.status);
        let code = json["code"].as_str().expect("a code").to_owned();
        assert_eq!(json["type"], format!("/problems/{code}"));
        assert!(
            json["title"]
                .as_str()
                .is_some_and(|title| !title.is_empty())
        );
        if let Some(id) = self.header("countersign-request-id") {
            assert_eq!(json["request_id"], id);
        }
        assert_eq!(
            json["retry_after"].is_number(),
            self.header("retry-after").is_some()
        );
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"));
        code
    }

    pub(super) fn text(&self) -> String {
        format!("{}\n{}", self.head, String::from_utf8_lossy(&self.body))
    }
}
