//! A store that takes its time.

use std::time::Duration;

use countersign::{Claim, Clock, Commit, DedupeStore, Key, Renewal, StoreError, Token};
use countersign_testkit::ManualClock;

use crate::stage::Stage;

/// A store that takes its time to say that an event is in progress.
struct Slow {
    clock: ManualClock,
}

impl DedupeStore for Slow {
    async fn claim(&self, _: &[Key], _: Token, _: Duration) -> Result<Claim, StoreError> {
        self.clock.sleep(Duration::from_millis(900)).await;
        Ok(Claim::InProgress {
            retry_after: Some(Duration::from_secs(30)),
        })
    }

    async fn commit(&self, _: &[Key], _: Token, _: Duration) -> Result<Commit, StoreError> {
        Ok(Commit::Landed)
    }

    async fn renew(&self, _: &[Key], _: Token, _: Duration) -> Result<Renewal, StoreError> {
        Ok(Renewal::Renewed)
    }

    async fn release(&self, _: &[Key], _: Token) -> Result<(), StoreError> {
        Ok(())
    }

    fn leases_expire(&self) -> bool {
        true
    }
}

#[test]
fn the_time_that_a_store_takes_counts_for_a_waiter() {
    let stage = Stage::new(|receiver, clock| receiver.with_store(Slow { clock }));
    assert_eq!(stage.deliver("a", async |_| 200), "409 in-progress");
    // One claim before the two seconds begin, and one that began within them.
    let waited = stage.clock.monotonic();
    assert!(
        waited <= Duration::from_millis(900 + 2000 + 900),
        "{waited:?}"
    );
}
