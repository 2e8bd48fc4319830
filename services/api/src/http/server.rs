//! Accepting connections, and stopping to.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use countersign_openapi::{ProblemCode, ProblemDetails};
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use poem::http::Version;
use poem::{Endpoint, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::conn::{End, Watch, drive};
use super::io::{OwnErrors, last_words};
use super::limits::Limits;
use super::registry::Registry;
use super::shell::{Link, Shell};

/// Connections that the kernel completes before they are accepted.
const BACKLOG: u32 = 1_024;

/// The first and the longest wait after the system refused a connection.
const BACKOFF_FIRST: Duration = Duration::from_millis(5);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Idle connections that are closed at a time to make room.
const EVICT_COUNT: usize = 32;

/// Refused clients that are given time to read why.
const REFUSALS_MAX: usize = 64;

/// How long they get.
const REFUSAL_TIME: Duration = Duration::from_secs(1);

/// A bound listener that does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    local: SocketAddr,
    stats: Arc<ServerStats>,
}

/// What happened to connections, counted since the start; and how many there
/// are.
#[derive(Debug, Default)]
pub struct ServerStats {
    /// Open at this moment.
    pub open: AtomicU64,
    /// Served.
    pub accepted: AtomicU64,
    /// Answered 503 and closed, as every place was taken.
    pub refused: AtomicU64,
    /// Closed while idle, to make room.
    pub evicted: AtomicU64,
    /// Hung up: a deadline passed.
    pub cut: AtomicU64,
    /// Times the system refused to accept, mostly for want of descriptors.
    pub accept_errors: AtomicU64,
}

/// One of the open connections.
struct Open(Arc<ServerStats>);

impl Open {
    fn new(stats: Arc<ServerStats>) -> Self {
        stats.open.fetch_add(1, Ordering::Relaxed);
        Self(stats)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How the server stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerReport {
    /// Connections that were still busy after [`Limits::drain_timeout`] and
    /// were hung up.
    pub cut: usize,
}

impl Server {
    /// Takes the address; port 0 takes any. Nothing is accepted before
    /// [`Server::serve`], but clients can connect and wait. To be called inside
    /// a tokio runtime.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // A restart must not wait for connections of the one before.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let local = listener.local_addr()?;
        Ok(Self {
            listener,
            local,
            stats: Arc::default(),
        })
    }

    /// The address that was taken, with its port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The counters, which go on while the server runs.
    pub fn stats(&self) -> Arc<ServerStats> {
        Arc::clone(&self.stats)
    }

    /// Serves until `stop` is ready. Then nothing more is accepted, idle
    /// connections are closed, requests in flight get
    /// [`Limits::drain_timeout`], and what is left is hung up.
    ///
    /// When every place is taken, connections that have idled are closed to
    /// make room; a burst waits in the listen queue for a place to come free;
    /// a jam is answered 503 at once, as waiting in line would only move the
    /// time-out to the client and tell its load balancer nothing.
    pub async fn serve<E>(
        self,
        shell: Arc<Shell<E>>,
        stop: impl Future<Output = ()>,
    ) -> ServerReport
    where
        E: Endpoint<Output = Response> + 'static,
    {
        let limits = shell.limits().clone();
        let places = Arc::new(Semaphore::new(limits.connections_max));
        let mut front = Front {
            full: last_words(&full(), shell.security()),
            own_errors: Arc::new(OwnErrors::new(shell.security())),
            http: Arc::new(http(&limits)),
            limits: Arc::new(limits),
            places,
            registry: Arc::default(),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            jammed_since: None,
            stats: self.stats,
            epoch: Instant::now(),
            shell,
        };
        let mut stop = pin!(stop);
        let mut backoff = BACKOFF_FIRST;
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, peer)) => {
                    backoff = BACKOFF_FIRST;
                    let link = Link {
                        peer,
                        local: self.local,
                    };
                    tokio::select! {
                        biased;
                        () = &mut stop => break,
                        () = front.place(socket, link) => {}
                    }
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    front.stats.accept_errors.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(%error, backoff_ms = backoff.as_millis(), "cannot accept");
                    front.make_room();
                    if timeout(backoff, &mut stop).await.is_ok() {
                        break;
                    }
                    backoff = (backoff * 2).min(BACKOFF_MAX);
                }
            }
        }
        // Closing the listener resets what the kernel has accepted for us, so
        // that is taken in first.
        while let Some(Ok((socket, peer))) = self.listener.accept().now_or_never() {
            let link = Link {
                peer,
                local: self.local,
            };
            match Arc::clone(&front.places).try_acquire_owned() {
                Ok(place) => front.start(socket, link, place),
                Err(_) => front.refuse(socket),
            }
        }
        drop(self.listener);
        front.drain().await
    }
}

/// A connection that was gone before it was accepted is no fault of the
/// system.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// What a client is told when every place is taken.
fn full() -> ProblemDetails {
    ProblemDetails {
        retry_after: Some(1),
        detail: Some("every connection is taken".to_owned()),
        ..ProblemDetails::new(ProblemCode::Overloaded)
    }
}

