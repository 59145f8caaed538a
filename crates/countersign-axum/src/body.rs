//! A request's head as the core reads it, its body read into an intake, and what is left of a
//! refused one into nowhere.

use std::borrow::Cow;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum_core::Error;
use axum_core::body::Body;
use axum_core::extract::Request;
use axum_core::response::{IntoResponse, Response};
use bytes::Buf;
use countersign::{Admission, Answer, Gate, Greeting, Head, Refusal};
use http::header::{CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;

use crate::kept::Kept;

/// How much of a refused body is read before the answer: a server that answers and closes under a
/// sender that still writes resets the connection, and the sender never sees the answer.
const DRAIN: usize = 64 * 1024;

/// How long that may take: a sender that waits for the answer sends no more.
const DRAIN_TIME: Duration = Duration::from_secs(1);

const OUTCOME: HeaderName = HeaderName::from_static("webhook-outcome");

/// Where a request says what address it is from.
pub(crate) type Peer = fn(&Extensions) -> Option<IpAddr>;

/// The head of a request. A reference to the whole request is not `Send`, since bodies are not `Sync`.
pub(crate) struct Requested<'r> {
    headers: &'r HeaderMap,
    method: &'r Method,
    uri: &'r Uri,
    extensions: &'r Extensions,
    peer: Peer,
}

impl<'r> Requested<'r> {
    pub(crate) fn of(request: &'r Request, peer: Peer) -> Self {
        Requested {
            headers: request.headers(),
            method: request.method(),
            uri: request.uri(),
            extensions: request.extensions(),
            peer,
        }
    }
}

impl Head for Requested<'_> {
    fn values<'h>(&'h self, name: &HeaderName) -> impl Iterator<Item = &'h [u8]> {
        let values = self.headers.get_all(name).iter();
        values.map(HeaderValue::as_bytes)
    }

    fn method(&self) -> &str {
        self.method.as_str()
    }

    fn target(&self) -> Cow<'_, str> {
        match (self.uri.scheme(), self.uri.path_and_query()) {
            (None, Some(path)) => Cow::Borrowed(path.as_str()),
            _ => Cow::Owned(self.uri.to_string()),
        }
    }

    fn peer(&self) -> Option<IpAddr> {
        (self.peer)(self.extensions)
    }
}

/// Reads the body to its end, or to the receiver's refusal, and verifies it. What is left is to
/// claim its events.
pub(crate) async fn take_in(
    gate: &Gate,
    head: Requested<'_>,
    body: &mut Body,
    mut kept: Option<&mut Kept>,
) -> Result<Admission, Refusal<Error>> {
    // The least that the body is going to be, as `Content-Length` says.
    let declared = Some(body.size_hint().lower());
    let next = |cx: &mut Context<'_>| {
        loop {
            let frame = ready!(Pin::new(&mut *body).poll_frame(cx));
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(chunk))) => {
                    if let Some(kept) = &mut kept {
                        kept.push(&chunk);
                    }
                    return Poll::Ready(Some(Ok(chunk)));
                }
                // Trailers are no part of the body.
                Some(Ok(Err(_))) => {}
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    };
    gate.take_in(&head, declared, next).await
}

/// The answer to a delivery whose handler is not run, once the sender can be expected to read it.
pub(crate) async fn refuse(refusal: Refusal<Error>, body: &mut Body) -> Response {
    match refusal {
        Refusal::Early(answer) => {
            drain(body).await;
            respond(answer)
        }
        Refusal::Silent(answer) | Refusal::Late(answer) | Refusal::Broken(answer, _) => {
            respond(answer)
        }
        Refusal::Greeted(greeting) => greet(*greeting),
    }
}

/// Reads a little of what is left of a body, and forgets it.
async fn drain(body: &mut Body) {
    let mut left = DRAIN;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let read = frame.data_ref().map_or(0, Buf::remaining);
            match left.checked_sub(read) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _ = tokio::time::timeout(DRAIN_TIME, reading).await;
}

/// The answer to a handshake, which no browser shall take for a page.
fn greet(greeting: Greeting) -> Response {
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static(greeting.content_type),
        ),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, greeting.body).into_response()
}

/// The core's answer as a response: a status, two headers, and no body.
pub(crate) fn respond(answer: Answer) -> Response {
    let mut response = answer.status.into_response();
    let headers = response.headers_mut();
    if let Some(outcome) = answer.outcome {
        headers.insert(OUTCOME, HeaderValue::from_static(outcome));
    }
    if let Some(seconds) = answer.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
