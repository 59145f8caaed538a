//! The suite itself: of a store that does one thing wrong it says which.

mod store;
mod transactions;

use std::sync::Arc;

use countersign_testkit::{Verdict, conformance};

use self::store::Store;

/// What a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misdeed {
    None,
    LooksThenClaims,
    RefusesItsOwnToken,
    KeepsTheFirstLease,
    ForgetsTheLeaseLeft,
    FilesByPayload,
    KeepsPartOfABatch,
    LooksAtTheFirstOnly,
    TurnsBatchesRound,
    MixesUpBatches,
    NeverEndsALease,
    ReleasesForAll,
    ReleasesNothing,
    ReleasesTheCommitted,
    RenewsForAll,
    RenewsNothing,
    RenewsTheCommitted,
    RenewsAllOrNone,
    RenewalMakesEntries,
    RenewalNeverLost,
    CommitNeedsTheToken,
    CommitNeedsAnEntry,
    CommitTellsNoLostLease,
    CommitTwiceIsLost,
    CommitCountsAnew,
    ClaimCountsAnew,
    NeverForgets,
    ForgetsEarly,
    TellsNoPayload,
    TellsPayloadsOfClaims,
}

use Misdeed as M;

/// Each with the rules that it has to break, at least.
const MISDEEDS: &[(Misdeed, &[&str])] = &[
    (M::LooksThenClaims, &["of 64 at once, one wins"]),
    (
        M::RefusesItsOwnToken,
        &[
            "one's own claim, repeated, is acquired for a full lease",
            "a claim that was given up is still its token's",
        ],
    ),
    (
        M::KeepsTheFirstLease,
        &["one's own claim, repeated, is acquired for a full lease"],
    ),
    (
        M::ForgetsTheLeaseLeft,
        &["what another run holds is in progress"],
    ),
    (M::FilesByPayload, &["endpoints are apart"]),
    (
        M::KeepsPartOfABatch,
        &["a batch is acquired whole, or not at all"],
    ),
    (
        M::LooksAtTheFirstOnly,
        &[
            "a batch is acquired whole, or not at all",
            "batches that overlap do not refuse each other",
        ],
    ),
    (
        M::TurnsBatchesRound,
        &["a batch is acquired in the order of the claim"],
    ),
    (
        M::MixesUpBatches,
        &[
            "of a batch, what is not committed is acquired",
            "through a receiver, a batch that repeats an id",
        ],
    ),
    (M::NeverEndsALease, &["a lease ends by the store's clock"]),
    (
        M::ReleasesForAll,
        &[
            "a foreign token releases nothing",
            "a lease that was taken over stays the other's",
        ],
    ),
    (M::ReleasesNothing, &["a release frees"]),
    (
        M::ReleasesTheCommitted,
        &["what is committed is not released"],
    ),
    (M::RenewsForAll, &["a foreign token renews nothing"]),
    (
        M::RenewsNothing,
        &["a renewal counts a full lease from then"],
    ),
    (M::RenewsTheCommitted, &["what is committed is not renewed"]),
    (
        M::RenewsAllOrNone,
        &["a renewal says lost, and renews the rest"],
    ),
    (M::RenewalMakesEntries, &["a renewal makes no entry"]),
    (
        M::RenewalNeverLost,
        &[
            "a renewal says lost, and renews the rest",
            "a lease that was taken over stays the other's",
        ],
    ),
    (
        M::CommitNeedsTheToken,
        &["a commit lands over another run's claim"],
    ),
    (M::CommitNeedsAnEntry, &["a commit lands over nothing"]),
    (
        M::CommitTellsNoLostLease,
        &["a commit lands over another run's claim"],
    ),
    (M::CommitTwiceIsLost, &["a second commit is a success"]),
    (M::CommitCountsAnew, &["duplicates do not extend retention"]),
    (M::ClaimCountsAnew, &["duplicates do not extend retention"]),
    (
        M::NeverForgets,
        &[
            "retention ends",
            "what was committed before is run again after retention",
        ],
    ),
    (M::ForgetsEarly, &["a commit ends the claim"]),
    (
        M::TellsNoPayload,
        &[
            "another payload under one id is told",
            "a batch names the committed of another payload",
        ],
    ),
    (
        M::TellsPayloadsOfClaims,
        &["another payload under one id is told"],
    ),
];

async fn broken_by(misdeed: Misdeed) -> Vec<&'static str> {
    let store = Arc::new(Store::new(misdeed));
    let report = conformance(async || store.clone(), tokio::time::sleep).await;
    let broken = report
        .rules()
        .iter()
        .filter(|rule| matches!(rule.verdict, Verdict::Broken(_)));
    broken.map(|rule| rule.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_without_a_misdeed_keeps_every_rule() {
    assert_eq!(broken_by(M::None).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_misdeed_is_told() {
    let plays = MISDEEDS.iter().map(|(misdeed, rules)| async move {
        let broken = broken_by(*misdeed).await;
        let unseen: Vec<_> = rules.iter().filter(|rule| !broken.contains(rule)).collect();
        (!unseen.is_empty())
            .then(|| format!("{misdeed:?} was to break {unseen:?}, and broke {broken:?}"))
    });
    let unseen = futures_util::future::join_all(plays).await;
    let unseen: Vec<String> = unseen.into_iter().flatten().collect();
    assert!(unseen.is_empty(), "{unseen:#?}");
}
