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
    let (Some(few), Some(many)) = (Redis::start(), Redis::start()) else {
        return;
    };
    let store = |server: &Redis| {
        let store = RedisStore::open(&server.url()).expect("a store");
        store.with_timeout(Duration::from_secs(60))
    };
    let used = || -> u64 {
        let client = redis::Client::open(many.url()).expect("a client");
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
    report(runtime, "redis", [store(&few), store(&many)], ids, used);
}

pub fn postgres(runtime: &Runtime, ids: usize) {
    let start = || Postgres::with(&["shared_buffers=1GB", "max_wal_size=8GB"]);
    let (Some(few), Some(many)) = (start(), start()) else {
        return;
    };
    let store = |url: &str| {
        let store = PostgresStore::new(url).expect("a store");
        runtime.block_on(store.migrate()).expect("a table");
        store.with_timeout(Duration::from_secs(60))
    };
    let (small, large) = (few.new_database(), many.new_database());
    let stores = [store(&small.url), store(&large.url)];
    let used = || {
        let question = "select pg_total_relation_size('countersign_events')";
        many.sql(&large.name, question).parse().expect("a number")
    };
    report(runtime, "postgres", stores, ids, used);
}

/// Fills the second of two servers, and claims from both in turn, so that what else the machine does is
/// done to both.
fn report<S: DedupeStore + Clone>(
    runtime: &Runtime,
    name: &str,
    stores: [S; 2],
    ids: usize,
    used: impl Fn() -> u64,
) {
    let [_, many] = &stores;
    for store in &stores {
        fill(runtime, store, 100, 10_000);
    }
    let (empty, before) = (used(), claims(runtime, &stores, 200));
    let begun = Instant::now();
    fill(runtime, many, 101, ids);
    let seconds = begun.elapsed().as_secs_f64();
    let (full, after) = (used(), claims(runtime, &stores, 201));
    let bytes = full.saturating_sub(empty) as f64 / ids as f64;
    let ratio = |[few, many]: [Duration; 2]| many.as_secs_f64() / few.as_secs_f64();
    println!(
        "{name}: {ids} ids, {bytes:.0} bytes an id, filled in {seconds:.0} s; a claim {} among few, {} among these: {:.2} ({:.2} before they were filled in)",
        micros(after[0]),
        micros(after[1]),
        ratio(after),
        ratio(before),
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

/// The median of a claim from each store, alone on its server.
fn claims<S: DedupeStore>(runtime: &Runtime, stores: &[S; 2], scope: usize) -> [Duration; 2] {
    let mut keys = Keys::new(scope);
    let mut times = [Vec::new(), Vec::new()];
    runtime.block_on(async {
        for _ in 0..CLAIMS {
            for (store, times) in stores.iter().zip(&mut times) {
                let (key, token) = ([keys.next()], Token::random());
                let begun = Instant::now();
                store.claim(&key, token, LEASE).await.expect("a claim");
                times.push(begun.elapsed());
                store.release(&key, token).await.expect("a release");
            }
        }
    });
    times.map(|mut times| Spread::of(&mut times).median)
}
