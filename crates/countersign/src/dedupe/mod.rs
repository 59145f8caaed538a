//! Each event once: the key of an event, and the protocol between a receiver and a store.
//!
//! A store holds one entry a key. An entry is absent, *in progress* under the token of the run
//! that claimed it, or *committed*:
//!
//! ```text
//!            claim                      commit (any token, any state)
//! absent ───────────► in progress ─────────────────────────────────► committed ──► absent
//!    ▲                    │                                              (retention ends)
//!    └────────────────────┘
//!      release (live token) / lease expires
//! ```
//!
//! The store is a plain register of that; waiting, renewing and retrying are the receiver's.

mod any;
mod memory;
#[cfg(all(test, loom))]
mod models;
mod moment;
mod transaction;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

pub use self::any::AnyStore;
pub(crate) use self::any::{Call, Running};
pub use self::memory::MemoryStore;
pub(crate) use self::transaction::AnyTransactions;
pub use self::transaction::{Committed, TransactionStore};

/// What identifies one event to a store: 32 bytes that name endpoint and event, and a hash of the
/// event's payload.
///
/// A key is made from a [`Verified`](crate::Verified) alone, so that nothing can be looked up or
/// claimed before its signature was checked. Keys compare by their 32 bytes.
#[derive(Clone, Copy)]
pub struct Key {
    bytes: [u8; 32],
    payload_hash: u64,
}

impl Key {
    /// SHA-256 of (length of endpoint, endpoint, id): no endpoint and id can be cut to look like
    /// another pair, and an id of any length or content costs a store 32 bytes.
    pub(crate) fn new(endpoint: &str, id: &[&[u8]], payload: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update((endpoint.len() as u64).to_le_bytes());
        hash.update(endpoint.as_bytes());
        for part in id {
            hash.update(part);
        }
        Key {
            bytes: hash.finalize().into(),
            payload_hash: xxhash_rust::xxh3::xxh3_64(payload),
        }
    }

    /// The 32 bytes a store files the event under.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// A fast, stable hash (XXH3, 64 bits) of the event's payload, kept beside the entry to tell
    /// when the same id arrives with another body. Only signed bytes reach it, so it need not
    /// withstand an attacker.
    pub fn payload_hash(&self) -> u64 {
        self.payload_hash
    }

    /// Whether it is of the same payload, too.
    pub(crate) fn is_same(&self, other: &Key) -> bool {
        self == other && self.payload_hash == other.payload_hash
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", hex::encode(self.bytes))
    }
}

/// The fencing token of one run: 128 random bits, made before the claim.
///
/// Because the claimant makes it, an entry that holds the claimant's own token means *acquired*,
/// even if the answer to the first try was lost.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token([u8; 16]);

impl Token {
    /// A fresh token from the thread's cryptographic generator. The receiver makes one a claim;
    /// others need them to try a store out.
    pub fn random() -> Self {
        Token(rand::random())
    }

    /// The 16 bytes of the token.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", hex::encode(self.0))
    }
}

/// What a store answers to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Every key that was not committed yet is now in progress under the caller's token.
    Acquired(Lease),
    /// At least one key is in progress under another token, and nothing was acquired.
    InProgress {
        /// How long the longest of those leases still runs; `None` where leases do not expire.
        retry_after: Option<Duration>,
    },
    /// Every key is committed already.
    Committed {
        /// The keys whose committed payload was another one.
        differing: Vec<Key>,
    },
}

/// The keys that a claim acquired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The keys now held, in the order of the claim. The claimed keys that are not here were
    /// committed before.
    pub fresh: Vec<Key>,
    /// The committed ones whose payload was another one.
    pub differing: Vec<Key>,
}

/// What a store answers to a commit. Either way the keys are committed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// No other run held any of the keys.
    Landed,
    /// Another token's entry stood there: the lease had been lost to it.
    LostLease,
}

/// What a store answers to a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// Every key is held under the token, for a full lease from now.
    Renewed,
    /// At least one key is no longer held under the token.
    Lost,
}

