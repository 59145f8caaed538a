//! Claims in a PostgreSQL table.

use countersign_sqlx::PostgresStore;
use countersign_testkit::{Contest, conformance};
use countersign_tests::servers::{Database, PgBouncer, Postgres};

/// A store on the shared server, in a database of its own; `None` where there is no server.
pub async fn store() -> Option<(PostgresStore, Database)> {
    let database = Postgres::database()?;
    let store = PostgresStore::new(&database.url).unwrap();
    store.migrate().await.unwrap();
    Some((store, database))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite() {
    let Some((_, database)) = store().await else {
        return;
    };
    let open = async || PostgresStore::new(&database.url).unwrap();
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
    let open = async || PostgresStore::new(&bouncer.url(&database)).unwrap();
    open().await.migrate().await.unwrap();
    conformance(open, tokio::time::sleep)
        .await
        .assert_all_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes() {
    if let Some(part) = Contest::part() {
        let store = PostgresStore::new(part.place()).unwrap();
        return part.play(&store, tokio::time::sleep).await;
    }
    let Some((_, database)) = store().await else {
        return;
    };
    let tally = Contest::hold("postgres::several_processes", &database.url, 4);
    tally.unwrap().assert_fair();
}
