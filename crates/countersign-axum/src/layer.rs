//! The layer: everything a delivery passes through before its handler, and behind it.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_core::body::Body;
use axum_core::extract::{DefaultBodyLimit, Request};
use axum_core::response::{IntoResponse, Response};
use countersign::{Clock, Gate, Receiver, Refusal, Run};
use futures_util::FutureExt;
use futures_util::future::lazy;
use http::Extensions;
use tokio::runtime::Handle;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::{Peer, Requested, refuse, respond, take_in};
use crate::clock::{TokioClock, open};
use crate::extract::Delivery;
use crate::kept::Kept;

/// Puts a [`Receiver`] in front of a handler: `post(handler).route_layer(WebhookLayer::new(…))`.
///
/// Clones of one receiver may stand in front of several routes: they are one endpoint.
#[derive(Debug, Clone)]
pub struct WebhookLayer {
    gate: Gate,
    peer: Peer,
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
    /// or wind the clock to the edge of a tolerance. All that has a time-out goes by it: on a clock that stands still
    /// a body that stops half-way is waited for.
    ///
    /// A receiver keeps the first clock that it, or a clone of it, was put to work with.
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread for the receiver's background work.
    pub fn with_clock(receiver: Receiver, clock: Arc<dyn Clock>) -> Self {
        WebhookLayer {
            gate: open(&receiver, clock),
            peer: |_| None,
        }
    }

    /// Says where a request has the address of the connection it came by, for a receiver [with
    /// sources](Receiver::with_sources). axum keeps it in an extension, of servers that were made for it by
    /// `into_make_service_with_connect_info::<SocketAddr>()`:
    ///
    /// ```
    /// # fn with_peer(layer: countersign_axum::WebhookLayer) -> countersign_axum::WebhookLayer {
    /// use std::net::SocketAddr;
    ///
    /// use axum::extract::ConnectInfo;
    ///
    /// layer.with_peer(|extensions| {
    ///     let ConnectInfo(address) = extensions.get::<ConnectInfo<SocketAddr>>()?;
    ///     Some(address.ip())
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn with_peer(mut self, peer: fn(&Extensions) -> Option<IpAddr>) -> Self {
        self.peer = peer;
        self
    }
}

impl<S> Layer<S> for WebhookLayer {
    type Service = WebhookService<S>;

    fn layer(&self, inner: S) -> WebhookService<S> {
        WebhookService {
            gate: self.gate.clone(),
            peer: self.peer,
            inner: Arc::new(inner),
            ready: None,
        }
    }
}

/// The service that a [`WebhookLayer`] makes.
#[derive(Debug)]
pub struct WebhookService<S> {
    gate: Gate,
    peer: Peer,
    inner: Arc<S>,
    /// A clone of `inner`, which was or is being asked whether it is ready. One a request is enough, though
    /// axum clones the service for each.
    ready: Option<S>,
}

impl<S> Clone for WebhookService<S> {
    fn clone(&self) -> Self {
        WebhookService {
            gate: self.gate.clone(),
            peer: self.peer,
            inner: self.inner.clone(),
            ready: None,
        }
    }
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
        let inner = || S::clone(&self.inner);
        self.ready.get_or_insert_with(inner).poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let inner = self.ready.take();
        let inner = inner.unwrap_or_else(|| S::clone(&self.inner));
        let (gate, peer) = (self.gate.clone(), self.peer);
        let mut body = std::mem::take(request.body_mut());
        if gate.observes_only() {
            return Box::pin(observe((gate, peer), inner, request, body));
        }
        Box::pin(async move {
            let head = Requested::of(&request, peer);
            let admitted = match take_in(&gate, head, &mut body, None).await {
                Ok(admission) => admission.claim().await.map_err(Refusal::Late),
                Err(refusal) => Err(refusal),
            };
            Ok(match admitted {
                Ok(run) => {
                    *request.body_mut() = verified_body(&run);
                    // The receiver's limit has admitted the body already.
                    DefaultBodyLimit::disable().apply(&mut request);
                    hand_over(run, inner, request).await
                }
                Err(refusal) => refuse(refusal, &mut body).await,
            })
        })
    }
}

/// The very bytes that were verified, for a handler that reads the body itself; but not a batch, whose
/// events may have run before.
fn verified_body(run: &Run) -> Body {
    let delivery = run.delivery();
    match delivery.is_batch() {
        true => Body::empty(),
        false => Body::from(delivery.verified().payload().clone()),
    }
}

/// Verifies and claims, and runs the handler whatever comes of it, with the request as it came.
async fn observe<S>(
    (gate, peer): (Gate, Peer),
    mut inner: S,
    mut request: Request,
    mut body: Body,
) -> Result<Response, Infallible>
where
    S: Service<Request, Error = Infallible> + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    let mut kept = Kept::default();
    let head = Requested::of(&request, peer);
    let admitted = match take_in(&gate, head, &mut body, Some(&mut kept)).await {
        Ok(admission) => admission.claim().await.map_err(Refusal::Late),
        Err(refusal) => Err(refusal),
    };
    match admitted {
        Ok(run) => {
            *request.body_mut() = kept.with(body);
            Ok(hand_over(run, inner, request).await)
        }
        Err(refusal) => {
            *request.body_mut() = kept.refused(refusal, body);
            inner.call(request).await.map(IntoResponse::into_response)
        }
    }
}

/// Runs the handler.
fn hand_over<S>(run: Run, mut inner: S, mut request: Request) -> impl Future<Output = Response>
where
    S: Service<Request, Error = Infallible> + Send + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    let delivery = Delivery::new(run.delivery());
    request.extensions_mut().insert(delivery);
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
