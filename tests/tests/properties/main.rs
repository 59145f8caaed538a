//! What must hold of any bytes, over generated ones: the twins of the targets in `fuzz/`, on a stable
//! toolchain. `COUNTERSIGN_CASES` says how many cases a property takes (`just properties`).

mod strategies;

use countersign_tests::hardness::{self, Kind};
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};

use self::strategies::{bodies, handshakes, in_bodies, recipes, requests};

/// Failures are kept in a file that is committed, and tried first in every later run. What failed is printed
/// with its seed.
fn cases(cases: u32) -> ProptestConfig {
    let asked = std::env::var("COUNTERSIGN_CASES").ok();
    let asked = asked.map(|cases| cases.parse().expect("COUNTERSIGN_CASES is a number"));
    ProptestConfig {
        // The same cases each time, so that a test that passed passes; `just properties` looks for new ones.
        rng_seed: match asked {
            Some(_) => RngSeed::Random,
            None => RngSeed::Fixed(20_261_122),
        },
        cases: asked.unwrap_or(cases),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "regressions/hardness.txt",
        ))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_head_that_nobody_signed_is_refused(
        kind in prop::sample::select(Kind::ALL.to_vec()), data in requests(),
    ) {
        hardness::head(kind, &data);
    }

    #[test]
    fn a_body_that_nobody_signed_is_refused(choice in any::<u8>(), body in in_bodies()) {
        let data = [&[choice, b'\n'][..], &body].concat();
        hardness::head(Kind::InBody, &data);
    }

    #[test]
    fn a_handshake_is_answered_by_its_own_proof_alone(data in handshakes()) {
        hardness::handshake(&data);
    }

    #[test]
    fn what_is_signed_verifies_and_what_is_changed_does_not(
        start in any::<[u8; 4]>(), body in bodies(),
    ) {
        hardness::whole(&[&start[..], &body].concat());
    }

    #[test]
    fn a_cut_changes_nothing(start in any::<[u8; 4]>(), body in bodies()) {
        hardness::cuts(&[&start[..], &body].concat());
    }

    #[test]
    fn any_payload_has_events(body in bodies()) {
        hardness::envelope(&body);
    }

    #[test]
    fn any_payload_decodes_or_says_why(body in bodies()) {
        hardness::typed(&body);
    }

    #[test]
    fn a_recipe_that_is_taken_verifies_its_own(data in recipes()) {
        hardness::recipe(data.as_bytes());
    }
}

/// Else the property above would say nothing.
#[test]
fn a_handshake_that_proves_itself_is_answered() {
    let meta = "hub.mode=subscribe&hub.verify_token=my-verify-token&hub.challenge=1";
    let slack = r#"{"type":"url_verification","challenge":"a"}"#;
    let zoom = r#"{"event":"endpoint.url_validation","payload":{"plainToken":"a"}}"#;
    let twitch =
        r#"{"challenge":"a","subscription":{"status":"webhook_callback_verification_pending"}}"#;
    for (choice, query, body) in [
        (0, meta, ""),
        (1, "", slack),
        (2, "", zoom),
        (3, "", twitch),
        (4, "challenge=a", ""),
        (5, "crc_token=a", ""),
    ] {
        let data = |choice: u8| [&[choice][..], query.as_bytes(), b"\n", body.as_bytes()].concat();
        assert!(hardness::handshake(&data(choice)), "{choice}");
        // The same provider, and nothing is signed.
        let unsigned = hardness::handshake(&data(132 + choice));
        assert_eq!(
            unsigned,
            ["meta", "dropbox"].contains(&NAMES[usize::from(choice)])
        );
    }
}

/// In the order of the choice.
const NAMES: [&str; 6] = ["meta", "slack", "zoom", "twitch", "dropbox", "x-twitter"];
