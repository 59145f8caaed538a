//! The same event again: at once, in disguise, signed anew, at another endpoint.

use std::time::Duration;

use countersign::provider::Setting;
use countersign::{Clock, Envelope, IdSource, Outcome, Provider, TypeSource, UnixTime, provider};
use countersign_testkit::ManualClock;

use crate::counted::counted;
use crate::deliveries::{event, signed, signed_at};
use crate::sender::Sender;
use crate::site::{Leave, PATIENCE, Route, Runs, Site, until};
use crate::stage::{Kind, Stage};

/// S1
pub fn at_once(stage: &Stage) {
    let (runs, leave) = (Runs::default(), Leave::default());
    let receiver = stage.shop().with_wait(PATIENCE);
    let site = Site::new(stage.framework, receiver, runs.held(&leave, 201));
    let event = event("a");
    let mut senders: Vec<Sender> = (0..100).map(|_| site.connect()).collect();
    for sender in &mut senders {
        sender.start(&event);
    }
    // One runs and 16 wait for it: the others are told to come again while it runs.
    site.log.reach(Outcome::InProgress, 100 - 1 - 16);
    assert_eq!(
        site.log.all().len(),
        83,
        "nobody was told 2xx while it runs"
    );
    leave.give(1);
    let answers: Vec<_> = senders.iter_mut().map(Sender::response).collect();
    let count = |status| {
        answers
            .iter()
            .filter(|answer| answer.status == status)
            .count()
    };
    assert_eq!((count(201), count(200), count(409)), (1, 16, 83));
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 201 || answer.is_duplicate() || answer.is_in_progress())
    );
    assert_eq!(runs.number(), 1);
}

