//! Traces: a span a delivery, and an event for each thing that is observed of it.

use std::error::Error;
use std::fmt::{self, Write};

use tracing::field::Empty;
use tracing::{Level, Span, event, info_span};

use super::{Observation, Observer, Outcome, Surroundings};
use crate::event::Identity;

/// The target of all that is here, to filter by.
const TARGET: &str = "countersign";

/// Makes a span of each delivery, which its handler runs in, and an event of each observation
/// (feature `tracing`).
///
/// The target of both is `countersign`. Where OpenTelemetry has a name for a field, the span uses it:
/// `messaging.system` is the provider, `messaging.destination.name` the endpoint,
/// `messaging.message.id` the event's id, `messaging.batch.message_count` how many there are of them,
/// `messaging.message.body.size` the bytes of the body, `http.response.status_code` the answer and
/// `error.type` the reason or the outcome of one that is no success. The rest begins with `countersign.`:
/// `outcome`, `event_type`, `key_index`, `skew_ms`.
///
/// Fields that the sender has a say in are recorded only once the delivery is verified: in the span as text,
/// which is the subscriber's to escape, and as that of `tracing-subscriber` does; in the event escaped.
/// What the merchant's own side has to act on is an error, a refusal a warning, a delivery that went
/// well is information, and a duplicate as well.
#[derive(Debug, Clone, Copy, Default)]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn observe(&self, observation: &Observation<'_>) {
        tell(observation);
    }

    fn begin(&self, endpoint: &str, provider: &str) -> Option<Box<dyn Surroundings>> {
        let span = info_span!(
            target: TARGET,
            "webhook",
            otel.kind = "consumer",
            messaging.system = provider,
            messaging.operation.name = "process",
            messaging.operation.r#type = "process",
            messaging.destination.name = endpoint,
            messaging.message.id = Empty,
            messaging.batch.message_count = Empty,
            messaging.message.body.size = Empty,
            http.response.status_code = Empty,
            error.r#type = Empty,
            countersign.outcome = Empty,
            countersign.event_type = Empty,
            countersign.key_index = Empty,
            countersign.skew_ms = Empty,
        );
        Some(Box::new(Inside(span)))
    }
}

/// A span around a delivery.
struct Inside(Span);

impl Surroundings for Inside {
    fn enter(&self, work: &mut dyn FnMut()) {
        self.0.in_scope(work);
    }

    fn identified(&self, events: &[Identity]) {
        name(&self.0, events);
    }

    fn observed(&self, observation: &Observation<'_>) {
        if observation.outcome.is_answer() {
            record(&self.0, observation);
        }
    }
}

/// Writes into the delivery's span what has become known.
fn record(span: &Span, observation: &Observation<'_>) {
    let outcome = observation.outcome.as_str();
    span.record("countersign.outcome", outcome);
    if let Some(status) = observation.status {
        span.record("http.response.status_code", status.as_u16());
    }
    if level(observation) < Level::INFO {
        let reason = observation.reason.map_or(outcome, |reason| reason.as_str());
        span.record("error.type", reason);
    }
    // Below is the sender's part.
    let Some(key_index) = observation.key_index else {
        return;
    };
    span.record("countersign.key_index", key_index);
    span.record("messaging.message.body.size", observation.bytes);
    if let Some(skew) = observation.skew_millis {
        span.record("countersign.skew_ms", skew);
    }
    // A span that is written to twice shows it twice, and a run has named its events at its beginning.
    let ran = matches!(
        observation.outcome,
        Outcome::Delivered
            | Outcome::HandlerFailed
            | Outcome::AnswerDeadline
            | Outcome::HandlerTimedOut
            | Outcome::TransactionNotCommitted
    );
    if !ran {
        name(span, observation.events);
    }
}

/// Writes into a span what a verified delivery is about.
fn name(span: &Span, events: &[Identity]) {
    match events {
        [] => {}
        [event] => {
            span.record("messaging.message.id", event.id());
            if let Some(kind) = event.kind() {
                span.record("countersign.event_type", kind);
            }
        }
        events => {
            span.record("messaging.batch.message_count", events.len());
        }
    }
}

/// How loud an observation is.
fn level(observation: &Observation<'_>) -> Level {
    match observation.outcome {
        Outcome::Delivered | Outcome::Duplicate | Outcome::Ignored | Outcome::Handshake => {
            Level::INFO
        }
        Outcome::InProgress
        | Outcome::Rejected
        | Outcome::PayloadDiffers
        | Outcome::Unidentified
        | Outcome::Stale
        | Outcome::NoSignedTime
        | Outcome::ObserveOnly
        | Outcome::Unsigned => Level::WARN,
        Outcome::Overloaded
        | Outcome::HandlerFailed
        | Outcome::AnswerDeadline
        | Outcome::HandlerTimedOut
        | Outcome::StoreUnavailable
        | Outcome::SecretsUnavailable
        | Outcome::TransactionNotCommitted
        | Outcome::LeaseLost
        | Outcome::CommitFailed
        | Outcome::Unclaimed
        | Outcome::Undecodable
        | Outcome::HandlerStuck => Level::ERROR,
    }
}

