//! Servers that are down, frozen, restarted and unreachable, under a store that is made once.

use std::time::Instant;

use countersign::{DedupeStore, StoreError, Token};
use countersign_tests::servers::Redis;
use countersign_tests::tap::Tap;

use super::*;
use crate::keys::{batch, key};

/// What a claim fails with, which has to be soon.
async fn refusal(store: &RedisStore) -> StoreError {
    let start = Instant::now();
    let refusal = store.claim(&[key("refused")], Token::random(), LEASE).await;
    let took = start.elapsed();
    assert!(took < SOON, "{took:?}");
    refusal.unwrap_err()
}

fn through(tap: &Tap) -> RedisStore {
    patient(RedisStore::open(&format!("redis://{}/", tap.address())).unwrap())
}

fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).unwrap().to_string()
}

#[tokio::test]
async fn it_is_made_while_the_server_is_down_and_works_when_it_comes() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    server.process().kill();
    let (store, keys) = (open(&server), [key("event")]);
    assert!(cause(&refusal(&store).await).contains("refused"));
    server.restart();
    assert_eq!(claim(&store, &keys, Token::random()).await, acquired(&keys));
}

/// The connection has gone with the server, and nobody sees it.
#[tokio::test]
async fn a_restart_between_two_calls_goes_unnoticed() {
    let Some(mut server) = Redis::on_disk() else {
        return;
    };
    let (store, token) = (open(&server), Token::random());
    let (done, running) = ([key("done")], [key("running")]);
    commit(&store, &done, token).await;
    claim(&store, &running, token).await;
    server.process().kill();
    server.restart();
    // It accepts connections before it has read what is on disk.
    let is_loaded = || redis::cmd("PING").exec(&mut look(&server)).is_ok();
    until("a server that has loaded", is_loaded);
    assert_eq!(claim(&store, &done, Token::random()).await, committed());
    left(&store, &running).await;
    assert_eq!(commit(&store, &running, token).await, Commit::Landed);
}

/// As the documentation says.
#[tokio::test]
async fn a_server_that_keeps_nothing_on_disk_forgets_in_a_restart() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    let (store, keys) = (open(&server), [key("event")]);
    commit(&store, &keys, Token::random()).await;
    server.process().kill();
    server.restart();
    assert_eq!(claim(&store, &keys, Token::random()).await, acquired(&keys));
}

#[tokio::test]
async fn a_frozen_server_fails_in_time_and_does_what_it_was_asked_once_it_thaws() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    let (store, token, keys) = (open(&server), Token::random(), [key("event")]);
    commit(&store, &[key("before")], token).await;
    server.process().freeze();
    assert!(hasty(&store).claim(&keys, token, LEASE).await.is_err());
    server.process().thaw();
    // The release that the receiver makes is behind the claim on the same connection.
    release(&store, &keys, token).await;
    assert_eq!(claim(&store, &keys, Token::random()).await, acquired(&keys));
}

#[tokio::test]
async fn a_server_frozen_for_long_is_found_again() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    let (store, token, keys) = (open(&server), Token::random(), [key("event")]);
    claim(&store, &keys, token).await;
    server.process().freeze();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(4) {
        refusal(&hasty(&store)).await;
    }
    server.process().thaw();
    assert_eq!(until_claimed(&store, &keys, token).await, acquired(&keys));
}

/// A peer that vanished keeps its connection, as far as this side can see.
#[tokio::test]
async fn a_connection_that_stays_silent_is_given_up() {
    let Some(server) = Redis::start() else { return };
    let tap = Tap::before(server.address());
    let store = through(&tap);
    let keys = [key("event")];
    commit(&store, &[key("before")], Token::random()).await;
    tap.deafen();
    let token = Token::random();
    let store = hasty(&store);
    assert_eq!(until_claimed(&store, &keys, token).await, acquired(&keys));
    assert_eq!(tap.connections(), 2);
}

