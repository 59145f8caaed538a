//! A clock that moves only when a test says so.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use countersign::{Clock, Sleep, UnixTime};

/// A clock wound by hand. Clones are handles to the same clock.
///
/// Nothing passes by itself: a sleep ends when [`advance`](Self::advance) reaches its moment, so a
/// test with this clock takes no time and runs the same way every time.
///
/// ```
/// use std::time::Duration;
/// use countersign::{Clock, UnixTime};
/// use countersign_testkit::ManualClock;
///
/// let clock = ManualClock::new(UnixTime::from_secs(1_000));
/// let sleep = clock.sleep(Duration::from_secs(30));
/// assert_eq!(clock.next_wake(), Some(Duration::from_secs(30)));
///
/// clock.advance(Duration::from_secs(30)); // wakes whoever awaits `sleep`
/// clock.step(-600_000); // the machine's clock is set back by ten minutes
/// assert_eq!(clock.monotonic(), Duration::from_secs(30));
/// assert_eq!(clock.now(), UnixTime::from_secs(430));
/// # drop(sleep);
/// ```
#[derive(Clone)]
pub struct ManualClock {
    state: Arc<Mutex<State>>,
}

struct State {
    start: UnixTime,
    stepped_millis: i64,
    monotonic: Duration,
    created: u64,
    /// By moment, then by order of creation: the order in which they are woken. Sleeps that are
    /// due are not in here any more.
    pending: BTreeMap<SleepId, Option<Waker>>,
    /// Sleeps that have become due and still exist, and the thread on which their owner saw it.
    ended: BTreeMap<SleepId, Option<ThreadId>>,
}

type SleepId = (Duration, u64);

/// How often everything else on the thread gets its turn before it counts as at rest.
const TURNS: u32 = 32;

/// How long an owner who has not seen yet that its sleep has ended is waited for, in real time.
const UNSEEN: Duration = Duration::from_secs(2);

/// The same for one on another thread who has seen it, and keeps it.
const KEPT: Duration = Duration::from_millis(100);

