//! CPU time of a thread on a machine that does other things too.

use rustix::time::{ClockId, clock_gettime};

/// How many requests a round takes: long enough that reading the clock does not show.
pub(crate) const ROUND: usize = 32;

/// How many rounds each contestant has.
const ROUNDS: usize = 3000;

/// Nanoseconds that this thread has been running. What other programs take of the core does not
/// count, but what they do to its caches does.
pub(crate) fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// Nanoseconds a request of each contestant: the least of many short rounds, in which all of them
/// take turns. Other programs only ever add time, so the least is what the work itself costs.
///
/// A contestant does one round and says how long it took.
pub(crate) fn race<const N: usize>(mut contestants: [Box<dyn FnMut() -> f64 + '_>; N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..ROUNDS {
        for (contestant, best) in contestants.iter_mut().zip(&mut best) {
            *best = best.min(contestant() / ROUND as f64);
        }
    }
    best
}

/// Prints the line of a ratio, and the times it was made of.
pub(crate) fn ratio(name: &str, [ours, theirs]: [f64; 2], limit: f64) {
    budget(name, ours / theirs, limit);
    println!("    {ours:.0} ns against {theirs:.0} ns");
}

/// Prints the line of one budget.
pub(crate) fn budget(name: &str, value: f64, limit: f64) {
    let verdict = if value <= limit { "ok" } else { "over" };
    println!("budget {name} {} {limit} {verdict}", rounded(value));
}

/// Three decimals for ratios, none for what is counted.
fn rounded(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value}")
    } else {
        format!("{value:.3}")
    }
}