/// A slow answer alone is no reason: what was asked is still behind it.
#[tokio::test]
async fn a_connection_that_is_slow_once_is_kept() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    let tap = Tap::before(server.address());
    let store = through(&tap);
    commit(&store, &[key("before")], Token::random()).await;
    server.process().freeze();
    refusal(&hasty(&store)).await;
    server.process().thaw();
    commit(&store, &[key("after")], Token::random()).await;
    assert_eq!(tap.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again_without_a_failure() {
    let Some(server) = Redis::start() else { return };
    let tap = Tap::before(server.address());
    let store = through(&tap);
    for round in 0..10 {
        let keys = batch(&format!("{round}"), 2);
        assert_eq!(claim(&store, &keys, Token::random()).await, acquired(&keys));
        tap.cut();
    }
    assert_eq!(tap.connections(), 10);
}

#[tokio::test]
async fn many_callers_make_one_connection() {
    let Some(server) = Redis::start() else { return };
    let tap = Tap::before(server.address());
    let store = through(&tap);
    let claims = (0..50).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { claim(&store, &[key(&format!("{n}"))], Token::random()).await })
    });
    let claims: Vec<_> = claims.collect();
    for claim in claims {
        assert!(matches!(claim.await.unwrap(), Claim::Acquired(_)));
    }
    assert_eq!(tap.connections(), 1);
}

/// What keeps it from connecting need not be the network, and is tried again as well.
#[tokio::test]
async fn a_wrong_password_is_told_and_gets_right() {
    let Some(server) = Redis::with(&["--requirepass", "first"]) else {
        return;
    };
    let url = format!("redis://:second-secret@{}/", server.address());
    let (store, keys) = (patient(RedisStore::open(&url).unwrap()), [key("event")]);
    listen();
    let refusal = refusal(&store).await;
    assert!(
        cause(&refusal).to_lowercase().contains("password"),
        "{refusal:?}"
    );
    let logged = logged(&server.address().to_string());
    assert!(logged[0].starts_with("WARN") && logged[0].to_lowercase().contains("password"));
    for text in [
        format!("{store:?}"),
        format!("{refusal:?}"),
        logged.concat(),
    ] {
        assert!(!text.contains("second-secret"), "{text}");
    }
    let url = format!("redis://:first@{}/", server.address());
    let mut look = Client::open(url).unwrap().get_connection().unwrap();
    let mut set = redis::cmd("CONFIG");
    set.arg(&["SET", "requirepass", "second-secret"])
        .exec(&mut look)
        .unwrap();
    assert_eq!(claim(&store, &keys, Token::random()).await, acquired(&keys));
}

#[tokio::test]
async fn a_server_with_no_client_to_spare_is_tried_again() {
    let Some(server) = Redis::start() else { return };
    let mut look = look(&server);
    let mut set = |clients: &str| {
        redis::cmd("CONFIG")
            .arg(&["SET", "maxclients", clients])
            .exec(&mut look)
            .unwrap();
    };
    set("1");
    let (store, keys) = (open(&server), [key("event")]);
    refusal(&store).await;
    set("100");
    assert_eq!(claim(&store, &keys, Token::random()).await, acquired(&keys));
}

/// One line when it begins to fail and one when it is over, however many calls there are.
#[tokio::test]
async fn an_outage_is_logged_once() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    listen();
    let (store, keys) = (open(&server), [key("event")]);
    claim(&store, &keys, Token::random()).await;
    server.process().kill();
    for _ in 0..20 {
        refusal(&store).await;
    }
    server.restart();
    commit(&store, &keys, Token::random()).await;
    commit(&store, &keys, Token::random()).await;
    let logged = logged(&server.address().to_string());
    let [failed, over] = logged.as_slice() else {
        panic!("{logged:#?}")
    };
    assert!(
        failed.starts_with("WARN") && failed.contains("refused"),
        "{failed}"
    );
    assert!(over.starts_with("INFO"), "{over}");
}

#[tokio::test]
async fn no_longer_than_it_was_told_to() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    let store = open(&server);
    commit(&store, &[key("before")], Token::random()).await;
    server.process().freeze();
    for limit in [Duration::from_millis(50), Duration::from_millis(700)] {
        let start = Instant::now();
        let refusal = refusal(&store.clone().with_timeout(limit)).await;
        assert!(cause(&refusal).contains("no answer in time"));
        assert!(start.elapsed() >= limit);
    }
}
