//! A delivery under observation, from its head to its settlement.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::StatusCode;

use super::gate::{Answer, Gate};
use crate::dedupe::Key;
use crate::error::ErrorKind;
use crate::event::Identity;
use crate::observer::{Observation, Observer, Outcome, Surroundings};
use crate::typed::DecodeError;
use crate::verified::Verified;

/// What an observation says of a delivery, kept from its head to its settlement.
#[derive(Clone)]
pub(crate) struct Track {
    pub(crate) gate: Gate,
    pub(crate) started: Duration,
    pub(crate) bytes: usize,
    pub(crate) key_index: Option<usize>,
    pub(crate) skew_millis: Option<i64>,
    /// Whose delivery it is, where the endpoint has tenants.
    pub(crate) tenant: Option<Arc<Scope>>,
    around: Around,
}

/// What an observation says beside its outcome.
#[derive(Default)]
struct Why<'a> {
    reason: Option<ErrorKind>,
    decode_error: Option<&'a DecodeError>,
    lookup_error: Option<&'a (dyn Error + Send + Sync + 'static)>,
}

/// A tenant.
pub(crate) struct Scope {
    pub(crate) tenant: Box<str>,
    /// The endpoint and the tenant, as one name.
    pub(crate) name: Box<str>,
}

impl Track {
    /// Of what is no delivery.
    pub(crate) fn new(gate: &Gate) -> Track {
        // Reading the clock is worth it only if somebody watches.
        let started = match gate.config.observers.is_empty() {
            false => gate.clock.monotonic(),
            true => Duration::ZERO,
        };
        Track {
            gate: gate.clone(),
            started,
            bytes: 0,
            key_index: None,
            skew_millis: None,
            tenant: None,
            around: Around::default(),
        }
    }

    /// Of a delivery, whose head is there.
    pub(crate) fn begin(gate: &Gate) -> Track {
        let mut track = Track::new(gate);
        if !gate.config.observers.is_empty() {
            track.around = Around::of(gate);
        }
        track
    }

