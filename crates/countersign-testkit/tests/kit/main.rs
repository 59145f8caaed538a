//! The test-kit against real servers: the adapters, and some that are made wrong.

#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect has failed"
)]

mod attacks;
mod bad_servers;
mod handmade;
mod over_http;
mod requests;
mod samples;
mod simulator;
mod simulator_faults;
mod stage;
mod witness;
