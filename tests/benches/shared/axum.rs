//! axum's routers that are compared, and requests through them in process.

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use countersign::Receiver;
use countersign_axum::{Delivery, WebhookLayer};
use hmac::Hmac;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tower_service::Service;

use crate::by_hand::{is_genuine, is_handled};
use crate::deliveries::{self, LIMIT, PATH, SIGNATURE, key};

/// With the layer.
pub(crate) fn layered(receiver: Receiver) -> Router {
    Router::new().route(
        PATH,
        post(on_event).route_layer(WebhookLayer::new(receiver)),
    )
}

async fn on_event(delivery: Delivery) -> StatusCode {
    answer(is_handled(delivery.verified().payload()))
}

/// With the same check in the handler.
pub(crate) fn inline() -> Router {
    let route = post(check_and_handle).with_state(key());
    Router::new()
        .route(PATH, route)
        .layer(DefaultBodyLimit::max(LIMIT))
}

async fn check_and_handle(
    State(key): State<Hmac<Sha256>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let header = headers.get(SIGNATURE).and_then(|value| value.to_str().ok());
    match header {
        Some(header) if is_genuine(&key, header, &body) => answer(is_handled(&body)),
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// With no check at all.
pub(crate) fn bare() -> Router {
    let handle = |body: Bytes| async move { answer(is_handled(&body)) };
    Router::new()
        .route(PATH, post(handle))
        .layer(DefaultBodyLimit::max(LIMIT))
}

fn answer(handled: bool) -> StatusCode {
    match handled {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn request(delivery: deliveries::Delivery) -> Request {
    Request::post(PATH)
        .header("host", "merchant.example")
        .header("user-agent", "FedaPay/1.0")
        .header("content-type", "application/json")
        .header("content-length", delivery.body.len())
        .header("accept", "*/*")
        .header("accept-encoding", "gzip, deflate")
        .header(SIGNATURE, delivery.signature)
        .body(Body::from(delivery.body))
        .expect("a request")
}

/// Takes deliveries through `app`, which has to answer each with this status: makes a request, which stands
/// for what a server does to read one, and forgets the response.
pub(crate) fn through(
    runtime: &Runtime,
    mut app: Router,
    status: u16,
) -> impl FnMut(Vec<deliveries::Delivery>) {
    move |deliveries| {
        runtime.block_on(async {
            for delivery in deliveries {
                let response = app.call(request(delivery)).await.expect("infallible");
                assert_eq!(response.status().as_u16(), status);
            }
        });
    }
}

/// Serves `app` on this thread, for the rest of it.
pub(crate) fn serve(app: Router, tell: impl FnOnce(SocketAddr)) {
    crate::measure::runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        tell(listener.local_addr().expect("an address"));
        axum::serve(listener, app).await.expect("served");
    });
}
