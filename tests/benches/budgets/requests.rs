//! What the adapters cost a request, against a handler with the same check written inline.

use countersign::{MemoryStore, Receiver};

use crate::callgrind;
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

/// The instructions of a request, as `layer.*.1024` and `gate.*.1024` make it.
pub(crate) fn instructions() {
    for line in ["layer", "gate"] {
        for framework in ["axum", "actix"] {
            callgrind::report(&format!("{line}.{framework}.1024"), &[line, framework]);
        }
    }
}

/// Makes as many requests as `count LINE FRAMEWORK ours|theirs CALLS` says.
pub(crate) fn count(words: &[String]) {
    let [_, line, framework, who, calls, ..] = words else {
        panic!("{words:?}");
    };
    let receiver = match line.as_str() {
        "layer" => receiver(MemoryStore::default()).without_dedupe(),
        _ => receiver(MemoryStore::default()),
    };
    // Signed here, and so counted, in the same way for both.
    let deliveries: Vec<Delivery> = (0..calls.parse().expect("a number"))
        .map(|_| fresh(1024))
        .collect();
    let ours = who == "ours";
    match framework.as_str() {
        "axum" => {
            let runtime = runtime();
            let app = if ours {
                axum::layered(receiver)
            } else {
                axum::inline()
            };
            axum::through(&runtime, app, 200)(deliveries);
        }
        _ => {
            let system = actix_web::rt::System::new();
            match ours {
                true => actix::through(&system, actix::layered(receiver), 200)(deliveries),
                false => actix::through(&system, actix::inline(), 200)(deliveries),
            }
        }
    }
}
