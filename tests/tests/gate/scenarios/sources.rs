//! Addresses that deliveries may come from.

use countersign::{Outcome, Sources};

use crate::counted::counted;
use crate::deliveries::{event, forged};
use crate::site::{Runs, Site};
use crate::stage::Stage;

/// The provider's, and not the one that this test sends from.
const PROVIDERS: &str = "203.0.113.0/24";

/// S24
pub fn forwarded(stage: &Stage) {
    let allowed = || Sources::only([PROVIDERS]).unwrap();
    let (runs, store) = (Runs::default(), counted(stage.store()));
    let site = |sources: Sources| {
        let receiver = stage.shop().with_store(store.clone());
        let receiver = receiver.with_sources(sources);
        Site::new(stage.framework, receiver, runs.at_once(201))
    };
    let named =
        |post: &crate::sender::Post, value: &str| post.clone().with("X-Forwarded-For", value);

    // Nobody named a proxy: what a header says is anybody's word.
    let direct = site(allowed());
    let mut sender = direct.connect();
    for post in [event("a"), named(&event("a"), "203.0.113.9")] {
        let answer = sender.send(&post);
        assert_eq!((answer.status, &*answer.body), (401, &b""[..]));
    }
    assert_eq!(direct.log.texts(), ["rejected source_not_allowed 401"; 2]);
    assert_eq!((store.beside.all.get(), runs.number()), (0, 0));

    let proxied = site(allowed().behind(["127.0.0.0/8"]).unwrap());
    let mut sender = proxied.connect();
    for (value, status) in [
        ("198.51.100.1", 401),
        ("203.0.113.9, 198.51.100.1", 401),
        ("nobody", 401),
        ("203.0.113.9", 201),
        ("198.51.100.1, 203.0.113.9, 127.0.0.7", 200),
    ] {
        assert_eq!(
            sender.send(&named(&event("a"), value)).status,
            status,
            "{value}"
        );
    }
    assert_eq!(
        sender.send(&event("b")).status,
        401,
        "from the proxy itself"
    );
    assert_eq!(proxied.log.count(Outcome::Rejected), 4);

    // It stands beside the signature, and never for it.
    let local = site(Sources::only(["127.0.0.1"]).unwrap());
    let mut sender = local.connect();
    assert_eq!(sender.send(&forged("c")).status, 401);
    assert_eq!(local.log.texts(), ["rejected signature_mismatch 401"]);
    assert_eq!(sender.send(&event("c")).status, 201);
    assert_eq!(runs.ids(), [["a"], ["c"]]);
}
