//! The stores that need no server.

use std::sync::Arc;
use std::time::SystemTime;

use countersign::{AnyStore, MemoryStore};
use countersign_testkit::{CueStore, ManualClock, conformance};

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_store() {
    let store = Arc::new(MemoryStore::default());
    let report = conformance(async || store.clone(), tokio::time::sleep).await;
    report.assert_all_held();
    let does_not_apply = report
        .rules()
        .iter()
        .filter(|rule| rule.verdict != countersign_testkit::Verdict::Held);
    assert_eq!(
        does_not_apply.count(),
        4,
        "its leases do not expire\n{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn any_store() {
    let store = AnyStore::new(MemoryStore::default());
    conformance(async || store.clone(), tokio::time::sleep)
        .await
        .assert_all_held();
}

/// On a clock that is wound by hand: the suite lets time pass on whatever clock the store has.
#[tokio::test(flavor = "multi_thread")]
async fn the_test_kits_store() {
    let clock = ManualClock::new(SystemTime::now().into());
    let store = CueStore::new(clock.clone());
    let pass = async |time| clock.advance(time);
    let report = conformance(async || store.clone(), pass).await;
    report.assert_all_held();
    let held =
        |rule: &&countersign_testkit::Rule| rule.verdict == countersign_testkit::Verdict::Held;
    assert_eq!(
        report.rules().iter().filter(held).count(),
        report.rules().len(),
        "{report}"
    );
}
