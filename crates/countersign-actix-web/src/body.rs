//! A request's head as the core reads it, its body read into an intake, and what is left of a
//! refused one into nowhere.

use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, RequestHead};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING,
    X_CONTENT_TYPE_OPTIONS,
};
use bytes::Bytes;
use countersign::{Admission, Answer, Gate, Greeting, Head};
use futures_util::StreamExt;
use futures_util::future::ready;
use futures_util::stream::once;

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
        let named = self.0.headers.iter();
        named
            .filter(move |(other, _)| other.as_str() == name.as_str())
            .map(|(_, value)| value.as_bytes())
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

/// Why no handler is run.
pub(crate) enum Refused {
    /// With the rest of the body to come.
    Early(Answer),
    /// With a rest that did not come in time.
    Silent(Answer),
    /// With the whole body read, or none to come.
    Late(Answer),
    /// The connection broke, or the sender broke the protocol.
    Broken,
    /// A handshake, which has its answer.
    Greeted(Box<Greeting>),
}

impl Refused {
    /// The answer, once the sender can be expected to read it.
    pub(crate) async fn respond(self, mut body: Payload) -> HttpResponse {
        match self {
            // As soon as a little of the rest has been read.
            Refused::Early(answer) => match drain(&mut body).await {
                true => respond(answer),
                false => cut_off(answer, body),
            },
            Refused::Silent(answer) => cut_off(answer, body),
            Refused::Late(answer) => respond(answer),
            Refused::Broken => HttpResponse::BadRequest().finish(),
            Refused::Greeted(greeting) => greet(*greeting),
        }
    }
}

/// Reads the body to its end, or to the receiver's refusal, and verifies it. What is left is to
/// claim its events.
pub(crate) async fn take_in(
    gate: &Gate,
    head: &RequestHead,
    body: &mut Payload,
) -> Result<Admission, Refused> {
    let requested = Requested(head);
    if let Some(greeting) = gate.greet(&requested) {
        return Err(Refused::Greeted(Box::new(greeting)));
    }
    let mut intake = match gate.begin(&requested, declared(head)) {
        Ok(intake) => intake,
        Err(answer) => return Err(Refused::Early(answer)),
    };
    let reading = async {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| Refused::Broken)?;
            intake.update(chunk).map_err(Refused::Early)?;
        }
        Ok(())
    };
    match gate.within(gate.body_timeout(), reading).await {
        Some(Ok(())) => {
            let mut admission = intake.conclude().map_err(Refused::Late)?;
            match admission.greeting() {
                Some(greeting) => Err(Refused::Greeted(greeting)),
                None => Ok(admission),
            }
        }
        Some(Err(refused)) => Err(refused),
        None => Err(Refused::Silent(intake.timed_out())),
    }
}

/// A body that is there as a payload. actix-web's own conversion makes a queue for more to come.
pub(crate) fn whole(body: Bytes) -> Payload {
    Payload::Stream {
        payload: Box::pin(once(ready(Ok(body)))),
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
