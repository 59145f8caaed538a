//! Claims as leases. Each call has the file to itself, so that what it has read still holds when it
//! writes.

use std::collections::HashMap;
use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Key, Lease, Renewal, StoreError, Token};
use sqlx::{Row as _, SqliteConnection};

use super::{SqliteStore, TEXT, after, key_of, rows, sweep};
use crate::SWEPT_BY_A_COMMIT;
use crate::text::hash;

/// What stands under a key.
struct Entry {
    payload_hash: i64,
    token: Vec<u8>,
    committed: bool,
    since: i64,
    until: i64,
}

impl Entry {
    /// What is left of it, in milliseconds. A clock that stepped back has not been where it begins: then
    /// it is all that it was.
    fn left(&self, now: i64) -> i64 {
        self.until.saturating_sub(now.max(self.since))
    }

    fn is_anothers(&self, token: Token) -> bool {
        !self.committed && self.token != token.as_bytes()
    }
}

impl DedupeStore for SqliteStore {
    async fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Claim, StoreError> {
        let mut opened = self.open().await?;
        let claimed = async {
            let mut writing = opened.begin().await?;
            // Only now: it may have waited.
            let now = self.now();
            let entries = entries(&mut writing, keys).await?;
            let standing = |key: &Key| {
                let entry = entries.get(key.as_bytes());
                entry.filter(|entry| now < entry.until)
            };
            let held = keys.iter().filter_map(standing);
            let held: Vec<&Entry> = held.filter(|entry| entry.is_anothers(token)).collect();
            if let Some(left) = held.iter().map(|entry| entry.left(now)).max() {
                if held.iter().any(|entry| now < entry.since) {
                    begin_anew(&mut writing, keys, now).await?;
                    writing.commit().await.map_err(StoreError::unavailable)?;
                }
                let left = u64::try_from(left).unwrap_or_default();
                return Ok(Claim::InProgress {
                    retry_after: Some(Duration::from_millis(left)),
                });
            }
            let is_fresh = |key: &&Key| standing(key).is_none_or(|entry| !entry.committed);
            let differs = |key: &&Key| {
                let entry = standing(key).filter(|entry| entry.committed);
                entry.is_some_and(|entry| entry.payload_hash != hash(key))
            };
            let fresh: Vec<Key> = keys.iter().filter(is_fresh).copied().collect();
            let differing = keys.iter().filter(differs).copied().collect();
            if fresh.is_empty() {
                return Ok(Claim::Committed { differing });
            }
            put(&mut writing, &fresh, token, false, (now, after(now, lease))).await?;
            writing.commit().await.map_err(StoreError::unavailable)?;
            Ok(Claim::Acquired(Lease { fresh, differing }))
        };
        let claimed: Result<Claim, StoreError> = claimed.await;
        opened.end(claimed)
    }

    async fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Result<Commit, StoreError> {
        let mut opened = self.open().await?;
        let committed = async {
            let mut writing = opened.begin().await?;
            let now = self.now();
            let entries = entries(&mut writing, keys).await?;
            let of = |key: &Key| entries.get(key.as_bytes());
            let is_open =
                |key: &&Key| of(key).is_none_or(|entry| !entry.committed || entry.until <= now);
            let open: Vec<Key> = keys.iter().filter(is_open).copied().collect();
            let lost = keys
                .iter()
                .filter_map(of)
                .any(|entry| entry.is_anothers(token));
            let times = (now, after(now, retention));
            put(&mut writing, &open, token, true, times).await?;
            rows(&mut writing, sweep(SWEPT_BY_A_COMMIT, now)).await?;
            writing.commit().await.map_err(StoreError::unavailable)?;
            Ok(if lost {
                Commit::LostLease
            } else {
                Commit::Landed
            })
        };
        let committed: Result<Commit, StoreError> = committed.await;
        opened.end(committed)
    }

    async fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Result<Renewal, StoreError> {
        let mut opened = self.open().await?;
        let renewal = async {
            let mut writing = opened.begin().await?;
            let now = self.now();
            let (until, own) = (after(now, lease), own(keys, token));
            let statement = format!(
                "update countersign_events set since = {now}, until = {until} where {own} returning 1"
            );
            let renewed = rows(&mut writing, statement).await?.len();
            writing.commit().await.map_err(StoreError::unavailable)?;
            Ok(if renewed == keys.len() {
                Renewal::Renewed
            } else {
                Renewal::Lost
            })
        };
        let renewal: Result<Renewal, StoreError> = renewal.await;
        opened.end(renewal)
    }

    async fn release(&self, keys: &[Key], token: Token) -> Result<(), StoreError> {
        let mut opened = self.open().await?;
        let released = async {
            let mut writing = opened.begin().await?;
            let own = own(keys, token);
            let statement = format!("delete from countersign_events where {own}");
            rows(&mut writing, statement).await?;
            writing.commit().await.map_err(StoreError::unavailable)
        };
        let released: Result<(), StoreError> = released.await;
        opened.end(released)
    }

    fn leases_expire(&self) -> bool {
        true
    }
}

async fn entries(
    connection: &mut SqliteConnection,
    keys: &[Key],
) -> Result<HashMap<[u8; 32], Entry>, StoreError> {
    let statement = format!(
        "select key, payload_hash, token, committed, since, until from countersign_events
        where key in ({})",
        TEXT.keys(keys)
    );
    let mut entries = HashMap::new();
    for row in rows(connection, statement).await? {
        let entry = || -> Result<Entry, sqlx::Error> {
            Ok(Entry {
                payload_hash: row.try_get("payload_hash")?,
                token: row.try_get("token")?,
                committed: row.try_get("committed")?,
                since: row.try_get("since")?,
                until: row.try_get("until")?,
            })
        };
        entries.insert(key_of(&row)?, entry().map_err(StoreError::unavailable)?);
    }
    Ok(entries)
}

/// Writes entries over whatever stands there.
async fn put(
    connection: &mut SqliteConnection,
    keys: &[Key],
    token: Token,
    committed: bool,
    (since, until): (i64, i64),
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let (asked, token) = (TEXT.rows(keys), TEXT.token(token));
    let statement = format!(
        "with asked (key, payload_hash) as (values {asked})
        replace into countersign_events (key, payload_hash, token, committed, since, until)
        select key, payload_hash, {token}, {committed}, {since}, {until} from asked"
    );
    rows(connection, statement).await.map(drop)
}

/// The leases among these keys that begin in the future, since the clock has stepped back, begin now: a
/// run that has died would else hold its event for as long as the step.
async fn begin_anew(
    connection: &mut SqliteConnection,
    keys: &[Key],
    now: i64,
) -> Result<(), StoreError> {
    let statement = format!(
        "update countersign_events set since = {now}, until = until - (since - {now})
        where key in ({}) and not committed and {now} < since",
        TEXT.keys(keys)
    );
    rows(connection, statement).await.map(drop)
}

/// What is in progress under the token.
fn own(keys: &[Key], token: Token) -> String {
    let (keys, token) = (TEXT.keys(keys), TEXT.token(token));
    format!("key in ({keys}) and token = {token} and not committed")
}
