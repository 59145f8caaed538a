//! What tests and handlers tell each other. Nothing here sleeps: whoever waits is woken.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

/// A bound on failure: nothing waits as long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again whether something has come about that nobody tells of.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it never came about: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A number that only grows, and can be waited for. Clones are the same one.
#[derive(Clone, Default)]
pub struct Tally(Arc<(Mutex<usize>, Condvar)>);

impl Tally {
    pub fn add(&self) {
        *self.0.0.lock().unwrap() += 1;
        self.0.1.notify_all();
    }

    pub fn get(&self) -> usize {
        *self.0.0.lock().unwrap()
    }

    /// Waits until it is at least `number`.
    #[track_caller]
    pub fn reach(&self, number: usize) {
        let count = self.0.0.lock().unwrap();
        let waited = self
            .0
            .1
            .wait_timeout_while(count, PATIENCE, |n| *n < number);
        let (count, _) = waited.unwrap();
        assert!(*count >= number, "{count} of {number}");
    }

    /// Adds one when the guard is dropped.
    pub fn on_drop(&self) -> OnDrop {
        OnDrop(self.clone())
    }
}

pub struct OnDrop(Tally);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// Leave to go on, given by a test to handlers that await it.
#[derive(Clone)]
pub struct Leave(Arc<Semaphore>);

impl Default for Leave {
    fn default() -> Self {
        Leave(Arc::new(Semaphore::new(0)))
    }
}

impl Leave {
    /// Lets so many handlers go on, now or later.
    pub fn give(&self, handlers: usize) {
        self.0.add_permits(handlers);
    }

    pub async fn wait(&self) {
        self.0.acquire().await.expect("never closed").forget();
    }
}

/// A thread that is held up until the test lets it go: all of them from then on.
#[derive(Clone, Default)]
pub struct Block(Arc<(Mutex<bool>, Condvar)>);

impl Block {
    pub fn lift(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    /// Holds up the thread it is called on.
    pub fn hold(&self) {
        let lifted = self.0.0.lock().unwrap();
        let waited = self
            .0
            .1
            .wait_timeout_while(lifted, PATIENCE, |lifted| !*lifted);
        drop(waited.unwrap());
    }
}

/// A test that fails must not leave threads behind that hold up the others.
pub struct LiftAtTheEnd(pub Block);

impl Drop for LiftAtTheEnd {
    fn drop(&mut self) {
        self.0.lift();
    }
}
