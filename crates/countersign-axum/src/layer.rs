//! The layer: everything a delivery passes through before its handler, and behind it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_core::body::Body;
use axum_core::extract::{DefaultBodyLimit, Request};
use axum_core::response::{IntoResponse, Response};
use countersign::{Clock, Gate, Receiver};
use http::StatusCode;
use tokio::runtime::Handle;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::{Ended, declared, drain, respond, take_in};
use crate::clock::{TokioClock, open};
use crate::extract::Delivery;

/// Puts a [`Receiver`] in front of a handler: `post(handler).route_layer(WebhookLayer::new(…))`.
///
/// Clones of one receiver may stand in front of several routes: they are one endpoint.
#[derive(Debug, Clone)]
pub struct WebhookLayer {
    gate: Gate,
}

impl WebhookLayer {
    /// A layer for `receiver`.
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread for the receiver's background work.
    pub fn new(receiver: Receiver) -> Self {
        WebhookLayer::with_clock(receiver, Arc::new(TokioClock::new()))
    }

    /// The same on a clock of the merchant's own: for tests that replay a delivery at its own time,
    /// or wind the clock to the edge of a tolerance. A body's time to arrive is always real.
    ///
    /// A receiver keeps the first clock that it, or a clone of it, was put to work with.
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread for the receiver's background work.
    pub fn with_clock(receiver: Receiver, clock: Arc<dyn Clock>) -> Self {
        WebhookLayer {
            gate: open(&receiver, clock),
        }
    }
}

impl<S> Layer<S> for WebhookLayer {
    type Service = WebhookService<S>;

    fn layer(&self, inner: S) -> WebhookService<S> {
        WebhookService {
            inner,
            gate: self.gate.clone(),
        }
    }
}

/// The service that a [`WebhookLayer`] makes.
#[derive(Debug, Clone)]
pub struct WebhookService<S> {
    inner: S,
    gate: Gate,
}

impl<S> Service<Request> for WebhookService<S>
where
    S: Service<Request, Error = Infallible> + Clone + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The clone is the one that was not asked whether it is ready.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let gate = self.gate.clone();
        Box::pin(async move { Ok(pass(gate, inner, request).await) })
    }
}

async fn pass<S>(gate: Gate, mut inner: S, request: Request) -> Response
where
    S: Service<Request, Error = Infallible> + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    let (mut parts, mut body) = request.into_parts();
    let run = {
        let mut intake = match gate.begin(&parts, declared(&body)) {
            Ok(intake) => intake,
            Err(answer) => {
                drain(&mut body).await;
                return respond(answer);
            }
        };
        let reading = take_in(&mut intake, &mut body);
        match tokio::time::timeout(gate.body_timeout(), reading).await {
            Ok(Ended::Whole) => {}
            Ok(Ended::Refused(answer)) => {
                // What it holds counts against the deliveries of others.
                drop(intake);
                drain(&mut body).await;
                return respond(answer);
            }
            Ok(Ended::Broken) => return StatusCode::BAD_REQUEST.into_response(),
            Err(_) => return respond(intake.timed_out()),
        }
        match intake.admit().await {
            Ok(run) => run,
            Err(answer) => return respond(answer),
        }
    };
    let delivery = run.delivery();
    // The very bytes that were verified, for a handler that reads the body itself; but not a batch,
    // whose events may have run before.
    let payload = match delivery.is_batch() {
        true => Body::empty(),
        false => Body::from(delivery.verified().payload().clone()),
    };
    parts.extensions.insert(Delivery::new(delivery));
    let mut request = Request::from_parts(parts, payload);
    // The receiver's limit has admitted the body already.
    DefaultBodyLimit::disable().apply(&mut request);

    let connection = run.connection();
    let handler = async move {
        let response = inner.call(request).await;
        response.map_or_else(|never| match never {}, IntoResponse::into_response)
    };
    let task = run.supervise(handler, Response::status);
    let runtime = Handle::current();
    let carried = connection.carry(task, move |rest| {
        runtime.spawn(rest);
    });
    carried.await.unwrap_or_else(respond)
}
