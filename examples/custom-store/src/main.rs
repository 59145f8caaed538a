//! A dedupe store of a merchant's own, for a database that Countersign has no store for: five methods, and
//! one call in the tests to the suite that every store passes.
//!
//! ```sh
//! cargo run -p custom-store
//! # in another terminal: five payments, each sent three times, run five times
//! cargo run -p countersign-cli -- send --provider fedapay --secret wh_sandbox_only-to-try \
//!     --to http://127.0.0.1:8080/webhooks/fedapay --event transaction.approved --count 5 --duplicates 2
//! ```

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod store;
#[cfg(test)]
mod tests;

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::provider::fedapay;
use countersign::{Receiver, Secret};
use countersign_axum::{Webhook, WebhookLayer};
use tokio::net::TcpListener;

use crate::store::Register;

/// To try it with. A server that is reached by others has no default for a secret.
const SANDBOX: &str = "wh_sandbox_only-to-try";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::new(env::var("FEDAPAY_SECRET").unwrap_or_else(|_| SANDBOX.into()))?;
    let bind = env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".into());
    let receiver = Receiver::new("fedapay", fedapay(), [secret])?.with_store(Register::default());

    let listener = TcpListener::bind(bind).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app(receiver.clone()))
        .with_graceful_shutdown(merchant::told_to_stop()?)
        .await?;
    receiver.drain(Duration::from_secs(20)).await;
    Ok(())
}

fn app(receiver: Receiver) -> Router {
    let webhook = post(on_event).route_layer(WebhookLayer::new(receiver));
    Router::new().route("/webhooks/fedapay", webhook)
}

async fn on_event(Webhook(event): Webhook<fedapay::Event>) -> StatusCode {
    println!("{:?} {:?}", event.name.unwrap_or_default(), event.id);
    StatusCode::OK
}
