//! The file, what is in it, and the clock that it is measured by.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::{Claim, Commit, DedupeStore, Renewal, Token, TransactionStore, UnixTime};
use countersign_sqlx::SqliteStore;
use countersign_testkit::ManualClock;
use sqlx::SqlitePool;

use super::{File, LEASE};
use crate::keys::{batch, key};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
const NOON: UnixTime = UnixTime::from_secs(1_800_000_000);

fn wound(file: &File) -> (SqliteStore, ManualClock) {
    let clock = ManualClock::new(NOON);
    (file.store().with_clock(Arc::new(clock.clone())), clock)
}

async fn count(file: &File) -> i64 {
    let pool = SqlitePool::connect(&file.url()).await.unwrap();
    let count = sqlx::query_scalar("select count(*) from countersign_events");
    let count = count.fetch_one(&pool).await.unwrap();
    pool.close().await;
    count
}

async fn claim(store: &SqliteStore, name: &str) -> Claim {
    let claim = store.claim(&[key(name)], Token::random(), LEASE).await;
    claim.unwrap()
}

fn left(claim: &Claim) -> Duration {
    match claim {
        Claim::InProgress { retry_after } => retry_after.unwrap(),
        other => panic!("{other:?}"),
    }
}

/// S18 and S12: within the margin that retention has for it.
#[tokio::test]
async fn s18_a_clock_that_steps_forgets_nothing() {
    let file = File::new();
    let (store, clock) = wound(&file);
    store
        .commit(&[key("a")], Token::random(), DAY)
        .await
        .unwrap();
    clock.step(-600_000);
    assert!(matches!(claim(&store, "a").await, Claim::Committed { .. }));
    clock.step(4_200_000);
    assert!(matches!(claim(&store, "a").await, Claim::Committed { .. }));
    clock.advance(DAY - HOUR - MINUTE);
    assert!(matches!(claim(&store, "a").await, Claim::Committed { .. }));
    clock.advance(2 * MINUTE);
    assert!(matches!(claim(&store, "a").await, Claim::Acquired(_)));
}

/// A run that died would else hold its event for as long as the step.
#[tokio::test]
async fn a_lease_outlives_a_clock_that_steps_back_by_no_more_than_itself() {
    let file = File::new();
    let (store, clock) = wound(&file);
    let mine = Token::random();
    store.claim(&[key("a")], mine, LEASE).await.unwrap();
    clock.advance(LEASE / 2);
    clock.step(-86_400_000);
    assert_eq!(left(&claim(&store, "a").await), LEASE);
    clock.advance(LEASE / 2);
    assert_eq!(left(&claim(&store, "a").await), LEASE / 2);
    // Its holder is there after all.
    let renewal = store.renew(&[key("a")], mine, LEASE).await.unwrap();
    assert_eq!(renewal, Renewal::Renewed);
    clock.advance(LEASE - Duration::from_millis(1));
    assert_eq!(left(&claim(&store, "a").await), Duration::from_millis(1));
    clock.advance(Duration::from_millis(1));
    assert!(matches!(claim(&store, "a").await, Claim::Acquired(_)));
}

#[tokio::test]
async fn commits_remove_a_few_rows_and_a_sweep_the_rest() {
    let file = File::new();
    let (store, clock) = wound(&file);
    store
        .commit(&batch("old", 100), Token::random(), HOUR)
        .await
        .unwrap();
    clock.advance(HOUR);
    store
        .commit(&[key("a")], Token::random(), HOUR)
        .await
        .unwrap();
    assert_eq!(count(&file).await, 100 - 8 + 1);
    assert_eq!(store.sweep(50).await.unwrap(), 50);
    assert_eq!(store.sweep(50).await.unwrap(), 42);
    assert_eq!(store.sweep(50).await.unwrap(), 0);
    assert_eq!(count(&file).await, 1);
}

/// Its holder may be back, and renew it or commit.
#[tokio::test]
async fn a_lease_that_has_run_out_is_kept_for_an_hour() {
    let file = File::new();
    let (store, clock) = wound(&file);
    let (keys, token) = ([key("a")], Token::random());
    store.claim(&keys, token, LEASE).await.unwrap();
    clock.advance(LEASE + 59 * MINUTE);
    assert_eq!(store.sweep(10).await.unwrap(), 0);
    let renewal = store.renew(&keys, token, LEASE).await.unwrap();
    assert_eq!(renewal, Renewal::Renewed);
    clock.advance(LEASE + 61 * MINUTE);
    assert_eq!(store.sweep(10).await.unwrap(), 1);
    let commit = store.commit(&keys, token, LEASE).await.unwrap();
    assert_eq!(commit, Commit::Landed);
}

