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
//! The ledger is `ledger.db`, a file of SQLite's, unless `DATABASE_URL` is that of a PostgreSQL database
//! or of another file.

#![forbid(unsafe_code)]

mod books;
#[cfg(test)]
mod tests;

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use countersign::provider::fedapay;
use countersign::{Receiver, Secret};
use countersign_axum::{Delivery, Webhook, WebhookLayer};
use tokio::net::TcpListener;

use crate::books::{Books, Error};

/// How long a shutdown waits for what is in hand.
const GRACE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(&*why);
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let secret = env::var("FEDAPAY_SECRET").map_err(|_| "FEDAPAY_SECRET is not set")?;
    let url = env::var("DATABASE_URL").unwrap_or_else(|_| "sqlite://ledger.db".into());
    let bind = env::var("BIND").unwrap_or_else(|_| "127.0.0.1:8080".into());

    let books = Books::open(&url).await?;
    let receiver = Receiver::new("fedapay", fedapay(), [Secret::new(secret)?])?;
    let receiver = books.dedupe(receiver)?;
    let listener = TcpListener::bind(&bind).await?;
    say(&format!("listening on http://{}", listener.local_addr()?));

    let stop = merchant::told_to_stop()?;
    axum::serve(listener, app(receiver.clone(), books))
        .with_graceful_shutdown(stop)
        .await?;
    // Handlers whose senders have hung up: their transactions are ended, one way or the other.
    receiver.drain(GRACE).await;
    Ok(())
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
            complain(&*why);
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

async fn balance(State(books): State<Books>) -> Result<String, StatusCode> {
    let balance = books.balance().await;
    let (entries, total) = balance.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(format!("{entries} entries, {total} in all\n"))
}

/// What went wrong, and why: a store that failed leaves it to its database to say.
fn complain(why: &(dyn std::error::Error + 'static)) {
    let causes = std::iter::successors(Some(why), |why| why.source());
    let causes: Vec<String> = causes.map(ToString::to_string).collect();
    eprintln!("ledger: {}", causes.join(": "));
}

#[expect(clippy::print_stdout, reason = "it is a program")]
fn say(line: &str) {
    println!("{line}");
}
