//! A webhook that can be watched: what became of each delivery as numbers for Prometheus at `/metrics`, and
//! as one line each in the log.
//!
//! ```sh
//! cargo run -p watched
//! # in another terminal: a delivery that is genuine, one that is forged, and what is told of them
//! cargo run -p countersign-cli -- send --provider fedapay --secret wh_sandbox_only-to-try \
//!     --to http://127.0.0.1:8080/webhooks/fedapay --event transaction.approved
//! cargo run -p countersign-cli -- send --provider fedapay --secret wh_sandbox_only-to-try \
//!     --to http://127.0.0.1:8080/webhooks/fedapay --event transaction.approved --fault wrong-secret
//! curl http://127.0.0.1:8080/metrics
//! ```

#![forbid(unsafe_code)]

#[cfg(test)]
mod tests;

use std::env;
use std::error::Error;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use countersign::provider::fedapay;
use countersign::{ConfigError, MetricsObserver, Receiver, Secret, TracingObserver};
use countersign_axum::{Webhook, WebhookLayer};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

/// To try it with. A server that is reached by others has no default for a secret.
const SANDBOX: &str = "wh_sandbox_only-to-try";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().init();
    // Before the observer, which describes its metrics to it.
    let numbers = PrometheusBuilder::new().install_recorder()?;

    let secret = Secret::new(env::var("FEDAPAY_SECRET").unwrap_or_else(|_| SANDBOX.into()))?;
    let receiver = receiver(secret)?;
    merchant::serve(app(receiver.clone(), numbers), receiver).await
}

/// Both observers are told of everything.
fn receiver(secret: Secret) -> Result<Receiver, ConfigError> {
    Ok(Receiver::new("fedapay", fedapay(), [secret])?
        .with_observer(TracingObserver)
        .with_observer(MetricsObserver::new()))
}

/// Where others can reach it, `/metrics` belongs on a port of its own.
fn app(receiver: Receiver, numbers: PrometheusHandle) -> Router {
    let webhook = post(on_event).route_layer(WebhookLayer::new(receiver));
    Router::new()
        .route("/webhooks/fedapay", webhook)
        .route("/metrics", get(async move || numbers.render()))
}

/// Whatever a handler logs stands in the span of its delivery, with the event's id.
async fn on_event(Webhook(event): Webhook<fedapay::Event>) -> StatusCode {
    match event.data {
        fedapay::Data::TransactionApproved(_) => StatusCode::OK,
        // Nothing that is thought of: to see what a failure looks like.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
