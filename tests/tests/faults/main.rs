//! What the receiver does when something beside it misbehaves.

mod panics;
mod slow_store;
mod stage;
