//! Taking a request's body in: whole, counted, within its time, or not at all.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use countersign_openapi::ProblemCode;
use hyper::body::{Body as _, Incoming};
use poem::http::{HeaderMap, Version, header};
use tokio::time::{Instant, timeout, timeout_at};

use super::limits::Limits;
use super::problem::Problem;

/// Bytes that are read and thrown away after a body was refused, so that a
/// client which is still sending sees the answer and not a reset.
const DISCARD_BYTES_MAX: usize = 256 * 1024;

/// For how long.
const DISCARD_TIME_MAX: Duration = Duration::from_secs(2);

/// How much memory the bodies of all requests may take at the same time.
#[derive(Debug)]
pub struct BodyBudget {
    left: AtomicUsize,
}

impl BodyBudget {
    /// `bytes` for all of them together.
    pub fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(bytes),
        })
    }

    fn take(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        self.left
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            })
            .is_ok()
            .then(|| Held {
                budget: Arc::clone(self),
                bytes,
            })
    }
}

/// A part of the [`BodyBudget`], given back when it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    budget: Arc<BodyBudget>,
    bytes: usize,
}

impl Held {
    fn grow(&mut self, bytes: usize) -> bool {
        let Some(mut more) = self.budget.take(bytes) else {
            return false;
        };
        self.bytes += std::mem::take(&mut more.bytes);
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.left.fetch_add(self.bytes, Ordering::AcqRel);
        }
    }
}

/// Reads the body of a request that began at `began`.
///
/// - `Content-Encoding` other than `identity`: 415, before a byte is read.
/// - An announced length over the limit: 413, before a byte is read.
/// - A body that turns out to be longer: 413, at that byte.
/// - Not complete within [`Limits::request_timeout`] of `began`: 408.
/// - No memory left for bodies: 503.
///
/// What is left of a refused body is discarded in the background, within
/// bounds.
pub(super) async fn take_in(
    mut incoming: Incoming,
    headers: &HeaderMap,
    version: Version,
    began: Instant,
    limits: &Limits,
    budget: &Arc<BodyBudget>,
) -> Result<(Bytes, Option<Held>), Problem> {
    if incoming.is_end_stream() {
        return Ok((Bytes::new(), None));
    }
    if let Some(problem) = refuse_by_head(headers, limits) {
        // A client that asked first (`Expect: 100-continue`) has not begun to
        // send, and reading would invite it to.
        if !headers.contains_key(header::EXPECT) {
            discard(incoming, version);
        }
        return Err(problem);
    }
    let deadline = began + limits.request_timeout;
    let taken = timeout_at(deadline, collect(&mut incoming, limits, budget)).await;
    match taken.unwrap_or_else(|_| Err(Problem::new(ProblemCode::RequestTimeout).closing())) {
        Ok((bytes, held)) => Ok((bytes, Some(held))),
        Err(problem) => {
            discard(incoming, version);
            Err(problem)
        }
    }
}

fn refuse_by_head(headers: &HeaderMap, limits: &Limits) -> Option<Problem> {
    let encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        let problem = Problem::new(ProblemCode::UnsupportedMediaType)
            .detail("bodies are never decompressed: send it without Content-Encoding");
        return Some(problem.closing());
    }
    // hyper has refused lengths that are no numbers or contradict each other.
    let announced = headers.get(header::CONTENT_LENGTH)?.to_str().ok()?;
    let too_long = announced
        .trim()
        .parse::<u64>()
        .map_or(true, |length| length > limits.body_bytes_max as u64);
    too_long.then(|| Problem::new(ProblemCode::PayloadTooLarge).closing())
}

/// The next part of the body's data; `None` at its end.
async fn next(incoming: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut *incoming).poll_frame(cx)).await?;
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => return Some(Ok(data)),
            // Trailers say nothing here.
            Ok(Err(_)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

async fn collect(
    incoming: &mut Incoming,
    limits: &Limits,
    budget: &Arc<BodyBudget>,
) -> Result<(Bytes, Held), Problem> {
    let overloaded = || Problem::new(ProblemCode::Overloaded).closing();
    let mut held = budget.take(0).ok_or_else(overloaded)?;
    let mut admit = |part: Result<Bytes, hyper::Error>| {
        let part = part.map_err(|_| {
            let problem = Problem::new(ProblemCode::ValidationFailed);
            problem
                .detail("the body broke off or is not well-formed")
                .closing()
        })?;
        if held.bytes + part.len() > limits.body_bytes_max {
            return Err(Problem::new(ProblemCode::PayloadTooLarge).closing());
        }
        if held.grow(part.len()) {
            Ok(part)
        } else {
            Err(overloaded())
        }
    };
    let whole = match next(incoming).await {
        None => Bytes::new(),
        Some(first) => {
            let first = admit(first)?;
            // Most bodies come in one part, and that part is not copied.
            match next(incoming).await {
                None => first,
                Some(second) => {
                    let mut all = BytesMut::from(first);
                    all.extend_from_slice(&admit(second)?);
                    while let Some(part) = next(incoming).await {
                        all.extend_from_slice(&admit(part)?);
                    }
                    all.freeze()
                }
            }
        }
    };
    Ok((whole, held))
}

/// Throws away what is left of a refused body, in the background and within
/// bounds. HTTP/2 needs none of that: it resets the stream.
fn discard(mut incoming: Incoming, version: Version) {
    if version >= Version::HTTP_2 {
        return;
    }
    tokio::spawn(timeout(DISCARD_TIME_MAX, async move {
        let mut discarded = 0;
        while let Some(Ok(part)) = next(&mut incoming).await {
            discarded += part.len();
            if discarded > DISCARD_BYTES_MAX {
                break;
            }
        }
    }));
}

/// Whether JSON nests deeper than `depth_max`. A scan for brackets outside
/// strings: no memory, no recursion, and no opinion on anything else.
pub fn nests_too_deep(json: &[u8], depth_max: usize) -> bool {
    let mut depth = 0_usize;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => {
                // To the end of the string.
                while let Some(byte) = bytes.next() {
                    match byte {
                        b'"' => break,
                        b'\\' => {
                            bytes.next();
                        }
                        _ => {}
                    }
                }
            }
            b'[' | b'{' => {
                depth += 1;
                if depth > depth_max {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}
