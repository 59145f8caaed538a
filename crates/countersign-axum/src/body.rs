//! Reading a body into an intake, and what is left of a refused one into nowhere.

use std::time::Duration;

use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use bytes::Buf;
use countersign::{Admission, Answer, Gate, Greeting};
use http::header::{CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt;

/// How much of a refused body is read before the answer: a server that answers and closes under a
/// sender that still writes resets the connection, and the sender never sees the answer.
const DRAIN: usize = 64 * 1024;

/// How long that may take: a sender that waits for the answer sends no more.
const DRAIN_TIME: Duration = Duration::from_secs(1);

const OUTCOME: HeaderName = HeaderName::from_static("webhook-outcome");

/// Why no handler is run.
pub(crate) enum Refused {
    /// With the rest of the body to come.
    Early(Answer),
    /// With the whole body read, or none to come.
    Late(Answer),
    /// The connection broke, or the sender broke the protocol.
    Broken,
    /// A handshake, which has its answer.
    Greeted(Box<Greeting>),
}

impl Refused {
    /// The answer, once the sender can be expected to read it.
    pub(crate) async fn respond(self, body: &mut Body) -> Response {
        match self {
            Refused::Early(answer) => {
                drain(body).await;
                respond(answer)
            }
            Refused::Late(answer) => respond(answer),
            Refused::Broken => StatusCode::BAD_REQUEST.into_response(),
            Refused::Greeted(greeting) => greet(*greeting),
        }
    }
}

/// Reads the body to its end, or to the receiver's refusal, and verifies it. What is left is to
/// claim its events.
pub(crate) async fn take_in(
    gate: &Gate,
    head: &Parts,
    body: &mut Body,
) -> Result<Admission, Refused> {
    if let Some(greeting) = gate.greet(head) {
        return Err(Refused::Greeted(Box::new(greeting)));
    }
    // The least that the body is going to be, as `Content-Length` says.
    let declared = Some(body.size_hint().lower());
    let mut intake = match gate.begin(head, declared) {
        Ok(intake) => intake,
        Err(answer) => return Err(Refused::Early(answer)),
    };
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Refused::Broken)?;
            if let Ok(chunk) = frame.into_data() {
                intake.update(chunk).map_err(Refused::Early)?;
            }
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
        None => Err(Refused::Late(intake.timed_out())),
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
