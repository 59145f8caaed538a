//! Typed events: every example payload, key by key, and what providers may do to it.

mod enums;
mod extractors;
mod payloads;
mod samples;
mod stage;
