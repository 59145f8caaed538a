//! A duplicate of one that is still running: it waits a little, and never for nothing.

use std::time::Duration;

use countersign::{
    Claim, Commit, DedupeStore, Key, Receiver, Renewal, StoreError, Token, provider,
};
use countersign_testkit::Operation;

use crate::stage::{Stage, at_once, millis, never, on_each_store, secs};
use crate::worker::Sent;

fn answers(sent: &[Sent]) -> Vec<String> {
    sent.iter().map(Sent::answer).collect()
}

fn count(answers: &[String], wanted: &str) -> usize {
    answers.iter().filter(|answer| *answer == wanted).count()
}

#[test]
fn a_duplicate_waits_and_is_a_200_once_the_run_commits() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let first = shop.send(stage.event("a"), stage.after(millis(1900), 200));
        let second = shop.send(stage.event("a"), at_once(200));
        stage.pass(millis(1899));
        assert_eq!(second.answer(), "-", "never 2xx while it runs");
        stage.pass(millis(101));
        assert_eq!(first.answer(), "own 200");
        assert_eq!(second.answer(), "200 duplicate");
        assert_eq!(stage.runs(), 1);
        assert_eq!(stage.seen(), ["delivered 200 a", "duplicate 200 a"]);
    });
}

#[test]
fn a_duplicate_waits_and_runs_itself_once_the_run_is_released() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let first = shop.send(stage.event("a"), stage.after(secs(1), 500));
        let second = shop.send(stage.event("a"), at_once(204));
        stage.pass(millis(1100));
        assert_eq!(first.answer(), "own 500");
        assert_eq!(second.answer(), "own 204");
        assert_eq!((stage.runs(), stage.most_at_once()), (2, 1));
        assert_eq!(stage.seen(), ["handler_failed 500 a", "delivered 204 a"]);
        assert_eq!(stage.held(), (0, 1));
    });
}

#[test]
fn a_duplicate_of_a_long_run_is_a_409_with_what_is_left_of_the_lease_rounded_up() {
    let (stage, _) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    shop.send(stage.event("a"), never);
    stage.pass(millis(500));
    let second = shop.send(stage.event("a"), at_once(200));
    stage.pass(millis(1999));
    assert_eq!(second.answer(), "-");
    stage.pass(millis(1));
    // 27.5 seconds are left.
    assert_eq!(second.answer(), "409 in-progress retry=28");
    assert_eq!(second.answered_at(), millis(2500));
    assert_eq!(stage.seen(), ["in_progress 409 a"]);
    assert_eq!((stage.runs(), stage.held()), (1, (1, 0)));
}

/// A mistake of the field: 200 for it would have been the sender's last word on the event.
#[test]
fn a_duplicate_that_was_told_409_runs_after_the_run_has_failed() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let first = shop.send(stage.event("a"), stage.after(secs(4), 500));
        let second = shop.send(stage.event("a"), at_once(200));
        stage.pass(secs(3));
        assert!(second.answer().starts_with("409 "), "{}", second.answer());
        stage.pass(secs(1));
        assert_eq!(first.answer(), "own 500");
        assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
        assert_eq!((stage.runs(), stage.held()), (2, (0, 1)));
    });
}

#[test]
fn where_leases_do_not_expire_the_409_says_5_seconds() {
    let stage = Stage::with_memory(10);
    let shop = stage.open(&stage.fedapay());
    shop.send(stage.event("a"), never);
    let second = shop.send(stage.event("a"), at_once(200));
    stage.pass(secs(2));
    assert_eq!(second.answer(), "409 in-progress retry=5");
    assert_eq!(second.answered_at(), secs(2));
}

/// A store in which everything is in progress, under a lease that ends this very moment.
struct Ending;

impl DedupeStore for Ending {
    async fn claim(&self, _: &[Key], _: Token, _: Duration) -> Result<Claim, StoreError> {
        let retry_after = Some(Duration::ZERO);
        Ok(Claim::InProgress { retry_after })
    }