/// Lets every other task of the thread have its turn.
pub(crate) async fn give_way() {
    let mut given = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut given, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl ManualClock {
    /// A clock whose wall time is `now`, and whose monotonic time is zero.
    pub fn new(now: UnixTime) -> Self {
        ManualClock {
            state: Arc::new(Mutex::new(State {
                start: now,
                stepped_millis: 0,
                monotonic: Duration::ZERO,
                created: 0,
                pending: BTreeMap::new(),
                ended: BTreeMap::new(),
            })),
        }
    }

    /// Moves monotonic and wall clock forward together, and then wakes the sleeps that have become
    /// due: the earliest moment first, those of one moment in the order they were created.
    ///
    /// All that are woken see the time after the whole of `duration`. To let each see its own
    /// moment, advance from one [`next_wake`](Self::next_wake) to the next.
    pub fn advance(&self, duration: Duration) {
        let mut woken = Vec::new();
        {
            let mut state = self.state();
            state.monotonic = state.monotonic.saturating_add(duration);
            let now = state.monotonic;
            while let Some(sleep) = state
                .pending
                .first_entry()
                .filter(|sleep| sleep.key().0 <= now)
            {
                let (id, waker) = sleep.remove_entry();
                state.ended.insert(id, None);
                woken.extend(waker);
            }
        }
        // Outside the lock, since a waker may run what it wakes.
        woken.into_iter().for_each(Waker::wake);
    }

    /// Sets the wall clock forward by `millis` milliseconds, or back if negative, as an operator
    /// or a time server would. The monotonic clock, and so every sleep, does not notice.
    pub fn step(&self, millis: i64) {
        let mut state = self.state();
        state.stepped_millis = state.stepped_millis.saturating_add(millis);
    }

    /// The moment on the monotonic clock at which the earliest pending sleep ends; `None` if there
    /// is no sleep that advancing would end.
    pub fn next_wake(&self) -> Option<Duration> {
        self.state()
            .pending
            .first_key_value()
            .map(|((due, _), _)| *due)
    }

    /// Moves the clock forward by `duration` from one [`next_wake`](Self::next_wake) to the next, and
    /// lets those that are woken go on before it moves again: each sees its own moment.
    ///
    /// Who is woken on another thread is waited for too. What happens without this clock, such as a
    /// call to a real database, is not: for it no time passes here.
    pub async fn wind(&self, duration: Duration) {
        let until = self.monotonic().saturating_add(duration);
        self.settle().await;
        while let Some(next) = self.next_wake().filter(|next| *next < until) {
            self.advance(next.saturating_sub(self.monotonic()));
            self.settle().await;
        }
        self.advance(until.saturating_sub(self.monotonic()));
        self.settle().await;
    }

    /// Lets whoever was woken go on, until they have seen it and nothing on this thread is ready.
    pub(crate) async fn settle(&self) {
        let (began, here) = (Instant::now(), thread::current().id());
        let mut turns = 0;
        // A sleep that has ended is dropped by most of its owners at once, often after another one
        // was begun: the keeper of a receiver does so, on a thread of its own. A `select!` may keep
        // one that it has seen; and one that nobody polls any longer must not hang a test.
        while turns < TURNS
            || (self.has_ended(|seen| seen.is_none()) && began.elapsed() < UNSEEN)
            || (self.has_ended(|seen| seen != Some(here)) && began.elapsed() < KEPT)
        {
            give_way().await;
            turns += 1;
        }
    }

    fn has_ended(&self, which: impl Fn(Option<ThreadId>) -> bool) -> bool {
        self.state().ended.values().any(|seen| which(*seen))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        let state = self.state();
        let passed = i64::try_from(state.monotonic.as_millis()).unwrap_or(i64::MAX);
        let millis = state.start.as_millis().saturating_add(state.stepped_millis);
        UnixTime::from_millis(millis.saturating_add(passed))
    }

    fn monotonic(&self) -> Duration {
        self.state().monotonic
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut state = self.state();
        let id = (state.monotonic.saturating_add(duration), state.created);
        state.created += 1;
        if !duration.is_zero() {
            state.pending.insert(id, None);
        }
        drop(state);
        Box::pin(ManualSleep {
            clock: self.clone(),
            id,
        })
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("ManualClock")
            .field("monotonic", &state.monotonic)
            .field("stepped_millis", &state.stepped_millis)
            .field("pending_sleeps", &state.pending.len())
            .finish_non_exhaustive()
    }
}

/// It drops wakers outside the lock only: the last one of a task may drop that task, and with it
/// other sleeps.
struct ManualSleep {
    clock: ManualClock,
    id: SleepId,
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.clock.state();
        let Some(waker) = state.pending.get_mut(&self.id) else {
            if let Some(seen) = state.ended.get_mut(&self.id) {
                *seen = Some(thread::current().id());
            }
            return Poll::Ready(());
        };
        let replaced = waker.replace(cx.waker().clone());
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        let mut state = self.clock.state();
        state.ended.remove(&self.id);
        let waker = state.pending.remove(&self.id);
        drop(state);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::task::{ArcWake, waker};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Writes its name down when woken.
    struct Named(&'static str, Arc<Mutex<Vec<&'static str>>>);

    impl ArcWake for Named {
        fn wake_by_ref(this: &Arc<Self>) {
            this.1.lock().unwrap().push(this.0);
        }
    }

    fn poll(sleep: &mut Sleep, waker: &Waker) -> Poll<()> {
        sleep.as_mut().poll(&mut Context::from_waker(waker))
    }

    #[test]
    fn both_clocks_advance_and_only_the_wall_clock_steps() {
        let clock = ManualClock::new(UnixTime::from_secs(1000));
        let same = clock.clone();
        same.advance(Duration::from_micros(1500));
        same.advance(Duration::from_micros(1500));
        assert_eq!(clock.monotonic(), Duration::from_millis(3));
        assert_eq!(
            clock.now(),
            UnixTime::from_millis(1_000_003),
            "no part of a millisecond lost"
        );
        clock.step(-600_000);
        assert_eq!(clock.now(), UnixTime::from_millis(400_003));
        clock.step(601_000);
        assert_eq!(clock.now(), UnixTime::from_millis(1_001_003));
        assert_eq!(clock.monotonic(), Duration::from_millis(3));
    }

    #[test]
    fn the_edges_of_time_saturate() {
        let clock = ManualClock::new(UnixTime::from_millis(i64::MAX));
        let mut endless = clock.sleep(Duration::MAX);
        clock.step(i64::MAX);
        clock.advance(SECOND);
        assert_eq!(clock.now(), UnixTime::from_millis(i64::MAX));
        assert_eq!((&mut endless).now_or_never(), None);
        clock.advance(Duration::MAX);
        assert_eq!(endless.now_or_never(), Some(()));
    }

    #[test]
    fn a_sleep_ends_at_its_moment_and_not_before() {
        let clock = ManualClock::new(UnixTime::from_secs(0));
        let mut sleep = clock.sleep(SECOND);
        assert_eq!((&mut sleep).now_or_never(), None);
        clock.advance(SECOND - Duration::from_nanos(1));
        clock.step(3_600_000);
        assert_eq!((&mut sleep).now_or_never(), None);
        clock.advance(Duration::from_nanos(1));
        assert_eq!(sleep.now_or_never(), Some(()));
        assert_eq!(clock.sleep(Duration::ZERO).now_or_never(), Some(()));
    }

    #[test]
    fn sleeps_wake_by_moment_then_by_creation() {
        let clock = ManualClock::new(UnixTime::from_secs(0));
        let woken = Arc::default();
        let mut last = clock.sleep(3 * SECOND);
        let mut first = clock.sleep(SECOND);
        let mut second = clock.sleep(2 * SECOND);
        clock.advance(SECOND / 2);
        let mut third = clock.sleep(SECOND * 3 / 2);
        // Polled in another order than they were created.
        for (sleep, name) in [
            (&mut third, "third"),
            (&mut last, "last"),
            (&mut second, "second"),
            (&mut first, "first"),
        ] {
            let waker = waker(Arc::new(Named(name, Arc::clone(&woken))));
            assert_eq!(poll(sleep, &waker), Poll::Pending);
        }
        clock.advance(2 * SECOND);
        assert_eq!(*woken.lock().unwrap(), ["first", "second", "third"]);
        assert_eq!(clock.next_wake(), Some(3 * SECOND));
    }

    #[tokio::test]
    async fn winding_shows_each_sleep_its_own_moment() {
        let clock = ManualClock::new(UnixTime::from_secs(0));
        let ticks = async {
            let mut moments = Vec::new();
            for _ in 0..3 {
                clock.sleep(SECOND).await;
                moments.push(clock.monotonic());
            }
            moments
        };
        // One that has ended is kept, as a `select!` in a loop may do.
        let mut kept = clock.sleep(SECOND);
        let keeps = async {
            (&mut kept).await;
        };
        let all = futures_util::future::join3(ticks, keeps, clock.wind(5 * SECOND));
        let (moments, (), ()) = all.await;
        assert_eq!(moments, [SECOND, 2 * SECOND, 3 * SECOND]);
        assert_eq!(clock.monotonic(), 5 * SECOND);
    }

    #[tokio::test]
    async fn a_thread_of_its_own_is_waited_for() {
        let clock = ManualClock::new(UnixTime::from_secs(0));
        let mut sleep = clock.sleep(SECOND);
        let ticks = Arc::new(Mutex::new(Vec::new()));
        let (other, seen) = (clock.clone(), ticks.clone());
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(async {
                for _ in 0..100 {
                    sleep.as_mut().await;
                    // Between the end of one sleep and the beginning of the next.
                    thread::yield_now();
                    seen.lock().unwrap().push(other.monotonic());
                    sleep = other.sleep(SECOND);
                }
            });
        });
        clock.wind(100 * SECOND).await;
        let expected: Vec<Duration> = (1..=100).map(|nth| nth * SECOND).collect();
        assert_eq!(*ticks.lock().unwrap(), expected);
    }

    #[test]
    fn the_last_waker_counts() {
        let clock = ManualClock::new(UnixTime::from_secs(0));
        let woken = Arc::default();
        let mut sleep = clock.sleep(SECOND);
        for name in ["before", "now"] {
            let waker = waker(Arc::new(Named(name, Arc::clone(&woken))));
            assert_eq!(poll(&mut sleep, &waker), Poll::Pending);
        }
        clock.advance(SECOND);
        clock.advance(SECOND);
        assert_eq!(*woken.lock().unwrap(), ["now"]);
    }

    #[test]
    fn the_next_wake_is_the_earliest_living_sleep() {
        let clock = ManualClock::new(UnixTime::from_secs(0));
        assert_eq!(clock.next_wake(), None);
        let early = clock.sleep(SECOND);
        let late = clock.sleep(2 * SECOND);
        assert_eq!(clock.next_wake(), Some(SECOND));
        drop(early);
        assert_eq!(clock.next_wake(), Some(2 * SECOND));
        clock.advance(2 * SECOND);
        assert_eq!(clock.next_wake(), None, "due, though not polled yet");
        assert_eq!(late.now_or_never(), Some(()));
    }
}
