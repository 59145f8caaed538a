//! Reading a body into an intake, and what is left of a refused one into nowhere.

use std::time::Duration;

use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use bytes::Buf;
use countersign::{Answer, Intake};
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue};
use http_body::Body as _;
use http_body_util::BodyExt;

/// How much of a refused body is read before the answer: a server that answers and closes under a
/// sender that still writes resets the connection, and the sender never sees the answer.
const DRAIN: usize = 64 * 1024;

/// How long that may take: a sender that waits for the answer sends no more.
const DRAIN_TIME: Duration = Duration::from_secs(1);

const OUTCOME: HeaderName = HeaderName::from_static("webhook-outcome");

/// The least that the body is going to be, as `Content-Length` says.
pub(crate) fn declared(body: &Body) -> Option<u64> {
    Some(body.size_hint().lower())
}

/// How the reading of a body ended.
pub(crate) enum Ended {
    Whole,
    Refused(Answer),
    /// The connection broke, or the sender broke the protocol.
    Broken,
}

/// Reads the body to its end, or to the intake's refusal.
pub(crate) async fn take_in(intake: &mut Intake<'_>, body: &mut Body) -> Ended {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Ended::Broken;
        };
        if let Ok(chunk) = frame.into_data()
            && let Err(answer) = intake.update(chunk)
        {
            return Ended::Refused(answer);
        }
    }
    Ended::Whole
}

/// Reads a little of what is left of a body, and forgets it.
pub(crate) async fn drain(body: &mut Body) {
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
