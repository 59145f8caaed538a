//! A receiver that observes only.

use crate::counted::counted;
use crate::deliveries::{event, forged};
use crate::site::Bare;
use crate::stage::Stage;

/// S39
pub fn forged_reaches_the_handler(stage: &Stage) {
    let store = counted(stage.store());
    let receiver = stage.shop().with_store(store.clone());
    let site = Bare::start(stage.framework, receiver.dangerously_observe_only());
    let mut sender = site.connect();
    assert_eq!(
        sender.send(&forged("a")).status,
        202,
        "the handler's own answer"
    );
    assert_eq!(store.beside.all.get(), 0);
    assert_eq!(site.log.texts(), ["rejected signature_mismatch 401"]);
    // The genuine one is as it would be, and its duplicate reaches the handler too.
    assert_eq!(sender.send(&event("a")).status, 202);
    assert_eq!(store.beside.all.get(), 2, "a claim and a commit");
    assert_eq!(sender.send(&event("a")).status, 202);
    assert_eq!(
        store.beside.all.get(),
        3,
        "a claim, which found it committed"
    );
    assert_eq!(
        site.log.texts()[1..],
        ["delivered 202 a", "duplicate 200 a"]
    );
    let body = event("a").body;
    let given = [
        (None, body.clone()),
        (Some("a".to_owned()), body.clone()),
        (None, body),
    ];
    assert_eq!(site.given(), given);
}
