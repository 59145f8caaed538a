//! The core's clock, made of tokio's timers, and the thread its keeper lives on.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use countersign::{Clock, Gate, Receiver, Sleep, UnixTime};

pub(crate) struct TokioClock {
    origin: Instant,
}

impl TokioClock {
    pub(crate) fn new() -> Self {
        TokioClock {
            origin: Instant::now(),
        }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> UnixTime {
        SystemTime::now().into()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        // A timer belongs to the runtime that polls it, which may be another than the one here.
        Box::pin(async move { tokio::time::sleep(duration).await })
    }
}

/// Puts a receiver to work. Its keeper gets a thread of its own, which no handler can block.
pub(crate) fn open(receiver: &Receiver, clock: Arc<dyn Clock>) -> Gate {
    let (gate, keeper) = receiver.open(clock);
    // Whether or not anybody observes: what is dangerous is said aloud, once.
    for warning in gate.take_warnings() {
        tracing::warn!(target: "countersign", endpoint = receiver.endpoint(), "{warning}");
    }
    if let Some(keeper) = keeper {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let spawned = runtime.and_then(|runtime| {
            let name = "countersign".to_owned();
            std::thread::Builder::new()
                .name(name)
                .spawn(move || runtime.block_on(keeper))
        });
        // Without its keeper nothing is renewed and nothing retried: better no server than that.
        #[expect(
            clippy::panic,
            reason = "at construction only, when the system has no thread left"
        )]
        if let Err(error) = spawned {
            panic!("no thread for the receiver's background work: {error}");
        }
    }
    gate
}
