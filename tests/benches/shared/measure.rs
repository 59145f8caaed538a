//! CPU time of a thread on a machine that does other things too.

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

use crate::deliveries::Delivery;

/// Takes deliveries where they are verified.
pub(crate) type Contestant<'a> = Box<dyn FnMut(Vec<Delivery>) + 'a>;

/// Nanoseconds a delivery of each contestant: the least of many short rounds, in which all of them
/// take turns. Other programs only ever add time, so the least is what the work itself costs. The
/// deliveries of a round are made before its time begins.
pub(crate) fn race<const N: usize>(
    rounds: usize,
    contestants: &mut [Contestant<'_>; N],
    deliveries: impl Fn() -> Vec<Delivery>,
) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..rounds {
        for (contestant, best) in contestants.iter_mut().zip(&mut best) {
            let deliveries = deliveries();
            let count = deliveries.len() as f64;
            let start = cpu_time();
            contestant(deliveries);
            *best = best.min((cpu_time() - start) / count);
        }
    }
    best
}

/// Nanoseconds that this thread has been running. What other programs take of the core does not
/// count, but what they do to its caches does.
fn cpu_time() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

/// A runtime on this thread alone.
pub(crate) fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}
