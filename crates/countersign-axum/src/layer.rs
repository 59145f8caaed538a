//! The layer: everything a delivery passes through before its handler, and behind it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_core::body::Body;
use axum_core::extract::{DefaultBodyLimit, Request};
use axum_core::response::{IntoResponse, Response};
use countersign::{Clock, Gate, Receiver, Run};
use futures_util::FutureExt;
use futures_util::future::lazy;
use http::request::Parts;
use tokio::runtime::Handle;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::{Refused, respond, take_in};
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
        let (parts, mut body) = request.into_parts();
        Box::pin(async move {
            let admitted = match take_in(&gate, &parts, &mut body).await {
                Ok(admission) => admission.claim().await.map_err(Refused::Late),
                Err(refused) => Err(refused),
            };
            Ok(match admitted {
                Ok(run) => hand_over(run, inner, parts).await,
                Err(refused) => refused.respond(&mut body).await,
            })
        })
    }
}

/// Runs the handler.
fn hand_over<S>(run: Run, mut inner: S, mut parts: Parts) -> impl Future<Output = Response>
where
    S: Service<Request, Error = Infallible> + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
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
    // Called when it is polled, so that the run catches its panic too; and in the room of the
    // request, where an `async` block would hold both.
    let handler = lazy(move |_| inner.call(request))
        .flatten()
        .map(|response| response.map_or_else(|never| match never {}, IntoResponse::into_response));
    let task = run.supervise(handler, Response::status);
    let runtime = Handle::current();
    let carried = connection.carry(task, move |rest| {
        runtime.spawn(rest);
    });
    carried.map(|result| result.unwrap_or_else(respond))
}
