//! Unix time, and the little of a runtime that the core needs to know: [`Clock`].

use std::fmt;
use std::pin::Pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment as milliseconds since the Unix epoch.
///
/// All arithmetic saturates: a hostile timestamp such as `i64::MIN` ends at the edge of the range
/// and outside every window, never in an overflow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    millis: i64,
}

impl UnixTime {
    /// The moment `seconds` after the epoch.
    pub const fn from_secs(seconds: i64) -> Self {
        UnixTime {
            millis: seconds.saturating_mul(1000),
        }
    }

    /// The moment `millis` milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        UnixTime { millis }
    }

    /// Whole seconds since the epoch, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.millis.div_euclid(1000)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.millis
    }

    /// Milliseconds from `earlier` to `self`, negative if `earlier` is the later one.
    pub const fn millis_since(self, earlier: UnixTime) -> i64 {
        self.millis.saturating_sub(earlier.millis)
    }
}

impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        let millis = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => {
                i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis)
            }
        };
        UnixTime { millis }
    }
}

impl fmt::Debug for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "UnixTime({}.{:03})",
            self.as_secs(),
            self.millis.rem_euclid(1000)
        )
    }
}

/// A sleep made by a [`Clock`].
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Time and sleep: all that the core asks of a runtime.
///
/// The adapters bring one that is made of their runtime's timers, and the test-kit one that a test
/// winds by hand. A sleep is made only where something has to be waited for, so that an event
/// whose store and handler answer at once never touches a timer.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: what a signed timestamp is compared with. It may step in either direction.
    fn now(&self) -> UnixTime;

    /// Time since some fixed moment, which never goes back.
    fn monotonic(&self) -> Duration;

    /// Completes once `duration` has passed on the monotonic clock.
    fn sleep(&self, duration: Duration) -> Sleep;
}
