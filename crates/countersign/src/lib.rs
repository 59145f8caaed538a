//! Countersign sits in front of a merchant's webhook handler and lets an event through once, and
//! only if its provider really sent it.

#![forbid(unsafe_code)]

mod body;
mod dedupe;
mod error;
mod event;
mod head;
mod observer;
pub mod provider;
mod receiver;
mod scan;
pub mod scheme;
mod secret;
mod time;
mod verifier;
mod window;

pub use self::dedupe::{
    AnyStore, Claim, Commit, DedupeStore, Key, Lease, MemoryStore, Renewal, StoreError, Token,
};
pub use self::error::{ConfigError, ConfigErrorKind, Error, ErrorKind};
pub use self::event::{Envelope, IdSource, Identity, Shape, TypeSource};
pub use self::head::Head;
pub use self::observer::{Observation, Observer, Outcome};
pub use self::provider::Provider;
pub use self::receiver::{
    Answer, Carried, Connection, Delivery, Gate, Intake, Keeper, Receiver, Run,
};
pub use self::scan::Pointer;
pub use self::secret::Secret;
pub use self::time::{Clock, Sleep, UnixTime};
pub use self::verifier::{Verification, Verified, Verifier};
pub use self::window::{TimeUnit, Tolerance};
