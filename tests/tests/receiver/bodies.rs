//! A body on its way in: how long it may be, how much is held of unverified ones, how slow it is.

use countersign::{Answer, Gate, Intake, provider};
use countersign_testkit::Operation;
use http::Request;

use crate::stage::{Stage, at_once, secs};
use crate::worker::{Worker, show};

const MIB: usize = 1024 * 1024;

/// A well-shaped head that proves nothing.
fn head_of_fedapay(stage: &Stage) -> Request<()> {
    stage.forged("a").map(|_| ())
}

fn head_of_banking_circle(stage: &Stage) -> Request<()> {
    stage.batch(&["a"]).map(|_| ())
}

fn begin<'h>(
    worker: &Worker,
    head: &'h Request<()>,
    declared: Option<usize>,
) -> Result<Intake<'h>, String> {
    let declared = declared.map(|bytes| bytes as u64);
    worker.gate.begin(head, declared).map_err(|a| show(&a))
}

fn feed(intake: &mut Intake<'_>, bytes: usize) -> Result<(), String> {
    intake.update(vec![b' '; bytes]).map_err(|a| show(&a))
}

fn admit(stage: &Stage, worker: &Worker, body: &[u8], cut: usize) -> Result<(), Answer> {
    let request = stage.sign(&provider::fedapay(), body.to_vec());
    let (gate, body): (Gate, Vec<u8>) = (worker.gate.clone(), body.to_vec());
    let result = stage.watch(async move {
        let mut intake = gate.begin(&request, None)?;
        for chunk in body.chunks(cut) {
            intake.update(chunk.to_vec())?;
        }
        intake.admit().await.map(drop)
    });
    stage.run();
    result.take().expect("nothing to wait for")
}

#[test]
fn a_body_of_exactly_the_limit_passes_and_one_byte_more_is_a_413() {
    let (stage, _) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    let head = head_of_fedapay(&stage);

    assert!(begin(&shop, &head, Some(MIB)).is_ok());
    assert_eq!(begin(&shop, &head, Some(MIB + 1)).unwrap_err(), "413");
    assert_eq!(stage.seen(), ["rejected body_too_large 413"]);
    assert_eq!(begin(&shop, &head, Some(usize::MAX)).unwrap_err(), "413");
    stage.seen();

    // Chunked, or with a length that was a lie.
    for declared in [None, Some(10), Some(MIB)] {
        let mut intake = begin(&shop, &head, declared).unwrap();
        assert_eq!(feed(&mut intake, MIB - 1), Ok(()));
        assert_eq!(feed(&mut intake, 1), Ok(()));
        assert_eq!(feed(&mut intake, 1), Err("413".to_owned()));
        drop(intake);
        let [seen] = stage.log.take().try_into().unwrap();
        assert_eq!(seen.to_string(), "rejected body_too_large 413");
        assert_eq!(seen.bytes, MIB + 1, "as far as it was read");
    }

    let mut body = br#"{"id":"a"}"#.to_vec();
    body.resize(MIB, b' ');
    for cut in [MIB, 1000] {
        assert!(admit(&stage, &shop, &body, cut).is_ok());
    }
    body.push(b' ');
    let refused = admit(&stage, &shop, &body, 1000).unwrap_err();
    assert_eq!(show(&refused), "413");
}

#[test]
fn a_limit_of_the_merchants_own_holds_in_the_same_way() {
    let (stage, _) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay().with_body_limit(100));
    let head = head_of_fedapay(&stage);
    assert_eq!(begin(&shop, &head, Some(101)).unwrap_err(), "413");
    let mut intake = begin(&shop, &head, Some(100)).unwrap();
    assert_eq!(feed(&mut intake, 100), Ok(()));
    assert_eq!(feed(&mut intake, 1), Err("413".to_owned()));
}

#[test]
fn rule_12_a_wrong_head_is_refused_before_the_body_is_read() {
    let (stage, _) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    let mut head = head_of_fedapay(&stage);
    head.headers_mut().remove("x-fedapay-signature");
    // The fault of the head comes before that of the length.
    assert_eq!(begin(&shop, &head, Some(usize::MAX)).unwrap_err(), "401");
    assert_eq!(stage.seen(), ["rejected missing_header 401"]);
    stage.clock.step(301_000);
    let old = head_of_fedapay(&stage);
    stage.clock.step(301_000);
    assert_eq!(begin(&shop, &old, Some(10)).unwrap_err(), "401");
    assert_eq!(stage.seen(), ["rejected timestamp_stale 401"]);
}

#[test]
fn rule_12_a_slow_body_is_a_408() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay());
    assert_eq!(shop.gate.body_timeout(), secs(10));
    let head = head_of_fedapay(&stage);
    let mut intake = begin(&shop, &head, Some(100)).unwrap();
    feed(&mut intake, 7).unwrap();
    stage.pass(shop.gate.body_timeout());
    assert_eq!(show(&intake.timed_out()), "408");
    let [seen] = stage.log.take().try_into().unwrap();
    assert_eq!(seen.to_string(), "rejected body_timeout 408");
    assert_eq!((seen.bytes, seen.elapsed), (7, secs(10)));
    assert_eq!(store.calls(Operation::Claim), 0);
}

