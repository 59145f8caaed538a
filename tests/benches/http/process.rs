//! In process, where a few nanoseconds show.

use countersign::MemoryStore;

use crate::allocations::counted;
use crate::deliveries::receiver;
use crate::measure::{Contestant, race, runtime};
use crate::traffic::{Kind, SIZES, Traffic, Who};
use crate::{actix, axum};

/// About how many bytes a round takes, and how many requests at most.
const ROUND: usize = 2 << 20;
const REQUESTS: usize = 32;

/// About how many bytes each contestant is sent in all, and how many rounds it has at most.
const ALL: usize = 1 << 30;
const ROUNDS: usize = 2000;

pub(crate) fn print(quick: bool) {
    println!(
        "\n| in process, CPU time | | | no check | by hand | countersign | / by hand | allocations: no check | by hand | countersign |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for kind in Kind::ALL {
        for size in SIZES {
            through_axum(kind, size, quick);
            through_actix(kind, size, quick);
        }
    }
}

fn through_axum(kind: Kind, size: (usize, &str), quick: bool) {
    let runtime = runtime();
    let layered = axum::layered(receiver(MemoryStore::default()));
    let through = |app, who| Box::new(axum::through(&runtime, app, kind.status(who)));
    let contestants: [Contestant<'_>; 3] = [
        through(axum::bare(), Who::Nobody),
        through(axum::inline(), Who::ByHand),
        through(layered, Who::Countersign),
    ];
    row("axum", kind, size, quick, contestants);
}

fn through_actix(kind: Kind, size: (usize, &str), quick: bool) {
    let system = actix_web::rt::System::new();
    let layered = actix::layered(receiver(MemoryStore::default()));
    let status = |who| kind.status(who);
    let contestants: [Contestant<'_>; 3] = [
        Box::new(actix::through(&system, actix::bare(), status(Who::Nobody))),
        Box::new(actix::through(
            &system,
            actix::inline(),
            status(Who::ByHand),
        )),
        Box::new(actix::through(&system, layered, status(Who::Countersign))),
    ];
    row("actix-web", kind, size, quick, contestants);
}

/// Measures and prints one row: the contestants are no check, the check by hand, and countersign.
fn row(
    framework: &str,
    kind: Kind,
    (length, size): (usize, &str),
    quick: bool,
    mut contestants: [Contestant<'_>; 3],
) {
    let traffic = Traffic::new(kind, length);
    // Among so many that what a table or a queue asks for once does not show.
    let requests = (ROUND / length).clamp(1, REQUESTS);
    let allocations = contestants.each_mut().map(|contestant| {
        // The first request makes what is made once, and the first duplicate is none.
        contestant(traffic.take(1));
        let deliveries = traffic.take(requests);
        let ((), asked) = counted(|| contestant(deliveries));
        asked.calls as f64 / requests as f64
    });
    let rounds = match quick {
        true => 2,
        false => (ALL / length / requests).clamp(50, ROUNDS),
    };
    let times = race(rounds, &mut contestants, || traffic.take(requests));
    let [nobody, by_hand, countersign] = times;
    let micros = |nanos: f64| format!("{:.2} µs", nanos / 1000.0);
    println!(
        "| {framework} | {} | {size} | {} | {} | {} | {:.2} | {:.1} | {:.1} | {:.1} |",
        kind.name(),
        micros(nobody),
        micros(by_hand),
        micros(countersign),
        countersign / by_hand,
        allocations[0],
        allocations[1],
        allocations[2],
    );
}