/// S9
pub fn in_disguise(stage: &Stage) {
    let header = Setting::SignatureHeader("x-signature".into());
    let centralpay = provider::centralpay().with(header).unwrap();
    for provider in [
        provider::github(),
        provider::fourpay(),
        provider::zibapay(),
        centralpay,
    ] {
        let runs = Runs::default();
        let site = Site::new(
            stage.framework,
            stage.receiver("shop", provider.clone()),
            runs.at_once(201),
        );
        let genuine = signed(&provider, r#"{"id":"a","uuid":"a","status":"PAID"}"#);
        let first = genuine
            .clone()
            .with("x-github-delivery", "1")
            .with("webhook-id", "1");
        assert_eq!(site.connect().send(&first).status, 201);

        let other_id = genuine
            .clone()
            .with("x-github-delivery", "2")
            .with("webhook-id", "2");
        let mut upper_case = genuine.clone();
        for (_, value) in &mut upper_case.headers {
            let text = String::from_utf8(value.clone()).unwrap();
            let digits = text.rfind('=').map_or(0, |prefix| prefix + 1);
            value[digits..].make_ascii_uppercase();
        }
        assert_ne!(upper_case.headers, genuine.headers);
        let extra = genuine
            .with("x-forwarded-for", "192.0.2.1")
            .with("x-request-id", "7")
            .with("content-type", "text/plain");
        for replay in [other_id, upper_case, extra] {
            let answer = site.connect().send(&replay);
            assert!(answer.is_duplicate(), "{}: {answer:?}", provider.name());
        }
        assert_eq!(runs.number(), 1);
    }
}

/// S10
pub fn of_two_endpoints(stage: &Stage) {
    let (runs, store) = (Runs::default(), stage.store());
    let names = ["account a", "account b", "sandbox", "sandbox a"];
    let routes = names.iter().enumerate().map(|(n, name)| {
        let receiver = stage
            .receiver(name, provider::fedapay())
            .with_store(store.clone());
        Route::new(&format!("/{n}"), receiver, runs.at_once(201))
    });
    let site = Site::with(stage.framework, routes);
    for n in 0..names.len() {
        let post = event("a").to(&format!("/{n}"));
        assert_eq!(site.connect().send(&post).status, 201, "{n}");
        assert!(site.connect().send(&post).is_duplicate());
    }
    assert_eq!(runs.number(), names.len());
    assert_eq!(store.held(), (0, names.len()));
}

/// S11
pub fn with_another_payload(stage: &Stage) {
    let runs = Runs::default();
    let site = Site::new(stage.framework, stage.shop(), runs.at_once(201));
    let fedapay = provider::fedapay();
    let mut sender = site.connect();
    let first = signed(&fedapay, r#"{"id":"a","name":"n","amount":1}"#);
    let second = signed(&fedapay, r#"{"id":"a","name":"n","amount":2}"#);
    assert_eq!(sender.send(&first).status, 201);
    assert!(sender.send(&second).is_duplicate());
    assert_eq!(runs.number(), 1);
    assert_eq!(
        site.log.texts(),
        ["delivered 201 a", "payload_differs a", "duplicate 200 a"]
    );
}

/// `{t}.{body}`, and nothing that names the event.
fn nameless() -> Provider {
    let scheme = provider::stripe().scheme().clone();
    let envelope = Envelope {
        members: None,
        id: IdSource::Digest,
        kind: TypeSource::None,
        time: None,
    };
    Provider::new("nameless", scheme, envelope)
}

/// S35
pub fn signed_anew(stage: &Stage) {
    let runs = Runs::default();
    let site = Site::new(
        stage.framework,
        stage.receiver("nameless", nameless()),
        runs.at_once(201),
    );
    let now = UnixTime::from(std::time::SystemTime::now()).as_secs();
    let sign =
        |body: &'static str, ago| signed_at(&nameless(), body, UnixTime::from_secs(now - ago));
    let (first, retry) = (sign("a=1", 120), sign("a=1", 0));
    assert_ne!(first.headers, retry.headers);
    let mut sender = site.connect();
    assert_eq!(sender.send(&first).status, 201);
    assert!(sender.send(&retry).is_duplicate());
    assert_eq!(sender.send(&sign("a=2", 0)).status, 201, "another event");
    assert_eq!(runs.number(), 2);
}

/// S36. On the memory store the handler's second passes by hand, so that all ten are there before it is over.
/// A real store's answers take time of their own, and so everything does.
pub fn of_a_slow_handler(stage: &Stage) {
    const SECOND: Duration = Duration::from_secs(1);
    let by_hand = stage.kind == Kind::Memory;
    let clock = ManualClock::new(std::time::SystemTime::now().into());
    let (runs, store) = (Runs::default(), counted(stage.store()));
    let timer = clock.clone();
    let handler = runs.handler(move |_| {
        let second = timer.sleep(SECOND);
        async move {
            match by_hand {
                true => second.await,
                false => tokio::time::sleep(SECOND).await,
            }
            201
        }
    });
    let receiver = stage.shop().with_store(store.clone());
    let route = match by_hand {
        true => Route::new("/hook", receiver, handler).with_clock(clock.clone()),
        false => Route::new("/hook", receiver.with_wait(PATIENCE), handler),
    };
    let site = Site::with(stage.framework, [route]);
    let event = event("a");
    let mut senders: Vec<Sender> = (0..10).map(|_| site.connect()).collect();
    for sender in &mut senders {
        sender.start(&event);
    }
    if by_hand {
        // Time stands still: each has looked once, and nine of them wait.
        store.beside.claims.reach(10);
        assert_eq!((store.beside.claims.get(), site.log.texts().len()), (10, 0));
        clock.advance(SECOND);
        site.log.reach(Outcome::Delivered, 1);
        // Behind the commit, whoever looks again finds it.
        until("all have looked again", || {
            clock.advance(Duration::from_millis(100));
            site.log.count(Outcome::Duplicate) == 9
        });
    }
    let answers: Vec<_> = senders.iter_mut().map(Sender::response).collect();
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 201 || answer.is_duplicate())
    );
    assert_eq!((runs.number(), runs.most()), (1, 1));
}

/// S41
pub fn of_a_status_that_returns(stage: &Stage) {
    let runs = Runs::default();
    let site = Site::new(
        stage.framework,
        stage.receiver("cards", provider::fourpay()),
        runs.at_once(201),
    );
    let mut sender = site.connect();
    let mut send = |status| {
        let body = format!(r#"{{"id":"1","cardUuid":"c","status":"{status}"}}"#);
        sender.send(&signed(&provider::fourpay(), body))
    };
    assert_eq!(send("ACTIVE").status, 201);
    assert_eq!(send("FROZEN").status, 201);
    assert!(send("ACTIVE").is_duplicate());
    assert_eq!(runs.number(), 2);
    let docs = include_str!("../../../../crates/countersign/src/provider/fourpay.rs");
    let docs = docs.replace("\n//! ", " ");
    assert!(docs.contains("a status that returns to an earlier one with the very same bytes"));
}
