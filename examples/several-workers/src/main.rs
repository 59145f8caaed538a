//! Several worker processes that share nothing but a store: an event that all of them are sent at once
//! runs in one of them.
//!
//! ```sh
//! cargo run -p several-workers
//! REDIS_URL=redis://127.0.0.1/ cargo run -p several-workers
//! ```
//!
//! The store is a file of SQLite's, for the workers of one machine, or Redis, for those of many. The
//! program starts three workers, plays the provider, prints what they answered, and ends.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod fleet;

use std::env;
use std::error::Error;
use std::io::Read as _;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::provider::fedapay;
use countersign::{AnyStore, Receiver, Secret};
use countersign_axum::{Webhook, WebhookLayer};
use countersign_redis::RedisStore;
use countersign_sqlx::SqliteStore;
use tokio::net::TcpListener;

/// What the program tells its own workers, on ports that only this machine reaches.
const SECRET: &str = "wh_sandbox_only-to-try";
const PATH: &str = "/webhooks/fedapay";

/// For the store: a file waits for its disk, which may stand still for a while.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1).as_deref() {
        None => fleet::play().await,
        Some("worker") => work().await,
        Some(other) => Err(format!("{other:?} is nothing that it can do").into()),
    }
}

/// One worker, until its standard input ends: then nobody needs it any longer.
async fn work() -> Result<(), Box<dyn Error>> {
    // The endpoint's name is the scope of dedupe: all workers of one endpoint have the same.
    let receiver = Receiver::new("fedapay", fedapay(), [Secret::new(SECRET)?])?
        .with_store(store().await?)
        .with_timeouts(PATIENCE, PATIENCE);
    let webhook = post(on_event).route_layer(WebhookLayer::new(receiver.clone()));
    let app: Router = Router::new().route(PATH, webhook);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let stop = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(stop.await) })
        .await?;
    receiver.drain(Duration::from_secs(20)).await;
    Ok(())
}

/// The one thing that the workers share.
async fn store() -> Result<AnyStore, Box<dyn Error>> {
    Ok(match (env::var("REDIS_URL"), env::var("EVENTS")) {
        (Ok(url), _) => AnyStore::new(RedisStore::open(&url)?),
        (_, Ok(file)) => {
            let file = SqliteStore::new(file).with_timeout(PATIENCE);
            file.migrate().await?;
            AnyStore::new(file)
        }
        _ => return Err("a worker needs REDIS_URL, or a file in EVENTS".into()),
    })
}

async fn on_event(Webhook(event): Webhook<fedapay::Event>) -> StatusCode {
    println!("worker {}: {:?} is booked", std::process::id(), event.id);
    StatusCode::OK
}
