//! Moments of a monotonic clock, as the memory store counts retention by them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::time::Clock;

/// What the store counts retention by.
pub(super) enum Time {
    Process(Instant),
    Brought(Arc<dyn Clock>),
}

impl Time {
    pub(super) fn now(&self) -> Moment {
        let passed = match self {
            Time::Process(start) => start.elapsed(),
            Time::Brought(clock) => clock.monotonic(),
        };
        Moment(nanos(passed))
    }
}

/// Nanoseconds of a monotonic clock, in half the room of a `Duration`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Moment {
    /// Saturates after 584 years, at a moment that does not come.
    pub(super) fn after(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(nanos(duration)))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
