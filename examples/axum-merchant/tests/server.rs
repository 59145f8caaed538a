//! The built server, tried as a merchant would.

#![forbid(unsafe_code)]

use merchant::trial;

const SERVER: &str = env!("CARGO_BIN_EXE_axum-merchant");

#[test]
fn says_what_is_missing() {
    trial::says_what_is_missing(SERVER);
}

#[test]
fn says_what_is_unusable() {
    trial::says_what_is_unusable(SERVER);
}

#[test]
fn takes_the_lines_that_it_prints() {
    trial::takes_the_lines_that_it_prints(SERVER);
}

#[cfg(unix)]
#[test]
fn drains() {
    for signal in ["TERM", "INT"] {
        trial::drains(SERVER, signal, 200);
    }
}
