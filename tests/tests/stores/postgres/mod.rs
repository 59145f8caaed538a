//! Claims in a PostgreSQL table.

mod claims;
mod outages;
mod primaries;
mod settings;
mod sweeping;
mod tables;
mod told;

use std::time::Duration;

use countersign_sqlx::PostgresStore;
use countersign_testkit::{Contest, conformance};
use countersign_tests::servers::{Database, PgBouncer, Postgres};

/// This machine has other work.
const PATIENCE: Duration = Duration::from_secs(20);

fn open(url: &str) -> PostgresStore {
    PostgresStore::new(url).unwrap().with_timeout(PATIENCE)
}

/// A store on the shared server, in a database of its own; `None` where there is no server.
pub async fn store() -> Option<(PostgresStore, Database)> {
    let database = Postgres::database()?;
    let store = open(&database.url);
    store.migrate().await.unwrap();
    Some((store, database))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite() {
    let Some((_, database)) = store().await else {
        return;
    };
    let open = async || open(&database.url);
    let report = conformance(open, tokio::time::sleep).await;
    println!("{report}");
    report.assert_all_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_through_pgbouncer() {
    let Some(server) = Postgres::start() else {
        return;
    };
    let Some(bouncer) = PgBouncer::start(&server, 3) else {
        return;
    };
    let database = server.new_database();
    let open = async || open(&bouncer.url(&database));
    open().await.migrate().await.unwrap();
    conformance(open, tokio::time::sleep)
        .await
        .assert_all_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes() {
    if let Some(part) = Contest::part() {
        let store = open(part.place());
        return part.play(&store, tokio::time::sleep).await;
    }
    let Some((_, database)) = store().await else {
        return;
    };
    let tally = Contest::hold("postgres::several_processes", &database.url, 4);
    tally.unwrap().assert_fair();
}
