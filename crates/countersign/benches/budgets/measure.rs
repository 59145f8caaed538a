//! Timing on a machine that does other things too.

use std::time::{Duration, Instant};

/// How long a round of one contestant should take, in nanoseconds: short enough that most rounds
/// are not interrupted, long enough that reading the clock does not show.
const ROUND: f64 = 20_000.0;

/// How long a race goes on: long enough that a compiler on the other core takes a breath.
const RACE: Duration = Duration::from_millis(1500);

/// Something to be timed: does its work as often as it is told.
pub(crate) type Contestant<'a> = Box<dyn FnMut(u32) + 'a>;

/// A contestant that calls `work`.
pub(crate) fn contestant<'a, T>(mut work: impl FnMut() -> T + 'a) -> Contestant<'a> {
    Box::new(move |times| {
        for _ in 0..times {
            std::hint::black_box(work());
        }
    })
}

/// Nanoseconds a call of each contestant: the least of many short rounds, in which all of them
/// take turns. Other programs only ever add time, so the least is what the work itself costs.
pub(crate) fn race<const N: usize>(mut contestants: [Contestant<'_>; N]) -> [f64; N] {
    let best = race_for(RACE, &mut contestants);
    best.try_into().expect("one each")
}

/// The same for `time`, among as many as there are.
pub(crate) fn race_for(time: Duration, contestants: &mut [Contestant<'_>]) -> Vec<f64> {
    let calls: Vec<u32> = contestants.iter_mut().map(calls_a_round).collect();
    let mut best = vec![f64::INFINITY; contestants.len()];
    let start = Instant::now();
    while start.elapsed() < time {
        for ((contestant, calls), best) in contestants.iter_mut().zip(&calls).zip(&mut best) {
            *best = best.min(round(contestant, *calls));
        }
    }
    best
}

/// How many calls fill a round.
fn calls_a_round(contestant: &mut Contestant<'_>) -> u32 {
    // What takes longer than a round needs no closer look.
    let alone = (0..3).map(|_| round(contestant, 1));
    if alone.fold(f64::INFINITY, f64::min) > 10.0 * ROUND {
        return 1;
    }
    let once = (0..20)
        .map(|_| round(contestant, 10))
        .fold(f64::INFINITY, f64::min);
    (ROUND / once).clamp(1.0, 10_000.0) as u32
}

fn round(contestant: &mut Contestant<'_>, calls: u32) -> f64 {
    let start = Instant::now();
    contestant(calls);
    start.elapsed().as_nanos() as f64 / f64::from(calls)
}
