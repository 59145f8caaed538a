//! Claims in the handler's own transaction.

use countersign::{Committed, Delivery, Fresh, Key, StoreError, TransactionStore};
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Postgres, Row as _, Transaction};

use super::PostgresStore;
use super::leases::key_of;
use crate::text::{hash, leased, named, to_claim};

/// What the statement ends with if an event is in progress elsewhere: a division by zero.
const HELD: &str = "22012";

/// PostgreSQL's code for a lock that was not to be had in time.
const LOCKED: &str = "55P03";

impl TransactionStore for PostgresStore {
    async fn committed(&self, keys: &[Key]) -> Result<Committed, StoreError> {
        let rows = self.run(self.statements.committed(keys)).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            let hash: i64 = row.try_get(1).map_err(StoreError::unavailable)?;
            found.push((key_of(row)?, hash));
        }
        found.sort_unstable();
        let find = |key: &[u8; 32]| found.binary_search_by_key(key, |(key, _)| *key).ok();
        let keys = named(keys, |key| find(key).is_some());
        let differs = |key: &&Key| {
            let at = find(key.as_bytes()).and_then(|at| found.get(at));
            at.is_some_and(|(_, found)| *found != hash(key))
        };
        Ok(Committed {
            differing: keys.iter().filter(differs).copied().collect(),
            keys,
        })
    }
}

impl PostgresStore {
    /// Claims a delivery's events in the handler's transaction, as its first statement, and yields those
    /// whose effects belong into it. If there are none, all are duplicates, and the handler answers 200.
    ///
    /// Another transaction that has claimed one of them and is not at its end is waited for, for the store's
    /// [time-out](PostgresStore::with_timeout) an event, or for the transaction's own `lock_timeout` if that
    /// is shorter; behind the call it is what it was. Once this one is committed, its events are done; if it is rolled back, dropped or lost, it is as if nothing had
    /// been. It may not idle for longer than the receiver's `max_run` from here on, so that a client that
    /// has vanished holds no event, and its commit is on the disk before it is answered, whatever
    /// `synchronous_commit` says.
    ///
    /// At the isolation level `read committed` a duplicate that had to wait is told that nothing is fresh.
    /// At a stricter one PostgreSQL ends its transaction with a serialization failure: answer a 5xx, and the
    /// retry is a duplicate.
    ///
    /// # Errors
    ///
    /// If the receiver is not one [with claims in
    /// transactions](countersign::Receiver::with_claim_in_transaction), if another receiver holds an event
    /// under a lease, if another transaction has held one for too long, or if the database fails: the
    /// transaction can only be rolled back then, and the answer be a 5xx. A call that was dropped before it was answered may have claimed the events all the
    /// same: never commit that transaction.
    pub async fn claim_in(
        &self,
        transaction: &mut Transaction<'_, Postgres>,
        delivery: &Delivery,
    ) -> Result<Fresh, StoreError> {
        let claim = to_claim(delivery)?;
        if claim.keys.is_empty() {
            return Ok(delivery.fresh(&[]));
        }
        let statement = AssertSqlSafe(self.statements.claim_in(&claim, self.timeout));
        let answer = sqlx::raw_sql(statement).fetch_all(&mut **transaction).await;
        let rows: Vec<PgRow> = answer.map_err(|error| match &error {
            sqlx::Error::Database(cause) if cause.code().as_deref() == Some(HELD) => leased(),
            sqlx::Error::Database(cause) if cause.code().as_deref() == Some(LOCKED) => {
                StoreError::unavailable(
                    "another transaction holds an event, for longer than the store's time-out",
                )
            }
            _ => StoreError::unavailable(error),
        })?;
        let mut taken = Vec::with_capacity(rows.len());
        for row in &rows {
            taken.push(key_of(row)?);
        }
        taken.sort_unstable();
        let taken = named(&claim.keys, |key| taken.binary_search(key).is_ok());
        Ok(delivery.fresh(&taken))
    }
}