fn http(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        // Our watch tells idling from dribbling, hyper's does not.
        .header_read_timeout(None)
        .max_buf_size(limits.head_bytes_max.max(8_192));
    let window = u32::try_from(limits.body_bytes_max).unwrap_or(u32::MAX >> 1);
    http.http2()
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(u32::try_from(limits.head_bytes_max).unwrap_or(u32::MAX))
        // What a client may send before we read: one body for a stream, four
        // for all of them.
        .initial_stream_window_size(window)
        .initial_connection_window_size(window.saturating_mul(4))
        .max_send_buf_size(64 * 1024)
        // Streams that a client resets before they are looked at, and streams
        // that we reset for its errors (CVE-2023-44487, RUSTSEC-2024-0003).
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(64);
    http
}

/// Everything that the accept loop hands out.
struct Front<E> {
    shell: Arc<Shell<E>>,
    http: Arc<auto::Builder<TokioExecutor>>,
    limits: Arc<Limits>,
    own_errors: Arc<OwnErrors>,
    full: Bytes,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
    registry: Arc<Registry>,
    jammed_since: Option<Instant>,
    stats: Arc<ServerStats>,
    epoch: Instant,
}

impl<E: Endpoint<Output = Response> + 'static> Front<E> {
    /// Finds a place for a connection, or sends it away.
    async fn place(&mut self, socket: TcpStream, link: Link) {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            self.jammed_since = None;
            return self.start(socket, link, place);
        }
        self.make_room();
        let since = *self.jammed_since.get_or_insert_with(Instant::now);
        let wait = self.limits.connection_wait.saturating_sub(since.elapsed());
        match timeout(wait, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => {
                self.jammed_since = None;
                self.start(socket, link, place);
            }
            _ => self.refuse(socket),
        }
    }

    /// Asks idle connections to close.
    fn make_room(&self) {
        let evicted = self
            .registry
            .evict(self.limits.evict_idle_after, EVICT_COUNT);
        self.stats
            .evicted
            .fetch_add(evicted as u64, Ordering::Relaxed);
    }

    fn start(&self, socket: TcpStream, link: Link, place: OwnedSemaphorePermit) {
        self.stats.accepted.fetch_add(1, Ordering::Relaxed);
        let open = Open::new(Arc::clone(&self.stats));
        // An answer is one write: there is nothing to wait for (RFC 896).
        let _ = socket.set_nodelay(true);
        let watch = Arc::new(Watch::new(self.epoch));
        let member = self.registry.join(Arc::clone(&watch));
        let service = {
            let shell = Arc::clone(&self.shell);
            let watch = Arc::clone(&watch);
            service_fn(move |request: hyper::Request<Incoming>| {
                let (began, in_flight) = watch.begin(request.version() == Version::HTTP_2);
                let shell = Arc::clone(&shell);
                async move { Ok::<_, Infallible>(shell.answer(request, link, began, in_flight).await) }
            })
        };
        let http = Arc::clone(&self.http);
        let limits = Arc::clone(&self.limits);
        let own_errors = Arc::clone(&self.own_errors);
        tokio::spawn(async move {
            let end = drive(socket, watch, &limits, &http, own_errors, service).await;
            if end == End::Cut {
                open.0.cut.fetch_add(1, Ordering::Relaxed);
            }
            // Until here, whatever happens: also if it panics.
            drop((member, open, place));
        });
    }

    /// Tells a client that every place is taken. What it sent is read and
    /// thrown away, as closing on unread bytes is a reset, which would take
    /// the answer with it; beyond [`REFUSALS_MAX`] that courtesy ends.
    fn refuse(&self, socket: TcpStream) {
        self.stats.refused.fetch_add(1, Ordering::Relaxed);
        // Past the runtime, which does not know yet that a new socket can be
        // written to. It does not block, and the answer fits any send buffer.
        let Ok(mut socket) = socket.into_std() else {
            return;
        };
        let told = socket.write_all(&self.full);
        let turn = Arc::clone(&self.refusals).try_acquire_owned();
        let (Ok(()), Ok(turn), Ok(mut socket)) = (told, turn, TcpStream::from_std(socket)) else {
            return;
        };
        tokio::spawn(async move {
            let goodbye = async {
                socket.shutdown().await?;
                let mut thrown_away = [0; 1_024];
                while socket.read(&mut thrown_away).await? > 0 {}
                io::Result::Ok(())
            };
            let _ = timeout(REFUSAL_TIME, goodbye).await;
            drop(turn);
        });
    }

    async fn drain(self) -> ServerReport {
        let everything = u32::try_from(self.limits.connections_max).unwrap_or(u32::MAX);
        self.registry.close_all();
        let idle = timeout(
            self.limits.drain_timeout,
            self.places.acquire_many(everything),
        )
        .await;
        if idle.is_ok() {
            return ServerReport { cut: 0 };
        }
        let cut = self.registry.cut_all();
        // They only have to notice.
        let _ = timeout(BACKOFF_MAX, self.places.acquire_many(everything)).await;
        ServerReport { cut }
    }
}
