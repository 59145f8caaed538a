//! What the operator is told when the server fails.

use std::time::Duration;

use countersign::{DedupeStore, Token, TransactionStore};
use countersign_sqlx::PostgresStore;
use countersign_tests::servers::Postgres;

use sqlx::{Connection as _, PgConnection};

use super::open;
use crate::keys::key;
use crate::logged::{listen, logged};
use crate::redis::free_address;

const LEASE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_migration_is_told_once_and_how_to_make_up_for_it() {
    let Some(server) = Postgres::start() else {
        return;
    };
    listen();
    let database = server.new_database();
    let store = open(&database.url);
    let (keys, token) = ([key("a")], Token::random());
    for _ in 0..3 {
        assert!(store.claim(&keys, token, LEASE).await.is_err());
        assert!(store.committed(&keys).await.is_err());
    }
    let address = server.address().to_string();
    let place = format!("postgres at {address}/{}", database.name);
    assert_eq!(
        logged(&address),
        [format!(
            "WARN {place} fails as dedupe store: relation \"countersign_events\" does not exist: call \
             `migrate()`, or run what `migration()` yields"
        )]
    );
    store.migrate().await.unwrap();
    store.claim(&keys, token, LEASE).await.unwrap();
    let told = logged(&address);
    let again = format!("INFO {place} answers again as dedupe store");
    assert_eq!(told.get(1..), Some(&[again][..]));
}

/// Somebody else was faster: that is what the store is for.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_in_progress_is_nothing_to_tell() {
    let Some(server) = Postgres::start() else {
        return;
    };
    listen();
    let database = server.new_database();
    let store = open(&database.url);
    store.migrate().await.unwrap();
    let store = store.with_timeout(Duration::from_millis(500));
    let keys = [key("a")];
    store.claim(&keys, Token::random(), LEASE).await.unwrap();
    let lock = "begin; lock table countersign_events in access exclusive mode";
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    store.claim(&keys, Token::random(), LEASE).await.unwrap();
    assert_eq!(logged(&server.address().to_string()), [""; 0]);
}

/// The receiver has given up by then, and is told as little as the sender.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_told_though_nobody_waits() {
    listen();
    let address = free_address();
    let store = PostgresStore::new(&format!("postgres://shop:hunter2@{address}/shop")).unwrap();
    let store = store.with_timeout(Duration::from_millis(100));
    let keys = [key("a")];
    let call = store.claim(&keys, Token::random(), LEASE);
    assert!(
        tokio::time::timeout(Duration::from_millis(1), call)
            .await
            .is_err()
    );
    let address = address.to_string();
    crate::redis::until("the warning", || !logged(&address).is_empty());
    let told = logged(&address).join("");
    assert!(
        told.contains("no connection") && !told.contains("hunter2"),
        "{told}"
    );
}
