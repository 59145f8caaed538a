//! What stands on the server, and for how long.

use countersign::{Claim, Commit, DedupeStore, Lease, Renewal, Token};
use countersign_tests::servers::Redis;

use super::*;
use crate::keys::{batch, key, key_with, sorted};

#[tokio::test]
async fn one_entry_an_id_under_the_prefix() {
    let Some(server) = Redis::start() else { return };
    let (store, token) = (open(&server), Token::random());
    let keys = batch("event", 3);
    assert_eq!(claim(&store, &keys, token).await, acquired(&keys));
    let entry: Vec<u8> = asked(&server, &["GET", &id(&keys[0])]);
    assert_eq!(entry, [b"r", token.as_bytes().as_slice()].concat());
    assert_eq!(commit(&store, &keys, token).await, Commit::Landed);
    let entry: Vec<u8> = asked(&server, &["GET", &id(&keys[0])]);
    let hash = keys[0].payload_hash().to_be_bytes();
    assert_eq!(entry, [b"c", hash.as_slice()].concat());
    assert_eq!(asked::<usize>(&server, &["DBSIZE"]), 3);
}

#[tokio::test]
async fn a_prefix_of_ones_own_keeps_stores_apart() {
    let Some(server) = Redis::start() else { return };
    let (store, keys) = (open(&server), [key("event")]);
    let other = store.clone().with_prefix("other:");
    assert_eq!(claim(&store, &keys, Token::random()).await, acquired(&keys));
    assert_eq!(claim(&other, &keys, Token::random()).await, acquired(&keys));
    let name = id(&keys[0]).replace("countersign:", "other:");
    assert_eq!(asked::<usize>(&server, &["EXISTS", &name]), 1);
}

/// The time to live of an entry, as the server counts it.
fn ttl(server: &Redis, id: &str) -> Duration {
    let millis: i64 = asked(server, &["PTTL", id]);
    Duration::from_millis(millis.try_into().unwrap())
}

/// No more than a test takes.
fn is_about(time: Duration, expected: Duration) -> bool {
    time <= expected && time + Duration::from_secs(20) > expected
}

#[tokio::test]
async fn a_claim_is_kept_for_a_day_and_a_commit_for_its_retention() {
    let Some(server) = Redis::start() else { return };
    let (store, token, keys) = (open(&server), Token::random(), [key("event")]);
    claim(&store, &keys, token).await;
    assert!(is_about(ttl(&server, &id(&keys[0])), LEASE + DAY));
    assert!(is_about(left(&store, &keys).await, LEASE));
    store.renew(&keys, token, 10 * LEASE).await.unwrap();
    assert!(is_about(left(&store, &keys).await, 10 * LEASE));
    commit(&store, &keys, token).await;
    assert!(is_about(ttl(&server, &id(&keys[0])), RETENTION));
}

/// Sets back what is left of an entry, as if time had passed.
fn age(server: &Redis, id: &str, by: Duration) {
    let left = ttl(server, id) - by;
    let left = left.as_millis().to_string();
    assert_eq!(asked::<i64>(server, &["PEXPIRE", id, &left]), 1);
}

#[tokio::test]
async fn an_expired_claim_is_free_and_still_its_own_runs_to_renew() {
    let Some(server) = Redis::start() else { return };
    let (store, mine, keys) = (open(&server), Token::random(), [key("event")]);
    claim(&store, &keys, mine).await;
    age(&server, &id(&keys[0]), DAY);
    assert_eq!(renew(&store, &keys, mine).await, Renewal::Renewed);
    assert!(is_about(left(&store, &keys).await, LEASE));
    age(&server, &id(&keys[0]), LEASE);
    let other = Token::random();
    assert_eq!(claim(&store, &keys, other).await, acquired(&keys));
    assert!(is_about(left(&store, &keys).await, LEASE));
    assert_eq!(renew(&store, &keys, mine).await, Renewal::Lost);
    assert_eq!(commit(&store, &keys, mine).await, Commit::LostLease);
    assert_eq!(claim(&store, &keys, other).await, committed());
}

#[tokio::test]
async fn a_commit_over_an_expired_claim_of_anothers_is_told() {
    let Some(server) = Redis::start() else { return };
    let (store, keys) = (open(&server), [key("event")]);
    claim(&store, &keys, Token::random()).await;
    age(&server, &id(&keys[0]), DAY);
    assert_eq!(
        commit(&store, &keys, Token::random()).await,
        Commit::LostLease
    );
}

#[tokio::test]
async fn a_renewal_or_a_release_makes_no_entry() {
    let Some(server) = Redis::start() else { return };
    let (store, token, keys) = (open(&server), Token::random(), batch("event", 2));
    assert_eq!(renew(&store, &keys, token).await, Renewal::Lost);
    release(&store, &keys, token).await;
    assert_eq!(asked::<usize>(&server, &["DBSIZE"]), 0);
}

