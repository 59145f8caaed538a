//! The attacks, each against the provider of its scheme.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use countersign::Verifier;
use countersign_tests::attacks::{Attack, Expect, attacks};

use crate::delivery::verdict_in_chunks;

fn verifier(attack: &Attack) -> Option<Verifier> {
    let tolerance = Duration::from_secs(attack.tolerance_secs);
    Verifier::new(&attack.provider(), &attack.secrets().ok()?)
        .ok()
        .map(|verifier| verifier.with_tolerance(tolerance, tolerance))
}

fn outcome(attack: &Attack) -> Expect {
    let Some(verifier) = verifier(attack) else {
        let configuration = attack.refuses_configuration() || attack.class == "secret_format";
        assert!(configuration, "{}: the secret was refused", attack.id);
        return Expect::Reject;
    };
    let accepted = attack.request().is_some_and(|request| {
        verifier
            .verify(&request, request.body().clone(), attack.now())
            .is_ok()
    });
    if accepted {
        Expect::Accept
    } else {
        Expect::Reject
    }
}

#[test]
fn every_attack_gets_the_verdict_it_deserves() {
    let attacks = attacks();
    assert_eq!(attacks.len(), 385);

    let mut wrong = Vec::new();
    for attack in &attacks {
        let outcome = catch_unwind(AssertUnwindSafe(|| outcome(attack)));
        match (outcome, attack.expect) {
            (Ok(outcome), Expect::Either) => {
                let recommended = attack.recommend.expect("a recommendation");
                let note = if outcome == recommended {
                    ""
                } else {
                    " (against the recommendation)"
                };
                println!("either: {} {outcome:?}{note}", attack.id);
            }
            (Ok(outcome), expected) if outcome == expected => {}
            (Ok(outcome), _) => wrong.push(format!("{}: {outcome:?}: {}", attack.id, attack.why)),
            (Err(_), _) => wrong.push(format!("{}: panicked: {}", attack.id, attack.why)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_cut_of_the_body_changes_a_verdict() {
    for attack in attacks() {
        let (Some(verifier), Some(request)) = (verifier(&attack), attack.request()) else {
            continue;
        };
        let whole = verifier
            .verify(&request, request.body().clone(), attack.now())
            .map(|verified| verified.key_index())
            .map_err(|error| error.kind());
        let sizes: &[usize] = if request.body().len() < 1024 {
            &[1, 7, 63, 64]
        } else {
            &[65_521]
        };
        for size in sizes {
            let cut = verdict_in_chunks(&verifier, &request, *size, attack.now())
                .map(|verified| verified.key_index());
            assert_eq!(cut, whole, "{} in chunks of {size}", attack.id);
        }
    }
}
