//! Rows that have run out, and who removes them.

use std::time::{Duration, Instant};

use countersign::{Claim, Commit, DedupeStore, Renewal, Token, TransactionStore};
use countersign_sqlx::PostgresStore;
use countersign_tests::servers::Database;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{open, store};
use crate::keys::{batch, key};

const LEASE: Duration = Duration::from_secs(60);

async fn sql(database: &Database, statement: &str) -> i64 {
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(statement.to_owned()))
        .fetch_optional(&mut connection)
        .await
        .unwrap()
        .unwrap_or_default()
}

async fn rows(database: &Database) -> i64 {
    sql(database, "select count(*) from countersign_events").await
}

/// So many committed rows whose retention has ended.
async fn fill(database: &Database, rows: u64) {
    let fill = format!(
        "with filled as (
            insert into countersign_events (key, payload_hash, token, committed, expires_at)
            select sha256(n::text::bytea), 0, '', true, now() - n * interval '1 millisecond'
            from generate_series(1, {rows}) n returning 1
        ) select count(*) from filled"
    );
    assert_eq!(sql(database, &fill).await as u64, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_remove_a_few_and_a_sweep_the_rest() {
    let Some((store, database)) = store().await else {
        return;
    };
    fill(&database, 100).await;
    store
        .commit(&[key("a")], Token::random(), LEASE)
        .await
        .unwrap();
    assert_eq!(rows(&database).await, 100 - 8 + 1);
    assert_eq!(store.sweep(50).await.unwrap(), 50);
    assert_eq!(store.sweep(50).await.unwrap(), 42);
    assert_eq!(store.sweep(50).await.unwrap(), 0);
    let left = store.committed(&[key("a")]).await.unwrap();
    assert_eq!(left.keys, [key("a")]);
}

/// Its holder may be back, and renew it or commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_has_run_out_is_kept_for_an_hour() {
    let Some((store, database)) = store().await else {
        return;
    };
    let (keys, token) = ([key("a")], Token::random());
    store.claim(&keys, token, LEASE).await.unwrap();
    let age = |minutes: u32| {
        format!(
            "update countersign_events set expires_at = now() - interval '{minutes} minutes' \
             returning 1::bigint"
        )
    };
    sql(&database, &age(59)).await;
    assert_eq!(store.sweep(10).await.unwrap(), 0);
    let renewal = store.renew(&keys, token, LEASE).await.unwrap();
    assert_eq!(renewal, Renewal::Renewed);
    sql(&database, &age(61)).await;
    assert_eq!(store.sweep(10).await.unwrap(), 1);
    let renewal = store.renew(&keys, token, LEASE).await.unwrap();
    assert_eq!(renewal, Renewal::Lost);
    let commit = store.commit(&keys, token, LEASE).await.unwrap();
    assert_eq!(commit, Commit::Landed);
}

/// A row that somebody works on is left to them, and not waited for.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_locked_is_skipped() {
    let Some((store, database)) = store().await else {
        return;
    };
    fill(&database, 20).await;
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    let mut held = other.begin().await.unwrap();
    let lock = "select key from countersign_events order by expires_at limit 5 for update";
    sqlx::query(lock).fetch_all(&mut *held).await.unwrap();
    let start = Instant::now();
    assert_eq!(store.sweep(100).await.unwrap(), 15);
    assert!(start.elapsed() < Duration::from_secs(10));
    held.rollback().await.unwrap();
    assert_eq!(store.sweep(100).await.unwrap(), 5);
}

/// S20 in small.
#[tokio::test(flavor = "multi_thread")]
async fn s20_two_nodes_sweep_20_000_rows_beside_claims() {
    sweep_under_load(20_000).await;
}

/// S20 to the letter: `just sweep`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute"]
async fn s20_two_nodes_sweep_1_000_000_rows_beside_claims() {
    sweep_under_load(1_000_000).await;
}

async fn sweep_under_load(expired: u64) {
    let Some((store, database)) = store().await else {
        return;
    };
    fill(&database, expired).await;
    sql(&database, "select 1::bigint from pg_stat_clear_snapshot()").await;
    let alone = median(&store, "alone").await;

    let nodes = [(); 2].map(|()| {
        let node = open(&database.url);
        tokio::spawn(async move {
            let mut removed = 0;
            loop {
                match node.sweep(1000).await.unwrap() {
                    0 => return removed,
                    swept => removed += swept,
                }
            }
        })
    });
    let beside = median(&store, "beside").await;
    let [a, b] = nodes.map(async |node| node.await.unwrap());
    let (a, b) = tokio::join!(a, b);
    println!("claim and commit: {alone:?} alone, {beside:?} beside the sweeps of {a} and {b} rows");
    // The commits have removed a few of them.
    assert!(a + b <= expired && a + b + 8 * 200 >= expired, "{a} + {b}");
    assert_eq!(rows(&database).await, 200, "nothing else was removed");
    // Not a measure: this machine has other work. It tells a claim that waits for the sweeps to end.
    assert!(beside < Duration::from_secs(2), "{beside:?}");
}

/// Of 100 claims and commits, what the one in the middle took.
async fn median(store: &PostgresStore, name: &str) -> Duration {
    let mut times = Vec::new();
    for key in batch(name, 100) {
        let (start, token) = (Instant::now(), Token::random());
        let claim = store.claim(&[key], token, LEASE).await.unwrap();
        assert!(matches!(claim, Claim::Acquired(_)));
        store.commit(&[key], token, LEASE).await.unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    times[50]
}
