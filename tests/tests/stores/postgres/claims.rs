//! Claims in the handler's transaction, and what they do to its settings.

use std::error::Error as _;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection, Row as _, Transaction};

use super::store;
use crate::deliveries::delivery;

const SETTINGS: &str = "select current_setting('lock_timeout') || ' ' ||
    current_setting('idle_in_transaction_session_timeout') || ' ' ||
    current_setting('synchronous_commit')";

async fn settings(transaction: &mut Transaction<'_, sqlx::Postgres>) -> String {
    let row = sqlx::raw_sql(SETTINGS).fetch_one(&mut **transaction).await;
    row.unwrap().get(0)
}

/// The receiver's `max_run` is 5 minutes.
#[tokio::test(flavor = "multi_thread")]
async fn settings_are_kept_where_they_are_stricter() {
    let Some((store, database)) = store().await else {
        return;
    };
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    for (n, (before, behind)) in [
        ("0 0 on", "0 5min on"),
        ("0 0 off", "0 5min on"),
        ("7s 1min local", "7s 1min local"),
        ("7s 10min remote_apply", "7s 5min remote_apply"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut transaction = connection.begin().await.unwrap();
        let [lock, idle, commit]: [&str; 3] =
            before.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let set = format!(
            "set local lock_timeout = '{lock}'; set local synchronous_commit = '{commit}';
            set local idle_in_transaction_session_timeout = '{idle}'"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(set))
            .execute(&mut *transaction)
            .await
            .unwrap();
        assert_eq!(settings(&mut transaction).await, before);
        let delivery = delivery(store.clone(), &format!("{n}")).await;
        let fresh = store.claim_in(&mut transaction, &delivery).await.unwrap();
        assert_eq!(fresh.events().len(), 1);
        assert_eq!(settings(&mut transaction).await, behind);
        transaction.commit().await.unwrap();
        let mut transaction = connection.begin().await.unwrap();
        assert_eq!(settings(&mut transaction).await, "0 0 on");
    }
}

/// Its own patience, and a merchant's where that is less.
#[tokio::test(flavor = "multi_thread")]
async fn the_wait_for_another_transaction_is_bounded() {
    let Some((store, database)) = store().await else {
        return;
    };
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let mut first = connection.begin().await.unwrap();
    let of_first = delivery(store.clone(), "a").await;
    let fresh = store.claim_in(&mut first, &of_first).await.unwrap();
    assert_eq!(fresh.events().len(), 1);

    let hasty = store.clone().with_timeout(Duration::from_millis(50));
    let second = delivery(store.clone(), "a").await;
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    for (store, own) in [(&hasty, "0"), (&store, "50ms")] {
        let mut transaction = other.begin().await.unwrap();
        let set = format!("set local lock_timeout = '{own}'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(set))
            .execute(&mut *transaction)
            .await
            .unwrap();
        let failed = store.claim_in(&mut transaction, &second).await.unwrap_err();
        let cause = failed.source().unwrap().to_string();
        assert!(
            cause.contains("another transaction holds an event"),
            "{cause}"
        );
        // All that it can do is to be rolled back.
        let aborted = sqlx::raw_sql("select 1").execute(&mut *transaction).await;
        assert!(aborted.is_err());
        transaction.rollback().await.unwrap();
        let mut transaction = other.begin().await.unwrap();
        assert_eq!(settings(&mut transaction).await, "0 0 on");
    }
    first.commit().await.unwrap();
    let mut transaction = other.begin().await.unwrap();
    let fresh = store.claim_in(&mut transaction, &second).await.unwrap();
    assert!(fresh.is_empty());
}
