//! One connection: whose turn it is, since when, and until when.
//!
//! hyper speaks HTTP; this file holds the watch. hyper's own header timer does
//! not know an idle connection from one whose head dribbles in, and HTTP/2 has
//! none. Here every connection has one timer, which is moved only when a
//! deadline comes closer, so that a busy connection costs a few loads.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::time::{Instant, interval_at};

use super::io::Watched;
use super::limits::Limits;

/// How long a connection that was asked to close may take to do so when
/// nothing is in flight: HTTP/2 says goodbye in one round trip.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long a quiet connection that is to be closed is still listened to: a
/// request that has arrived, and only was not read yet, is answered.
const LAST_CALL: Duration = Duration::from_millis(10);

/// The same for a connection that has not had a request yet: its client opened
/// it to send one, and that one is on its way.
const FIRST_CALL: Duration = Duration::from_millis(500);

/// What a connection without a request in flight is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// The next request.
    Idle,
    /// The first byte of its first request.
    Fresh,
    /// The rest of a head.
    Head,
}

/// Close when nothing is in flight.
const CLOSE: u8 = 1;
/// Close now.
const CUT: u8 = 2;
/// The peer speaks HTTP/2.
const H2: u8 = 4;

/// The state of a connection that its socket, its requests, its driver and the
/// server share. Times are milliseconds since `epoch`.
#[derive(Debug)]
pub(super) struct Watch {
    epoch: Instant,
    /// A [`Phase`] in the two low bits, and since when in the others. It says
    /// something only while nothing is in flight.
    phase: AtomicU64,
    /// Requests whose answers are not completely handed to hyper.
    in_flight: AtomicU32,
    answered: AtomicU32,
    aborted: AtomicU32,
    /// Since when the client takes in nothing, plus one; zero if it does.
    stalled: AtomicU64,
    orders: AtomicU8,
    driver: AtomicWaker,
}

impl Watch {
    pub(super) fn new(epoch: Instant) -> Self {
        let watch = Self {
            epoch,
            phase: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            answered: AtomicU32::new(0),
            aborted: AtomicU32::new(0),
            stalled: AtomicU64::new(0),
            orders: AtomicU8::new(0),
            driver: AtomicWaker::new(),
        };
        watch.enter(Phase::Fresh);
        watch
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX >> 2)
    }

    fn at(&self, millis: u64) -> Instant {
        self.epoch + Duration::from_millis(millis)
    }

    fn enter(&self, phase: Phase) {
        self.phase
            .store(self.now() << 2 | phase as u64, Ordering::Release);
    }

    fn phase(&self) -> (Phase, u64) {
        let packed = self.phase.load(Ordering::Acquire);
        let phase = match packed & 3 {
            0 => Phase::Idle,
            1 => Phase::Fresh,
            _ => Phase::Head,
        };
        (phase, packed >> 2)
    }

    /// Whether no request is being answered.
    pub(super) fn quiet(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) == 0
    }

    /// The socket gave bytes.
    pub(super) fn bytes_in(&self) {
        // HTTP/2 sends pings and window updates in between; its heads come in
        // one frame, or in few.
        if self.quiet() && self.orders.load(Ordering::Relaxed) & H2 == 0 {
            let (phase, _) = self.phase();
            if phase != Phase::Head {
                self.enter(Phase::Head);
            }
        }
    }

    /// The socket took bytes, or would not.
    pub(super) fn bytes_out(&self, taken: bool) {
        if taken {
            if self.stalled.load(Ordering::Relaxed) != 0 {
                self.stalled.store(0, Ordering::Release);
            }
        } else if self.stalled.load(Ordering::Relaxed) == 0 {
            self.stalled.store(self.now() + 1, Ordering::Release);
        }
    }

    /// A head is complete. Returns when its request began, and what must live
    /// as long as the answer.
    pub(super) fn begin(self: &Arc<Self>, h2: bool) -> (Instant, InFlight) {
        if h2 && self.orders.load(Ordering::Relaxed) & H2 == 0 {
            self.orders.fetch_or(H2, Ordering::AcqRel);
        }
        let began = match self.phase() {
            (Phase::Head, since) if !h2 && self.quiet() => self.at(since),
            _ => Instant::now(),
        };
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        let guard = InFlight {
            watch: Arc::clone(self),
            answered: false,
        };
        (began, guard)
    }

    /// Asks it to close when nothing is in flight.
    pub(super) fn close(&self) {
        self.order(CLOSE);
    }

    /// Hangs up.
    pub(super) fn cut(&self) {
        self.order(CUT);
    }

    fn order(&self, order: u8) {
        self.orders.fetch_or(order, Ordering::AcqRel);
        self.driver.wake();
    }

    /// Whether it can be closed to make room, and in which order: it has waited
    /// for a request for `longer_than`, and those that had one go first.
    pub(super) fn evictable(&self, longer_than: Duration) -> Option<(Phase, u64)> {
        let (phase, since) = self.phase();
        let waits = phase != Phase::Head && self.quiet();
        let closing = self.orders.load(Ordering::Acquire) & (CLOSE | CUT) != 0;
        let waited = Duration::from_millis(self.now().saturating_sub(since));
        (waits && !closing && waited >= longer_than).then_some((phase, since))
    }

    /// Whether the client gave up far more requests than it let be answered.
    fn is_abused(&self, limits: &Limits) -> bool {
        let aborted = self.aborted.load(Ordering::Relaxed);
        let excess = aborted.saturating_sub(limits.aborts_max);
        excess > self.answered.load(Ordering::Relaxed)
    }

    /// Until when the present state may last. `None`: for as long as the
    /// handler takes.
    fn deadline(&self, limits: &Limits) -> Option<(Instant, Overdue)> {
        let stalled = self.stalled.load(Ordering::Acquire);
        if stalled != 0 {
            return Some((self.at(stalled - 1) + limits.stall_timeout, Overdue::Cut));
        }
        if !self.quiet() {
            return None;
        }
        let (phase, since) = self.phase();
        Some(match phase {
            Phase::Idle => (self.at(since) + limits.idle_timeout, Overdue::Close),
            Phase::Fresh | Phase::Head => (self.at(since) + limits.request_timeout, Overdue::Cut),
        })
    }
}

