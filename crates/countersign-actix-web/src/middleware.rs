//! The middleware: everything a delivery passes through before its handler, and behind it.

use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Extensions, Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::InternalError;
use actix_web::web::PayloadConfig;
use actix_web::{Error, HttpMessage, ResponseError};
use countersign::{Clock, Gate, Receiver, Refusal, Run};
use futures_util::future::lazy;
use futures_util::{FutureExt, TryFutureExt};

use crate::body::{refuse, respond, status, take_in, whole};
use crate::clock::{TokioClock, open};
use crate::extract::Delivery;
use crate::kept::Kept;

/// What loggers are told of a 500 or 503 in place of the handler's response.
const NO_ANSWER: &str =
    "the webhook's handler panicked, was stopped, is past its deadline, or left an event undone";

/// Puts a [`Receiver`] in front of a handler: `web::post().to(handler).wrap(middleware.clone())`.
///
/// **Build the receiver outside `HttpServer::new`.** Its closure runs once for each worker: a
/// receiver that is built inside it has another memory store in each of them, and a duplicate that
/// reaches another worker runs again. Clones of one receiver, and of one middleware, are one: they
/// may be made inside, and may stand in front of several routes.
#[derive(Debug, Clone)]
pub struct WebhookMiddleware {
    gate: Gate,
}

impl WebhookMiddleware {
    /// A middleware for `receiver`.
    ///
    /// # Panics
    ///
    /// If the system cannot start a thread for the receiver's background work.
    pub fn new(receiver: Receiver) -> Self {
        WebhookMiddleware::with_clock(receiver, Arc::new(TokioClock::new()))
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
        WebhookMiddleware {
            gate: open(&receiver, clock),
        }
    }
}

impl<S, B> Transform<S, ServiceRequest> for WebhookMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = WebhookService<S>;
    type InitError = ();
    type Future = Ready<Result<WebhookService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        // The receiver's limit has admitted the body already.
        let mut no_limit = Extensions::new();
        no_limit.insert(PayloadConfig::new(usize::MAX));
        ready(Ok(WebhookService {
            inner: Rc::new(inner),
            gate: self.gate.clone(),
            no_limit: Rc::new(no_limit),
        }))
    }
}

/// The service that a [`WebhookMiddleware`] makes.
#[derive(Debug)]
pub struct WebhookService<S> {
    inner: Rc<S>,
    gate: Gate,
    no_limit: Rc<Extensions>,
}

impl<S, B> Service<ServiceRequest> for WebhookService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        let inner = self.inner.clone();
        let gate = self.gate.clone();
        let no_limit = self.no_limit.clone();
        let mut body = request.take_payload();
        if gate.observes_only() {
            return Box::pin(observe(gate, inner, request, body));
        }
        Box::pin(async move {
            let admitted = match take_in(&gate, request.head(), &mut body, None).await {
                Ok(admission) => admission.claim().await.map_err(Refusal::Late),
                Err(refusal) => Err(refusal),
            };
            match admitted {
                Ok(run) => {
                    request.set_payload(verified_body(&run));
                    request.add_data_container(no_limit);
                    hand_over(run, inner, request).await
                }
                Err(refusal) => {
                    let response = refuse(refusal, body).await;
                    Ok(request.into_response(response).map_into_right_body())
                }
            }
        })
    }
}

/// The very bytes that were verified, for a handler that reads the body itself; but not a batch, whose
/// events may have run before.
fn verified_body(run: &Run) -> Payload {
    let delivery = run.delivery();
    match delivery.is_batch() {
        true => Payload::None,
        false => whole(delivery.verified().payload().clone()),
    }
}

/// Verifies and claims, and runs the handler whatever comes of it, with the request as it came.
async fn observe<S, B>(
    gate: Gate,
    inner: Rc<S>,
    mut request: ServiceRequest,
    mut body: Payload,
) -> Result<ServiceResponse<EitherBody<B>>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let mut kept = Kept::default();
    let admitted = match take_in(&gate, request.head(), &mut body, Some(&mut kept)).await {
        Ok(admission) => admission.claim().await.map_err(Refusal::Late),
        Err(refusal) => Err(refusal),
    };
    match admitted {
        Ok(run) => {
            request.set_payload(kept.with(body));
            hand_over(run, inner, request).await
        }
        Err(refusal) => {
            request.set_payload(kept.refused(refusal, body));
            Ok(inner.call(request).await?.map_into_left_body())
        }
    }
}

/// Runs the handler.
fn hand_over<S, B>(
    run: Run,
    inner: Rc<S>,
    request: ServiceRequest,
) -> impl Future<Output = Result<ServiceResponse<EitherBody<B>>, Error>>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let delivery = Delivery::new(run.delivery());
    request.extensions_mut().insert(delivery);

    let connection = run.connection();
    // Called when it is polled, so that the run catches its panic too; and in the room of the
    // request, where an `async` block would hold both.
    let handler = lazy(move |_| inner.call(request))
        .flatten()
        .map_err(rendered);
    let task = run.supervise(handler, |result| match result {
        Ok(response) => status(response.status()),
        Err(error) => status(error.status_code()),
    });
    let carried = connection.carry(task, |rest| {
        actix_web::rt::spawn(rest);
    });
    carried.map(|result| match result {
        Ok(result) => Ok(result?.map_into_left_body()),
        // The request went with the handler, and no clone of it may be held meanwhile.
        Err(answer) => Err(InternalError::from_response(NO_ANSWER, respond(answer)).into()),
    })
}

/// An inner service's error with the response it makes of itself, whose status is the one that the
/// sender sees: an error may claim another.
fn rendered(error: Error) -> InternalError<Error> {
    let response = error.error_response();
    InternalError::from_response(error, response)
}
