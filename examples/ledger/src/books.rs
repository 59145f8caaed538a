//! The books: entries of payments, beside the events that have been claimed.

use countersign::Delivery;
use countersign::provider::fedapay::{Data, Event};
use countersign_sqlx::SqliteStore;
use sqlx::SqlitePool;
use sqlx::sqlite::SqliteConnectOptions;

pub(crate) type Error = Box<dyn std::error::Error>;

const TABLE: &str =
    "create table if not exists entries (event text not null, amount bigint not null)";
const ENTRY: &str = "insert into entries (event, amount) values ($1, $2)";
const BALANCE: &str = "select count(*), cast(coalesce(sum(amount), 0) as bigint) from entries";

#[derive(Clone)]
pub(crate) struct Books {
    pool: SqlitePool,
    pub(crate) events: SqliteStore,
}

impl Books {
    /// The events stand in the same file, or it would not be one transaction.
    pub(crate) async fn open(url: &str) -> Result<Books, Error> {
        let options: SqliteConnectOptions = url.parse()?;
        let events = SqliteStore::with_options(options.clone());
        events.migrate().await?;
        let pool = SqlitePool::connect_with(options).await?;
        sqlx::query(TABLE).execute(&pool).await?;
        Ok(Books { pool, events })
    }

    /// Books what the event is worth: the claim and the entry, or neither.
    pub(crate) async fn book(&self, delivery: &Delivery, event: Event) -> Result<(), Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        // First in the transaction. Of an event that was claimed before, nothing is left to book.
        let fresh = self.events.claim_in(&mut tx, delivery).await?;
        for event in fresh.only([event]) {
            let entry = sqlx::query(ENTRY).bind(&event.id).bind(worth(&event)?);
            entry.execute(&mut *tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// How many entries there are, and their sum.
    pub(crate) async fn balance(&self) -> Result<(i64, i64), Error> {
        Ok(sqlx::query_as(BALANCE).fetch_one(&self.pool).await?)
    }
}

/// What an event changes, in whole units of the currency. Of an event that changes nothing an entry is
/// made all the same: it tells that it came.
fn worth(event: &Event) -> Result<i64, Error> {
    let (payment, sign) = match &event.data {
        Data::TransactionApproved(change) => (&change.entity, 1),
        Data::TransactionRefunded(change) => (&change.entity, -1),
        _ => return Ok(0),
    };
    let amount = payment.amount.minor_units(0).ok_or("a part of a unit")?;
    Ok(sign * i64::try_from(amount)?)
}
