//! What stores cost, and how that grows: claims a second by 1 to 8 clients, and among many ids.
//!
//! A report, and no test: times are of this machine, and of what else it does. `docs/scale.md` says what was
//! measured where. `COUNTERSIGN_IDS` is how many ids Redis and PostgreSQL are filled with, 1000000 if not given.

#![forbid(unsafe_code)]

mod fill;
mod keys;

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::{Claim, DedupeStore, MemoryStore, Token};
use countersign_redis::RedisStore;
use countersign_sqlx::{PostgresStore, SqliteStore};
use countersign_tests::servers::{Postgres, Redis};
use tokio::runtime::Runtime;

use self::keys::Keys;

const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(3 * 24 * 3600);

/// How long each line is measured.
const TIME: Duration = Duration::from_secs(3);

fn main() {
    // What `cargo test --benches` asks for is to be over at once.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let runtime = Runtime::new().expect("a runtime");
    // Of the two parts, the one that is asked for by its name.
    let named = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let wanted = |part| named.as_deref().is_none_or(|named| named == part);
    if wanted("clients") {
        all_clients(&runtime);
    }
    if !wanted("fill") {
        return;
    }
    let ids = match std::env::var("COUNTERSIGN_IDS") {
        Ok(ids) => ids.parse().expect("a number"),
        Err(_) => 1_000_000,
    };
    fill::redis(&runtime, ids);
    fill::postgres(&runtime, ids);
}

/// Each store with 1 to 8 clients.
fn all_clients(runtime: &Runtime) {
    println!("store      tasks   claims/s   claim p50   claim p99   commit p50   commit p99");
    let capacity = 10_000_000.try_into().expect("not zero");
    clients(runtime, "memory", &Arc::new(MemoryStore::new(capacity)));
    let directory = tempfile::tempdir().expect("a directory");
    let sqlite = SqliteStore::new(directory.path().join("events.db"));
    clients(runtime, "sqlite", &Arc::new(sqlite));
    if let Some(server) = Redis::start() {
        let store = RedisStore::open(&server.url()).expect("a store");
        clients(runtime, "redis", &Arc::new(store));
    }
    if let Some(server) = Redis::on_disk() {
        let store = RedisStore::open(&server.url()).expect("a store");
        clients(runtime, "redis-aof", &Arc::new(store));
    }
    if let Some(server) = Postgres::with(&["fsync=on"]) {
        let store = PostgresStore::new(&server.new_database().url).expect("a store");
        runtime.block_on(store.migrate()).expect("a table");
        clients(runtime, "postgres", &Arc::new(store));
    }
}

/// Claims and commits of events of their own, by so many tasks at once.
fn clients<S: DedupeStore>(runtime: &Runtime, name: &str, store: &Arc<S>) {
    for tasks in [1, 2, 4, 8] {
        let mut times = Times::default();
        let seconds = runtime.block_on(async {
            let begun = Instant::now();
            let clients = (0..tasks).map(|task| {
                let store = store.clone();
                tokio::spawn(async move { client(&*store, Keys::new(tasks * 10 + task)).await })
            });
            for client in futures_util::future::join_all(clients).await {
                times.add(client.expect("no panic"));
            }
            begun.elapsed().as_secs_f64()
        });
        let (claims, commits) = (
            Spread::of(&mut times.claims),
            Spread::of(&mut times.commits),
        );
        println!(
            "{name:<10} {tasks:>5} {:>10.0} {:>11} {:>11} {:>12} {:>12}",
            times.claims.len() as f64 / seconds,
            micros(claims.median),
            micros(claims.p99),
            micros(commits.median),
            micros(commits.p99),
        );
    }
}

#[derive(Default)]
struct Times {
    claims: Vec<Duration>,
    commits: Vec<Duration>,
}

impl Times {
    fn add(&mut self, other: Times) {
        self.claims.extend(other.claims);
        self.commits.extend(other.commits);
    }
}

async fn client<S: DedupeStore>(store: &S, mut keys: Keys) -> Times {
    let (mut times, end) = (Times::default(), Instant::now() + TIME);
    while Instant::now() < end {
        let (key, token) = ([keys.next()], Token::random());
        let claim = Instant::now();
        let claimed = store.claim(&key, token, LEASE).await.expect("a claim");
        let commit = Instant::now();
        assert!(matches!(claimed, Claim::Acquired(_)), "{claimed:?}");
        store
            .commit(&key, token, RETENTION)
            .await
            .expect("a commit");
        times.claims.push(commit - claim);
        times.commits.push(commit.elapsed());
    }
    times
}

struct Spread {
    median: Duration,
    p99: Duration,
}

impl Spread {
    fn of(times: &mut [Duration]) -> Spread {
        times.sort_unstable();
        let at = |part: usize| {
            times
                .get(times.len() * part / 100)
                .copied()
                .unwrap_or_default()
        };
        Spread {
            median: at(50),
            p99: at(99),
        }
    }
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}
