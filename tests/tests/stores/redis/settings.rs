//! What the store finds out of the server's settings, and what it must be allowed to do there.

use countersign::{Commit, Token};
use countersign_redis::Warning;
use countersign_tests::servers::Redis;

use super::*;
use crate::keys::{batch, key};

fn evicts(policy: &str) -> Vec<Warning> {
    vec![Warning::Evicts {
        policy: policy.to_owned(),
    }]
}

#[tokio::test]
async fn a_server_that_may_forget_is_warned_of() {
    let Some(server) = Redis::start() else { return };
    let store = open(&server);
    assert_eq!(store.check().await.unwrap(), []);
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let _: () = asked(&server, &["CONFIG", "SET", "maxmemory-policy", policy]);
        assert_eq!(store.check().await.unwrap(), evicts(policy));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_no_warning() {
    let Some(mut server) = Redis::start() else {
        return;
    };
    server.process().kill();
    assert!(open(&server).check().await.is_err());
}

/// Without being asked, and without an extra round trip for anybody.
#[tokio::test]
async fn the_warning_is_logged_once() {
    let Some(server) = Redis::with(&["--maxmemory-policy", "allkeys-lru"]) else {
        return;
    };
    listen();
    let store = open(&server);
    for n in 0..10 {
        claim(&store, &[key(&format!("{n}"))], Token::random()).await;
    }
    let address = server.address().to_string();
    until("the warning", || !logged(&address).is_empty());
    claim(&store, &[key("another")], Token::random()).await;
    let questions: String = asked(&server, &["INFO", "commandstats"]);
    assert!(questions.contains("cmdstat_info:calls=1,"), "{questions}");
    let logged = logged(&address);
    assert_eq!(logged.len(), 1, "{logged:#?}");
    assert!(logged[0].starts_with("WARN") && logged[0].contains("allkeys-lru"));
}

/// As the documentation lists it, and nothing else.
const ALLOWED: [&str; 12] = [
    "ACL",
    "SETUSER",
    "shop",
    "on",
    ">pass",
    "~countersign:*",
    "+evalsha",
    "+eval",
    "+get",
    "+set",
    "+pttl",
    "+pexpire",
];

fn as_user(server: &Redis) -> RedisStore {
    let url = format!("redis://shop:pass@{}/", server.address());
    patient(RedisStore::open(&url).unwrap())
}

#[tokio::test]
async fn it_needs_no_more_than_it_says() {
    let Some(server) = Redis::start() else { return };
    let _: () = asked(&server, &[&ALLOWED[..], &["+del"]].concat());
    listen();
    let (store, token, keys) = (as_user(&server), Token::random(), batch("event", 3));
    assert_eq!(claim(&store, &keys, token).await, acquired(&keys));
    assert_eq!(renew(&store, &keys, token).await, Renewal::Renewed);
    release(&store, &keys[..1], token).await;
    assert_eq!(commit(&store, &keys, token).await, Commit::Landed);
    left(&store, &{
        claim(&store, &[key("running")], token).await;
        [key("running")]
    })
    .await;
    assert_eq!(store.check().await.unwrap(), [Warning::PolicyUnknown]);
    let fails = |line: &&String| line.contains("fails");
    let logged = logged(&server.address().to_string());
    assert_eq!(logged.iter().find(fails), None);
}

#[tokio::test]
async fn what_it_may_not_do_is_told() {
    let Some(server) = Redis::start() else { return };
    let _: () = asked(&server, &ALLOWED);
    listen();
    let (store, token, keys) = (as_user(&server), Token::random(), [key("event")]);
    claim(&store, &keys, token).await;
    let refused = store.release(&keys, token).await.unwrap_err();
    let cause = std::error::Error::source(&refused).unwrap().to_string();
    assert!(cause.contains("can't run this command"), "{cause}");
    // Nothing is left undone for it: other calls go on.
    assert_eq!(commit(&store, &keys, token).await, Commit::Landed);
}

#[test]
fn what_is_no_url_is_refused_without_its_password() {
    for url in [
        "",
        "http://:hunter2@localhost/",
        "redis://:hunter2@localhost:port/",
        "redis://:hunter2@/x",
    ] {
        let Err(error) = RedisStore::open(url) else {
            panic!("{url} is none")
        };
        let cause = std::error::Error::source(&error).unwrap();
        for text in [format!("{error:?}"), format!("{error} {cause} {cause:?}")] {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}

#[test]
fn debug_shows_no_url() {
    let store = RedisStore::open("redis://shop:hunter2@localhost/").unwrap();
    assert_eq!(
        format!("{store:?}"),
        "RedisStore { prefix: \"countersign:\", timeout: 500ms, .. }"
    );
}
