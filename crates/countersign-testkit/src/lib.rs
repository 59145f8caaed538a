#![doc = include_str!("../README.md")]
//!
//! # What there is
//!
//! | to | take |
//! |---|---|
//! | sign a delivery | [`Signer`], and [`Signed`] as a request of either framework |
//! | have an event to sign | [`Sample`], one of every typed event |
//! | spoil a delivery in one way | [`Fault`] |
//! | have a provider come again, for days and in no time | [`Simulator`] on a [`ManualClock`] |
//! | say what must have run | [`Witness`] |
//! | attack a route with all of it | [`attack`], [`Attack`] |
//! | have a store fail | [`CueStore`] |
//! | try a store of one's own | [`conformance`], [`transaction_conformance`], and [`Contest`] for several processes |

#![forbid(unsafe_code)]

mod attack;
mod clock;
#[cfg(feature = "conformance")]
mod conformance;
mod fault;
mod sample;
mod signer;
mod simulator;
mod store;
mod target;
mod witness;

pub use self::attack::{Attack, Report, Row, attack};
pub use self::clock::ManualClock;
#[cfg(feature = "conformance")]
pub use self::conformance::{
    Conformance, Contest, Rule, Tally, Transactions, Verdict, conformance, transaction_conformance,
};
pub use self::fault::{Deserved, Fault, Shot};
pub use self::sample::Sample;
pub use self::signer::{SignError, SignErrorKind, Signed, Signer};
pub use self::simulator::{Attempt, Course, Ending, Heard, Schedule, Simulator};
pub use self::store::{Cue, CueStore, EntryState, Operation};
#[cfg(feature = "actix-web")]
pub use self::target::ActixApp;
#[cfg(feature = "http")]
pub use self::target::OverHttp;
pub use self::target::{NoAnswer, Target};
pub use self::witness::Witness;
