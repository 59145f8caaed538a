//! Typed events: every example payload, key by key, and what providers may do to it.

#![forbid(unsafe_code)]

mod enums;
mod extractors;
mod payloads;
mod samples;
mod stage;
