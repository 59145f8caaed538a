//! A ledger of FedaPay's payments: each is booked in the same transaction that claims its event, so
//! that it is booked once, however often it is sent and whenever this server dies.
//!
//! ```sh
//! FEDAPAY_SECRET=wh_sandbox_a-secret cargo run -p ledger
//! # in another terminal: five payments, each sent three times
//! cargo run -p countersign-cli -- send --provider fedapay --secret wh_sandbox_a-secret \
//!     --to http://127.0.0.1:8080/webhooks/fedapay --event transaction.approved --count 5 --duplicates 2
//! curl http://127.0.0.1:8080/
//! ```
//!
//! The ledger is a file of SQLite's: `ledger.db`, or what `DATABASE_URL` says. In PostgreSQL it is the same
//! with `PgPool`, `PostgresStore` and a plain `begin`: the guide's chapter on stores has it.

#![forbid(unsafe_code)]

mod books;
#[cfg(test)]
mod tests;

use std::env;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use countersign::provider::fedapay;
use countersign::{ConfigError, Receiver, Secret};
use countersign_axum::{Delivery, Webhook, WebhookLayer};

use crate::books::{Books, Error};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let secret = env::var("FEDAPAY_SECRET").map_err(|_| "FEDAPAY_SECRET is not set")?;
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://ledger.db".into());
    let books = Books::open(&url).await?;
    let receiver = receiver(Secret::new(secret)?, &books)?;
    merchant::serve(app(receiver.clone(), books), receiver).await
}

/// It takes no lease: `book` makes the claim, and afterwards the books are asked whether it is there.
fn receiver(secret: Secret, books: &Books) -> Result<Receiver, ConfigError> {
    Receiver::new("fedapay", fedapay(), [secret])?.with_claim_in_transaction(books.events.clone())
}

fn app(receiver: Receiver, books: Books) -> Router {
    let webhook = post(on_fedapay).route_layer(WebhookLayer::new(receiver));
    Router::new()
        .route("/webhooks/fedapay", webhook)
        .route("/", get(balance))
        .with_state(books)
}

/// What happens before `book` may happen several times for one event, and at once: nothing does here.
async fn on_fedapay(
    State(books): State<Books>,
    delivery: Delivery,
    Webhook(event): Webhook<fedapay::Event>,
) -> StatusCode {
    match books.book(&delivery, event).await {
        // Countersign believes it only if the database says so, too.
        Ok(()) => StatusCode::OK,
        Err(why) => {
            eprintln!("ledger: {why:?}");
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

async fn balance(State(books): State<Books>) -> Result<String, StatusCode> {
    let balance = books.balance().await;
    let (entries, total) = balance.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(format!("{entries} entries, {total} in all\n"))
}
