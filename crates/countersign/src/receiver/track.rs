//! A delivery under observation, from its head to its settlement.

use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::StatusCode;

use super::gate::{Answer, Gate};
use crate::dedupe::Key;
use crate::error::{Error, ErrorKind};
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

/// What went wrong beneath an outcome.
pub(crate) type Cause<'a> = &'a (dyn StdError + Send + Sync + 'static);

/// What an observation says beside its outcome.
#[derive(Default)]
struct Why<'a> {
    reason: Option<ErrorKind>,
    decode_error: Option<&'a DecodeError>,
    error: Option<Cause<'a>>,
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

    /// Does `work` in what the observers have put around the delivery. Its panic is passed on, theirs is not;
    /// `None` never comes.
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        self.around.within(work)
    }

    /// Tells what the observers have put around it that its handler is about to run for these events.
    pub(crate) fn identified(&self, events: &[Identity]) {
        self.around.each(|around| around.identified(events));
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
    pub(crate) fn answered(&self, outcome: Outcome, status: StatusCode, events: &[Identity]) {
        self.count(status);
        let why = Why::default();
        self.observe(outcome, why, Some(status), (events, &[]), false);
    }

    /// Tells the observer how a run ended: what was answered, if anybody was there to hear it, and which
    /// of its events are committed.
    pub(crate) fn ran(
        &self,
        outcome: Outcome,
        error: Option<Cause<'_>>,
        status: Option<StatusCode>,
        events: (&[Identity], &[Identity]),
    ) {
        if let Some(status) = status {
            self.count(status);
        }
        let why = Why {
            error,
            ..Why::default()
        };
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

    /// The same of a store that failed.
    pub(crate) fn store_failed(
        &self,
        outcome: Outcome,
        error: Cause<'_>,
        events: &[Identity],
        late: bool,
    ) {
        let why = Why {
            error: Some(error),
            ..Why::default()
        };
        self.observe(outcome, why, None, (events, &[]), late);
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
            tenant: self.tenant.as_ref().map(|scope| &*scope.tenant),
            outcome,
            reason: why.reason,
            decode_error: why.decode_error,
            error: why.error,
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
        self.within(|| {
            self.around.each(|around| around.observed(&observation));
            for observer in &config.observers {
                guard(|| observer.observe(&observation));
            }
        });
    }

    /// Whether it is for no tenant that is known, at an endpoint that has tenants.
    pub(crate) fn is_nobodys(&self) -> bool {
        self.tenant.is_none() && self.gate.config.tenants.is_some()
    }

    /// The same of a delivery that did not verify. For nobody, that is what there is to say of it.
    pub(crate) fn refuse_unverified(&self, error: Error) -> Answer {
        match error.kind() {
            ErrorKind::SignatureMismatch if self.is_nobodys() => {
                self.refuse(ErrorKind::UnknownTenant, &[])
            }
            _ => self.refuse_unproved(error),
        }
    }

    /// Observes a refusal and yields its answer.
    pub(crate) fn refuse(&self, kind: ErrorKind, events: &[Identity]) -> Answer {
        self.refuse_for(kind, None, events)
    }

    /// The same of a delivery that is not verified, and what is at fault in it.
    pub(crate) fn refuse_unproved(&self, error: Error) -> Answer {
        let part: Option<Cause<'_>> = match error.names_a_part() {
            true => Some(&error),
            false => None,
        };
        self.refuse_for(error.kind(), part, &[])
    }

    /// The same, and what went wrong beneath it.
    pub(crate) fn refuse_for(
        &self,
        kind: ErrorKind,
        error: Option<Cause<'_>>,
        events: &[Identity],
    ) -> Answer {
        let answer = Answer::refusal(kind);
        let outcome = match kind {
            ErrorKind::TooManyUnverified
            | ErrorKind::TooManyRuns
            | ErrorKind::TooManyLookups
            | ErrorKind::ShuttingDown => Outcome::Overloaded,
            ErrorKind::StoreUnavailable => Outcome::StoreUnavailable,
            ErrorKind::SecretsUnavailable => Outcome::SecretsUnavailable,
            _ => Outcome::Rejected,
        };
        self.count(answer.status);
        let why = Why {
            reason: Some(kind),
            error,
            ..Why::default()
        };
        self.observe(outcome, why, Some(answer.status), (events, &[]), false);
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
        let mut once = || {
            if let Some(work) = work.take() {
                done = Some(catch_unwind(AssertUnwindSafe(work)));
            }
        };
        guard(|| enter(all, &mut once));
        match done {
            Some(Ok(done)) => Some(done),
            Some(Err(panic)) => resume_unwind(panic),
            // Surroundings that forgot the work, or panicked before it, must not cost a delivery.
            None => work.map(|work| work()),
        }
    }

    fn each(&self, tell: impl Fn(&dyn Surroundings)) {
        for around in self.0.iter().flat_map(|all| all.iter()) {
            guard(|| tell(&**around));
        }
    }
}

/// Does what an observer does. Its panic would leave a claim without its run, or end the keeper and with it
/// every renewal; the panic hook has told of it.
fn guard(tell: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(tell));
}

fn enter(all: &[Box<dyn Surroundings>], work: &mut dyn FnMut()) {
    match all.split_first() {
        Some((outer, inner)) => outer.enter(&mut || enter(inner, work)),
        None => work(),
    }
}
