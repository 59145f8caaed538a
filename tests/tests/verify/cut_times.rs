//! A time beside other values: the same signed bytes are no other time.

use countersign::provider::Recipe;
use countersign::{ErrorKind, Provider, Verifier};
use data_encoding::HEXLOWER;
use ring::hmac;
use serde_json::json;

use crate::cuts::{KEY, post, tag};
use crate::delivery::{secret, verdict, verifier};

/// SendGrid's time and body have nothing between them, and no window tells a time that lost a digit.
#[test]
fn a_time_beside_the_body_has_all_its_digits() {
    let recipe = |template: &str| {
        let recipe = json!({
            "id": "shop", "alg": "hmac-sha256", "key": {"encoding": "utf8"},
            "signature": {"header": "x-sig", "grammar": "plain", "encoding": "hex"},
            "timestamp": {"from": "header:x-time", "unit": "s", "tolerance": null},
            "template": template,
        });
        let recipe: Recipe = serde_json::from_value(recipe).expect("a recipe");
        verifier(
            &Provider::try_from(recipe).expect("a provider"),
            &[secret(KEY)],
        )
    };
    // What the core hashes while it arrives, and what is put together.
    for (template, behind) in [
        ("{ts}{body}", true),
        ("{ts}{body}{method}", true),
        ("{body}{ts}", false),
        ("{method}{body}{ts}", false),
    ] {
        let verifier = recipe(template);
        let signed = template
            .replace("{ts}", if behind { "1800000000" } else { "" })
            .replace("{body}", "1234")
            .replace("{method}", "POST");
        let signed = if behind {
            signed
        } else {
            signed + "1800000000"
        };
        let tag = HEXLOWER.encode(&tag(hmac::HMAC_SHA256, &signed));
        let outcome = |time: &str, body: &str| {
            let headers = [("x-sig", &*tag), ("x-time", time)];
            verdict(&verifier, &post("", &headers, body)).err()
        };
        assert_eq!(outcome("1800000000", "1234"), None, "{template}");
        let cuts = match behind {
            true => [("180000000", "01234"), ("18000000001", "234")],
            false => [("800000000", "12341"), ("41800000000", "123")],
        };
        for (time, body) in cuts {
            let malformed = Some(ErrorKind::MalformedHeader);
            assert_eq!(outcome(time, body), malformed, "{template} {time}");
        }
    }
}

#[test]
fn a_time_between_two_values_needs_a_window() {
    let taken = |template: &str, tolerance: Option<u64>| {
        let recipe = json!({
            "id": "shop", "alg": "hmac-sha256", "key": {"encoding": "utf8"},
            "signature": {"header": "x-sig", "grammar": "plain", "encoding": "hex"},
            "timestamp": {"from": "header:x-time", "unit": "s", "tolerance": tolerance},
            "template": template,
        });
        let recipe: Recipe = serde_json::from_value(recipe).expect("a recipe");
        let provider = Provider::try_from(recipe).expect("a provider");
        Verifier::new(&provider, &[secret(KEY)]).is_ok()
    };
    for (template, without) in [
        ("{header:x-id}{ts}{body}", false),
        ("{header:x-id}{ts}.{body}", true),
        ("{method}{ts}{body}", false),
        ("{method}.{ts}{body}", true),
    ] {
        assert!(taken(template, Some(300)), "{template}");
        assert_eq!(taken(template, None), without, "{template}");
    }
}