    /// Does `work` in what the observers have put around the delivery; `None` if they swallowed its
    /// panic.
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        self.around.within(work)
    }

    /// Tells what the observers have put around it that its handler is about to run for these events.
    pub(crate) fn identified(&self, events: &[Identity]) {
        let Some(all) = &self.around.0 else { return };
        for surroundings in all.iter() {
            let tell = || surroundings.identified(events);
            let _ = catch_unwind(AssertUnwindSafe(tell));
        }
    }

    /// What its events are remembered under: the endpoint, and its tenant there.
    pub(crate) fn scope(&self) -> &str {
        match &self.tenant {
            Some(scope) => &scope.name,
            None => &self.gate.config.endpoint,
        }
    }

    pub(crate) fn verified(&mut self, verified: &Verified) {
        self.bytes = verified.received();
        self.key_index = Some(verified.key_index());
        self.skew_millis = verified
            .timestamp()
            .map(|timestamp| verified.verified_at().millis_since(timestamp));
    }

    /// Tells the observer what a delivery was answered.
    pub(crate) fn answered(
        &self,
        outcome: Outcome,
        reason: Option<ErrorKind>,
        status: StatusCode,
        events: &[Identity],
    ) {
        self.count(status);
        let why = Why {
            reason,
            ..Why::default()
        };
        self.observe(outcome, why, Some(status), (events, &[]), false);
    }

    /// Tells the observer how a run ended: what was answered, if anybody was there to hear it, and which
    /// of its events are committed.
    pub(crate) fn ran(
        &self,
        outcome: Outcome,
        status: Option<StatusCode>,
        events: (&[Identity], &[Identity]),
    ) {
        if let Some(status) = status {
            self.count(status);
        }
        let why = Why::default();
        self.observe(outcome, why, status, events, status.is_none());
    }

    fn count(&self, status: StatusCode) {
        // A forged delivery is not the provider's, and counts for none of its failures.
        if self.key_index.is_some() {
            let failures = &self.gate.shared.failures_in_a_row;
            if status.is_success() {
                failures.store(0, Ordering::Relaxed);
            } else {
                failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Tells the observer something beside the answer, or what became of a delivery after it.
    pub(crate) fn noticed(&self, outcome: Outcome, events: &[Identity], late: bool) {
        self.observe(outcome, Why::default(), None, (events, &[]), late);
    }

    /// Observes that a tenant's secrets could not be looked up, and yields the answer.
    pub(crate) fn lookup_failed(&self, error: &(dyn Error + Send + Sync + 'static)) -> Answer {
        let kind = ErrorKind::SecretsUnavailable;
        let answer = Answer::refusal(kind);
        let why = Why {
            reason: Some(kind),
            lookup_error: Some(error),
            ..Why::default()
        };
        let status = Some(answer.status);
        self.observe(Outcome::SecretsUnavailable, why, status, (&[], &[]), false);
        answer
    }

    /// Tells the observer which event does not decode, and why.
    pub(crate) fn undecodable(&self, error: &DecodeError, events: &[Identity], late: bool) {
        let why = Why {
            decode_error: Some(error),
            ..Why::default()
        };
        self.observe(Outcome::Undecodable, why, None, (events, &[]), late);
    }

    fn observe(
        &self,
        outcome: Outcome,
        why: Why<'_>,
        status: Option<StatusCode>,
        (events, committed): (&[Identity], &[Identity]),
        late: bool,
    ) {
        let config = &self.gate.config;
        if config.observers.is_empty() {
            return;
        }
        let observation = Observation {
            endpoint: &config.endpoint,
            provider: config.provider.name(),
            // Until it is verified, whose it is, is the word of whoever sent it.
            tenant: self
                .tenant
                .as_ref()
                .filter(|_| self.key_index.is_some())
                .map(|scope| &*scope.tenant),
            outcome,
            reason: why.reason,
            decode_error: why.decode_error,
            lookup_error: why.lookup_error,
            status,
            key_index: self.key_index,
            skew_millis: self.skew_millis,
            bytes: self.bytes,
            events,
            committed,
            elapsed: self.gate.clock.monotonic().saturating_sub(self.started),
            late,
            observe_only: config.observe_only,
            evictions: config.store.evictions(),
            failures_in_a_row: self.gate.shared.failures_in_a_row.load(Ordering::Relaxed),
        };
        // A panic here would leave a claim without its run, or end the keeper and with it every
        // renewal. The panic hook has told of it.
        let tell = |observer: &Arc<dyn Observer>| {
            let _ = catch_unwind(AssertUnwindSafe(|| observer.observe(&observation)));
        };
        let tell_all = || config.observers.iter().for_each(tell);
        let _ = catch_unwind(AssertUnwindSafe(|| self.within(tell_all)));
    }

    /// Whether it is for no tenant that is known, at an endpoint that has tenants.
    pub(crate) fn is_nobodys(&self) -> bool {
        self.tenant.is_none() && self.gate.config.tenants.is_some()
    }

    /// The same of a delivery that did not verify. For nobody, that is what there is to say of it.
    pub(crate) fn refuse_unverified(&self, kind: ErrorKind) -> Answer {
        match kind {
            ErrorKind::SignatureMismatch if self.is_nobodys() => {
                self.refuse(ErrorKind::UnknownTenant, &[])
            }
            kind => self.refuse(kind, &[]),
        }
    }

    /// Observes a refusal and yields its answer.
    pub(crate) fn refuse(&self, kind: ErrorKind, events: &[Identity]) -> Answer {
        let answer = Answer::refusal(kind);
        let outcome = match kind {
            ErrorKind::TooManyUnverified
            | ErrorKind::TooManyRuns
            | ErrorKind::TooManyLookups
            | ErrorKind::ShuttingDown => Outcome::Overloaded,
            ErrorKind::StoreUnavailable => Outcome::StoreUnavailable,
            _ => Outcome::Rejected,
        };
        self.answered(outcome, Some(kind), answer.status, events);
        answer
    }

    /// What observations name events by: nothing where nobody watches.
    pub(crate) fn names(&self, events: &[(Key, Identity)]) -> Vec<Identity> {
        match self.gate.config.observers.is_empty() {
            false => events.iter().map(|(_, event)| event.name()).collect(),
            true => Vec::new(),
        }
    }
}

/// What the observers have put around a delivery. Most put nothing.
#[derive(Clone, Default)]
struct Around(Option<Arc<[Box<dyn Surroundings>]>>);

impl Around {
    fn of(gate: &Gate) -> Around {
        let config = &gate.config;
        let begin = |observer: &Arc<dyn Observer>| {
            let begin = || observer.begin(&config.endpoint, config.provider.name());
            catch_unwind(AssertUnwindSafe(begin)).ok().flatten()
        };
        let all: Vec<_> = config.observers.iter().filter_map(begin).collect();
        Around((!all.is_empty()).then(|| all.into()))
    }

    fn within<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let Some(all) = &self.0 else {
            return Some(work());
        };
        let (mut work, mut done) = (Some(work), None);
        enter(all, &mut || done = work.take().map(|work| work()));
        // Surroundings that forgot the work must not cost a delivery.
        done.or_else(|| work.take().map(|work| work()))
    }
}

fn enter(all: &[Box<dyn Surroundings>], work: &mut dyn FnMut()) {
    match all.split_first() {
        Some((outer, inner)) => outer.enter(&mut || enter(inner, work)),
        None => work(),
    }
}
