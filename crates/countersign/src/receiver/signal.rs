//! A signal that is given once and may be waited for by several tasks.

use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, MutexGuard};

#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    given: bool,
    waiting: Vec<Waker>,
}

impl Signal {
    /// Gives the signal.
    pub(crate) fn give(&self) {
        let waiting = {
            let mut state = self.state();
            state.given = true;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn is_given(&self) -> bool {
        self.state().given
    }

    /// Ready once the signal was given.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.given {
            return Poll::Ready(());
        }
        if !state
            .waiting
            .iter()
            .any(|waker| waker.will_wake(cx.waker()))
        {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    pub(crate) async fn given(&self) {
        std::future::poll_fn(|cx| self.poll(cx)).await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
