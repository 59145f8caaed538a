#![doc = include_str!("../README.md")]
//!
//! # Where to begin
//!
//! | to | take |
//! |---|---|
//! | read why it is as it is | [`guide`] |
//! | know whether a delivery is genuine | [`Verifier`] |
//! | know which events it brings | [`Verifier::identify`] |
//! | run a handler once for each | [`Receiver`], and an adapter for the framework |
//! | describe a provider that is not listed | [`provider::Recipe`], or [`Provider::new`] |
//! | give handlers an enum instead of JSON | [`events!`], [`Event`] |
//! | keep claims elsewhere than in memory | [`DedupeStore`] |
//! | claim events in the handler's own SQL transaction | [`Receiver::with_claim_in_transaction`] |
//! | have secrets by tenant | [`Receiver::for_tenants`] |
//! | see what becomes of deliveries | [`Observer`], [`Outcome`] |

#![forbid(unsafe_code)]

mod body;
mod dedupe;
mod error;
mod event;
#[cfg(feature = "explain")]
pub mod explain;
pub mod guide;
mod handshake;
mod head;
mod identify;
mod observer;
mod prepared;
mod proof;
pub mod provider;
mod receiver;
mod scan;
pub mod scheme;
mod secret;
mod sync;
mod time;
mod typed;
mod verified;
mod verifier;
mod window;

pub use self::dedupe::{
    AnyStore, Claim, Commit, Committed, DedupeStore, Key, Lease, MemoryStore, Renewal, StoreError,
    Token, TransactionStore,
};
pub use self::error::{ConfigError, ConfigErrorKind, Error, ErrorKind};
pub use self::event::{Envelope, IdSource, Identity, Shape, TypeSource};
pub use self::handshake::{Greeting, Handshake};
pub use self::head::Head;
#[cfg(feature = "metrics")]
pub use self::observer::MetricsObserver;
#[cfg(feature = "tracing")]
pub use self::observer::TracingObserver;
pub use self::observer::{Observation, Observer, Outcome, Surroundings};
pub use self::provider::definition::Provider;
pub use self::receiver::{
    Admission, Answer, Asked, Carried, Connection, Delivery, Fresh, Gate, Guard, Intake, Keeper,
    LookupError, Receiver, Refusal, Run, Sources, Tenant, ToClaim,
};
pub use self::scan::Pointer;
pub use self::secret::Secret;
pub use self::time::{Clock, Sleep, UnixTime};
pub use self::typed::{
    Amount, DecodeError, Decoded, Event, EventData, FromEvent, Id, NotAnAmount, RawJson, Timestamp,
    Undecodable, Undecoded,
};
pub use self::verified::Verified;
pub use self::verifier::{Verification, Verifier};
pub use self::window::{TimeUnit, Tolerance};

/// What [`events!`] expands to. Not for use by hand, and no part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use bytes::Bytes;
    pub use serde::de::IgnoredAny as Anything;

    /// Decodes the JSON of an event of that name.
    ///
    /// # Errors
    ///
    /// If it is not what `T` takes.
    pub fn decode<T: serde::de::DeserializeOwned>(
        name: &str,
        raw: &[u8],
    ) -> Result<T, crate::DecodeError> {
        crate::typed::decode(Some(name), raw)
    }
}