/// What is in a line that has to be understood without any other.
fn tell(observation: &Observation<'_>) {
    // The level of an event is a constant.
    macro_rules! tell {
        ($level:expr) => {
            event!(
                target: TARGET,
                $level,
                endpoint = observation.endpoint,
                provider = observation.provider,
                tenant = observation.tenant,
                outcome = observation.outcome.as_str(),
                reason = observation.reason.map(|reason| reason.as_str()),
                status = observation.status.map(|status| status.as_u16()),
                events = observation.key_index.map(|_| tracing::field::debug(Events(observation))),
                decode_error = observation.decode_error.map(tracing::field::display),
                error = observation.error.map(|error| tracing::field::display(Chain(error))),
                key_index = observation.key_index,
                skew_ms = observation.skew_millis,
                bytes = observation.bytes,
                elapsed_ms = u64::try_from(observation.elapsed.as_millis()).unwrap_or(u64::MAX),
                late = observation.late.then_some(true),
                observe_only = observation.observe_only.then_some(true),
                failures_in_a_row = observation.failures_in_a_row,
                "{}",
                in_words(observation.outcome)
            )
        };
    }
    match level(observation) {
        Level::ERROR => tell!(Level::ERROR),
        Level::WARN => tell!(Level::WARN),
        _ => tell!(Level::INFO),
    }
}

/// What an outcome means for whoever reads the log.
const fn in_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "the handler ran, and its events are committed",
        Outcome::Duplicate => "all of it was committed before; the handler did not run",
        Outcome::InProgress => "an event is in progress elsewhere; the sender is to come again",
        Outcome::Ignored => "no event of a type that is taken; the handler did not run",
        Outcome::Rejected => "refused; the handler did not run",
        Outcome::Overloaded => {
            "more load than the receiver's limits allow; the sender is to come again"
        }
        Outcome::HandlerFailed => "the handler failed; what it left undone is free for a retry",
        Outcome::AnswerDeadline => {
            "the handler had no answer in time and runs on; the sender was told to come again"
        }
        Outcome::HandlerTimedOut => {
            "the handler ran too long and was stopped; its events are free for a retry"
        }
        Outcome::StoreUnavailable => {
            "the dedupe store failed; the handler did not run, and the sender is to come again"
        }
        Outcome::TransactionNotCommitted => {
            "the handler answered 2xx, but the database does not hold its events; the sender is to come again"
        }
        Outcome::Handshake => "a handshake was answered",
        Outcome::LeaseLost => {
            "another run took an event over while this one held it; its effects may be doubled"
        }
        Outcome::CommitFailed => "the store failed to commit; it is tried again until it lands",
        Outcome::PayloadDiffers => {
            "an event's id came again with another payload; the first one counts"
        }
        Outcome::Unclaimed => {
            "the dedupe store failed; the handler runs without a claim, and may run twice"
        }
        Outcome::Unidentified => {
            "nothing where the provider puts the id; the digest of the bytes stands in"
        }
        Outcome::Stale => "events of a batch are older than was asked for, and left out of it",
        Outcome::Undecodable => "an event of a known type does not decode",
        Outcome::NoSignedTime => {
            "nothing signed holds a time, and no freshness is asked for; a replay is recognised only while its event is remembered"
        }
        Outcome::SecretsUnavailable => {
            "the tenant's secrets could not be had; the sender is to come again"
        }
        Outcome::Unsigned => {
            "this endpoint takes deliveries that are not signed; nothing in them is proved"
        }
        Outcome::ObserveOnly => {
            "this endpoint observes only: forged deliveries and duplicates reach the handler"
        }
        Outcome::HandlerStuck => {
            "a handler blocks its thread and cannot be stopped; its lease is not renewed any longer"
        }
    }
}

/// An error and all that it comes from.
struct Chain<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = OneLine(f);
        write!(line, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(line, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// Escapes what would end a line of a log or steer a terminal: a database may quote what it was given.
struct OneLine<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for part in text.split_inclusive(char::is_control) {
            let plain = part.trim_end_matches(char::is_control);
            self.0.write_str(plain)?;
            write!(self.0, "{}", part[plain.len()..].escape_default())?;
        }
        Ok(())
    }
}

/// How many events of a batch are named in one line.
const NAMED: usize = 8;

/// The events by type and id, escaped.
struct Events<'a>(&'a Observation<'a>);

impl fmt::Debug for Events<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = self.0.events;
        let mut list = f.debug_list();
        for event in events.iter().take(NAMED) {
            list.entry(&(event.kind().unwrap_or("-"), event.id()));
        }
        if events.len() > NAMED {
            list.entry(&format_args!("and {} more", events.len() - NAMED));
        }
        list.finish()
    }
}
