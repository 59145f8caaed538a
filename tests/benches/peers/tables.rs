//! Each cell: who takes how long, and asks for how much.

use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use countersign::UnixTime;
use http::Request;

use crate::allocations::{Asked, counted};
use crate::deliveries::{KEY, Style, request, tag};
use crate::measure::{contestant, race_for};
use crate::theirs::{self, Check};

const STYLES: [Style; 3] = [Style::StandardWebhooks, Style::Stripe, Style::Github];

/// Of bodies, in bytes, and as the tables call them.
const SIZES: [(usize, &str); 4] = [
    (256, "256 B"),
    (1 << 10, "1 KiB"),
    (64 << 10, "64 KiB"),
    (1 << 20, "1 MiB"),
];

const OURS: &str = "countersign";

/// What was measured of one contestant, size by size.
struct Row {
    style: &'static str,
    name: &'static str,
    /// Nanoseconds a delivery.
    times: Vec<f64>,
    asked: Vec<Asked>,
}

/// Measures everything, and prints it.
pub(crate) fn print(quick: bool) {
    let race = Duration::from_millis(if quick { 50 } else { 3000 });
    let groups: Vec<Vec<Row>> = STYLES.iter().map(|style| measured(*style, race)).collect();

    table(
        "time, peer / countersign",
        &groups,
        |row, ours, at| match row.name {
            OURS => format!("1 ({:.0} ns)", row.times[at]),
            _ => format!("{:.2}", row.times[at] / ours.times[at]),
        },
    );
    table("allocations", &groups, |row, _, at| {
        row.asked[at].calls.to_string()
    });
    table("bytes allocated", &groups, |row, _, at| {
        row.asked[at].bytes.to_string()
    });
}

/// All contestants with deliveries of one provider, countersign first.
fn measured(style: Style, race: Duration) -> Vec<Row> {
    let mut contestants = theirs::of(style);
    contestants.insert(0, (OURS, ours(style)));
    let mut rows: Vec<Row> = (contestants.iter())
        .map(|(name, _)| Row {
            style: style.name(),
            name,
            times: Vec::new(),
            asked: Vec::new(),
        })
        .collect();
    for (length, _) in SIZES {
        let (request, body) = delivery(style, length);
        let mut spoilt = body.to_vec();
        spoilt[length / 2] ^= 1;
        let spoilt = Bytes::from(spoilt);
        for ((name, check), row) in contestants.iter().zip(&mut rows) {
            let (genuine, asked) = counted(|| check(&request, &body));
            assert!(genuine, "{name} refuses a genuine delivery");
            assert!(!check(&request, &spoilt), "{name} takes a forged one");
            row.asked.push(asked);
        }
        let mut racers: Vec<_> = (contestants.iter())
            .map(|(_, check)| contestant(|| check(black_box(&request), black_box(&body))))
            .collect();
        for (row, time) in rows.iter_mut().zip(race_for(race, &mut racers)) {
            row.times.push(time);
        }
    }
    rows
}

/// Verifies as a server would: the body is given away, and the clock is read.
fn ours(style: Style) -> Check {
    let verifier = style.verifier(&[KEY]);
    Box::new(move |request, body| {
        let verdict = verifier.verify(request, body.clone(), now());
        black_box(&verdict).is_ok()
    })
}

/// Signed now: the peers read the clock themselves.
fn delivery(style: Style, length: usize) -> (Request<()>, Bytes) {
    // No JSON, for the sake of the one that decodes; and text, since some want that. Leaked, so that a copy
    // costs no more than a move.
    let body = Bytes::from_static(vec![b'x'; length].leak());
    let now = now().as_secs();
    let tag = tag(KEY, &style.signed(now, &body));
    (request(&style.headers(now, &[tag])), body)
}

fn now() -> UnixTime {
    let passed = SystemTime::now().duration_since(UNIX_EPOCH);
    UnixTime::from_secs(passed.expect("after 1970").as_secs() as i64)
}

/// Prints one table: a row a contestant, a column a size. A cell is given its row, and countersign's.
fn table(title: &str, groups: &[Vec<Row>], cell: impl Fn(&Row, &Row, usize) -> String) {
    let sizes: Vec<&str> = SIZES.iter().map(|(_, name)| *name).collect();
    println!("\n| {title} | | {} |", sizes.join(" | "));
    println!("|---|---|{}", "---|".repeat(SIZES.len()));
    for rows in groups {
        for row in rows {
            let cells: Vec<String> = (0..SIZES.len()).map(|at| cell(row, &rows[0], at)).collect();
            println!("| {} | {} | {} |", row.style, row.name, cells.join(" | "));
        }
    }
}
