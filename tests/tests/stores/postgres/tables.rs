//! The table: what it may be called, how it is made, and how its bytes are read.

use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Renewal, Token, TransactionStore};
use countersign_sqlx::PostgresStore;
use countersign_tests::servers::Postgres;
use sqlx::{Connection as _, PgConnection};

use super::{open, store};
use crate::deliveries::delivery;
use crate::keys::{batch, key};

const LEASE: Duration = Duration::from_secs(60);

/// Each call once, on a table that was just made.
async fn try_all(store: &PostgresStore, url: &str) {
    let (keys, token) = (batch("event", 3), Token::random());
    let claim = store.claim(&keys, token, LEASE).await.unwrap();
    let Claim::Acquired(lease) = claim else {
        panic!("{claim:?}")
    };
    assert_eq!(lease.fresh, keys);
    let claim = store.claim(&keys, Token::random(), LEASE).await.unwrap();
    assert!(matches!(claim, Claim::InProgress { .. }), "{claim:?}");
    let renewal = store.renew(&keys, token, LEASE).await.unwrap();
    assert_eq!(renewal, Renewal::Renewed);
    let commit = store.commit(&keys[1..], token, LEASE).await.unwrap();
    assert_eq!(commit, Commit::Landed);
    store.release(&keys, token).await.unwrap();
    let claim = store.claim(&keys, token, LEASE).await.unwrap();
    let Claim::Acquired(lease) = claim else {
        panic!("{claim:?}")
    };
    assert_eq!(lease.fresh, keys[..1]);
    assert_eq!(store.committed(&keys).await.unwrap().keys, keys[1..]);
    assert_eq!(store.sweep(1).await.unwrap(), 0);

    let mut connection = PgConnection::connect(url).await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    let delivery = delivery(store.clone(), "in transaction").await;
    let fresh = store.claim_in(&mut transaction, &delivery).await.unwrap();
    assert!(fresh.contains("in transaction"));
    transaction.commit().await.unwrap();
    let keys = [key("in transaction")];
    assert_eq!(store.committed(&keys).await.unwrap().keys, keys);
}

/// Words of SQL, and names that the store's own statements use.
#[tokio::test(flavor = "multi_thread")]
async fn it_may_be_called_by_any_word() {
    let Some(database) = Postgres::database() else {
        return;
    };
    let server = store().await.unwrap().0;
    drop(server);
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let schema = "create schema \"user\"";
    sqlx::raw_sql(schema)
        .execute(&mut connection)
        .await
        .unwrap();
    for name in [
        "order",
        "user",
        "user.order",
        "user.table",
        "t",
        "key",
        "excluded",
        "asked",
        "standing",
        "held",
        "taken",
        "landed",
        "own",
        "renewed",
        "swept",
        "leases",
    ] {
        println!("{name}");
        let store = open(&database.url).with_table(name).unwrap();
        store.migrate().await.unwrap();
        store.migrate().await.unwrap();
        try_all(&store, &database.url).await;
    }
}

/// `escape` is what servers before 9.0 had, and some were never told otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_are_read_however_the_server_writes_them() {
    let Some(database) = Postgres::database() else {
        return;
    };
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let set = format!(
        "alter database {} set bytea_output = 'escape'",
        database.name
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(set))
        .execute(&mut connection)
        .await
        .unwrap();
    let store = open(&database.url);
    store.migrate().await.unwrap();
    try_all(&store, &database.url).await;
}

/// Whoever waits for a lock of a table has all others wait behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_takes_no_lock_on_what_is_there() {
    let Some((store, database)) = store().await else {
        return;
    };
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    let mut held = other.begin().await.unwrap();
    let lock = "lock table countersign_events in access exclusive mode";
    sqlx::raw_sql(lock).execute(&mut *held).await.unwrap();
    store.migrate().await.unwrap();
    held.rollback().await.unwrap();
}