#[tokio::test]
async fn a_second_commit_and_duplicates_leave_retention_as_it_is() {
    let Some(server) = Redis::start() else { return };
    let (store, token, keys) = (open(&server), Token::random(), [key("event")]);
    commit(&store, &keys, token).await;
    age(&server, &id(&keys[0]), RETENTION / 2);
    assert_eq!(commit(&store, &keys, Token::random()).await, Commit::Landed);
    assert_eq!(claim(&store, &keys, Token::random()).await, committed());
    assert_eq!(renew(&store, &keys, token).await, Renewal::Lost);
    release(&store, &keys, token).await;
    assert!(is_about(ttl(&server, &id(&keys[0])), RETENTION / 2));
}

#[tokio::test]
async fn times_of_any_length_are_taken() {
    let Some(server) = Redis::start() else { return };
    let (store, keys) = (open(&server), [key("event")]);
    for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let token = Token::random();
        let claim = store.claim(&keys, token, time).await.unwrap();
        assert_eq!(claim, acquired(&keys), "{time:?}");
        store.renew(&keys, token, time).await.unwrap();
        store.commit(&keys, token, time).await.unwrap();
        let _: () = asked(&server, &["FLUSHALL"]);
    }
}

#[tokio::test]
async fn another_payload_under_a_committed_id_is_told() {
    let Some(server) = Redis::start() else { return };
    let (store, keys) = (open(&server), sorted([key("a"), key("b")]));
    commit(&store, &keys, Token::random()).await;
    let changed = key_with("a", "another");
    let claimed = sorted([changed, key("b"), key("c")]);
    assert_eq!(
        claim(&store, &claimed, Token::random()).await,
        Claim::Acquired(Lease {
            fresh: vec![key("c")],
            differing: vec![changed],
        })
    );
    assert_eq!(
        claim(&store, &[changed], Token::random()).await,
        Claim::Committed {
            differing: vec![changed],
        }
    );
}

#[tokio::test]
async fn of_a_batch_the_longest_lease_is_told_and_nothing_is_left_claimed() {
    let Some(server) = Redis::start() else { return };
    let (store, keys) = (open(&server), batch("event", 5));
    for (place, lease) in [(0, LEASE), (1, 10 * LEASE), (3, LEASE)] {
        let held = &keys[place..=place];
        store.claim(held, Token::random(), lease).await.unwrap();
    }
    commit(&store, &keys[4..], Token::random()).await;
    assert!(is_about(left(&store, &keys).await, 10 * LEASE));
    assert_eq!(asked::<usize>(&server, &["DBSIZE"]), 4);
}

/// A full server refuses what is new, and nothing that frees memory or keeps a claim alive.
#[tokio::test]
async fn a_full_server_says_so() {
    let Some(server) = Redis::start() else { return };
    let (store, token) = (open(&server), Token::random());
    let (held, others) = (batch("held", 2), batch("other", 2));
    claim(&store, &held, token).await;
    let _: () = asked(&server, &["CONFIG", "SET", "maxmemory", "1"]);
    let refused = store
        .claim(&others, Token::random(), LEASE)
        .await
        .unwrap_err();
    assert!(refused.is_full());
    assert_eq!(asked::<usize>(&server, &["DBSIZE"]), 2);
    let refused = store.commit(&held, token, RETENTION).await.unwrap_err();
    assert!(!refused.is_full(), "a commit is tried again until it lands");
    assert_eq!(renew(&store, &held, token).await, Renewal::Renewed);
    release(&store, &held[..1], token).await;
    let _: () = asked(&server, &["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(commit(&store, &held[1..], token).await, Commit::Landed);
    assert_eq!(claim(&store, &others, token).await, acquired(&others));
}

/// A claim that fails halfway has done nothing.
#[tokio::test]
async fn what_is_no_entry_fails_a_claim_that_does_nothing() {
    let Some(server) = Redis::start() else { return };
    let (store, keys) = (open(&server), batch("event", 3));
    let _: () = asked(&server, &["RPUSH", &id(&keys[1]), "a list"]);
    assert!(store.claim(&keys, Token::random(), LEASE).await.is_err());
    assert_eq!(asked::<usize>(&server, &["DBSIZE"]), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_at_once_from_8_workers_one_wins() {
    let Some(server) = Redis::start() else { return };
    let stores: Vec<RedisStore> = (0..8).map(|_| open(&server)).collect();
    for round in 0..20 {
        let keys = if round % 2 == 0 {
            batch(&format!("{round}"), 1)
        } else {
            batch(&format!("{round}"), 20)
        };
        let claims: Vec<_> = (0..64)
            .map(|n| {
                let (store, keys) = (stores[n % 8].clone(), keys.clone());
                tokio::spawn(async move {
                    let token = Token::random();
                    let won = claim(&store, &keys, token).await == acquired(&keys);
                    if won {
                        commit(&store, &keys, token).await;
                    }
                    won
                })
            })
            .collect();
        let mut wins = 0;
        for claim in claims {
            wins += usize::from(claim.await.unwrap());
        }
        assert_eq!(wins, 1);
        assert_eq!(claim(&stores[0], &keys, Token::random()).await, committed());
    }
}
