//! Many ids in a server: what each takes, and whether a claim among them is dearer.

use std::time::{Duration, Instant};

use countersign::{DedupeStore, Token};
use countersign_redis::RedisStore;
use countersign_sqlx::PostgresStore;
use countersign_tests::servers::{Postgres, Redis};
use tokio::runtime::Runtime;

use crate::keys::Keys;
use crate::{LEASE, RETENTION, Spread, micros};

/// How many events a commit brings while the server is filled, and how many commits are on their way.
const BATCH: usize = 1000;
const AT_ONCE: usize = 4;

/// How many claims are timed.
const CLAIMS: usize = 5000;

pub fn redis(runtime: &Runtime, ids: usize) {
    let Some(server) = Redis::start() else { return };
    let store = RedisStore::open(&server.url()).expect("a store");
    let store = store.with_timeout(Duration::from_secs(60));
    let used = || -> u64 {
        let client = redis::Client::open(server.url()).expect("a client");
        let mut connection = client.get_connection().expect("a connection");
        let text: String = redis::cmd("INFO")
            .arg("memory")
            .query(&mut connection)
            .expect("memory");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"));
        line.expect("used_memory").trim().parse().expect("a number")
    };
    report(runtime, "redis", &store, ids, used);
}

pub fn postgres(runtime: &Runtime, ids: usize) {
    let Some(server) = Postgres::with(&["shared_buffers=1GB", "max_wal_size=8GB"]) else {
        return;
    };
    let database = server.new_database();
    let store = PostgresStore::new(&database.url).expect("a store");
    let store = store.with_timeout(Duration::from_secs(60));
    runtime.block_on(store.migrate()).expect("a table");
    let used = || {
        let question = "select pg_total_relation_size('countersign_events')";
        server
            .sql(&database.name, question)
            .parse()
            .expect("a number")
    };
    report(runtime, "postgres", &store, ids, used);
}

fn report<S: DedupeStore + Clone>(
    runtime: &Runtime,
    name: &str,
    store: &S,
    ids: usize,
    used: impl Fn() -> u64,
) {
    // The same few beforehand, so that what is warm later is warm here.
    fill(runtime, store, 100, 10_000);
    let (empty, first) = (used(), claims(runtime, store, 200));
    let begun = Instant::now();
    fill(runtime, store, 101, ids);
    let seconds = begun.elapsed().as_secs_f64();
    let (full, then) = (used(), claims(runtime, store, 201));
    let bytes = full.saturating_sub(empty) as f64 / ids as f64;
    println!(
        "{name}: {ids} ids, {bytes:.0} bytes an id, filled in {seconds:.0} s; a claim {} at first, {} then: {:.2}",
        micros(first),
        micros(then),
        then.as_secs_f64() / first.as_secs_f64(),
    );
}

fn fill<S: DedupeStore + Clone>(runtime: &Runtime, store: &S, scope: usize, ids: usize) {
    runtime.block_on(async {
        let tasks = (0..AT_ONCE).map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut keys = Keys::new(scope * 100 + task);
                for _ in 0..ids / AT_ONCE / BATCH {
                    let mut batch: Vec<_> = (0..BATCH).map(|_| keys.next()).collect();
                    batch.sort_unstable();
                    store
                        .commit(&batch, Token::random(), RETENTION)
                        .await
                        .expect("a commit");
                }
            })
        });
        for task in futures_util::future::join_all(tasks).await {
            task.expect("no panic");
        }
    });
}

/// The median of a claim, alone on the server.
fn claims<S: DedupeStore>(runtime: &Runtime, store: &S, scope: usize) -> Duration {
    let mut keys = Keys::new(scope);
    let mut times: Vec<Duration> = runtime.block_on(async {
        let mut times = Vec::new();
        for _ in 0..CLAIMS {
            let (key, token) = ([keys.next()], Token::random());
            let begun = Instant::now();
            store.claim(&key, token, LEASE).await.expect("a claim");
            times.push(begun.elapsed());
            store.release(&key, token).await.expect("a release");
        }
        times
    });
    Spread::of(&mut times).median
}
