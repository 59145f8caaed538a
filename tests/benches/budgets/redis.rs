//! How often a claim and a commit wait for Redis, counted on the line to a real server.

use std::time::Duration;

use countersign::{Claim, DedupeStore, Key, Token};
use countersign_redis::RedisStore;
use countersign_tests::servers::Redis;
use countersign_tests::tap::Tap;

use crate::deliveries::{fresh, key_of};
use crate::measure::runtime;
use crate::report::budget;

const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(3 * 24 * 3600);

/// How many events a delivery brings at most, with those of one alone in front.
const SIZES: [usize; 4] = [1, 1, 10, 1000];

pub(crate) fn round_trips() {
    let Some(server) = Redis::start() else {
        println!("skipped: redis.claim and redis.commit need redis-server");
        return;
    };
    let tap = Tap::before(server.address());
    let store = RedisStore::open(&format!("redis://{}/", tap.address())).expect("a store");
    let [claim, commit] = runtime().block_on(async {
        warm_up(&server, &store).await;
        most(&store, &tap).await
    });
    budget("redis.claim", claim as f64);
    budget("redis.commit", commit as f64);
    println!("    round trips, of one event and of up to 1000");
}

/// The most that a claim, of whatever outcome, and a commit took.
async fn most(store: &RedisStore, tap: &Tap) -> [usize; 2] {
    let (mut claims, mut commits) = (0, 0);
    for size in SIZES {
        let (keys, token) = (keys(size), Token::random());
        let before = tap.round_trips();
        claim(store, &keys, token).await;
        claims = claims.max(tap.round_trips() - before);
        let before = tap.round_trips();
        let refused = claim(store, &keys, Token::random()).await;
        assert!(matches!(refused, Claim::InProgress { .. }));
        claims = claims.max(tap.round_trips() - before);
        let before = tap.round_trips();
        let committed = store.commit(&keys, token, RETENTION).await;
        committed.expect("a commit");
        commits = commits.max(tap.round_trips() - before);
        let before = tap.round_trips();
        let duplicate = claim(store, &keys, Token::random()).await;
        assert!(matches!(duplicate, Claim::Committed { .. }));
        claims = claims.max(tap.round_trips() - before);
    }
    [claims, commits]
}

/// Once, the store connects, brings its scripts, and looks at the server's settings: by `INFO`, which nobody
/// else asks but this. A question is counted before the server knows of it.
async fn warm_up(server: &Redis, store: &RedisStore) {
    let (keys, token) = (keys(1), Token::random());
    claim(store, &keys, token).await;
    let committed = store.commit(&keys, token, RETENTION).await;
    committed.expect("a commit");
    let client = redis::Client::open(server.url()).expect("a client");
    let mut look = client.get_connection().expect("a connection");
    for own in 0.. {
        let stats: String = redis::cmd("INFO")
            .arg("commandstats")
            .query(&mut look)
            .expect("the server's counts");
        let mut lines = stats.lines();
        let calls = lines.find_map(|line| line.strip_prefix("cmdstat_info:calls="));
        let calls = calls.and_then(|calls| calls.split(',').next()?.parse::<usize>().ok());
        // Its own of this time is not among them yet.
        if calls.unwrap_or(0) > own {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn claim(store: &RedisStore, keys: &[Key], token: Token) -> Claim {
    store.claim(keys, token, LEASE).await.expect("a claim")
}

fn keys(size: usize) -> Vec<Key> {
    let mut keys: Vec<Key> = (0..size).map(|_| key_of(&fresh(1000))).collect();
    keys.sort();
    keys
}
