//! An answer on its way out.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use poem::Response;
use poem::http::{HeaderValue, StatusCode, header};

use super::conn::InFlight;

/// An answer's body, which keeps its request in flight until it is gone.
struct Tracked<B> {
    body: Option<B>,
    _in_flight: InFlight,
}

/// poem's answer as hyper's; without its body, and with its length, if
/// `head_only`.
pub(super) fn tracked(
    response: Response,
    head_only: bool,
    in_flight: InFlight,
) -> hyper::Response<impl Body<Data = Bytes, Error = std::io::Error> + Send + 'static> {
    let response: hyper::Response<_> = response.into();
    let (mut head, body) = response.into_parts();
    let body = if head_only {
        if let Some(length) = body.size_hint().exact()
            && head.status != StatusCode::NO_CONTENT
            && head.status != StatusCode::NOT_MODIFIED
        {
            head.headers
                .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        None
    } else {
        Some(body)
    };
    let body = Tracked {
        body,
        _in_flight: in_flight,
    };
    hyper::Response::from_parts(head, body)
}

impl<B: Body + Unpin> Body for Tracked<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
