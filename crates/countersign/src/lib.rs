//! Countersign sits in front of a merchant's webhook handler and lets an event through once, and
//! only if its provider really sent it.

#![forbid(unsafe_code)]

mod dedupe;
mod time;

pub use self::dedupe::{Claim, Commit, DedupeStore, Key, Lease, MemoryStore, Renewal, StoreError, Token};
pub use self::time::{Clock, Sleep, UnixTime};
