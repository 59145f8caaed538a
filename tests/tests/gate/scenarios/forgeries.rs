//! What costs an attacker nothing, and must cost a merchant next to nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign::{Outcome, provider};

use crate::counted::counted;
use crate::deliveries::{batch, event, forged, signed};
use crate::memory;
use crate::sender::{Post, Sender};
use crate::site::{PATIENCE, Route, Runs, Site, until};
use crate::stage::Stage;

const MIB: usize = 1024 * 1024;

/// S8
pub fn of_a_known_id(stage: &Stage) {
    let (runs, store) = (Runs::default(), counted(stage.store()));
    let site = Site::new(
        stage.framework,
        stage.shop().with_store(store.clone()),
        runs.at_once(201),
    );
    let mut sender = site.connect();
    let post = forged("a");
    for n in 0..1000 {
        let answer = sender.send(&post);
        assert_eq!((answer.status, &*answer.body), (401, &b""[..]), "{n}");
    }
    assert_eq!((store.beside.all.get(), runs.number()), (0, 0));
    assert_eq!(sender.send(&event("a")).status, 201);
    assert_eq!(runs.number(), 1);
}

/// S23. A sender that is cut off sees it by the first write that fails.
pub fn bodies_without_end(stage: &Stage) {
    let runs = Runs::default();
    let receiver = stage
        .shop()
        .with_timeouts(Duration::from_secs(1), Duration::from_millis(200))
        .with_unverified_limit(2 * MIB);
    let site = Site::new(stage.framework, receiver, runs.at_once(201));
    let unsigned = Post::new("");
    let mut chunk = b"10000\r\n".to_vec();
    chunk.resize(chunk.len() + 0x10000, b'x');
    chunk.extend(*b"\r\n");
    let chunked = "transfer-encoding: chunked";
    for (post, status) in [(&unsigned, 401), (&forged("a"), 413)] {
        let mut sender = site.connect();
        sender.write(post.head(chunked));
        // 10 GiB, or what a fast server may take while it hangs up.
        let end = Instant::now() + PATIENCE;
        while sender.try_write(&chunk).is_ok() {
            assert!(Instant::now() < end, "{status}: cut off");
        }
        site.log
            .reach(Outcome::Rejected, if status == 401 { 1 } else { 2 });
        if let Ok(answer) = sender.try_response() {
            assert_eq!(answer.status, status);
        }
    }

    // One byte a second: the first, and no other before the time is up.
    for (post, status) in [(&unsigned, 401), (&forged("a"), 408)] {
        for framing in [chunked, "content-length: 1000"] {
            let mut sender = site.connect();
            sender.write(post.head(framing));
            sender.write(if framing == chunked {
                "1\r\nx\r\n"
            } else {
                "x"
            });
            assert_eq!(sender.response().status, status, "{framing}");
            assert!(sender.try_response().is_err(), "{framing}: and is cut off");
        }
    }
    for seen in site.log.all() {
        assert!(
            seen.bytes <= MIB + 256 * 1024,
            "read, and so held: {seen:?}"
        );
    }
    // Nothing of all that is held any longer.
    let whole = crate::deliveries::padded("a", MIB);
    assert_eq!(site.connect().send(&whole).status, 201);
    assert_eq!(runs.number(), 1);
    memory::peaked_below(64 * MIB);
}

/// S37
pub fn heads_of_large_bodies(stage: &Stage) {
    const SENT: usize = 5 * MIB / 4;
    const BUDGET: usize = 4 * 50_000_000;
    let runs = Runs::default();
    let routes = [
        Route::new("/bank", stage.bank(), runs.at_once(201)),
        Route::new("/hook", stage.shop(), runs.at_once(201)),
    ];
    let site = Site::with(stage.framework, routes);
    // The head of a delivery that Banking Circle could have sent, but not with this body.
    let forged = signed(&provider::banking_circle(), "{}").to("/bank");
    let head = forged.head("content-length: 50000000");
    let part = Arc::new(vec![0; SENT]);
    let mut senders: Vec<Sender> = Vec::new();
    for _ in 0..200 {
        let mut sender = site.connect();
        // Whoever is refused may be cut off as well.
        let _ = sender
            .try_write(&head)
            .and_then(|()| sender.try_write(&*part));
        senders.push(sender);
    }
    // What all of them have sent is more than may be held.
    let least = (200 * SENT - BUDGET) / SENT;
    site.log.reach(Outcome::Overloaded, least);
    let overloaded = site.log.texts();
    assert!(
        overloaded
            .iter()
            .all(|text| text == "overloaded too_many_unverified 503")
    );
    until("a 503", || {
        let answer = senders.iter_mut().find_map(|sender| {
            let answered = !sender.is_unanswered();
            answered.then(|| sender.try_response().ok()).flatten()
        });
        answer.is_some_and(|answer| answer.status == 503)
    });

    // Traffic of another endpoint does not notice.
    let mut other = site.connect();
    for n in 0..20 {
        assert_eq!(other.send(&event(&n.to_string())).status, 201);
    }
    // The endpoint itself takes genuine deliveries again once the attackers are gone.
    drop(senders);
    let genuine = batch(&["a"]).to("/bank");
    until("room for a genuine delivery", || {
        let status = site.connect().send(&genuine).status;
        assert!(status == 201 || status == 503, "{status}");
        status == 201
    });
    memory::peaked_below(BUDGET + 64 * MIB);
}
