//! What the operator is told: why a database fails, since the sender sees a 503 whatever it is.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often it is told that a database fails, however often it does.
const REMINDER: Duration = Duration::from_secs(30);

/// The log of one store. It is given the words of the database, and none of them are a password, an id
/// or a key: statements and their values are never in them.
pub(crate) struct Operator {
    store: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When it was last told of a failure.
    told: Option<Instant>,
    /// It was told of one, and of no answer since.
    is_failing: bool,
}

impl Operator {
    /// `store` is what the log calls it.
    pub(crate) fn new(store: String) -> Self {
        Operator {
            store,
            state: Mutex::default(),
        }
    }

    /// Also where it fails and answers by turns, no more is told than this and an end to it a period.
    pub(crate) fn fails(&self, cause: &dyn Display) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.told.is_some_and(|told| told.elapsed() < REMINDER) {
            return;
        }
        *state = State {
            told: Some(Instant::now()),
            is_failing: true,
        };
        drop(state);
        let store = &self.store;
        tracing::warn!(target: "countersign::sqlx", "{store} fails as dedupe store: {cause}");
    }

    pub(crate) fn answers(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::take(&mut state.is_failing) {
            return;
        }
        drop(state);
        let store = &self.store;
        tracing::info!(target: "countersign::sqlx", "{store} answers again as dedupe store");
    }
}
