//! The budgets of the core: `cargo bench -p countersign --bench budgets`.
//!
//! Prints one line a budget, `budget NAME VALUE LIMIT ok|over`, and judges nothing: the exit code
//! is 0 always. Ratios are taken within one run, with the contestants in turn. A word behind `--`,
//! such as `verify`, runs the lines that begin with it alone. Where there is valgrind, the instructions of some
//! are counted too.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::panic,
    reason = "a bench prints, and has nobody to hand an error to"
)]

mod allocations;
mod callgrind;
mod deliveries;
mod identify;
mod limits;
mod measure;
mod memory;
mod report;
mod stream;
mod verify;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == callgrind::COUNT) {
        return verify::count(&words);
    }
    let groups: [(&str, fn()); 8] = [
        ("verify", verify::against_the_bare_mac),
        ("instructions", verify::instructions),
        ("handwritten", verify::against_hand_written_code),
        ("alloc", verify::allocations),
        ("refuse", verify::refusals),
        ("identify", identify::against_the_mac),
        ("stream", stream::ten_mebibytes),
        ("memory", memory::all),
    ];
    // Cargo adds options of its own; the first word is ours.
    let wanted = words.iter().find(|word| !word.starts_with('-'));
    for (name, run) in groups {
        if wanted.as_ref().is_none_or(|wanted| *wanted == name) {
            run();
        }
    }
}