    async fn commit(&self, _: &[Key], _: Token, _: Duration) -> Result<Commit, StoreError> {
        unreachable!("nothing is claimed")
    }

    async fn renew(&self, _: &[Key], _: Token, _: Duration) -> Result<Renewal, StoreError> {
        unreachable!("nothing is claimed")
    }

    async fn release(&self, _: &[Key], _: Token) -> Result<(), StoreError> {
        unreachable!("nothing is claimed")
    }

    fn leases_expire(&self) -> bool {
        true
    }
}

#[test]
fn a_409_says_at_least_1_second() {
    let (stage, _) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay().with_store(Ending));
    let sent = shop.send(stage.event("a"), at_once(200));
    stage.pass(secs(2));
    assert_eq!(sent.answer(), "409 in-progress retry=1");
}

#[test]
fn the_17th_waiter_for_one_event_is_turned_away_at_once() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        shop.send(stage.event("a"), stage.after(secs(1), 200));
        stage.run();
        let waiters: Vec<Sent> = (0..16)
            .map(|_| shop.send(stage.event("a"), at_once(200)))
            .collect();
        stage.run();
        assert_eq!(count(&answers(&waiters), "-"), 16);
        let answer = shop.deliver(stage.event("a"), at_once(200));
        assert!(answer.starts_with("409 in-progress"), "{answer}");
        // Another event's waiters have places of their own.
        shop.send(stage.event("b"), stage.after(secs(1), 200));
        let other = shop.send(stage.event("b"), at_once(200));
        stage.run();
        assert_eq!(other.answer(), "-");
        // One that hangs up gives its place to the next.
        waiters[0].hang_up();
        let next = shop.send(stage.event("a"), at_once(200));
        stage.run();
        assert_eq!(next.answer(), "-");
        stage.pass(millis(1100));
        assert_eq!(count(&answers(&waiters), "200 duplicate"), 15);
        assert_eq!(next.answer(), "200 duplicate");
        assert_eq!(stage.runs(), 2);
    });
}

#[test]
fn the_1025th_waiter_in_all_is_turned_away_at_once() {
    let stage = Stage::with_memory(100);
    let shop = stage.open(&stage.fedapay());
    let mut waiters = Vec::new();
    for event in 0..65 {
        shop.send(stage.event(&event.to_string()), never);
    }
    stage.run();
    for event in 0..64 {
        let send = |_| shop.send(stage.event(&event.to_string()), at_once(200));
        waiters.extend((0..16).map(send));
    }
    stage.run();
    assert_eq!(count(&answers(&waiters), "-"), 1024);
    let answer = shop.deliver(stage.event("64"), at_once(200));
    assert_eq!(answer, "409 in-progress retry=5");
    waiters[0].hang_up();
    let next = shop.send(stage.event("64"), at_once(200));
    stage.run();
    assert_eq!(next.answer(), "-");
    // When their time is up, all places are free again.
    stage.pass(secs(2));
    assert_eq!(count(&answers(&waiters), "409 in-progress retry=5"), 1023);
    let again = shop.send(stage.event("0"), at_once(200));
    stage.run();
    assert_eq!(again.answer(), "-");
}

#[test]
fn a_waiter_takes_over_as_soon_as_the_lease_runs_out() {
    let (stage, _) = Stage::with_cues();
    let receiver = || stage.fedapay().with_lease(secs(10)).unwrap();
    let (dying, living) = (stage.open(&receiver()), stage.open(&receiver()));
    dying.send(stage.event("a"), never);
    stage.run();
    dying.crash();
    stage.pass(millis(8500));
    let waiter = living.send(stage.event("a"), at_once(200));
    stage.pass(millis(1499));
    assert_eq!((waiter.answer(), stage.runs()), ("-".to_owned(), 1));
    stage.pass(millis(2));
    assert_eq!((waiter.answer(), stage.runs()), ("own 200".to_owned(), 2));
    assert_eq!(stage.held(), (0, 1));
}

