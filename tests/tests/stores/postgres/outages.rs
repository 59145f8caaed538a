//! Servers that are not there, hang, die and come back; locks that others hold.

use std::time::{Duration, Instant};

use countersign::{Claim, Commit, DedupeStore, Renewal, Token};
use countersign_sqlx::PostgresStore;
use countersign_tests::servers::Postgres;
use sqlx::{Connection as _, PgConnection};

use super::store;
use crate::keys::{batch, key};

const LEASE: Duration = Duration::from_secs(60);
const TIMEOUT: Duration = Duration::from_secs(2);

/// For what should take a moment, on a machine that is busy.
const SLACK: Duration = Duration::from_secs(10);

fn is_acquired(claim: &Claim) -> bool {
    matches!(claim, Claim::Acquired(_))
}

fn is_in_progress(claim: &Claim) -> bool {
    matches!(claim, Claim::InProgress { .. })
}

fn open(url: &str) -> PostgresStore {
    PostgresStore::new(url).unwrap().with_timeout(TIMEOUT)
}

/// Each of the four fails, and within the time-out.
async fn all_fail(store: &PostgresStore) {
    let (keys, token) = ([key("never")], Token::random());
    let start = Instant::now();
    let (claim, commit, renew, release) = tokio::join!(
        store.claim(&keys, token, LEASE),
        store.commit(&keys, token, LEASE),
        store.renew(&keys, token, LEASE),
        store.release(&keys, token),
    );
    assert!(claim.is_err() && commit.is_err() && renew.is_err() && release.is_err());
    assert!(start.elapsed() < TIMEOUT + SLACK, "{:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_made_before_its_server_is_there() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let database = server.new_database();
    open(&database.url).migrate().await.unwrap();
    server.process().kill();
    let store = open(&database.url);
    all_fail(&store).await;
    server.restart();
    let claim = store.claim(&[key("a")], Token::random(), LEASE).await;
    assert!(is_acquired(&claim.unwrap()));
}

/// S19: of what was claimed before a restart everything is known, and no call fails after it.
#[tokio::test(flavor = "multi_thread")]
async fn s19_it_goes_on_when_its_server_was_restarted() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let store = open(&server.new_database().url);
    store.migrate().await.unwrap();
    let (keys, mine) = (batch("restart", 8), Token::random());
    // As many connections as there may be.
    let claims = keys.chunks(1).map(|key| store.claim(key, mine, LEASE));
    for claim in futures_util::future::join_all(claims).await {
        assert!(is_acquired(&claim.unwrap()));
    }
    let done = store.commit(&keys[..1], mine, LEASE).await.unwrap();
    assert_eq!(done, Commit::Landed);
    for _ in 0..2 {
        server.process().kill();
        all_fail(&store).await;
        server.restart();
        let other = Token::random();
        let claims = keys.chunks(1).map(|key| store.claim(key, other, LEASE));
        let claims = futures_util::future::join_all(claims).await;
        let claims: Vec<Claim> = claims.into_iter().map(Result::unwrap).collect();
        assert!(matches!(claims[0], Claim::Committed { .. }));
        assert!(claims[1..].iter().all(is_in_progress), "{claims:?}");
    }
    let renewal = store.renew(&keys[1..], mine, LEASE).await.unwrap();
    assert_eq!(renewal, Renewal::Renewed);
}

/// S15 and S29: the call fails in time; the frozen server finds it when it wakes, and whoever undoes it
/// may do so at once.
#[tokio::test(flavor = "multi_thread")]
async fn s29_a_claim_that_a_frozen_server_finds_late_can_be_undone() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let store = open(&server.new_database().url);
    store.migrate().await.unwrap();
    let (keys, token) = ([key("a")], Token::random());
    assert!(is_acquired(
        &store.claim(&[key("b")], token, LEASE).await.unwrap()
    ));

    server.process().freeze();
    assert!(store.claim(&keys, token, LEASE).await.is_err());
    all_fail(&store).await;
    server.process().thaw();

    // It is carried out now, or never.
    let start = Instant::now();
    loop {
        let claim = store.claim(&keys, Token::random(), LEASE).await.unwrap();
        store.release(&keys, token).await.unwrap();
        if is_acquired(&claim) {
            break;
        }
        assert!(start.elapsed() < LEASE, "it is still held");
    }
}

/// A pool that keeps what was cut off would have no room for anybody else.
#[tokio::test(flavor = "multi_thread")]
async fn after_many_calls_that_hung_there_is_still_room() {
    let Some(mut server) = Postgres::with(&["max_connections=20"]) else {
        return;
    };
    let store = open(&server.new_database().url);
    store.migrate().await.unwrap();
    server.process().freeze();
    for round in 0..3 {
        let keys = batch(&format!("hung {round}"), 20);
        let calls = keys
            .chunks(1)
            .map(|key| store.claim(key, Token::random(), LEASE));
        let start = Instant::now();
        let all = futures_util::future::join_all(calls).await;
        assert!(all.iter().all(Result::is_err));
        assert!(start.elapsed() < TIMEOUT + SLACK, "{:?}", start.elapsed());
    }
    server.process().thaw();
    let start = Instant::now();
    while store
        .claim(&[key("a")], Token::random(), LEASE)
        .await
        .is_err()
    {
        assert!(start.elapsed() < LEASE, "no room");
    }
}

