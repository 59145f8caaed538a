//! Every scenario of `docs/reliability.md` is in the table, or there is a reason why it is not.

use std::collections::BTreeSet;

use crate::scenarios::SCENARIOS;

const CONTRACT: &str = include_str!("../../../docs/reliability.md");

/// What no test through an adapter and a memory store can bring about, and which part of the
/// product answers for it.
const EXCEPTIONS: &[(u32, &str)] = &[
    (17, "claims in the merchant's transaction: countersign-sqlx"),
    (20, "fills a table: the janitor of countersign-sqlx"),
    (
        21,
        "swaps secrets while running: the key resolver of the receiver",
    ),
    (24, "trusts proxies: the source check of the receiver"),
    (27, "claims in the merchant's transaction: countersign-sqlx"),
    (28, "claims in the merchant's transaction: countersign-sqlx"),
    (39, "watches without refusing: the receiver's shadow mode"),
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
