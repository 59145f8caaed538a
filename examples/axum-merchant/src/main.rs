//! A small merchant on axum: five webhooks, each behind Countersign.
//!
//! ```sh
//! CENTRALPAY_SIGNATURE_HEADER=X-Signature CENTRALPAY_SECRET=a-secret FEDAPAY_SECRET=wh_sandbox_a-secret \
//!     BANKING_CIRCLE_SECRET=0123456789abcdef0123456789abcdef ZIBAPAY_SECRET=a-secret FOURPAY_SECRET=a-secret \
//!     cargo run -p axum-merchant
//! ```

#![forbid(unsafe_code)]

mod events;
#[cfg(test)]
mod tests;

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use countersign_axum::WebhookLayer;
use merchant::{Endpoint, Endpoints, lines_to_try, told_to_stop};
use tokio::net::TcpListener;

/// How long a shutdown waits for what is in hand.
const GRACE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("axum-merchant: stopped before every event was settled; those come again");
            ExitCode::FAILURE
        }
        Err(why) => {
            eprintln!("axum-merchant: {why}");
            ExitCode::from(2)
        }
    }
}

/// Whether everything was settled in the end, or one line that says why it could not begin.
async fn run() -> Result<bool, String> {
    let endpoints = Endpoints::from_env()?;
    let bind = env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".into());
    let listener = TcpListener::bind(&bind).await;
    let listener = listener.map_err(|error| format!("BIND={bind}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;

    let stop = told_to_stop().map_err(|error| error.to_string())?;
    let grace = told_to_stop().map_err(|error| error.to_string())?;
    events::say(format_args!("listening on http://{address}"));
    let lines = lines_to_try(endpoints.all(), &address.to_string());
    events::say(format_args!(
        "{}",
        lines.map_err(|error| error.to_string())?
    ));

    // First the server takes no more connections and ends those it has.
    let serve = axum::serve(listener, app(&endpoints)).with_graceful_shutdown(stop);
    tokio::select! {
        ended = async { serve.await } => ended.map_err(|error| error.to_string())?,
        // A sender that never ends its request is not waited for.
        () = async { grace.await; tokio::time::sleep(GRACE).await } => {}
    }
    // Then the receivers finish what goes on without a connection: handlers whose sender hung up, and
    // commits that are being retried.
    Ok(endpoints.drain(GRACE).await)
}

/// The five routes, each behind its layer.
fn app(endpoints: &Endpoints) -> Router {
    // `post(…).route_layer(…)`: a GET is then still answered 405, and never verified.
    Router::new()
        .route(
            endpoints.centralpay.path,
            post(events::on_centralpay).route_layer(layer(&endpoints.centralpay)),
        )
        .route(
            endpoints.fedapay.path,
            post(events::on_fedapay).route_layer(layer(&endpoints.fedapay)),
        )
        .route(
            endpoints.banking_circle.path,
            post(events::on_banking_circle).route_layer(layer(&endpoints.banking_circle)),
        )
        .route(
            endpoints.zibapay.path,
            post(events::on_zibapay).route_layer(layer(&endpoints.zibapay)),
        )
        .route(
            endpoints.fourpay.path,
            post(events::on_fourpay).route_layer(layer(&endpoints.fourpay)),
        )
}

fn layer(endpoint: &Endpoint) -> WebhookLayer {
    WebhookLayer::new(endpoint.receiver.clone())
}
