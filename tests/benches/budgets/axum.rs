//! Requests through axum's router, in process.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use countersign::Receiver;
use countersign_axum::{Delivery, WebhookLayer};
use hmac::Hmac;
use sha2::Sha256;
use tokio::runtime::Runtime;
use tower_service::Service;

use crate::by_hand::{is_genuine, is_handled};
use crate::deliveries::{self, PATH, SIGNATURE, key};
use crate::measure::{ROUND, cpu_time};

pub(crate) fn layered(receiver: Receiver) -> Router {
    Router::new().route(
        PATH,
        post(on_event).route_layer(WebhookLayer::new(receiver)),
    )
}

async fn on_event(delivery: Delivery) -> StatusCode {
    answer(is_handled(delivery.verified().payload()))
}

pub(crate) fn inline() -> Router {
    Router::new().route(PATH, post(check_and_handle).with_state(key()))
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

fn answer(handled: bool) -> StatusCode {
    match handled {
        true => StatusCode::OK,
        false => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

pub(crate) fn request(delivery: deliveries::Delivery) -> Request {
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

/// Rounds of requests through `app`: the CPU time of making a request, which stands for what a server
/// does to read one, of its way through the router, and of forgetting the response.
pub(crate) fn rounds(
    runtime: &Runtime,
    mut app: Router,
    fresh: impl Fn() -> deliveries::Delivery,
) -> impl FnMut() -> f64 {
    move || {
        let deliveries: Vec<deliveries::Delivery> = (0..ROUND).map(|_| fresh()).collect();
        runtime.block_on(async {
            let start = cpu_time();
            for delivery in deliveries {
                let response = app.call(request(delivery)).await.expect("infallible");
                assert_eq!(response.status(), StatusCode::OK);
            }
            cpu_time() - start
        })
    }
}
