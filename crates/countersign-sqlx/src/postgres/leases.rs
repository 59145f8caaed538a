//! Claims as leases.

use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Key, Lease, Renewal, StoreError, Token};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::{Failure, PostgresStore, count};
use crate::text::named;

/// How often a claim is made anew because another run came in between.
const TRIES: usize = 3;

/// How much of a call's time may be spent on waiting for a lock: the rest is for saying so.
fn patience(timeout: Duration) -> Duration {
    timeout / 4 * 3
}

/// What a duplicate is told to wait where nobody knows how long the other run will take.
const SOON: Duration = Duration::from_millis(100);

impl DedupeStore for PostgresStore {
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        for _ in 0..TRIES {
            let statement = self
                .statements
                .claim(keys, token, lease, patience(self.timeout));
            match self.run(statement).await {
                Ok(rows) => return claimed(keys, &rows),
                Err(failure) if failure.is_overtaken() => {}
                Err(failure) if failure.is_anothers_turn() => break,
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(Claim::InProgress {
            retry_after: Some(SOON),
        })
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        let statement = self
            .statements
            .commit(keys, token, retention, patience(self.timeout));
        let rows = self.run(statement).await?;
        Ok(match rows.first().map(count).transpose()? {
            Some(0) => Commit::Landed,
            Some(_) => Commit::LostLease,
            None => return Err(StoreError::unavailable("the commit was not answered")),
        })
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        let statement = self
            .statements
            .renew(keys, token, lease, patience(self.timeout));
        let rows = self.run(statement).await?;
        Ok(match rows.first().map(count).transpose()? {
            Some(renewed) if renewed == keys.len() as u64 => Renewal::Renewed,
            _ => Renewal::Lost,
        })
    }

    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        let statement = self.statements.release(keys, token, patience(self.timeout));
        self.run(statement).await?;
        Ok(())
    }

    fn leases_expire(&self) -> bool {
        true
    }
}

fn claimed(keys: &[Key], rows: &[PgRow]) -> Result<Claim, StoreError> {
    let (mut fresh, mut differing) = (Vec::new(), Vec::new());
    for row in rows {
        let what: &str = row.try_get(0).map_err(StoreError::unavailable)?;
        if what == "held" {
            let left: i64 = row.try_get(2).map_err(StoreError::unavailable)?;
            let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
            return Ok(Claim::InProgress {
                retry_after: Some(left),
            });
        }
        let list = match what {
            "fresh" => &mut fresh,
            "differing" => &mut differing,
            _ => continue,
        };
        list.push(key_of(row)?);
    }
    fresh.sort_unstable();
    differing.sort_unstable();
    let differing = named(keys, |key| differing.binary_search(key).is_ok());
    if fresh.is_empty() {
        return Ok(Claim::Committed { differing });
    }
    let fresh = named(keys, |key| fresh.binary_search(key).is_ok());
    Ok(Claim::Acquired(Lease { fresh, differing }))
}

/// The key that a row names.
pub(super) fn key_of(row: &PgRow) -> Result<[u8; 32], StoreError> {
    // `key` is the second column of a claim's rows and the first of all others.
    let text: &str = row.try_get("key").map_err(StoreError::unavailable)?;
    let mut key = [0; 32];
    let decoded = hex::decode_to_slice(text, &mut key);
    decoded.map_err(|_| StoreError::unavailable("a key of the table is not of 32 bytes"))?;
    Ok(key)
}

impl Failure {
    /// Another run took one of the keys while this one looked: nothing was done.
    fn is_overtaken(&self) -> bool {
        self.has_code(&["22012"])
    }

    /// Nothing was done, and the server is well: another run was faster, or another transaction is in the
    /// way (a serialization failure, a deadlock, or a lock that was not to be had in time).
    pub(super) fn is_anothers_turn(&self) -> bool {
        self.is_overtaken() || self.has_code(&["40001", "40P01", "55P03"])
    }

    pub(super) fn has_code(&self, codes: &[&str]) -> bool {
        match self {
            Failure::Refused(error) => error
                .as_database_error()
                .and_then(|error| error.code())
                .is_some_and(|code| codes.contains(&&*code)),
            Failure::Unanswered(_) => false,
        }
    }
}
