//! Claims in the handler's own transaction.

use std::collections::HashMap;

use countersign::{Committed, Delivery, Fresh, Key, StoreError, TransactionStore};
use sqlx::{Row as _, Sqlite, Transaction};

use super::{SqliteStore, TEXT, after, key_of, rows, sweep};
use crate::SWEPT_BY_A_COMMIT;
use crate::text::{hash, leased, named, to_claim};

impl TransactionStore for SqliteStore {
    async fn committed(&self, keys: &[Key]) -> Result<Committed, StoreError> {
        let mut opened = self.open().await?;
        let statement = format!(
            "select key, payload_hash from countersign_events
            where key in ({}) and committed and until > {}",
            TEXT.keys(keys),
            self.now()
        );
        let found = async {
            let mut found = HashMap::new();
            for row in rows(opened.connection()?, statement).await? {
                let hash: i64 = row.try_get(1).map_err(StoreError::unavailable)?;
                found.insert(key_of(&row)?, hash);
            }
            Ok(found)
        };
        let found = found.await;
        let found = opened.end(found)?;
        let keys = named(keys, |key| found.contains_key(key));
        let differs = |key: &&Key| found.get(key.as_bytes()) != Some(&hash(key));
        Ok(Committed {
            differing: keys.iter().filter(differs).copied().collect(),
            keys,
        })
    }
}

impl SqliteStore {
    /// Claims a delivery's events in the handler's transaction, as its first statement, and yields those
    /// whose effects belong into it. If there are none, all are duplicates, and the handler answers 200.
    ///
    /// The transaction is one of the database in which the store is, and was begun by
    /// `pool.begin_with("BEGIN IMMEDIATE")`: it then waits for others at its beginning, where a plain one
    /// may fail. Its connection has `synchronous` FULL or more, which is SQLite's default. Once it is
    /// committed, its events are done; if it is rolled back, dropped or lost, it is as if nothing had been.
    /// Until then nobody else writes to the file.
    ///
    /// # Errors
    ///
    /// If the receiver is not one [with claims in
    /// transactions](countersign::Receiver::with_claim_in_transaction), if another receiver holds an event
    /// under a lease, if the connection's commits may be lost with the machine's power, or if the database
    /// fails: the transaction is to be rolled back then, and the answer a 5xx. A call that was dropped before
    /// it was answered may have claimed the events all the same: never commit that transaction.
    pub async fn claim_in(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
        delivery: &Delivery,
    ) -> Result<Fresh, StoreError> {
        let claim = to_claim(delivery)?;
        if claim.keys.is_empty() {
            return Ok(delivery.fresh(&[]));
        }
        let now = self.now();
        let (asked, keys) = (TEXT.rows(&claim.keys), TEXT.keys(&claim.keys));
        // It counts from the commit, which a run of that length may still be away.
        let until = after(now, claim.retention.saturating_add(claim.max_run));
        if !is_durable(transaction).await? {
            return Err(StoreError::unavailable(
                "claim_in needs a connection with `synchronous` FULL: a commit that a crash forgets would \
                 have been acknowledged",
            ));
        }
        // Before anything is written, so that no handler that goes on after an error commits it.
        let statement = format!(
            "select key from countersign_events
            where key in ({keys}) and not committed and until > {now}"
        );
        if !rows(transaction, statement).await?.is_empty() {
            return Err(leased());
        }
        rows(transaction, sweep(SWEPT_BY_A_COMMIT, now)).await?;
        let statement = format!(
            "with asked (key, payload_hash) as (values {asked})
            insert into countersign_events (key, payload_hash, token, committed, since, until)
            select key, payload_hash, x'', true, {now}, {until} from asked where true
            on conflict (key) do update
            set payload_hash = excluded.payload_hash, token = excluded.token, committed = true,
                since = excluded.since, until = excluded.until
            where countersign_events.until <= {now}
            returning key"
        );
        let taken = rows(transaction, statement).await?;
        let taken: Vec<[u8; 32]> = taken.iter().map(key_of).collect::<Result<_, _>>()?;
        let mut taken = taken;
        taken.sort_unstable();
        let taken = named(&claim.keys, |key| taken.binary_search(key).is_ok());
        Ok(delivery.fresh(&taken))
    }
}

/// Whether what the connection commits is on the disk by then.
async fn is_durable(transaction: &mut Transaction<'_, Sqlite>) -> Result<bool, StoreError> {
    const FULL: i64 = 2;
    let setting = rows(transaction, "pragma synchronous".to_owned()).await?;
    let setting = setting.first().map(|row| row.try_get::<i64, _>(0));
    let setting = setting.transpose().map_err(StoreError::unavailable)?;
    Ok(setting.is_some_and(|setting| setting >= FULL))
}
