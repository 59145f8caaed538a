//! A large body in many chunks: its memory, and how soon after the last chunk the verdict stands.

use std::time::Instant;

use bytes::Bytes;

use crate::allocations::counted;
use crate::deliveries::{Delivery, Style, body, now};
use crate::report::budget;

const LENGTH: usize = 10 << 20;
const RUNS: usize = 15;

pub(crate) fn ten_mebibytes() {
    let mut delivery = Style::FedaPay.delivery(body(LENGTH));
    delivery.verifier = delivery.verifier.with_body_limit(LENGTH);

    let mut peak = 0f64;
    let mut verdict = f64::INFINITY;
    for chunk in [16 << 10, 64 << 10] {
        let ((), asked) = counted(|| {
            run(&delivery, chunk);
        });
        peak = peak.max(asked.peak as f64 / LENGTH as f64);
        let fastest = (0..RUNS)
            .map(|_| run(&delivery, chunk))
            .fold(f64::INFINITY, f64::min);
        verdict = if verdict.is_finite() {
            verdict.max(fastest)
        } else {
            fastest
        };
    }
    budget("stream.peak", peak);
    budget("stream.verdict", verdict);
}

/// Microseconds from the last chunk to the verdict, the last chunk's own hash included.
fn run(delivery: &Delivery, size: usize) -> f64 {
    let mut verification = delivery.verifier.begin(&delivery.request).expect("a head");
    verification
        .expect(LENGTH as u64)
        .expect("within the limit");
    let mut last_chunk = Instant::now();
    for chunk in delivery.body.chunks(size) {
        // A chunk has memory of its own, as one from a socket has.
        let chunk = Bytes::copy_from_slice(chunk);
        last_chunk = Instant::now();
        verification.update(chunk).expect("within the limit");
    }
    verification.finish(now()).expect("genuine");
    last_chunk.elapsed().as_nanos() as f64 / 1000.0
}
