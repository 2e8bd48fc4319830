//! The socket, watched: when bytes come, when they do not go, and what hyper
//! says on its own.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use countersign_openapi::{PROBLEM_CONTENT_TYPE, ProblemCode, ProblemDetails};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::conn::Watch;
use super::headers::SecurityHeaders;

/// Answers in place of those that hyper writes itself.
///
/// A head that is malformed or too large never becomes a request: hyper
/// answers 400 or 431 without a body and closes. So that these too are problem
/// details, they are exchanged on their way to the socket. They are told by
/// their shape, which no answer of ours has: a status line, `content-length:
/// 0`, no request id, and nothing after the head.
#[derive(Debug)]
pub(super) struct OwnErrors {
    /// By the three digits of the status: what replaces the line
    /// `content-length: 0` and the end of the head.
    tails: HashMap<[u8; 3], Bytes>,
}

/// Longer than any answer that hyper writes itself.
const OWN_ERROR_BYTES_MAX: usize = 192;

impl OwnErrors {
    pub(super) fn new(security: &SecurityHeaders) -> Self {
        let codes = [
            (*b"400", ProblemCode::ValidationFailed),
            (*b"414", ProblemCode::HeadersTooLarge),
            (*b"431", ProblemCode::HeadersTooLarge),
        ];
        let tails = codes.map(|(status, code)| {
            let mut problem = ProblemDetails::new(code);
            problem.status = status.iter().fold(0, |n, d| n * 10 + u16::from(d - b'0'));
            if code == ProblemCode::ValidationFailed {
                problem.detail = Some("the request is not well-formed HTTP".to_owned());
            }
            (status, tail(&problem, security))
        });
        Self {
            tails: HashMap::from(tails),
        }
    }

    /// What to write in place of `written`, if hyper wrote it on its own.
    fn exchange(&self, written: &[u8]) -> Option<Bytes> {
        let status = written.strip_prefix(b"HTTP/1.1 ")?.first_chunk::<3>()?;
        let tail = self.tails.get(status)?;
        if written.len() > OWN_ERROR_BYTES_MAX {
            return None;
        }
        let head = std::str::from_utf8(written)
            .ok()?
            .strip_suffix("\r\n\r\n")?;
        let is_own = head.lines().any(|line| line == "content-length: 0")
            && !head.contains("countersign-request-id");
        if !is_own {
            return None;
        }
        let mut answer = BytesMut::with_capacity(written.len() + tail.len());
        for line in head
            .lines()
            .filter(|line| !line.starts_with("content-length"))
        {
            answer.extend_from_slice(line.as_bytes());
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(tail);
        Some(answer.freeze())
    }
}

/// The rest of a head, and the body.
fn tail(problem: &ProblemDetails, security: &SecurityHeaders) -> Bytes {
    let body = serde_json::to_string(problem).unwrap_or_default();
    let mut text = format!(
        "content-type: {PROBLEM_CONTENT_TYPE}\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in security.all() {
        text.push_str(name.as_str());
        text.push_str(": ");
        text.push_str(value.to_str().unwrap_or_default());
        text.push_str("\r\n");
    }
    Bytes::from(text + "\r\n" + &body)
}

/// A whole answer, head and body, for a connection that gets nothing else.
pub(super) fn last_words(problem: &ProblemDetails, security: &SecurityHeaders) -> Bytes {
    let retry = problem
        .retry_after
        .map(|seconds| format!("retry-after: {seconds}\r\n"));
    let head = format!(
        "HTTP/1.1 {} {}\r\nconnection: close\r\n{}",
        problem.status,
        problem.title,
        retry.unwrap_or_default()
    );
    let mut answer = BytesMut::from(head.as_bytes());
    answer.extend_from_slice(&tail(problem, security));
    answer.freeze()
}

/// The socket of a connection, reporting to its [`Watch`].
pub(super) struct Watched {
    socket: TcpStream,
    watch: Arc<Watch>,
    own_errors: Arc<OwnErrors>,
    /// Exchanged bytes that are still to be written.
    pending: Bytes,
}

impl Watched {
    pub(super) fn new(socket: TcpStream, watch: Arc<Watch>, own_errors: Arc<OwnErrors>) -> Self {
        Self {
            socket,
            watch,
            own_errors,
            pending: Bytes::new(),
        }
    }

    fn poll_pending(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.pending.is_empty() {
            let written = ready!(Pin::new(&mut self.socket).poll_write(cx, &self.pending))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.pending.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes `written` away from the socket if it is hyper's own.
    fn take_own_error(&mut self, written: &[u8]) -> bool {
        if !self.watch.quiet() || !written.starts_with(b"HTTP/1.1 4") {
            return false;
        }
        self.own_errors.exchange(written).is_some_and(|answer| {
            self.pending = answer;
            true
        })
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.watch.bytes_out(result.is_ready());
        result
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.socket).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.watch.bytes_in();
        }
        result
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        if self.take_own_error(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let result = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_pending(cx))?;
        if let [only] = slices
            && self.take_own_error(only)
        {
            return Poll::Ready(Ok(only.len()));
        }
        let result = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pending(cx))?;
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