/// Connections that hang while the server is well, as behind a firewall that forgot them: none keeps its
/// place in the pool.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_hang_are_given_up() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let database = server.new_database();
    let store = open(&database.url);
    store.migrate().await.unwrap();
    for round in 0..2 {
        let keys = batch(&format!("hang {round}"), 20);
        let claims = || {
            keys.chunks(1)
                .map(|key| store.claim(key, Token::random(), LEASE))
        };
        futures_util::future::join_all(claims()).await;
        let pids = server.sql(
            &database.name,
            "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        );
        for pid in pids.lines() {
            let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        }
        assert!(pids.lines().count() > 1, "{pids}");
        let hung = futures_util::future::join_all(claims()).await;
        assert!(hung.iter().any(Result::is_err));
        let claim = store.claim(&[key("a")], Token::random(), LEASE).await;
        assert!(claim.is_ok(), "{claim:?}");
    }
}

/// Whatever the order of the calls, their locks are taken in one.
#[tokio::test(flavor = "multi_thread")]
async fn batches_that_overlap_never_deadlock() {
    let Some(server) = Postgres::with(&["deadlock_timeout=10ms"]) else {
        return;
    };
    let database = server.new_database();
    let store = PostgresStore::new(&database.url).unwrap();
    let store = store.with_timeout(LEASE);
    store.migrate().await.unwrap();
    let keys = batch("overlap", 40);
    let tasks = (0..8).map(|task: usize| {
        let (store, keys) = (store.clone(), keys.clone());
        tokio::spawn(async move {
            for round in 0..40 {
                let (from, token) = ((task * 7 + round * 3) % 20, Token::random());
                let keys = &keys[from..from + 20];
                store.claim(keys, token, LEASE).await.unwrap();
                store.renew(keys, token, LEASE).await.unwrap();
                if round % 4 == task % 4 {
                    // At once, so that the next finds nothing of it but has to lock it.
                    store.commit(keys, token, Duration::ZERO).await.unwrap();
                }
                store.release(keys, token).await.unwrap();
            }
        })
    });
    for task in futures_util::future::join_all(tasks).await {
        task.unwrap();
    }
    // A session tells what it counted when it ends.
    drop(store);
    let sessions = "select count(*) from pg_stat_activity where datname = current_database()";
    while server.sql(&database.name, sessions) != "1" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let deadlocks = "select deadlocks from pg_stat_database where datname = current_database()";
    assert_eq!(server.sql(&database.name, deadlocks), "0");
}

/// A caller that gives up leaves nothing behind that the next would have to wait for.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_is_carried_out_or_not_and_blocks_nobody() {
    let Some((store, _)) = store().await else {
        return;
    };
    for n in 0..50 {
        let (keys, token) = ([key(&format!("dropped {n}"))], Token::random());
        let call = store.claim(&keys, token, LEASE);
        let _ = tokio::time::timeout(Duration::from_micros(n * 40), call).await;
        let claim = store.claim(&keys, token, LEASE).await.unwrap();
        assert!(is_acquired(&claim), "{claim:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_a_lock_is_bounded_and_a_claim_in_progress() {
    let Some((_, database)) = store().await else {
        return;
    };
    let store = open(&database.url);
    let (keys, mine) = (batch("locked", 3), Token::random());
    store.claim(&keys[1..2], mine, LEASE).await.unwrap();

    let mut other = PgConnection::connect(&database.url).await.unwrap();
    let mut held = other.begin().await.unwrap();
    let lock = "select key from countersign_events for update";
    sqlx::query(lock).fetch_all(&mut *held).await.unwrap();

    let start = Instant::now();
    let claim = store.claim(&keys[1..2], mine, LEASE).await.unwrap();
    assert!(is_in_progress(&claim), "{claim:?}");
    assert!(store.commit(&keys, mine, LEASE).await.is_err());
    assert!(store.renew(&keys[1..2], mine, LEASE).await.is_err());
    assert!(store.release(&keys[1..2], mine).await.is_err());
    assert!(start.elapsed() < 4 * TIMEOUT + SLACK);
    held.rollback().await.unwrap();

    // Nothing of it was done, and the waits have left no trace.
    let claim = store.claim(&keys[..1], Token::random(), LEASE).await;
    assert!(is_acquired(&claim.unwrap()));
    let commit = store.commit(&keys[1..], mine, LEASE).await.unwrap();
    assert_eq!(commit, Commit::Landed);
}

/// A database whose sessions are serializable by default refuses what overlaps: in progress, not a failure.
#[tokio::test(flavor = "multi_thread")]
async fn serialization_failures_are_in_progress() {
    let Some((store, database)) = store().await else {
        return;
    };
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    let setting = format!(
        "alter database {} set default_transaction_isolation = 'serializable'",
        database.name
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(setting))
        .execute(&mut other)
        .await
        .unwrap();
    drop(store);
    let store = super::open(&database.url);
    let mut acquired = 0;
    for round in 0..10 {
        let keys = batch(&format!("serial {round}"), 4);
        let claims = (0..8).map(|n| {
            let store = store.clone();
            let keys = keys[n % 3..].to_vec();
            async move { store.claim(&keys, Token::random(), LEASE).await.unwrap() }
        });
        let claims = futures_util::future::join_all(claims.map(tokio::spawn)).await;
        acquired += claims
            .iter()
            .filter(|claim| is_acquired(claim.as_ref().unwrap()))
            .count();
    }
    assert!(acquired <= 10, "they all overlap");
}
