//! One endpoint for many tenants, by their paths.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::{Asked, Outcome, Receiver, Secret, Tenant, UnixTime, provider};
use countersign_testkit::ManualClock;

use crate::deliveries::{event_body, memory, signed_by};
use crate::sender::Post;
use crate::site::panics::Intended;
use crate::site::{Framework, Leave, Route, Runs, Site, Tally};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// A platform's tenants, and how often they were asked for.
#[derive(Clone, Default)]
struct Platform {
    secrets: Arc<Mutex<HashMap<String, String>>>,
    asked: Tally,
}

impl Platform {
    fn with(tenants: &[&str]) -> Platform {
        let platform = Platform::default();
        for tenant in tenants {
            platform.set(tenant, &secret_of(tenant));
        }
        platform
    }

    fn set(&self, tenant: &str, secret: &str) {
        let mut secrets = self.secrets.lock().unwrap();
        secrets.insert(tenant.to_owned(), secret.to_owned());
    }

    fn receiver(&self) -> Receiver {
        let platform = self.clone();
        let find = move |asked: Asked| {
            platform.asked.add();
            let name = asked.path().strip_prefix("/shops/").unwrap().to_owned();
            let secret = platform.secrets.lock().unwrap().get(&name).cloned();
            async move {
                match name.as_str() {
                    "broken" => return Err("the vault is sealed".into()),
                    "panicking" => std::panic::panic_any(Intended),
                    "hanging" => std::future::pending().await,
                    "keyless" => return Ok(Some(Tenant::new(name, []))),
                    "nameless" => {
                        return Ok(Some(Tenant::new(
                            "",
                            [Secret::new("a secret of somebody")?],
                        )));
                    }
                    _ => {}
                }
                let Some(secret) = secret else {
                    return Ok(None);
                };
                Ok(Some(Tenant::new(name, [Secret::new(secret)?])))
            }
        };
        let receiver = Receiver::for_tenants("shops", provider::fedapay(), find).unwrap();
        receiver.with_store(memory(100))
    }
}

fn secret_of(tenant: &str) -> String {
    format!("the secret of {tenant}")
}

/// An event to a tenant, under the secret of one.
fn event(tenant: &str, secret: &str, id: &str) -> Post {
    let secret = Secret::new(secret).unwrap();
    let post = signed_by(&secret, &provider::fedapay(), event_body(id), NOW);
    post.to(&format!("/shops/{tenant}"))
}

fn site(framework: Framework, receiver: Receiver, runs: &Runs, clock: &ManualClock) -> Site {
    let whose = runs.handler(|delivery| {
        let known = matches!(delivery.tenant(), Some("anna" | "bert"));
        std::future::ready(if known { 201 } else { 500 })
    });
    let route = Route::new("/shops/{shop}", receiver, whose).with_clock(clock.clone());
    Site::with(framework, [route])
}

fn each_has_its_own(framework: Framework) {
    let (runs, clock) = (Runs::default(), ManualClock::new(NOW));
    let platform = Platform::with(&["anna", "bert"]);
    let site = site(framework, platform.receiver(), &runs, &clock);
    let mut sender = site.connect();
    let mut send = |post: Post| sender.send(&post).status;
    let (anna, bert) = (secret_of("anna"), secret_of("bert"));

    // The same id of two tenants is two events.
    assert_eq!(send(event("anna", &anna, "1")), 201);
    assert_eq!(send(event("bert", &bert, "1")), 201);
    assert_eq!(send(event("anna", &anna, "1")), 200, "a duplicate");
    assert_eq!(send(event("bert", &anna, "2")), 401, "another's secret");
    assert_eq!(
        site.log.texts(),
        [
            "delivered 201 1",
            "delivered 201 1",
            "duplicate 200 1",
            "rejected signature_mismatch 401"
        ]
    );
    let tenants: Vec<Option<String>> = site.log.all().into_iter().map(|seen| seen.tenant).collect();
    let tenants: Vec<Option<&str>> = tenants.iter().map(Option::as_deref).collect();
    // Of the forged one, as whose it came.
    assert_eq!(
        tenants,
        [Some("anna"), Some("bert"), Some("anna"), Some("bert")]
    );

    // A secret that was changed counts at once.
    platform.set("anna", "a new secret of anna");
    assert_eq!(send(event("anna", &anna, "3")), 401);
    assert_eq!(send(event("anna", "a new secret of anna", "3")), 201);
    assert_eq!(
        site.receiver().replace_secrets([]).unwrap_err().kind(),
        countersign::ConfigErrorKind::NotApplicable
    );
}

