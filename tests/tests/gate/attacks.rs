//! The attacks, through both adapters.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use countersign::Receiver;
use countersign_testkit::ManualClock;
use countersign_tests::attacks::{Attack, Expect, attacks};

use crate::deliveries::memory;
use crate::sender::{Post, Sender};
use crate::site::{Framework, Route, Runs, Site, panics};

/// Where either verdict is right and the strict one is not taken. Padding is optional in the
/// secrets of Standard Webhooks, and without it they mean the same bytes; an id may be any visible
/// ASCII but the delimiter, since no store takes it as it is.
const LENIENT: [&str; 2] = [
    "standard_webhooks/secret_format/unpadded_base64",
    "standard_webhooks/signed_id/id_redis_glob",
];

/// How many attacks one site serves, each at a route of its own: a receiver has one clock.
const AT_ONCE: usize = 48;

fn receiver(attack: &Attack) -> Option<Receiver> {
    let receiver = Receiver::new("attacked", attack.provider(), attack.secrets().ok()?).ok()?;
    let tolerance = Duration::from_secs(attack.tolerance_secs);
    let receiver = receiver.with_tolerance(tolerance, tolerance).unwrap();
    Some(receiver.with_store(memory(16)))
}

fn expected(attack: &Attack) -> Expect {
    match attack.expect {
        Expect::Either if LENIENT.contains(&&*attack.id) => Expect::Accept,
        Expect::Either => attack.recommend.expect("a recommendation"),
        expected => expected,
    }
}

/// What a sender puts on the wire, whether HTTP allows it or not.
fn post(attack: &Attack) -> Post {
    let post = Post::new(attack.body()).to(&path(attack));
    attack
        .headers()
        .fold(post, |post, (name, value)| post.with(&name, value))
}

fn path(attack: &Attack) -> String {
    format!("/{}", attack.id)
}

/// The status, where there was one: a server may hang up on what is not HTTP.
fn send(site: &Site, post: &Post) -> io::Result<u16> {
    let mut sender = site.connect();
    let mut bytes = post.head_with_length();
    bytes.extend(&post.body);
    // A server that refuses a head may hang up under a sender that still writes its body.
    let written = sender.try_write(bytes);
    let answer = Sender::try_response(&mut sender);
    answer
        .map(|answer| answer.status)
        .or_else(|error| written.and(Err(error)))
}

fn judge(site: &Site, runs: &Runs, attack: &Attack) -> Result<(), String> {
    let before = runs.number();
    let status = send(site, &post(attack));
    let ran = runs.number() - before;
    let carried = attack.request().is_some();
    let verdict = match (&status, ran) {
        (Ok(200..=299), 1) => Expect::Accept,
        (Ok(400..=499), 0) => Expect::Reject,
        (Err(_), 0) if !carried => Expect::Reject,
        _ => return Err(format!("{status:?} after {ran} runs")),
    };
    match (verdict, expected(attack)) {
        (verdict, expected) if verdict == expected => Ok(()),
        _ => Err(format!("{verdict:?}, by {status:?}: {}", attack.why)),
    }
}

fn all(framework: Framework) {
    let attacks = attacks();
    assert_eq!(attacks.len(), 385);
    let mut wrong = BTreeMap::new();
    let mut sent = 0;
    for attacks in attacks.chunks(AT_ONCE) {
        let runs = Runs::default();
        let mut routes = Vec::new();
        let mut attacked = Vec::new();
        for attack in attacks {
            let Some(receiver) = receiver(attack) else {
                let configuration =
                    attack.refuses_configuration() || attack.class == "secret_format";
                if !configuration || expected(attack) != Expect::Reject {
                    wrong.insert(&attack.id, "the secret was refused".to_owned());
                }
                continue;
            };
            let route = Route::new(&path(attack), receiver, runs.at_once(200));
            routes.push(route.with_clock(ManualClock::new(attack.now())));
            attacked.push(attack);
        }
        let site = Site::with(framework, routes);
        for attack in attacked {
            sent += 1;
            if let Err(why) = judge(&site, &runs, attack) {
                wrong.insert(&attack.id, why);
            }
        }
    }
    println!(
        "{sent} sent, {} refused as configuration",
        attacks.len() - sent
    );
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
    panics::none_seen(framework);
}

#[test]
fn every_attack_gets_the_verdict_it_deserves_axum() {
    all(Framework::Axum);
}

#[test]
fn every_attack_gets_the_verdict_it_deserves_actix_web() {
    all(Framework::ActixWeb);
}
