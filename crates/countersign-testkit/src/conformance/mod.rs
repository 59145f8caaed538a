//! Whether a store keeps what a receiver relies on.
//!
//! Each rule is a function of its own, over keys that no other rule uses; the suite plays them one after
//! the other and reports all of them.

mod batches;
mod bench;
mod claims;
mod commits;
mod contest;
mod leases;
mod pipeline;
mod releases;
mod report;
mod transactions;

use std::sync::Arc;
use std::time::Duration;

use countersign::DedupeStore;

use self::bench::Bench;
pub use self::contest::{Contest, Tally};
pub use self::report::{Conformance, Rule, Verdict};
pub use self::transactions::{Transactions, transaction_conformance};

/// Plays every rule of [`DedupeStore`] on a store, and reports which of them hold.
///
/// `open` opens the store, as a worker of its own does: it is called several times, and what it yields must
/// share one register (handles of one pool or clones of an `Arc` do). `pass` lets time pass on the store's
/// clock: `tokio::time::sleep` where that is the real one, else whatever winds it. Needs a tokio runtime,
/// best one of several threads, since tasks are spawned that call the store at once.
///
/// The store may hold other entries, and is left with a few thousand more, most of them committed for a day.
/// All keys come from deliveries that were signed and verified, as a receiver's do.
///
/// ```
/// use countersign::MemoryStore;
/// use std::sync::Arc;
/// use countersign_testkit::conformance;
///
/// # #[tokio::main]
/// # async fn main() {
/// let store = Arc::new(MemoryStore::default());
/// conformance(async || store.clone(), tokio::time::sleep).await.assert_all_held();
/// # }
/// ```
///
/// For claims in the handler's own transaction there is [`transaction_conformance`].
///
/// What one process cannot show, a store for several needs as well: see [`Contest`].
pub async fn conformance<S: DedupeStore>(
    open: impl AsyncFn() -> S,
    pass: impl AsyncFn(Duration),
) -> Conformance {
    let mut stores = Vec::new();
    for _ in 0..bench::WORKERS {
        stores.push(Arc::new(open().await));
    }
    let mut rules = Vec::new();
    macro_rules! rules {
        ($($name:literal => $rule:path;)*) => {
            $(
                let bench = Bench::new($name, &stores, &pass);
                rules.push(Rule::new($name, $rule(&bench).await));
            )*
        };
    }
    rules! {
        "what nobody holds is acquired" => claims::acquired;
        "what another run holds is in progress" => claims::in_progress;
        "one's own claim, repeated, is acquired for a full lease" => claims::repeated;
        "of 64 at once, one wins" => claims::race;
        "a claim that was given up is still its token's" => claims::given_up_early;
        "endpoints are apart" => claims::endpoints;
        "a release frees" => releases::frees;
        "a release of nothing is answered" => releases::of_nothing;
        "a foreign token releases nothing" => releases::foreign;
        "what is committed is not released" => releases::of_committed;
        "a lease ends by the store's clock" => leases::ends;
        "a renewal counts a full lease from then" => leases::renewed;
        "a lease that ended is renewed or lost" => leases::renewed_late;
        "a renewal makes no entry" => leases::of_nothing;
        "a foreign token renews nothing" => leases::foreign;
        "a renewal says lost, and renews the rest" => leases::of_part;
        "a lease that was taken over stays the other's" => leases::stolen;
        "a commit ends the claim" => commits::ends;
        "a commit lands over nothing" => commits::over_nothing;
        "a commit lands over a lease that ended" => commits::over_ended;
        "a commit lands over another run's claim" => commits::over_anothers;
        "a second commit is a success" => commits::twice;
        "a commit that was given up and repeated has landed" => commits::given_up_early;
        "what is committed is not renewed" => commits::not_renewed;
        "retention ends" => commits::retention_ends;
        "duplicates do not extend retention" => commits::not_extended;
        "what was committed before is run again after retention" => commits::again;
        "another payload under one id is told" => commits::differing;
        "a batch is acquired in the order of the claim" => batches::in_order;
        "a batch is acquired whole, or not at all" => batches::whole_or_not;
        "of a batch, what is not committed is acquired" => batches::partly_committed;
        "a batch names the committed of another payload" => batches::differing;
        "a batch of 1000" => batches::of_1000;
        "batches that overlap do not refuse each other" => batches::overlapping;
        "batches at random run each event once" => batches::at_random;
        "through a receiver, a batch that repeats an id" => pipeline::repeated_id;
        "through a receiver, batches that overlap" => pipeline::overlapping;
    }
    Conformance::new(rules)
}
