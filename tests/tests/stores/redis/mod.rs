//! `RedisStore`, on a server of the test's own.

mod cluster;
mod connectors;
mod entries;
mod outages;
mod round_trips;
mod sentinel;
mod settings;
mod suite;
mod threads;
mod tls;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Key, Lease, Renewal, Token};
use countersign_redis::RedisStore;
use countersign_tests::servers::Redis;
use redis::Client;

use crate::logged::{listen, logged};

pub const LEASE: Duration = Duration::from_secs(30);
pub const RETENTION: Duration = Duration::from_secs(3 * 24 * 3600);
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a machine with much else to do needs for anything that should take no time.
pub const SOON: Duration = Duration::from_secs(8);

/// A store that waits for a machine with much else to do.
pub fn open(server: &Redis) -> RedisStore {
    patient(RedisStore::open(&server.url()).unwrap())
}

pub fn patient(store: RedisStore) -> RedisStore {
    store.with_timeout(Duration::from_secs(60))
}

/// The same store, on the same connection, for one who does not wait.
pub fn hasty(store: &RedisStore) -> RedisStore {
    store.clone().with_timeout(Duration::from_millis(100))
}

/// A connection of the test's own, to look behind the store.
pub fn look(server: &Redis) -> redis::Connection {
    let client = Client::open(server.url()).unwrap();
    client.get_connection().unwrap()
}

/// What a server answers to one command.
pub fn asked<T: redis::FromRedisValue>(server: &Redis, command: &[&str]) -> T {
    let mut question = redis::cmd(command[0]);
    question.arg(&command[1..]);
    question.query(&mut look(server)).unwrap()
}

/// The name of an entry, as the documentation has it.
pub fn id(key: &Key) -> String {
    format!("countersign:{}", hex::encode(key.as_bytes()))
}

pub fn acquired(keys: &[Key]) -> Claim {
    Claim::Acquired(Lease {
        fresh: keys.to_vec(),
        differing: Vec::new(),
    })
}

pub fn committed() -> Claim {
    Claim::Committed {
        differing: Vec::new(),
    }
}

pub async fn claim(store: &RedisStore, keys: &[Key], token: Token) -> Claim {
    store.claim(keys, token, LEASE).await.unwrap()
}

pub async fn commit(store: &RedisStore, keys: &[Key], token: Token) -> Commit {
    store.commit(keys, token, RETENTION).await.unwrap()
}

pub async fn renew(store: &RedisStore, keys: &[Key], token: Token) -> Renewal {
    store.renew(keys, token, LEASE).await.unwrap()
}

pub async fn release(store: &RedisStore, keys: &[Key], token: Token) {
    store.release(keys, token).await.unwrap();
}

/// What is left of another's lease.
pub async fn left(store: &RedisStore, keys: &[Key]) -> Duration {
    match claim(store, keys, Token::random()).await {
        Claim::InProgress {
            retry_after: Some(left),
        } => left,
        claim => panic!("{claim:?}"),
    }
}

/// Claims until it is answered; another question than the one that found the server gone may have to.
pub async fn until_claimed(store: &RedisStore, keys: &[Key], token: Token) -> Claim {
    let start = std::time::Instant::now();
    loop {
        match store.claim(keys, token, LEASE).await {
            Ok(claim) => return claim,
            Err(error) => assert!(
                start.elapsed() < Duration::from_secs(60),
                "it does not recover: {error:?}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Where nothing listens, until somebody does.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// Looks for something that has to come about.
pub fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !is_so() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{what} does not come about"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
