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

use std::env;
use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use countersign::provider::fedapay;
use countersign::{AnyStore, Receiver, Secret};
use countersign_axum::{Webhook, WebhookLayer};
use countersign_redis::RedisStore;
use countersign_sqlx::SqliteStore;
use countersign_testkit::{OverHttp, Sample, Signer, Target as _};
use futures_util::future::try_join_all;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// What the program tells its own workers, on ports that only this machine reaches.
const SECRET: &str = "wh_sandbox_only-to-try";
const PATH: &str = "/webhooks/fedapay";

/// For the store: a file waits for its disk, which may stand still for a while.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a shutdown waits for what is in hand.
const GRACE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match env::args().nth(1) {
        None => play().await,
        Some(_) => work().await,
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
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());
    drop(tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0])).await);
    drop(stop);
    drop(tokio::time::timeout(GRACE, server).await);
    receiver.drain(GRACE).await;
    Ok(())
}

/// The one thing that the workers share.
async fn store() -> Result<AnyStore, Box<dyn Error>> {
    if let Ok(url) = env::var("REDIS_URL") {
        return Ok(AnyStore::new(RedisStore::open(&url)?));
    }
    let file = SqliteStore::new(env::var("EVENTS")?).with_timeout(PATIENCE);
    file.migrate().await?;
    Ok(AnyStore::new(file))
}

async fn on_event(Webhook(event): Webhook<fedapay::Event>) -> StatusCode {
    // Standard output is for the worker's address alone.
    eprintln!("worker {}: {:?} is booked", std::process::id(), event.id);
    StatusCode::OK
}

/// Starts a worker, and yields where it listens. It ends with its standard input: with this process.
fn start(file: &Path) -> Result<(Child, OverHttp), Box<dyn Error>> {
    let mut worker = Command::new(env::current_exe()?)
        .arg("worker")
        .env("EVENTS", file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut url = String::new();
    let printed = worker.stdout.take().ok_or("a worker without output")?;
    BufReader::new(printed).read_line(&mut url)?;
    Ok((worker, OverHttp::new(url.trim_end())))
}

/// The provider: it sends three workers the same event at once.
async fn play() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let start = |_| start(&directory.path().join("events.db"));
    let mut workers = (0..3).map(start).collect::<Result<Vec<_>, _>>()?;

    let event = Sample::of(&fedapay(), "transaction.approved")?;
    let signer = Signer::new(&fedapay(), &Secret::new(SECRET)?)?;
    // Signed anew, again and again, until it is told that all is well.
    let deliver = async |(_, worker): &(Child, OverHttp)| -> Result<String, Box<dyn Error>> {
        for _attempt in 0..10 {
            let signed = signer.sign(&event, SystemTime::now().into())?;
            let answer = worker.deliver(signed.to(PATH)).await?;
            if answer.status() == StatusCode::OK {
                let outcome = answer.headers().get("webhook-outcome");
                let outcome = outcome.map_or(Ok("it ran here"), |outcome| outcome.to_str());
                return Ok(outcome?.to_owned());
            }
        }
        Err("a worker took it in none of its attempts".into())
    };
    println!("one event, to three workers at once:");
    for answer in try_join_all(workers.iter().map(deliver)).await? {
        println!("  {answer}");
    }
    for (worker, _) in &mut workers {
        drop(worker.stdin.take());
        worker.wait()?;
    }
    Ok(())
}