/// Why a store could not answer.
#[derive(Debug)]
pub struct StoreError {
    full: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// The store could not be reached, or failed: whether it carried out the call is unknown.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        StoreError {
            full: false,
            source: Some(source.into()),
        }
    }

    /// No answer came within the time that was given to the store.
    pub(crate) fn late() -> Self {
        StoreError::unavailable("it did not answer in time")
    }

    /// The store has no room left, and did nothing.
    pub fn full() -> Self {
        StoreError {
            full: true,
            source: None,
        }
    }

    /// Whether the store refused for want of room, having done nothing.
    pub fn is_full(&self) -> bool {
        self.full
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.full {
            "the dedupe store is full"
        } else {
            "the dedupe store failed"
        })
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }
}

/// Where claims are kept. Four calls, each atomic for all the keys it is given.
///
/// The keys of one call are distinct and sorted. A store measures leases and retention by its own
/// clock or by a monotonic one, never by the caller's wall clock. It need not bound its own time:
/// the receiver gives up on a call after the store time-out, and drops the future; whether a
/// dropped call was carried out does not matter to the protocol.
///
/// None of the methods has a default body: each one's atomicity is what the promise of the whole
/// rests on.
pub trait DedupeStore: Send + Sync + 'static {
    /// Claims all keys under `token` for `lease`, or none.
    ///
    /// A key is *free* if it is absent, its lease has expired, its retention has ended, or it is
    /// in progress under this same token. If any key is in progress under another token, nothing
    /// is acquired. Else every free key becomes in progress under `token`, and the committed ones
    /// stay as they are: their retention is not extended.
    ///
    /// # Errors
    ///
    /// [`StoreError::full`] if there is no room and nothing was done; [`StoreError::unavailable`]
    /// for everything else. The receiver then releases the keys, since some may be held.
    fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> impl Future<Output = Result<Claim, StoreError>> + Send;

    /// Marks all keys committed for `retention` from now, whatever stands there.
    ///
    /// It says that a run succeeded, so it lands over an absent or expired entry, and over
    /// another token's. Over a committed entry it changes nothing: retention counts from the first
    /// commit.
    ///
    /// # Errors
    ///
    /// [`StoreError::unavailable`]; the receiver tries again until it lands.
    fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> impl Future<Output = Result<Commit, StoreError>> + Send;

    /// Extends the lease of those keys that are in progress under `token` to `lease` from now,
    /// even if it has expired, as long as nobody took it over. Never makes an entry: a store that forgets
    /// one when its lease ends answers that it is lost.
    ///
    /// # Errors
    ///
    /// [`StoreError::unavailable`]; the receiver tries again.
    fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> impl Future<Output = Result<Renewal, StoreError>> + Send;

    /// Removes those entries that are in progress under `token`. Others, and committed ones, are
    /// left alone.
    ///
    /// # Errors
    ///
    /// [`StoreError::unavailable`]; the receiver tries again until it is answered.
    fn release(
        &self,
        keys: &[Key],
        token: Token,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether an entry in progress becomes free when its lease has passed without renewal.
    ///
    /// A store that outlives the process must answer `true`. One that dies with it answers
    /// `false`: its leases need no renewal, and the receiver ends those of runs that were lost.
    fn leases_expire(&self) -> bool;
}

impl<S: DedupeStore> DedupeStore for Arc<S> {
    fn claim(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> impl Future<Output = Result<Claim, StoreError>> + Send {
        S::claim(self, keys, token, lease)
    }

    fn commit(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> impl Future<Output = Result<Commit, StoreError>> + Send {
        S::commit(self, keys, token, retention)
    }

    fn renew(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> impl Future<Output = Result<Renewal, StoreError>> + Send {
        S::renew(self, keys, token, lease)
    }

    fn release(
        &self,
        keys: &[Key],
        token: Token,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        S::release(self, keys, token)
    }

    fn leases_expire(&self) -> bool {
        S::leases_expire(self)
    }
}
