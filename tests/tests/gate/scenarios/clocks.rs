//! Wall clocks that stand at the edge of the window, or step.

use std::sync::Arc;
use std::time::Duration;

use countersign::{MemoryStore, UnixTime, provider};
use countersign_testkit::ManualClock;

use crate::deliveries::{shop, signed, signed_at};
use crate::sender::Post;
use crate::site::{Route, Runs, Site};
use crate::stage::{Kind, Shelf, Stage};

const START: UnixTime = UnixTime::from_secs(1_800_000_000);

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Signed 300 seconds ahead, the furthest that passes, and committed; retention is at its minimum,
/// and the store has a clock of its own.
struct Replay {
    clock: ManualClock,
    store_clock: ManualClock,
    post: Post,
    runs: Runs,
    site: Site,
}

impl Replay {
    fn new(stage: &Stage) -> Replay {
        let (clock, store_clock) = (ManualClock::new(START), ManualClock::new(START));
        // The clocks of servers are their machine's, and stay as they are.
        let store = match stage.kind {
            Kind::Memory => {
                let store = MemoryStore::new(16.try_into().unwrap());
                let store = store.with_clock(Arc::new(store_clock.clone()));
                Shelf::new(store, || unreachable!("nobody asks"))
            }
            _ => stage.store(),
        };
        let minimum = secs(300 + 300 + 3600 + 60);
        assert!(
            shop().with_retention(minimum - secs(1)).is_err(),
            "the minimum"
        );
        let receiver = stage
            .shop()
            .with_retention(minimum)
            .unwrap()
            .with_store(store);
        let runs = Runs::default();
        let route = Route::new("/hook", receiver, runs.at_once(201)).with_clock(clock.clone());
        let at = UnixTime::from_secs(START.as_secs() + 300);
        let replay = Replay {
            clock,
            store_clock,
            post: signed_at(&provider::fedapay(), r#"{"id":"a"}"#, at),
            runs,
            site: Site::with(stage.framework, [route]),
        };
        assert_eq!(replay.site.connect().send(&replay.post).status, 201);
        replay
    }

    fn pass(&self, time: Duration) {
        self.store_clock.advance(time);
        self.clock.advance(time);
    }

    #[track_caller]
    fn is_a_duplicate(&self) {
        let answer = self.site.connect().send(&self.post);
        assert!(answer.is_duplicate(), "{answer:?}");
        assert_eq!(self.runs.number(), 1);
    }

    #[track_caller]
    fn is_outside_the_window(&self) {
        assert_eq!(self.site.connect().send(&self.post).status, 401);
        assert_eq!(self.runs.number(), 1);
    }
}

/// S12
pub fn end_of_the_window(stage: &Stage) {
    let replay = Replay::new(stage);
    replay.pass(secs(599));
    replay.is_a_duplicate();
    replay.pass(secs(1));
    replay.is_a_duplicate();
    // The receiver's clock goes back 10 minutes, and the window is open for as long again.
    replay.clock.step(-600_000);
    replay.is_a_duplicate();
    replay.pass(secs(600));
    replay.is_a_duplicate();
    // The store's clock is an hour ahead.
    replay.store_clock.advance(secs(3600) - secs(600));
    replay.is_a_duplicate();
    replay.pass(secs(1));
    replay.is_outside_the_window();

    let replay = Replay::new(stage);
    replay.pass(secs(600));
    replay.store_clock.advance(secs(3600));
    replay.is_a_duplicate();
}

/// S18
pub fn no_signed_time(stage: &Stage) {
    let runs = Runs::default();
    let clock = ManualClock::new(START);
    let route = Route::new(
        "/hook",
        stage.receiver("cards", provider::fourpay()),
        runs.at_once(201),
    );
    let site = Site::with(stage.framework, [route.with_clock(clock.clone())]);
    let post = signed(&provider::fourpay(), r#"{"cardUuid":"c"}"#);
    assert_eq!(site.connect().send(&post).status, 201);
    for step in [-600_000, 600_000, 3_600_000] {
        clock.step(step);
        assert!(site.connect().send(&post).is_duplicate(), "{step}");
    }
    assert_eq!(runs.number(), 1);
}
