//! A provider that nobody has listed: how it signs is told in `acme.toml`, what it sends by `events!`, and
//! the rest is as with any other.
//!
//! ```sh
//! cargo run -p custom-scheme
//! # in another terminal
//! printf '{"id":"inv_1/paid","type":"invoice.paid","invoice":"inv_1","cents":4200}' > paid.json
//! cargo run -p countersign-cli -- sign --scheme examples/custom-scheme/acme.toml \
//!     --secret acme_c2FuZGJveC1zYW5kYm94LXNhbmRib3g= --body paid.json --curl http://127.0.0.1:8080/webhooks/acme | sh
//! ```

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

#[cfg(test)]
mod tests;

use std::env;
use std::error::Error;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::provider::Recipe;
use countersign::{Event, Provider, Receiver, Secret};
use countersign_axum::{Webhook, WebhookLayer};

/// To try it with. A server that is reached by others has no default for a secret.
const SANDBOX: &str = "acme_c2FuZGJveC1zYW5kYm94LXNhbmRib3g=";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::new(env::var("ACME_SECRET").unwrap_or_else(|_| SANDBOX.into()))?;
    let receiver = Receiver::new("acme", acme()?, [secret])?;
    merchant::serve(app(receiver.clone()), receiver).await
}

/// What is wrong in the description is said here, at the start, and never at a delivery.
fn acme() -> Result<Provider, Box<dyn Error>> {
    let recipe: Recipe = toml::from_str(include_str!("../acme.toml"))?;
    Ok(Provider::try_from(recipe)?)
}

fn app(receiver: Receiver) -> Router {
    let webhook = post(on_event).route_layer(WebhookLayer::new(receiver));
    Router::new().route("/webhooks/acme", webhook)
}

#[derive(Debug, serde::Deserialize)]
struct Invoice {
    invoice: String,
    cents: u64,
}

countersign::events! {
    /// Acme's events, as far as this merchant cares.
    #[derive(Debug)]
    enum Acme {
        "invoice.paid" => Paid(Invoice),
        "invoice.void" => Void(Invoice),
    }
}

async fn on_event(Webhook(event): Webhook<Event<Acme>>) -> StatusCode {
    match event.data {
        Acme::Paid(paid) => println!("{:?} is paid, {} cents", paid.invoice, paid.cents),
        Acme::Void(void) => println!("{:?} will not be paid", void.invoice),
        // Acme may add types at any time; to fail here would have them sent again and again.
        Acme::Unknown { name, .. } => println!("{name:?}, which is news"),
    }
    StatusCode::OK
}
