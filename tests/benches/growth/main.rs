//! How cost grows with what a sender can choose, and with how much is remembered:
//! `cargo bench -p countersign-tests --bench growth`.
//!
//! Prints tables in markdown. A word behind `--` picks a part: `bodies`, `signatures`, `headers` or `ids`.
//! A report, and no test. `-- --quick` is over in half a minute, and says little.

#![forbid(unsafe_code)]

#[path = "../../../crates/countersign/benches/budgets/deliveries.rs"]
#[expect(dead_code, reason = "the bare MAC is for the budgets")]
mod deliveries;
mod heads;
mod ids;
#[path = "../scale/keys.rs"]
mod keys;
#[path = "../../../crates/countersign/benches/budgets/measure.rs"]
#[expect(dead_code, reason = "the budgets have a time of their own")]
mod measure;

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use countersign::{ErrorKind, Verifier};
use http::Request;

use self::deliveries::{Style, body, now};
use self::measure::{contestant, race_for};

/// What is measured, and printed.
type Part = fn(Effort);

/// How long the contestants of a table are measured, together.
#[derive(Debug, Clone, Copy)]
struct Effort {
    time: Duration,
    /// The most ids that a store is filled with.
    ids: usize,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = |option: &str| words.iter().any(|word| word == option);
    // What `cargo test --benches` asks for is to be over at once.
    if asked("--test") {
        return;
    }
    let effort = match asked("--quick") {
        true => Effort {
            time: Duration::from_millis(200),
            ids: 100_000,
        },
        false => Effort {
            time: Duration::from_secs(10),
            ids: 10_000_000,
        },
    };
    let parts: [(&str, Part); 4] = [
        ("bodies", bodies),
        ("signatures", heads::signatures),
        ("headers", heads::refusals),
        ("ids", ids::claims),
    ];
    let wanted = words.iter().find(|word| !word.starts_with('-'));
    for (name, run) in parts {
        if wanted.is_none_or(|wanted| wanted == name) {
            run(effort);
        }
    }
}

/// Verifying bodies of 256 bytes to 16 MiB: a byte should cost the same in all that are not small.
fn bodies(effort: Effort) {
    const LARGEST: usize = 16 << 20;
    println!(
        "\n| bytes of the body | {} |",
        STYLES.map(Style::name).join(" | ")
    );
    println!("|---|---|---|---|");
    let mut length = 256;
    while length <= LARGEST {
        let deliveries = STYLES.map(|style| {
            let mut delivery = style.delivery(body(length));
            delivery.verifier = delivery.verifier.with_body_limit(LARGEST);
            delivery
        });
        let mut contestants = deliveries.each_ref().map(|delivery| {
            contestant(|| verdict(&delivery.verifier, &delivery.request, &delivery.body))
        });
        let times = race_for(effort.time, &mut contestants);
        let cells: Vec<String> = (times.iter())
            .map(|time| format!("{time:.0} ns, {:.3} a byte", time / length as f64))
            .collect();
        println!("| {length} | {} |", cells.join(" | "));
        length *= 4;
    }
}

const STYLES: [Style; 3] = [Style::Github, Style::Stripe, Style::StandardWebhooks];

/// Why a delivery is refused, if it is.
fn verdict(verifier: &Verifier, request: &Request<()>, body: &Bytes) -> Option<ErrorKind> {
    let (request, body) = (black_box(request), black_box(body).clone());
    let verdict = black_box(verifier).verify(request, body, black_box(now()));
    // Looked at where it lies.
    black_box(&verdict).as_ref().err().map(|error| error.kind())
}
