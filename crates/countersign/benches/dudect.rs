//! Whether the time of a refusal tells how much of a signature was right, in the manner of dudect
//! (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?"): `cargo bench -p countersign
//! --bench dudect`, whose runs are recorded in `docs/hardness.md`.
//!
//! Two classes of wrong signatures are verified in random order. Welch's t is taken over their times,
//! whole and cropped at several percentiles, since a leak may hide under interrupts; the largest |t|
//! counts. The exit code is 1 if a class can be told from the other, or if that of a comparison which
//! stops at the first difference cannot: a test that sees nothing proves nothing.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench prints, and has nobody to hand an error to"
)]

#[path = "budgets/deliveries.rs"]
#[expect(dead_code, reason = "the budgets use the rest")]
mod deliveries;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use bytes::Bytes;
use countersign::ErrorKind;
use hmac::Mac as _;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use self::deliveries::{KEY, NOW, Style, body, mac, now, request, tag};

/// Times taken of each class.
const SAMPLES: usize = 400_000;

/// New inputs are made after so many, in random order: else the places in memory of one class's would
/// be the difference that is found.
const INPUTS: usize = 200;

/// dudect's own limit: beyond it the classes differ.
const LIMIT: f64 = 10.0;

/// The percentiles at which times are cropped.
const CROPS: [f64; 7] = [0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];

/// How two classes of wrong tags differ.
#[derive(Clone, Copy)]
enum Pair {
    /// The first byte is wrong, or the last.
    Ends,
    /// The first half is right, or the second.
    Halves,
    /// They do not differ: what the machine alone makes of it.
    Same,
}

impl Pair {
    fn spoil(self, tag: &mut [u8], class: usize, random: &mut SmallRng) {
        let length = tag.len();
        let wrong = match (self, class) {
            (Pair::Ends, 0) => 0..1,
            (Pair::Ends, _) => length - 1..length,
            (Pair::Halves, 0) => length / 2..length,
            (Pair::Halves, _) => 0..length / 2,
            (Pair::Same, _) => 0..length,
        };
        for byte in &mut tag[wrong] {
            *byte ^= random.random_range(1..=u8::MAX);
        }
    }

    fn name(self) -> &'static str {
        match self {
            Pair::Ends => "ends",
            Pair::Halves => "halves",
            Pair::Same => "same",
        }
    }
}

fn main() -> ExitCode {
    let seed = rand::random();
    println!("seed {seed}, {SAMPLES} samples a class");
    let mut random = SmallRng::seed_from_u64(seed);
    let mut as_it_should = true;
    for style in [Style::Github, Style::Stripe, Style::StandardWebhooks] {
        for pair in [Pair::Ends, Pair::Halves, Pair::Same] {
            let name = format!("{}.{}", style.name(), pair.name());
            as_it_should &= !leaks(&name, verify(style, pair, &mut random));
        }
    }
    as_it_should &= leaks("control.4096-bytes", naive_comparison(&mut random));
    as_it_should &= leaks("control.naive-github", naive_verification(&mut random));
    if as_it_should {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The subject: a verifier that is sent one wrong signature or another. Each is of another body, so
/// that what is received looks the same in both classes: a decoder may look at it, since its sender
/// knows it, and only what it has to do with the right one must not be told.
fn verify(style: Style, pair: Pair, random: &mut SmallRng) -> [Vec<f64>; 2] {
    let verifier = style.verifier(&[KEY]);
    measure(
        random,
        |class, random| {
            let body: [u8; 64] = random.random();
            let mut tag = tag(KEY, &style.signed(NOW, &body));
            pair.spoil(&mut tag, class, random);
            let request = request(&style.headers(NOW, &[tag]));
            (request, Bytes::copy_from_slice(&body))
        },
        |(request, body)| {
            let verdict = verifier.verify(black_box(request), body.clone(), now());
            verdict.is_err_and(|error| error.kind() == ErrorKind::SignatureMismatch)
        },
    )
}

/// A control that nobody can miss: byte by byte over a long input.
fn naive_comparison(random: &mut SmallRng) -> [Vec<f64>; 2] {
    let right = vec![7; 4096];
    measure(
        random,
        |class, random| {
            let mut input = right.clone();
            Pair::Ends.spoil(&mut input, class, random);
            input
        },
        |input| !stops_early(black_box(&right), input),
    )
}

/// A control as faint as the real mistake: GitHub's check by hand, and its 32 bytes compared like that.
fn naive_verification(random: &mut SmallRng) -> [Vec<f64>; 2] {
    let body = body(64);
    let (keyed, right) = (mac(KEY), tag(KEY, &body));
    measure(
        random,
        |class, random| {
            let mut tag = right;
            Pair::Ends.spoil(&mut tag, class, random);
            tag
        },
        |tag| {
            let mac = keyed.clone().chain_update(black_box(&body));
            !stops_early(&mac.finalize().into_bytes(), tag)
        },
    )
}

#[inline(never)]
fn stops_early(left: &[u8], right: &[u8]) -> bool {
    left.iter()
        .zip(right)
        .all(|(left, right)| black_box(left) == black_box(right))
}

/// Times in nanoseconds of refusals of inputs of each class, in random order.
fn measure<T>(
    random: &mut SmallRng,
    input: impl Fn(usize, &mut SmallRng) -> T,
    refuses: impl Fn(&T) -> bool,
) -> [Vec<f64>; 2] {
    let mut times = [Vec::with_capacity(SAMPLES), Vec::with_capacity(SAMPLES)];
    while times[0].len() < SAMPLES {
        let mut classes: Vec<usize> = (0..INPUTS).map(|n| n % 2).collect();
        classes.shuffle(random);
        let inputs: Vec<_> = classes
            .into_iter()
            .map(|class| (class, input(class, random)))
            .collect();
        // The first round warms up.
        for round in 0..5 {
            for (class, input) in &inputs {
                let start = Instant::now();
                let refused = black_box(refuses(black_box(input)));
                let time = start.elapsed();
                assert!(refused, "it was genuine");
                if round > 0 {
                    times[*class].push(time.as_nanos() as f64);
                }
            }
        }
    }
    times
}

/// Prints the verdict on the times of two classes.
fn leaks(name: &str, times: [Vec<f64>; 2]) -> bool {
    let mut pooled = times.concat();
    pooled.sort_by(f64::total_cmp);
    let at = |part: f64| pooled[((pooled.len() - 1) as f64 * part) as usize];
    let (t, crop) = CROPS
        .iter()
        .map(|crop| (welch(&times, at(*crop)), *crop))
        // Where a class is cropped away there is nothing to compare.
        .filter(|(t, _)| t.is_finite())
        .max_by(|(a, _), (b, _)| a.abs().total_cmp(&b.abs()))
        .expect("several crops");
    let leaks = t.abs() > LIMIT;
    let verdict = if leaks { "told apart" } else { "alike" };
    println!(
        "dudect {name} t {t:.2} at {crop} median {} ns {verdict}",
        at(0.5)
    );
    leaks
}

/// Welch's t of the times up to `most`.
fn welch(times: &[Vec<f64>; 2], most: f64) -> f64 {
    let [(mean, spread), (other_mean, other_spread)] = [0, 1].map(|class| {
        let kept: Vec<f64> = times[class]
            .iter()
            .copied()
            .filter(|time| *time <= most)
            .collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let squares: f64 = kept.iter().map(|time| (time - mean).powi(2)).sum();
        (mean, squares / (count - 1.0) / count)
    });
    (mean - other_mean) / (spread + other_spread).sqrt()
}