#[test]
fn a_waiter_counts_for_no_run() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay().with_max_runs(2));
        shop.send(stage.event("a"), stage.after(secs(1), 200));
        for _ in 0..5 {
            shop.send(stage.event("a"), at_once(200));
        }
        stage.run();
        assert_eq!(shop.deliver(stage.event("b"), at_once(200)), "own 200");
    });
}

#[test]
fn a_waiter_whose_sender_hangs_up_leaves_no_trace() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        shop.send(stage.event("a"), stage.after(secs(1), 200));
        let waiter = shop.send(stage.event("a"), at_once(200));
        stage.pass(millis(100));
        waiter.hang_up();
        stage.pass(secs(2));
        assert_eq!((stage.runs(), stage.held()), (1, (0, 1)));
        assert_eq!(stage.seen(), ["delivered 200 a"]);
    });
}

#[test]
fn s01_of_100_at_once_one_runs() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let sent: Vec<Sent> = (0..100)
            .map(|_| shop.send(stage.event("a"), stage.after(secs(1), 200)))
            .collect();
        stage.pass(secs(3));
        let answers = answers(&sent);
        assert_eq!(stage.runs(), 1);
        assert_eq!(count(&answers, "own 200"), 1);
        assert_eq!(count(&answers, "200 duplicate"), 16);
        let later = answers.iter().filter(|answer| answer.starts_with("409 "));
        assert_eq!(later.count(), 83);
        assert_eq!(stage.held(), (0, 1));
    });
}

#[test]
fn s01_of_100_at_once_on_four_workers_one_runs() {
    let (stage, _) = Stage::with_cues();
    let workers: Vec<_> = (0..4).map(|_| stage.open(&stage.fedapay())).collect();
    let sent: Vec<Sent> = (0..100)
        .map(|n| workers[n % 4].send(stage.event("a"), stage.after(secs(1), 200)))
        .collect();
    stage.pass(secs(3));
    let answers = answers(&sent);
    assert_eq!(stage.runs(), 1);
    assert_eq!(count(&answers, "own 200"), 1);
    assert_eq!(count(&answers, "200 duplicate"), 4 * 16);
    let later = answers.iter().filter(|answer| answer.starts_with("409 "));
    assert_eq!(later.count(), 35);
}

#[test]
fn s36_of_10_fedapay_duplicates_at_once_all_are_2xx_and_one_runs() {
    on_each_store(|stage| {
        let shop = stage.open(&stage.fedapay());
        let sent: Vec<Sent> = (0..10)
            .map(|_| shop.send(stage.event("a"), stage.after(secs(1), 200)))
            .collect();
        stage.pass(secs(3));
        let answers = answers(&sent);
        assert_eq!(count(&answers, "own 200"), 1);
        assert_eq!(count(&answers, "200 duplicate"), 9);
        assert_eq!(stage.runs(), 1);
    });
}

#[test]
fn runs_at_once_are_capped_before_the_claim() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay().with_max_runs(2));
    let first = shop.send(stage.event("a"), stage.after(secs(1), 200));
    shop.send(stage.event("b"), never);
    stage.run();
    let claims = store.calls(Operation::Claim);
    let answer = shop.deliver(stage.event("c"), at_once(200));
    assert_eq!(answer, "503 retry=5");
    assert_eq!(stage.seen(), ["overloaded too_many_runs 503 c"]);
    assert_eq!(store.calls(Operation::Claim), claims);
    stage.pass(secs(1));
    assert_eq!(first.answer(), "own 200");
    assert_eq!(shop.deliver(stage.event("c"), at_once(200)), "own 200");
}

#[test]
fn the_clones_of_a_receiver_share_its_limits() {
    let (stage, _) = Stage::with_cues();
    let receiver: Receiver = stage.fedapay().with_max_runs(1);
    let (one, other) = (stage.open(&receiver), stage.open(&receiver.clone()));
    one.send(stage.event("a"), never);
    stage.run();
    let answer = other.deliver(stage.event("b"), at_once(200));
    assert_eq!(answer, "503 retry=5");
    let apart = stage.open(&stage.receiver("apart", provider::fedapay()));
    assert_eq!(apart.deliver(stage.event("b"), at_once(200)), "own 200");
}
