//! Both adapters beside a handler that makes the same check by hand, and beside no check at all:
//! `cargo bench -p countersign-tests --bench http`.
//!
//! Two parts, of which a word behind `--` picks one. `process` takes requests through router and app in
//! process: the least CPU time of many short rounds in turn, and allocations. `load` starts each as a
//! server of its own and sends to it over loopback on connections that are kept: requests a second, CPU
//! time a request, how long an answer takes. What `load` prints differs by its first two rows of a table
//! even where nothing differs: they are the same server twice.
//!
//! A report, and no test: the exit code says only that each was answered as it has to be. `-- --quick` is
//! over in a minute or two, and says little.

#[path = "../shared/actix.rs"]
mod actix;
#[path = "../../../crates/countersign/benches/budgets/allocations.rs"]
#[expect(dead_code, reason = "what is held is for the budgets")]
mod allocations;
#[path = "../shared/axum.rs"]
mod axum;
#[path = "../shared/by_hand.rs"]
mod by_hand;
#[path = "../shared/client.rs"]
mod client;
#[path = "../shared/deliveries.rs"]
#[expect(
    dead_code,
    reason = "the budgets have a store of their own to look into"
)]
mod deliveries;
mod load;
#[path = "../shared/measure.rs"]
mod measure;
mod process;
mod servers;
mod traffic;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = |option: &str| words.iter().any(|word| word == option);
    // What `cargo test --benches` asks for is to be over at once.
    if asked("--test") {
        return;
    }
    let mut named = words.iter().filter(|word| !word.starts_with('-'));
    match named.next().map(String::as_str) {
        None => {
            process::print(asked("--quick"));
            load::print(asked("--quick"));
        }
        Some("process") => process::print(asked("--quick")),
        Some("load") => load::print(asked("--quick")),
        Some(servers::SERVE) => {
            let names: Vec<&str> = named.map(String::as_str).collect();
            servers::serve(&names);
        }
        Some(other) => eprintln!("there is no part `{other}`, but `process` and `load`"),
    }
}
