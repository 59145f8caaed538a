//! Every scenario of `docs/reliability.md` is in the table, or there is a reason why it is not.

use std::collections::BTreeSet;

use crate::scenarios::SCENARIOS;
use crate::stage::Kind;

const CONTRACT: &str = include_str!("../../../docs/reliability.md");

/// What the stage cannot bring about, and which part of the product answers for it.
const EXCEPTIONS: &[(u32, &str)] = &[
    (
        17,
        "claims in the merchant's transaction: on both SQL stores, tests/stores",
    ),
    (
        20,
        "fills a table: the sweep of both SQL stores, tests/stores",
    ),
    (
        27,
        "claims in the merchant's transaction: on both SQL stores, tests/stores",
    ),
    (
        28,
        "claims in the merchant's transaction: on both SQL stores, tests/stores",
    ),
    (40, "forwards: the program's listen, on countersign-redis"),
];

/// The numbers of the rows of the contract's table.
fn numbers() -> Vec<u32> {
    let rows = CONTRACT.lines().filter_map(|line| line.strip_prefix("| S"));
    rows.map(|row| row.split(' ').next().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn every_scenario_is_played_or_excepted() {
    let all = numbers();
    assert_eq!(all, (1..=41).collect::<Vec<_>>(), "the table was not read");
    let played: BTreeSet<u32> = SCENARIOS.iter().map(|row| row.number).collect();
    let excepted: BTreeSet<u32> = EXCEPTIONS.iter().map(|row| row.0).collect();
    assert_eq!(played.len(), SCENARIOS.len(), "one is in the table twice");
    assert_eq!(excepted.len(), EXCEPTIONS.len(), "one is excepted twice");
    let both: Vec<_> = played.intersection(&excepted).collect();
    assert!(
        both.is_empty(),
        "excepted, and played all the same: {both:?}"
    );
    let known: BTreeSet<u32> = all.into_iter().collect();
    let here: BTreeSet<u32> = played.union(&excepted).copied().collect();
    let missing: Vec<_> = known.difference(&here).collect();
    assert!(
        missing.is_empty(),
        "neither played nor excepted: {missing:?}"
    );
    let unknown: Vec<_> = here.difference(&known).collect();
    assert!(unknown.is_empty(), "not in the contract: {unknown:?}");
    assert!(EXCEPTIONS.iter().all(|(_, why)| !why.is_empty()));
}

const KINDS: [Kind; 4] = [Kind::Memory, Kind::Sqlite, Kind::Redis, Kind::Postgres];

/// The scenarios that touch a store: each is to be played on every kind of it.
const OF_STORES: &[std::ops::RangeInclusive<u32>] =
    &[1..=8, 10..=20, 22..=22, 25..=33, 35..=36, 38..=38];

/// Where one of them cannot be, and why.
const NOT_ON: &[(u32, &[Kind], &str)] = &[
    (
        6,
        &[Kind::Memory],
        "it dies with its process, and the provider's next attempt finds nothing claimed",
    ),
    (
        13,
        &[Kind::Sqlite, Kind::Redis, Kind::Postgres],
        "they forget nothing for want of room: a full disk is S15, a full Redis a 503, tests/stores/redis",
    ),
    (
        14,
        &[Kind::Sqlite, Kind::Redis, Kind::Postgres],
        "as S13: what is full refuses claims, whatever it is full of",
    ),
    (
        15,
        &[Kind::Memory, Kind::Sqlite],
        "no server: a file that another process keeps locked is in tests/stores/sqlite",
    ),
    (19, &[Kind::Memory, Kind::Sqlite], "no server to restart"),
    (
        29,
        &[Kind::Memory, Kind::Sqlite],
        "no server to freeze: a claim is over with the call, or was not made",
    ),
];

#[test]
fn every_scenario_of_stores_is_played_on_all_of_them() {
    for number in OF_STORES.iter().cloned().flatten() {
        if EXCEPTIONS.iter().any(|row| row.0 == number) {
            continue;
        }
        for kind in KINDS {
            let row = SCENARIOS.iter().find(|row| row.number == number);
            let played = row.is_some_and(|row| row.on.contains(&kind));
            let excepted = NOT_ON.iter().any(|(row, kinds, why)| {
                *row == number && kinds.contains(&kind) && !why.is_empty()
            });
            assert!(
                played != excepted,
                "S{number} on {kind:?}: played {played}, excepted {excepted}"
            );
        }
    }
}
