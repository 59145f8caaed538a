//! Watching it: one value a delivery, and one for each thing that should not have happened.

#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "tracing")]
mod tracing;

use std::error::Error;
use std::time::Duration;

use http::StatusCode;

use crate::error::ErrorKind;
use crate::event::Identity;
use crate::typed::DecodeError;

#[cfg(feature = "metrics")]
pub use self::metrics::MetricsObserver;
#[cfg(feature = "tracing")]
pub use self::tracing::TracingObserver;

/// Is told what became of each delivery.
///
/// Called in the middle of a request: it should hand the value on and return.
pub trait Observer: Send + Sync + 'static {
    /// A delivery was answered, or something about one is worth knowing.
    fn observe(&self, observation: &Observation<'_>);

    /// A delivery to `endpoint` begins. What is returned is kept for as long as anything of it is, and its
    /// handler is polled, and its observations are made, inside it. By default there is nothing.
    fn begin(&self, endpoint: &str, provider: &str) -> Option<Box<dyn Surroundings>> {
        let _ = (endpoint, provider);
        None
    }
}

/// What the work of one delivery is done in: a span, for one.
pub trait Surroundings: Send + Sync {
    /// Calls `work` inside, once and now.
    fn enter(&self, work: &mut dyn FnMut());

    /// The delivery was verified and its handler is about to run for these events, so that what the handler
    /// says inside can bear their ids. They are the sender's words: escape them. By default nothing is done.
    fn identified(&self, events: &[Identity]) {
        let _ = events;
    }

    /// Something is observed of the delivery: what each observer is told next. By default nothing is done.
    fn observed(&self, observation: &Observation<'_>) {
        let _ = observation;
    }
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    // One of these for each delivery that was answered.
    /// A handler ran and its events are committed.
    Delivered,
    /// All events had been committed before; the handler did not run.
    Duplicate,
    /// An event is still in progress elsewhere.
    InProgress,
    /// Nothing in the delivery is of a type that the receiver takes, or there was nothing in it.
    Ignored,
    /// The delivery was refused; [`Observation::reason`] says why.
    Rejected,
    /// There is more load than was allowed; [`Observation::reason`] says of what.
    Overloaded,
    /// The handler answered with a failure, marked an event as failed, or panicked.
    HandlerFailed,
    /// The handler had not answered by the answer deadline, and runs on.
    AnswerDeadline,
    /// The handler ran for the whole of `max_run`, or until the end of a shutdown, and was stopped.
    HandlerTimedOut,
    /// The dedupe store failed, or was too slow.
    StoreUnavailable,
    /// The secrets of the delivery's tenant could not be looked up, or cannot be used. The sender was
    /// answered 500.
    SecretsUnavailable,
    /// The handler answered 2xx, and the database does not hold its events: the transaction in which it
    /// [claims](crate::Receiver::with_claim_in_transaction) them was not committed, or it did not claim
    /// them. The sender was answered 500.
    TransactionNotCommitted,

    /// A [handshake](crate::Handshake) was answered; there is no event in it.
    Handshake,

    // Any of these beside it.
    /// Another run took an event over while this one held it: two runs may have overlapped.
    LeaseLost,
    /// A commit failed; it is tried again until it lands.
    CommitFailed,
    /// A committed id came again with another payload.
    PayloadDiffers,
    /// The id was not where the provider puts it; the digest of the bytes stands in for it.
    Unidentified,
    /// Events of a batch are older than the [freshness](crate::Receiver::with_freshness) that was asked for, and
    /// are left out of it.
    Stale,
    /// An event of a known type does not decode; [`Observation::decode_error`] says where.
    Undecodable,
    /// Said once, when the receiver is opened: nothing signed holds a time, and no freshness is asked
    /// for, so that a replay is recognised only while its event is remembered.
    NoSignedTime,
    /// A handler could not be stopped: it blocks its thread. Its lease is not renewed any longer.
    HandlerStuck,
    /// The dedupe store failed, and the handler runs without a claim, as a receiver that [fails
    /// open](crate::Receiver::dangerously_fail_open) was asked to.
    Unclaimed,
    /// Said once, when the receiver is opened: it is one
    /// [without signatures](crate::Receiver::dangerously_unsigned), and nothing it takes is proved.
    Unsigned,
    /// Said once, when the receiver is opened: it [observes
    /// only](crate::Receiver::dangerously_observe_only), and protects nothing.
    ObserveOnly,
}