fn nobody_is_refused(framework: Framework) {
    let (runs, clock) = (Runs::default(), ManualClock::new(NOW));
    let platform = Platform::with(&["anna"]);
    let site = site(framework, platform.receiver(), &runs, &clock);
    let mut sender = site.connect();
    let post = event("bert", &secret_of("bert"), "1");
    for _ in 0..3 {
        let answer = sender.send(&post);
        assert_eq!((answer.status, &*answer.body), (401, &b""[..]));
        assert_eq!(answer.outcome(), None);
    }
    assert_eq!(site.log.texts(), ["rejected unknown_tenant 401"; 3]);
    assert_eq!(platform.asked.get(), 1, "it was remembered");
    // What lacks the shape of a delivery is not looked up at all.
    let shapeless = Post::new("{}").to("/shops/carl");
    assert_eq!(sender.send(&shapeless).status, 401);
    assert_eq!(platform.asked.get(), 1);
    // Another is not taken for it.
    let anna = event("anna", &secret_of("anna"), "1");
    assert_eq!(sender.send(&anna).status, 201);

    // Not for long: who signs up is served soon.
    platform.set("bert", &secret_of("bert"));
    clock.advance(Duration::from_millis(9999));
    assert_eq!(sender.send(&post).status, 401);
    clock.advance(Duration::from_millis(1));
    assert_eq!(sender.send(&post).status, 201);
    assert_eq!(platform.asked.get(), 3);
}

fn a_lookup_that_fails_is_a_500(framework: Framework) {
    let (runs, clock) = (Runs::default(), ManualClock::new(NOW));
    let platform = Platform::with(&["anna"]);
    let site = site(framework, platform.receiver(), &runs, &clock);
    let mut sender = site.connect();
    for name in ["broken", "panicking", "keyless", "nameless"] {
        let answer = sender.send(&event(name, &secret_of(name), "1"));
        assert_eq!((answer.status, &*answer.body), (500, &b""[..]), "{name}");
    }
    // The clock stands still until the lookup has begun, and passes its time then.
    let asked = platform.asked.get();
    sender.start(&event("hanging", &secret_of("hanging"), "1"));
    platform.asked.reach(asked + 1);
    while sender.is_unanswered() {
        clock.advance(Duration::from_millis(100));
        std::thread::yield_now();
    }
    assert_eq!(sender.response().status, 500);
    assert_eq!(
        site.log.texts(),
        ["secrets_unavailable secrets_unavailable 500"; 5]
    );
    assert_eq!(site.log.count(Outcome::SecretsUnavailable), 5);
    // None of that is remembered.
    platform.set("broken", "x");
    assert_eq!(
        sender.send(&event("anna", &secret_of("anna"), "1")).status,
        201
    );
}

fn lookups_are_bounded(framework: Framework) {
    let (runs, leave, asked) = (Runs::default(), Leave::default(), Tally::default());
    let (held, count) = (leave.clone(), asked.clone());
    let find = move |_: Asked| {
        let held = held.clone();
        count.add();
        async move {
            held.wait().await;
            Ok(Some(Tenant::new("anna", [Secret::new(secret_of("anna"))?])))
        }
    };
    let receiver = Receiver::for_tenants("shops", provider::fedapay(), find).unwrap();
    let clock = ManualClock::new(NOW);
    let site = site(framework, receiver, &runs, &clock);
    let post = |n: usize| event("anna", &secret_of("anna"), &n.to_string());
    let mut senders: Vec<_> = (0..64)
        .map(|n| {
            let mut sender = site.connect();
            sender.start(&post(n));
            sender
        })
        .collect();
    asked.reach(64);
    let answer = site.connect().send(&post(64));
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (503, Some("5"))
    );
    assert_eq!(site.log.texts(), ["overloaded too_many_lookups 503"]);
    assert_eq!(asked.get(), 64);
    leave.give(65);
    for sender in &mut senders {
        assert_eq!(sender.response().status, 201);
    }
    assert_eq!(
        site.connect().send(&post(64)).status,
        201,
        "there is room again"
    );
}

on_both!(each_has_its_own nobody_is_refused a_lookup_that_fails_is_a_500 lookups_are_bounded);
