//! A time beside other values: the same signed bytes are no other time.

use countersign::provider::{self, Recipe};
use countersign::{ErrorKind, Provider, UnixTime, Verifier};
use data_encoding::HEXLOWER;
use http::Request;
use ring::hmac;
use serde_json::json;

use crate::cuts::{KEY, of, post, tag};
use crate::delivery::{secret, verdict, verifier};

/// A scheme of this template, with its time in a header.
fn timed(template: &str, tolerance: Option<u64>) -> Provider {
    let recipe = json!({
        "id": "shop", "alg": "hmac-sha256", "key": {"encoding": "utf8"},
        "signature": {"header": "x-sig", "grammar": "plain", "encoding": "hex"},
        "timestamp": {"from": "header:x-time", "unit": "s", "tolerance": tolerance},
        "template": template,
    });
    let recipe: Recipe = serde_json::from_value(recipe).expect("a recipe");
    Provider::try_from(recipe).expect("a provider")
}

/// SendGrid's time and body have nothing between them, and no window tells a time that lost a digit.
#[test]
fn a_time_beside_the_body_has_all_its_digits() {
    // What the core hashes while it arrives, and what is put together.
    for (template, behind) in [
        ("{ts}{body}", true),
        ("{ts}{body}{method}", true),
        ("{body}{ts}", false),
        ("{method}{body}{ts}", false),
    ] {
        let verifier = verifier(&timed(template, None), &[secret(KEY)]);
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
        Verifier::new(&timed(template, tolerance), &[secret(KEY)]).is_ok()
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

/// Twitch signs id, time and body with nothing between them: an id goes on to no time in the body.
#[test]
fn an_id_ends_before_the_time_that_was_sent() {
    let verifier = of(provider::twitch());
    let (id, at) = ("evt-1", "2027-01-15T08:00:00Z");
    let body = r#"{"at":"2027-01-15T08:00:05Z","n":1}"#;
    let signed = format!("{id}{at}{body}");
    let signature = format!(
        "sha256={}",
        HEXLOWER.encode(&tag(hmac::HMAC_SHA256, &signed))
    );
    let sent = |id: &str, at: &str, body: &str| {
        let headers = [
            ("twitch-eventsub-message-id", id),
            ("twitch-eventsub-message-timestamp", at),
            ("twitch-eventsub-message-signature", &*signature),
        ];
        let request = post("", &headers, body);
        let (parts, body) = request.into_parts();
        let now = UnixTime::from_secs(1_800_000_000);
        verifier.verify(&Request::from_parts(parts, ()), body, now)
    };
    assert!(sent(id, at, body).is_ok());
    let (before, behind) = body.split_at(7);
    let (later, rest) = behind.split_at(at.len());
    let recut = sent(&format!("{id}{at}{before}"), later, rest);
    assert_eq!(
        recut.map_err(|error| error.kind()).err(),
        Some(ErrorKind::MalformedHeader)
    );
}
