//! What the adapters cost a request, against a handler with the same check written inline.

use countersign::{MemoryStore, Receiver};

use crate::deliveries::{Delivery, fresh, receiver};
use crate::measure::{Contestant, race, runtime};
use crate::report::ratio;
use crate::{actix, axum};

/// How many requests a round takes: long enough that reading the clock does not show.
const ROUND: usize = 32;

/// How many rounds each contestant has.
const ROUNDS: usize = 3000;

/// With the same delivery again and again.
pub(crate) fn without_a_store() {
    for length in [1024, 65536] {
        let receiver = || receiver(MemoryStore::default()).without_dedupe();
        let delivery = fresh(length);
        through("layer", length, receiver, || delivery.clone());
    }
}

pub(crate) fn with_the_memory_store() {
    let receiver = || receiver(MemoryStore::default());
    through("gate", 1024, receiver, || fresh(1024));
}

/// One line of this name a framework.
fn through(
    name: &str,
    length: usize,
    receiver: impl Fn() -> Receiver,
    next: impl Fn() -> Delivery,
) {
    let line = |framework: &str, mut contestants: [Contestant<'_>; 2]| {
        let times = race(ROUNDS, &mut contestants, || {
            (0..ROUND).map(|_| next()).collect()
        });
        ratio(&format!("{name}.{framework}.{length}"), times);
    };
    let runtime = runtime();
    line(
        "axum",
        [
            Box::new(axum::through(&runtime, axum::layered(receiver()), 200)),
            Box::new(axum::through(&runtime, axum::inline(), 200)),
        ],
    );
    let system = actix_web::rt::System::new();
    line(
        "actix",
        [
            Box::new(actix::through(&system, actix::layered(receiver()), 200)),
            Box::new(actix::through(&system, actix::inline(), 200)),
        ],
    );
}
