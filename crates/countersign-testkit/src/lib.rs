//! What a merchant's tests need: a signer, a clock wound by hand, a store that fails on cue.

#![forbid(unsafe_code)]

mod signer;

pub use self::signer::{SignError, SignErrorKind, Signed, Signer};
