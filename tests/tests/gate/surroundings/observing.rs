//! Bodies while a receiver observes only: each reaches the handler as it came.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use countersign::{Outcome, Receiver};
use countersign_actix_web::WebhookMiddleware;
use countersign_axum::WebhookLayer;
use countersign_testkit::{Cue, CueStore, ManualClock, Operation};

use crate::deliveries::{bank, batch, event, forged, padded, shop};
use crate::sender::Post;
use crate::site::{Bare, Framework};

fn bare(framework: Framework, receiver: Receiver) -> Bare {
    Bare::start(framework, receiver.dangerously_observe_only())
}

fn bodies_arrive_as_they_came(framework: Framework) {
    // Over the limit, declared and not, and so long that frameworks would refuse it.
    let large = padded("a", 3 * 1024 * 1024);
    let site = bare(framework, shop());
    let mut sender = site.connect();
    assert_eq!(sender.send(&large).status, 202);
    sender.write(large.chunked(100_000));
    assert_eq!(sender.response().status, 202);
    assert_eq!(site.log.texts(), ["rejected body_too_large 413"; 2]);
    // Within it, in chunks; and none at all.
    sender.write(event("b").chunked(7));
    assert_eq!(sender.response().status, 202);
    assert_eq!(sender.send(&Post::new("")).status, 202);
    let given = site.given();
    let bodies: Vec<&Bytes> = given.iter().map(|(_, body)| body).collect();
    assert!(bodies == [&large.body, &large.body, &event("b").body, &Bytes::new()]);
    let ids: Vec<Option<&str>> = given.iter().map(|(id, _)| id.as_deref()).collect();
    assert_eq!(ids, [None, None, Some("b"), None]);
}

/// What was sealed is not opened on its way, and a batch is not cut down to what is new in it.
fn a_batch_arrives_sealed_and_whole(framework: Framework) {
    let site = bare(framework, bank());
    let mut sender = site.connect();
    let (first, second) = (batch(&["a"]), batch(&["a", "b"]));
    assert_eq!(sender.send(&first).status, 202);
    assert_eq!(sender.send(&second).status, 202);
    let given = [
        (Some("a".to_owned()), first.body),
        (Some("b".to_owned()), second.body),
    ];
    assert!(site.given() == given);
}

fn a_slow_body_is_waited_for(framework: Framework) {
    let receiver = shop().with_timeouts(Duration::from_secs(1), Duration::from_millis(50));
    let site = bare(framework, receiver);
    let mut sender = site.connect();
    let post = event("a");
    let (first, rest) = post.body.split_at(10);
    sender.write(post.head_with_length());
    sender.write(first);
    site.log.reach(Outcome::Rejected, 1);
    assert_eq!(site.log.texts(), ["rejected body_timeout 408"]);
    sender.write(rest);
    assert_eq!(sender.response().status, 202);
    assert!(site.given() == [(None, post.body)]);
}

/// Half a body must not be taken for a whole one.
fn a_body_that_breaks_off_breaks_off(framework: Framework) {
    let site = bare(framework, shop());
    for post in [event("a"), forged("b")] {
        let mut sender = site.connect();
        sender.write(post.head("transfer-encoding: chunked"));
        sender.write("5\r\n{\"id\"\r\nno number\r\n");
        sender.end();
        let _ = sender.try_response();
    }
    site.log.reach(Outcome::Rejected, 2);
    assert_eq!(site.log.texts(), ["rejected body_broken 400"; 2]);
    let mut sender = site.connect();
    assert_eq!(sender.send(&event("c")).status, 202);
    assert!(site.given() == [(Some("c".to_owned()), event("c").body)]);
}

fn a_store_that_fails_stops_nothing(framework: Framework) {
    let store = CueStore::new(ManualClock::new(std::time::SystemTime::now().into()));
    store.cue(Operation::Claim, Cue::Fail);
    let site = bare(framework, shop().with_store(store));
    assert_eq!(site.connect().send(&event("a")).status, 202);
    assert_eq!(
        site.log.texts(),
        ["store_unavailable store_unavailable 503 a"]
    );
    assert!(site.given() == [(None, event("a").body)]);
}

/// What is dangerous is said when the adapter is made, whether or not anybody observes.
#[test]
fn it_is_logged_at_the_start() {
    let (tell, told) = mpsc::channel();
    let writer = move || Line(tell.clone());
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(writer);
    tracing::subscriber::with_default(subscriber.finish(), || {
        WebhookLayer::new(shop());
        WebhookLayer::new(shop().dangerously_observe_only());
        WebhookMiddleware::new(shop().dangerously_fail_open());
        let twice = shop().dangerously_observe_only();
        WebhookMiddleware::new(twice.clone());
        WebhookMiddleware::new(twice);
        // One of two clones, and not the first one.
        let calm = shop();
        WebhookLayer::new(calm.clone());
        WebhookLayer::new(calm.dangerously_observe_only());
    });
    let lines: Vec<String> = told.try_iter().collect();
    let words = [
        "observes only",
        "may run twice",
        "observes only",
        "observes only",
    ];
    assert_eq!(lines.len(), words.len(), "{lines:?}");
    for (line, words) in lines.iter().zip(words) {
        assert!(
            line.contains("WARN countersign:") && line.contains(words),
            "{line}"
        );
        assert!(line.contains("endpoint=\"shop\""), "{line}");
    }
}

/// Where a line of the log goes.
struct Line(mpsc::Sender<String>);

impl io::Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(line.to_vec()).expect("text");
        self.0.send(text).expect("the test waits");
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

on_both! {
    bodies_arrive_as_they_came
    a_batch_arrives_sealed_and_whole
    a_slow_body_is_waited_for
    a_body_that_breaks_off_breaks_off
    a_store_that_fails_stops_nothing
}
