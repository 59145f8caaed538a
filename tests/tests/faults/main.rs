//! What the receiver does when something beside it misbehaves.

mod panics;
mod stage;
