//! The same deliveries through countersign and through other public crates:
//! `cargo bench -p countersign-tests --bench peers --features peers`.
//!
//! Prints tables in markdown, of every cell: how long each peer takes against countersign (above 1
//! countersign is ahead), and what each asks of the allocator. The contestants of a cell take turns in
//! many short rounds, and the least round of each counts. A report, and no test: the exit code says only
//! that all of them took the deliveries. `-- --quick` is over in half a minute, and says little.
//!
//! Each is used as its documentation says, by a merchant who has a `HeaderMap` and the body's bytes, and
//! each reads the clock where it needs one. What a crate allows to be prepared once is prepared once.
//!
//! `async-stripe-webhook` cannot verify alone: it decodes the event too. The bodies are no JSON, so that
//! its decoder gives up at the first byte; it gets there only if the signature was good, and so its
//! `BadParse` counts as verified. What that failure costs (two or three small allocations) is in its
//! numbers.

// Without the feature there is nothing to compare with.
#[cfg(feature = "peers")]
#[path = "../../../crates/countersign/benches/budgets/allocations.rs"]
#[expect(dead_code, reason = "what is held is for the budgets")]
mod allocations;
#[cfg(feature = "peers")]
#[path = "../../../crates/countersign/benches/budgets/deliveries.rs"]
#[expect(dead_code, reason = "the budgets have their own clock")]
mod deliveries;
#[cfg(feature = "peers")]
#[path = "../../../crates/countersign/benches/budgets/measure.rs"]
#[expect(dead_code, reason = "nothing here has a limit")]
mod measure;
#[cfg(feature = "peers")]
mod tables;
#[cfg(feature = "peers")]
mod theirs;

use std::process::ExitCode;

fn main() -> ExitCode {
    let asked = |option: &str| std::env::args().any(|word| word == option);
    // What `cargo test --benches` asks for is to be over at once.
    if asked("--test") {
        return ExitCode::SUCCESS;
    }
    #[cfg(feature = "peers")]
    {
        tables::print(asked("--quick"));
        ExitCode::SUCCESS
    }
    #[cfg(not(feature = "peers"))]
    {
        eprintln!("run `cargo bench -p countersign-tests --bench peers --features peers`");
        ExitCode::FAILURE
    }
}
