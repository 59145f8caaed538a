//! What a merchant's tests need: a signer, a clock wound by hand, a store that fails on cue.

#![forbid(unsafe_code)]

mod clock;
mod signer;
mod store;

pub use self::clock::ManualClock;
pub use self::signer::{SignError, SignErrorKind, Signed, Signer};
pub use self::store::{Cue, CueStore, EntryState, Operation};
