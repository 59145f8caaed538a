//! A request's head as the core reads it, its body read into an intake, and what is left of a
//! refused one into nowhere.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, RequestHead};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING,
    X_CONTENT_TYPE_OPTIONS,
};
use bytes::Bytes;
use countersign::{Admission, Answer, Gate, Greeting, Head, Refusal};
use futures_util::future;
use futures_util::stream::once;
use futures_util::{Stream, StreamExt};

use crate::kept::Kept;

/// How much of a refused body is read before the answer: a server that answers and closes under a
/// sender that still writes resets the connection, and the sender never sees the answer.
const DRAIN: usize = 64 * 1024;

/// How long that may take: a sender that waits for the answer sends no more.
const DRAIN_TIME: Duration = Duration::from_secs(1);

const OUTCOME: HeaderName = HeaderName::from_static("webhook-outcome");

/// A request's head, as the core reads it.
struct Requested<'r>(&'r RequestHead);

impl Head for Requested<'_> {
    // By the name's text: actix-web's `HeaderName` is of another `http`, and making one allocates.
    fn values<'h>(&'h self, name: &http::HeaderName) -> impl Iterator<Item = &'h [u8]> {
        let headers = &self.0.headers;
        let named = headers.keys().find(|key| key.as_str() == name.as_str());
        let values = named.into_iter().flat_map(|key| headers.get_all(key));
        values.map(HeaderValue::as_bytes)
    }

    fn method(&self) -> &str {
        self.0.method.as_str()
    }

    fn target(&self) -> Cow<'_, str> {
        let uri = &self.0.uri;
        match (uri.scheme(), uri.path_and_query()) {
            (None, Some(path)) => Cow::Borrowed(path.as_str()),
            _ => Cow::Owned(uri.to_string()),
        }
    }

    fn peer(&self) -> Option<IpAddr> {
        self.0.peer_addr.map(|address| address.ip())
    }
}

/// The length of the body, as `Content-Length` says.
fn declared(head: &RequestHead) -> Option<u64> {
    // Beside a transfer encoding it means nothing. `head.chunked()` is about responses.
    if head.headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    let length = head.headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.trim().parse().ok()
}

/// Reads the body to its end, or to the receiver's refusal, and verifies it. What is left is to
/// claim its events.
pub(crate) async fn take_in(
    gate: &Gate,
    head: &RequestHead,
    body: &mut Payload,
    mut kept: Option<&mut Kept>,
) -> Result<Admission, Refusal<PayloadError>> {
    let next = |cx: &mut Context<'_>| {
        let chunk = ready!(Pin::new(&mut *body).poll_next(cx));
        if let (Some(Ok(chunk)), Some(kept)) = (&chunk, &mut kept) {
            kept.push(chunk);
        }
        Poll::Ready(chunk)
    };
    gate.take_in(&Requested(head), declared(head), next).await
}

/// The answer to a delivery whose handler is not run, once the sender can be expected to read it.
pub(crate) async fn refuse(refusal: Refusal<PayloadError>, mut body: Payload) -> HttpResponse {
    match refusal {
        // As soon as a little of the rest has been read.
        Refusal::Early(answer) => match drain(&mut body).await {
            true => respond(answer),
            false => cut_off(answer, body),
        },
        Refusal::Silent(answer) => cut_off(answer, body),
        Refusal::Late(answer) | Refusal::Broken(answer, _) => respond(answer),
        Refusal::Greeted(greeting) => greet(*greeting),
    }
}

/// A body that is there as a payload. actix-web's own conversion makes a queue for more to come.
pub(crate) fn whole(body: Bytes) -> Payload {
    Payload::Stream {
        payload: Box::pin(once(future::ready(Ok(body)))),
    }
}

/// Reads a little of what is left of a body, and forgets it. Whether that was all.
async fn drain(body: &mut Payload) -> bool {
    let mut left = DRAIN;
    let reading = async {
        while let Some(Ok(chunk)) = body.next().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => return false,
            }
        }
        true
    };
    let ended = tokio::time::timeout(DRAIN_TIME, reading).await;
    ended.unwrap_or(false)
}

/// The answer that ends its connection, since its body goes on.
fn cut_off(answer: Answer, body: Payload) -> HttpResponse {
    respond(answer).set_body(BoxBody::new(Unread { _body: body }))
}

/// An empty body that holds on to the request's until the response is written: a chunked one that
/// nobody holds any longer is read to its end by actix-web, however long it is and takes.
struct Unread {
    _body: Payload,
}

impl MessageBody for Unread {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(0)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

/// The answer to a handshake, which no browser shall take for a page.
fn greet(greeting: Greeting) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, greeting.content_type))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(greeting.body)
}

/// The core's answer as a response: a status, two headers, and no body.
pub(crate) fn respond(answer: Answer) -> HttpResponse {
    // Both versions of `http` take every number from 100 to 999.
    let status = StatusCode::from_u16(answer.status.as_u16());
    let mut response = HttpResponse::new(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    let headers = response.headers_mut();
    if let Some(outcome) = answer.outcome {
        headers.insert(OUTCOME, HeaderValue::from_static(outcome));
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A status of actix-web's as the core's.
pub(crate) fn status(status: StatusCode) -> http::StatusCode {
    http::StatusCode::from_u16(status.as_u16()).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR)
}
