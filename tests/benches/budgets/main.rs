//! The budgets of the adapters: `cargo bench -p countersign-tests --bench budgets`.
//!
//! Prints one line a budget, `budget NAME VALUE LIMIT ok|over`, and judges nothing: the exit code
//! is 0 always. A word behind `--`, such as `gate`, runs the lines that begin with it alone. Where there is
//! valgrind, the instructions of a request are counted too.

#![forbid(unsafe_code)]

#[path = "../shared/actix.rs"]
#[expect(dead_code, reason = "only `http` has a handler without a check")]
mod actix;
#[path = "../shared/axum.rs"]
#[expect(dead_code, reason = "only `http` has a handler without a check")]
mod axum;
#[path = "../shared/by_hand.rs"]
mod by_hand;
#[path = "../../../crates/countersign/benches/budgets/callgrind.rs"]
mod callgrind;
#[path = "../shared/client.rs"]
mod client;
mod copies;
#[path = "../shared/deliveries.rs"]
mod deliveries;
mod forged;
mod limits;
#[path = "../shared/measure.rs"]
mod measure;
mod redis;
#[path = "../../../crates/countersign/benches/budgets/report.rs"]
mod report;
mod requests;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == callgrind::COUNT) {
        return requests::count(&words);
    }
    let groups: [(&str, fn()); 6] = [
        ("layer", requests::without_a_store),
        ("gate", requests::with_the_memory_store),
        ("instructions", requests::instructions),
        ("copies", copies::from_socket_to_handler),
        ("forged", forged::at_real_servers),
        ("redis", redis::round_trips),
    ];
    // Cargo adds options of its own; the first word is ours.
    let wanted = words.iter().find(|word| !word.starts_with('-'));
    for (name, run) in groups {
        if wanted.as_ref().is_none_or(|wanted| *wanted == name) {
            run();
        }
    }
}