/// What a deadline that has passed calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overdue {
    /// Say goodbye.
    Close,
    /// Hang up.
    Cut,
}

/// A request that is being answered. It ends when hyper has the whole answer,
/// or when the client goes away.
#[derive(Debug)]
pub(super) struct InFlight {
    watch: Arc<Watch>,
    answered: bool,
}

impl InFlight {
    /// The answer's head is ready.
    pub(super) fn answered(&mut self) {
        self.answered = true;
        self.watch.answered.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if !self.answered {
            self.watch.aborted.fetch_add(1, Ordering::Relaxed);
        }
        // First the phase, then the count: who sees a count of zero sees the
        // new phase.
        self.watch.enter(Phase::Idle);
        self.watch.in_flight.fetch_sub(1, Ordering::AcqRel);
        // The last HTTP/2 stream may end in another task than the driver's.
        if self.watch.orders.load(Ordering::Acquire) & H2 != 0 && self.watch.quiet() {
            self.watch.driver.wake();
        }
    }
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Either side closed it.
    Closed,
    /// A deadline passed, or the server stopped.
    Cut,
}

/// Speaks HTTP on a socket until either side has enough.
pub(super) async fn drive<S, B>(
    socket: TcpStream,
    watch: Arc<Watch>,
    limits: &Limits,
    http: &auto::Builder<TokioExecutor>,
    own_errors: Arc<super::io::OwnErrors>,
    service: S,
) -> End
where
    S: Service<hyper::Request<Incoming>, Response = hyper::Response<B>>,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let io = TokioIo::new(Watched::new(socket, Arc::clone(&watch), own_errors));
    let mut conn = pin!(http.serve_connection(io, service));
    let mut armed = Instant::now() + limits.request_timeout;
    let mut alarm = interval_at(armed, limits.idle_timeout.max(FAREWELL));
    // When it is to be closed, and since when it is being closed.
    let mut leave: Option<Instant> = None;
    let mut closing: Option<Instant> = None;

    poll_fn(|cx| {
        watch.driver.register(cx.waker());
        loop {
            if conn.as_mut().poll(cx).is_ready() {
                return Poll::Ready(End::Closed);
            }
            let orders = watch.orders.load(Ordering::Acquire);
            if orders & CUT != 0 {
                return Poll::Ready(End::Cut);
            }
            if leave.is_none() && (orders & CLOSE != 0 || watch.is_abused(limits)) {
                let (phase, _) = watch.phase();
                let call = if phase == Phase::Fresh {
                    FIRST_CALL
                } else {
                    LAST_CALL
                };
                leave = Some(Instant::now() + call);
            }
            let mut deadline = watch.deadline(limits);
            match (leave, closing) {
                (Some(at), None) if !watch.quiet() || at <= Instant::now() => {
                    closing = Some(Instant::now());
                    conn.as_mut().graceful_shutdown();
                    continue;
                }
                (Some(at), None) => deadline = Some((at, Overdue::Close)),
                (_, Some(since)) if matches!(deadline, Some((_, Overdue::Close))) => {
                    deadline = Some((since + FAREWELL, Overdue::Cut));
                }
                _ => {}
            }
            if let Some((at, _)) = deadline
                && at < armed
            {
                alarm.reset_at(at);
                armed = at;
            }
            if alarm.poll_tick(cx).is_pending() {
                return Poll::Pending;
            }
            let now = Instant::now();
            match deadline {
                Some((at, Overdue::Cut)) if at <= now => return Poll::Ready(End::Cut),
                Some((at, Overdue::Close)) if at <= now => leave = Some(now),
                _ => {}
            }
            // The state has changed since the alarm was set: set it again.
            armed = deadline.map_or(now + limits.idle_timeout, |(at, _)| at.max(now));
            alarm.reset_at(armed);
        }
    })
    .await
}
