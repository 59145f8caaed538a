//! What the receiver does when something beside it misbehaves.

#![forbid(unsafe_code)]

mod dropped_commit;
mod panics;
mod refused_bytes;
mod slow_store;
mod stage;
