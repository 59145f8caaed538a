//! Connections that are made in a way of one's own.

use std::future::pending;
use std::sync::{Arc, Mutex};

use countersign::{DedupeStore, Token};
use countersign_redis::Connect;
use countersign_tests::servers::Redis;
use redis::RedisResult;
use redis::aio::MultiplexedConnection;

use super::*;
use crate::keys::key;

/// Connects to whichever server is named at the time, as behind a name that moves.
struct Moving(Arc<Mutex<Client>>);

impl Connect for Moving {
    type Connection = MultiplexedConnection;

    async fn connect(&mut self) -> RedisResult<MultiplexedConnection> {
        let client = self.0.lock().unwrap().clone();
        client.get_multiplexed_async_connection().await
    }
}

/// The server is there and answers, but has become a replica, which no write may go to.
#[tokio::test]
async fn a_master_that_was_demoted_is_left() {
    let (Some(old), Some(new)) = (Redis::start(), Redis::start()) else {
        return;
    };
    let client = |server: &Redis| Client::open(server.url()).unwrap();
    let current = Arc::new(Mutex::new(client(&old)));
    let store = patient(RedisStore::new(Moving(current.clone())).unwrap());
    let (keys, token) = ([key("event")], Token::random());
    commit(&store, &[key("before")], token).await;
    let port = new.address().port().to_string();
    let _: () = asked(&old, &["REPLICAOF", "127.0.0.1", &port]);
    assert!(store.claim(&keys, token, LEASE).await.is_err());
    *current.lock().unwrap() = client(&new);
    assert_eq!(claim(&store, &keys, token).await, acquired(&keys));
    assert_eq!(asked::<usize>(&new, &["DBSIZE"]), 1);
}

/// Takes its time, and at first for ever.
struct Slow {
    client: Client,
    hangs: usize,
    calls: Arc<Mutex<usize>>,
}

impl Connect for Slow {
    type Connection = MultiplexedConnection;

    async fn connect(&mut self) -> RedisResult<MultiplexedConnection> {
        *self.calls.lock().unwrap() += 1;
        if self.hangs > 0 {
            self.hangs -= 1;
            pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.client.get_multiplexed_async_connection().await
    }
}

/// How often one that hangs so many times was called until somebody in a hurry was answered.
async fn calls_until_claimed(hangs: usize) -> Option<usize> {
    let server = Redis::start()?;
    let calls = Arc::new(Mutex::new(0));
    let connector = Slow {
        client: Client::open(server.url()).unwrap(),
        hangs,
        calls: calls.clone(),
    };
    let store = hasty(&RedisStore::new(connector).unwrap());
    let keys = [key("event")];
    assert_eq!(
        until_claimed(&store, &keys, Token::random()).await,
        acquired(&keys)
    );
    Some(*calls.lock().unwrap())
}

/// None of the calls waits so long, and the connection is made nevertheless.
#[tokio::test]
async fn one_that_takes_longer_than_a_call_is_made_between_them() {
    if let Some(calls) = calls_until_claimed(0).await {
        assert_eq!(calls, 1);
    }
}

#[tokio::test]
async fn one_that_is_never_made_is_given_up() {
    if let Some(calls) = calls_until_claimed(1).await {
        assert_eq!(calls, 2);
    }
}
