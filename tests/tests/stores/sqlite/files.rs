//! Connections that turn bad, and files that go.

use std::fs;
use std::time::Duration;

use countersign::{Claim, DedupeStore, Token, TransactionStore};

use super::{File, LEASE};
use crate::keys::key;
use crate::logged::{listen, logged};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// What another process would write to, too.
#[tokio::test]
async fn a_file_that_was_removed_is_made_anew_and_told() {
    let file = File::new();
    listen();
    let (store, keys) = (file.store(), [key("a")]);
    store.commit(&keys, Token::random(), DAY).await.unwrap();
    fs::remove_file(file.path()).unwrap();
    let claim = store.claim(&keys, Token::random(), LEASE).await.unwrap();
    assert!(matches!(claim, Claim::Acquired(_)), "{claim:?}");
    // In the same file as everybody else's.
    let claim = file.store().claim(&keys, Token::random(), LEASE).await;
    assert!(matches!(claim.unwrap(), Claim::InProgress { .. }));
    let told = logged(&file.path().display().to_string());
    assert!(told[0].contains("removed or replaced"), "{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
}

/// As of who puts a backup in its place.
#[tokio::test]
async fn a_file_that_was_replaced_is_the_one_that_is_there() {
    let (file, backup) = (File::new(), File::new());
    let (mine, keys) = (file.store(), [key("a")]);
    mine.migrate().await.unwrap();
    {
        let store = backup.store();
        store.commit(&keys, Token::random(), DAY).await.unwrap();
        // All of it is in the one file then.
        store.sweep(0).await.unwrap();
    }
    while backup.path().with_extension("db-wal").exists() {
        tokio::task::yield_now().await;
    }
    // What belongs to the old one would be taken for the new one's.
    for its in ["db-wal", "db-shm"] {
        fs::remove_file(file.path().with_extension(its)).unwrap();
    }
    fs::rename(backup.path(), file.path()).unwrap();
    assert_eq!(mine.committed(&keys).await.unwrap().keys, keys);
}

/// A file that cannot be read fails, and when it can, all goes on: on another connection.
#[tokio::test]
async fn a_connection_that_turned_bad_is_replaced() {
    let file = File::new();
    listen();
    let (store, keys) = (file.store(), [key("a")]);
    store.commit(&keys, Token::random(), DAY).await.unwrap();
    // Its table is gone: by a restore that went wrong, say.
    let pool = sqlx::SqlitePool::connect(&file.url()).await.unwrap();
    sqlx::raw_sql("drop table countersign_events")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    assert!(store.committed(&keys).await.is_err());
    let told = logged(&file.path().display().to_string());
    assert!(
        told[0].starts_with("WARN") && told[0].contains("no such table"),
        "{told:?}"
    );
    // The next call has a connection of its own, which makes it again.
    assert_eq!(store.committed(&keys).await.unwrap().keys, []);
}

/// What is committed there is on the disk, or is not claimed at all.
#[tokio::test]
async fn a_connection_whose_commits_may_be_lost_is_refused() {
    use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous as S};
    use sqlx::{ConnectOptions as _, Connection as _};
    let file = File::new();
    let store = file.store();
    for (synchronous, is_durable) in [
        (S::Off, false),
        (S::Normal, false),
        (S::Full, true),
        (S::Extra, true),
    ] {
        let options = SqliteConnectOptions::new()
            .filename(file.path())
            .create_if_missing(true);
        let delivery =
            crate::deliveries::delivery(store.clone(), &format!("{synchronous:?}")).await;
        let mut connection = options.synchronous(synchronous).connect().await.unwrap();
        let mut transaction = connection.begin_with("begin immediate").await.unwrap();
        let fresh = store.claim_in(&mut transaction, &delivery).await;
        assert_eq!(fresh.is_ok(), is_durable, "{synchronous:?}");
    }
}