#[test]
fn too_many_unverified_bytes_are_a_503_before_reading_and_while_reading() {
    let (stage, store) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay().with_unverified_limit(1000));
    let head = head_of_fedapay(&stage);

    let mut first = begin(&shop, &head, None).unwrap();
    let mut second = begin(&shop, &head, None).unwrap();
    feed(&mut first, 600).unwrap();
    // While reading.
    assert_eq!(feed(&mut second, 401), Err("503 retry=5".to_owned()));
    let [seen] = stage.log.take().try_into().unwrap();
    assert_eq!(seen.to_string(), "overloaded too_many_unverified 503");
    drop(second);
    let mut second = begin(&shop, &head, None).unwrap();
    feed(&mut second, 400).unwrap();
    // Before reading.
    let refused = begin(&shop, &head, None).unwrap_err();
    assert_eq!(refused, "503 retry=5");
    assert_eq!(stage.seen(), ["overloaded too_many_unverified 503"]);

    // However an intake ends, it gives back what it held.
    let _ = first.timed_out();
    let mut third = begin(&shop, &head, None).unwrap();
    feed(&mut third, 600).unwrap();
    assert!(begin(&shop, &head, None).is_err());
    drop(third);
    drop(second);
    stage.seen();
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    assert_eq!(store.calls(Operation::Claim), 1);
}

#[test]
fn a_verified_body_is_no_unverified_one() {
    let (stage, _) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay().with_unverified_limit(60));
    let slow = shop.send(stage.event("a"), stage.after(secs(5), 200));
    stage.run();
    assert_eq!(stage.running(), 1);
    let head = head_of_fedapay(&stage);
    let mut intake = begin(&shop, &head, None).unwrap();
    assert_eq!(feed(&mut intake, 60), Ok(()), "the whole budget");
    drop(intake);
    stage.pass(secs(5));
    assert_eq!(slow.answer(), "own 200");
}

#[test]
fn a_refused_body_gives_its_bytes_back() {
    let (stage, _) = Stage::with_cues();
    let shop = stage.open(&stage.fedapay().with_unverified_limit(60));
    for n in 0..20 {
        let answer = shop.deliver(stage.forged("a"), at_once(200));
        assert_eq!(answer, "401", "forgery {n}");
    }
}

/// 200 connections with 50 MB each, of which the budget of 200 MB holds four; here with a tenth of
/// these sizes.
#[test]
fn s37_well_shaped_forgeries_stay_within_the_budget_and_harm_no_other_endpoint() {
    let (stage, store) = Stage::with_cues();
    let receiver = stage.banking_circle().with_body_limit(5_000_000);
    let receiver = receiver.with_unverified_limit(20_000_000);
    let bank = stage.open(&receiver);
    let shop = stage.open(&stage.fedapay());
    let head = head_of_banking_circle(&stage);

    let mut held = vec![0_usize; 200];
    let mut intakes: Vec<Option<Intake<'_>>> = (0..200)
        .map(|_| Some(begin(&bank, &head, Some(5_000_000)).unwrap()))
        .collect();
    let mut refused = 0;
    for _ in 0..5 {
        for (intake, held) in intakes.iter_mut().zip(&mut held) {
            let Some(open) = intake else { continue };
            match feed(open, 1_000_000) {
                Ok(()) => *held += 1_000_000,
                Err(answer) => {
                    assert_eq!(answer, "503 retry=5");
                    (*intake, *held) = (None, 0);
                    refused += 1;
                }
            }
        }
        assert!(held.iter().sum::<usize>() <= 20_000_000);
    }
    assert!(refused >= 180, "{refused}");
    stage.seen();
    assert_eq!(shop.deliver(stage.event("a"), at_once(200)), "own 200");
    assert_eq!(stage.seen(), ["delivered 200 a"]);

    drop(intakes);
    assert_eq!(bank.deliver(stage.batch(&["a"]), at_once(200)), "own 200");
    assert_eq!(store.calls(Operation::Claim), 2);
}

#[test]
fn rule_16_a_declared_length_takes_no_budget_until_bytes_come() {
    let (stage, _) = Stage::with_cues();
    let receiver = stage.banking_circle();
    // Room for 200 first reservations, and for none of the lengths that are declared.
    let bank = stage.open(&receiver.with_unverified_limit(200 * 64 * 1024));
    let head = head_of_banking_circle(&stage);
    let mut intakes = Vec::new();
    for n in 0..199 {
        let mut intake = begin(&bank, &head, Some(50_000_000)).unwrap();
        for _ in 0..3 {
            assert_eq!(feed(&mut intake, 10), Ok(()), "intake {n}");
        }
        intakes.push(intake);
    }
    // Whoever shows more than that is believed, and counted with all that it declared.
    let mut believed = begin(&bank, &head, Some(50_000_000)).unwrap();
    assert_eq!(feed(&mut believed, 10), Ok(()));
    let refused = feed(&mut believed, 64 * 1024);
    assert_eq!(refused, Err("503 retry=5".to_owned()));
}