impl Outcome {
    /// Whether it is one of those of which each delivery has one, and not said beside it.
    pub const fn is_answer(self) -> bool {
        !matches!(
            self,
            Outcome::LeaseLost
                | Outcome::CommitFailed
                | Outcome::PayloadDiffers
                | Outcome::Unidentified
                | Outcome::Stale
                | Outcome::Undecodable
                | Outcome::NoSignedTime
                | Outcome::HandlerStuck
                | Outcome::Unclaimed
                | Outcome::ObserveOnly
                | Outcome::Unsigned
        )
    }

    /// A stable name for logs, metrics and the program's output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Delivered => "delivered",
            Outcome::Duplicate => "duplicate",
            Outcome::InProgress => "in_progress",
            Outcome::Ignored => "ignored",
            Outcome::Rejected => "rejected",
            Outcome::Overloaded => "overloaded",
            Outcome::HandlerFailed => "handler_failed",
            Outcome::AnswerDeadline => "answer_deadline",
            Outcome::HandlerTimedOut => "handler_timed_out",
            Outcome::StoreUnavailable => "store_unavailable",
            Outcome::SecretsUnavailable => "secrets_unavailable",
            Outcome::TransactionNotCommitted => "transaction_not_committed",
            Outcome::Handshake => "handshake",
            Outcome::LeaseLost => "lease_lost",
            Outcome::CommitFailed => "commit_failed",
            Outcome::PayloadDiffers => "payload_differs",
            Outcome::Unidentified => "unidentified",
            Outcome::Stale => "stale",
            Outcome::Undecodable => "undecodable",
            Outcome::NoSignedTime => "no_signed_time",
            Outcome::HandlerStuck => "handler_stuck",
            Outcome::Unclaimed => "unclaimed",
            Outcome::ObserveOnly => "observe_only",
            Outcome::Unsigned => "unsigned",
        }
    }
}

/// One observation. Nothing in it is a header value, a body or a secret, and ids and types are
/// there only once the delivery was verified. They are the sender's words: escape them.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Observation<'a> {
    /// The endpoint's name.
    pub endpoint: &'a str,
    /// The provider's name.
    pub provider: &'a str,
    /// Whose delivery it is, where the endpoint has [tenants](crate::Receiver::for_tenants); before it was
    /// verified, under whose secrets it was to be.
    pub tenant: Option<&'a str>,
    /// What became of the delivery.
    pub outcome: Outcome,
    /// Why it was refused.
    pub reason: Option<ErrorKind>,
    /// Where an event does not decode.
    pub decode_error: Option<&'a DecodeError>,
    /// What went wrong beneath it, where outcome and reason do not say all: the part of the head that is at
    /// fault, the address that is not allowed, what the store or the lookup of a tenant failed with, that the
    /// handler panicked. Its [sources](Error::source) say more. But for that address it is the receiver's, the
    /// store's or the merchant's own words, and not the sender's.
    pub error: Option<&'a (dyn Error + Send + Sync + 'static)>,
    /// The status that was answered; `None` where nothing was, or nobody was there to hear it.
    pub status: Option<StatusCode>,
    /// The index of the secret that matched.
    pub key_index: Option<usize>,
    /// The receiver's clock less the signed timestamp, in milliseconds.
    pub skew_millis: Option<i64>,
    /// The length of the body as received, in bytes, as far as it was read.
    pub bytes: usize,
    /// The events concerned.
    pub events: &'a [Identity],
    /// Those of them that a run has committed: all of a delivery that was delivered, and of a batch that
    /// failed those that had been settled as done.
    pub committed: &'a [Identity],
    /// From the head to this observation.
    pub elapsed: Duration,
    /// Whether the sender had been answered, or had hung up, before.
    pub late: bool,
    /// Whether the receiver [observes only](crate::Receiver::dangerously_observe_only): `outcome` and
    /// `status` are then what they would have been, and the request went to the handler.
    pub observe_only: bool,
    /// How many committed events the receiver's [`MemoryStore`](crate::MemoryStore) has forgotten before their
    /// retention was over, since it was made, because it was full; `None` with another store.
    pub evictions: Option<u64>,
    /// How many verified deliveries in a row have been answered with something else than 2xx, this
    /// one included. Some providers switch an endpoint off after a number of them.
    pub failures_in_a_row: u32,
}
