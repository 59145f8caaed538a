//! A small merchant on axum: five webhooks, each behind Countersign.
//!
//! ```sh
//! CENTRALPAY_SIGNATURE_HEADER=X-Signature CENTRALPAY_SECRET=a-secret FEDAPAY_SECRET=wh_sandbox_a-secret \
//!     BANKING_CIRCLE_SECRET=0123456789abcdef0123456789abcdef ZIBAPAY_SECRET=a-secret FOURPAY_SECRET=a-secret \
//!     cargo run -p axum-merchant
//! ```

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::provider::{banking_circle, centralpay, fedapay, fourpay, zibapay};
use countersign_axum::{Webhook, WebhookLayer, Webhooks};
use merchant::{Endpoint, Endpoints, events, lines_to_try, told_to_stop};
use tokio::net::TcpListener;

/// How long a shutdown waits for what is in hand.
const GRACE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    merchant::exit_code("axum-merchant", run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    // Why a sender was refused is told here, and to nobody else.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let endpoints = Endpoints::from_env()?;
    let (stop, grace) = (told_to_stop()?, told_to_stop()?);
    let listener = TcpListener::from_std(merchant::listen()?)?;
    let lines = lines_to_try(endpoints.all(), listener.local_addr()?)?;
    merchant::say(format_args!("{lines}"));

    // First the server takes no more connections and ends those it has.
    let serve = axum::serve(listener, app(&endpoints)).with_graceful_shutdown(stop);
    tokio::select! {
        ended = async { serve.await } => ended?,
        // A sender that never ends its request is not waited for.
        () = async { grace.await; tokio::time::sleep(GRACE).await } => {}
    }
    // Then the receivers finish what goes on without a connection: handlers whose sender hung up, and
    // commits that are being retried.
    merchant::drain(endpoints.receivers(), GRACE).await
}

/// The five routes, each behind its layer.
fn app(endpoints: &Endpoints) -> Router {
    let layer = |endpoint: &Endpoint| WebhookLayer::new(endpoint.receiver.clone());
    let centralpay = post(on_centralpay).route_layer(layer(&endpoints.centralpay));
    let fedapay = post(on_fedapay).route_layer(layer(&endpoints.fedapay));
    let bank = post(on_banking_circle).route_layer(layer(&endpoints.banking_circle));
    let zibapay = post(on_zibapay).route_layer(layer(&endpoints.zibapay));
    let fourpay = post(on_fourpay).route_layer(layer(&endpoints.fourpay));
    // `post(…).route_layer(…)`: a GET is then still answered 405, and never verified.
    Router::new()
        .route(endpoints.centralpay.path, centralpay)
        .route(endpoints.fedapay.path, fedapay)
        .route(endpoints.banking_circle.path, bank)
        .route(endpoints.zibapay.path, zibapay)
        .route(endpoints.fourpay.path, fourpay)
}

// A handler runs once for an event that its provider really sent. With a 2xx the event is done; after
// anything else the provider sends it again. What is done with each event: `examples/merchant/src/events.rs`.

async fn on_centralpay(Webhook(event): Webhook<centralpay::Event>) -> StatusCode {
    events::centralpay(event);
    StatusCode::OK
}

async fn on_fedapay(Webhook(event): Webhook<fedapay::Event>) -> StatusCode {
    events::fedapay(event);
    StatusCode::OK
}

/// A batch. Its events that are done already are not among these.
async fn on_banking_circle(Webhooks(batch): Webhooks<banking_circle::Event>) -> StatusCode {
    events::banking_circle(batch);
    StatusCode::OK
}

async fn on_zibapay(Webhook(event): Webhook<zibapay::Event>) -> StatusCode {
    events::zibapay(event);
    StatusCode::OK
}

async fn on_fourpay(Webhook(event): Webhook<fourpay::Event>) -> StatusCode {
    events::fourpay(event);
    StatusCode::OK
}
