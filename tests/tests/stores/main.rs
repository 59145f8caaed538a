//! The stores, each against the public suite and against what only it can do wrong.

#![forbid(unsafe_code)]

mod deliveries;
mod in_transaction;
mod keys;
mod logged;
mod memory;
mod misdeeds;
mod postgres;
mod redis;
mod sqlite;