/// S20 in small, and through two connections.
#[tokio::test(flavor = "multi_thread")]
async fn s20_two_nodes_sweep_20_000_rows_beside_claims() {
    let file = File::new();
    let store = file.store();
    store.migrate().await.unwrap();
    let pool = SqlitePool::connect(&file.url()).await.unwrap();
    let filled = sqlx::query(
        "with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 20000)
        insert into countersign_events (key, payload_hash, token, committed, since, until)
        select randomblob(32), 0, x'', 1, 0, n from numbers",
    );
    filled.execute(&pool).await.unwrap();
    pool.close().await;
    let nodes = [(); 2].map(|()| {
        let node = file.store();
        tokio::spawn(async move {
            let mut removed = 0;
            loop {
                match node.sweep(500).await.unwrap() {
                    0 => return removed,
                    swept => removed += swept,
                }
            }
        })
    });
    let mut slowest = Duration::ZERO;
    for key in batch("beside", 50) {
        let (start, token) = (Instant::now(), Token::random());
        let claim = store.claim(&[key], token, LEASE).await.unwrap();
        assert!(matches!(claim, Claim::Acquired(_)));
        store.commit(&[key], token, LEASE).await.unwrap();
        slowest = slowest.max(start.elapsed());
    }
    let mut removed = 0;
    for node in nodes {
        removed += node.await.unwrap();
    }
    println!("the slowest claim and commit: {slowest:?}");
    assert!((20_000 - 8 * 50..=20_000).contains(&removed), "{removed}");
    assert_eq!(count(&file).await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_open_a_new_file_at_once() {
    for _ in 0..5 {
        let file = File::new();
        let opened = (0..8).map(|_| {
            let store = file.store();
            tokio::spawn(async move { claim(&store, "a").await })
        });
        let claims = futures_util::future::join_all(opened).await;
        let acquired = claims
            .into_iter()
            .filter(|claim| matches!(claim, Ok(Claim::Acquired(_))));
        assert_eq!(acquired.count(), 1);
    }
}

#[tokio::test]
async fn it_goes_on_when_its_place_is_there() {
    let file = File::new();
    let directory = file.path().with_file_name("later");
    let store = SqliteStore::new(directory.join("events.db"));
    assert!(store.migrate().await.is_err());
    let keys = [key("a")];
    assert!(store.claim(&keys, Token::random(), LEASE).await.is_err());
    std::fs::create_dir(&directory).unwrap();
    assert!(matches!(claim(&store, "a").await, Claim::Acquired(_)));
    let shown = format!("{store:?}");
    assert!(shown.contains("events.db"), "{shown}");
}

#[tokio::test]
async fn the_file_is_in_wal_mode() {
    let file = File::new();
    file.store().migrate().await.unwrap();
    let pool = SqlitePool::connect(&file.url()).await.unwrap();
    let mode: String = sqlx::query_scalar("pragma journal_mode")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(mode, "wal");
}

/// A call that is dropped on the way leaves no transaction behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_is_carried_out_or_not_and_blocks_nobody() {
    let file = File::new();
    let (store, other) = (file.store(), file.store());
    store.migrate().await.unwrap();
    for n in 0..100 {
        let (keys, token) = ([key(&format!("dropped {n}"))], Token::random());
        let call = store.claim(&keys, token, LEASE);
        let _ = tokio::time::timeout(Duration::from_micros(n * 20), call).await;
        // Through another connection: the file is free.
        let claim = other.claim(&keys, token, LEASE).await.unwrap();
        assert!(matches!(claim, Claim::Acquired(_)), "{claim:?}");
    }
}

/// Another runtime's only thread uses the store, and blocks then.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_thread_that_a_handler_blocks() {
    let file = File::new();
    let store = file.store();
    let other = store.clone();
    let (blocked, is_blocked) = std::sync::mpsc::channel();
    let (lift, lifted) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(async move {
            claim(&other, "a").await;
            blocked.send(()).unwrap();
            let _ = lifted.recv();
        });
    });
    is_blocked.recv().unwrap();
    let claimed = tokio::time::timeout(MINUTE, claim(&store, "b")).await;
    assert!(matches!(claimed.unwrap(), Claim::Acquired(_)));
    lift.send(()).unwrap();
    thread.join().unwrap();
}

#[tokio::test]
async fn the_table_may_stand_in_a_merchants_own_file() {
    let file = File::new();
    let pool = SqlitePool::connect(&format!("{}?mode=rwc", file.url())).await;
    let pool = pool.unwrap();
    sqlx::raw_sql("create table payments (id text); insert into payments values ('p')")
        .execute(&pool)
        .await
        .unwrap();
    let store = file.store();
    store
        .commit(&[key("a")], Token::random(), HOUR)
        .await
        .unwrap();
    assert_eq!(store.committed(&[key("a")]).await.unwrap().keys, [key("a")]);
    let payments: i64 = sqlx::query_scalar("select count(*) from payments")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(payments, 1);
}
