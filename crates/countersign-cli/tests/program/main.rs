//! The built program, from outside: arguments, files and standard input in; exit status, standard
//! output and standard error out.

#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that meets what it did not expect has failed"
)]

mod attacks;
mod delivery;
mod demo;
mod explain;
mod listen;
mod provider_choice;
mod providers;
mod readme;
mod requests;
mod run;
mod secrets;
mod send;
mod send_misused;
mod sign;
mod streams;
mod usage;
mod vectors;
