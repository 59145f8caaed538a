//! The signer against deliveries that others signed, and what it refuses to do.

use countersign::provider::{self, Recipe, Setting};
use countersign::scheme::KeyEncoding;
use countersign::{Provider, Secret, UnixTime, Verifier};
use countersign_testkit::{SignErrorKind, Signer};
use countersign_tests::vectors::five_providers;
use http::HeaderValue;

use crate::delivery::{NOW, header, presets, secret, verdict, verifier};

/// The deliveries of providers' own documentation and SDKs, with the headers they expect.
#[test]
fn it_signs_as_the_providers_do() {
    let signer = |provider, text| Signer::new(&provider, &secret(text)).expect("a signer");

    let signed = signer(provider::github(), "It's a Secret to Everybody")
        .sign("Hello, World!", NOW)
        .expect("signed");
    let (name, value) = &signed.headers()[0];
    assert_eq!(name, "x-hub-signature-256");
    assert_eq!(
        value,
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    );

    let standard = signer(
        provider::standard_webhooks(),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    );
    let request = standard
        .with_id("msg_p5jXN8AQM9LWM0D4loKWxJek")
        .expect("an id")
        .sign(
            r#"{"test": 2432232314}"#,
            UnixTime::from_secs(1_614_265_330),
        )
        .expect("signed")
        .into_request();
    assert_eq!(request.method(), "POST");
    assert_eq!(
        header(&request, "webhook-id"),
        "msg_p5jXN8AQM9LWM0D4loKWxJek"
    );
    assert_eq!(header(&request, "webhook-timestamp"), "1614265330");
    assert_eq!(
        header(&request, "webhook-signature"),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

/// Every valid vector in its plainest spelling is what the signer makes of the same body.
#[test]
fn it_signs_as_the_vectors_are_signed() {
    let mut same = 0;
    for vector in five_providers().iter().filter(|vector| vector.is_valid()) {
        let plainest = ["", "exactly at the tolerance", "Base64 chosen"];
        if vector.scheme == "banking-circle" || !plainest.contains(&vector.reason.as_str()) {
            continue;
        }
        let request = vector.request();
        let verified = verifier(&vector.provider(), &vector.secrets())
            .verify(&request, request.body().clone(), vector.now())
            .expect("valid");
        let signed_at = verified.timestamp().unwrap_or(vector.now());
        let ours = Signer::new(&vector.provider(), &vector.secrets()[0])
            .and_then(|signer| signer.sign(request.body().clone(), signed_at))
            .expect("signed")
            .into_request();
        for (name, value) in ours.headers() {
            assert_eq!(
                request.headers().get(name),
                Some(value),
                "{}",
                vector.scheme
            );
        }
        same += 1;
    }
    assert_eq!(same, 8);
}

#[test]
fn ids_are_fresh_unless_set() {
    let (provider, [secret, _]) = presets().pop().expect("standard-webhooks");
    let signer = Signer::new(&provider, &secret).expect("a signer");
    let id = |signer: &Signer| {
        let request = signer.sign("{}", NOW).expect("signed").into_request();
        header(&request, "webhook-id")
    };
    assert_ne!(id(&signer), id(&signer));
    let signer = signer.with_id("msg_1").expect("an id");
    assert_eq!((id(&signer), id(&signer)), ("msg_1".into(), "msg_1".into()));
}

#[test]
fn an_id_belongs_to_signed_headers_only() {
    for (provider, [secret, _]) in presets() {
        let signer = Signer::new(&provider, &secret).expect("a signer");
        match signer.with_id("msg_1") {
            Ok(_) => assert_eq!(provider.name(), "standard-webhooks"),
            Err(error) => assert_eq!(error.kind(), SignErrorKind::NotApplicable),
        }
    }
    let (provider, [secret, _]) = presets().pop().expect("standard-webhooks");
    let error = Signer::new(&provider, &secret)
        .and_then(|signer| signer.with_id("a\nb"))
        .expect_err("no header value");
    assert_eq!(error.kind(), SignErrorKind::BadId);
}

#[test]
fn what_cannot_be_signed_is_said() {
    let kind = |provider: &Provider, text| {
        Signer::new(provider, &secret(text))
            .expect_err("refused")
            .kind()
    };
    assert_eq!(
        kind(&provider::centralpay(), "a-secret"),
        SignErrorKind::MissingSetting
    );
    assert_eq!(
        kind(&provider::standard_webhooks(), "whsec_!!!!"),
        SignErrorKind::SecretEncoding
    );
    assert_eq!(
        kind(&provider::standard_webhooks(), "whsec_"),
        SignErrorKind::SecretEncoding
    );
    assert_eq!(
        kind(
            &provider::banking_circle(),
            "31 characters are one too few.."
        ),
        SignErrorKind::SecretEncoding
    );

    let (provider, [secret, _]) = presets().swap_remove(2);
    let signer = Signer::new(&provider, &secret).expect("a signer");
    let error = signer.sign(&b"\xff"[..], NOW).expect_err("no text");
    assert_eq!(error.kind(), SignErrorKind::NotText);
}

#[test]
fn keys_are_decoded_as_their_scheme_says() {
    let recipe = |encoding: &str| -> Provider {
        let recipe: Recipe = serde_json::from_str(&format!(
            r#"{{"id": "keys", "alg": "hmac-sha512", "key": {{"encoding": "{encoding}"}},
                "signature": {{"header": "x-signature", "grammar": "plain", "encoding": "hex"}},
                "template": "{{body}}"}}"#
        ))
        .expect("a recipe");
        recipe.try_into().expect("a provider")
    };
    let base64 = provider::banking_circle()
        .with(Setting::KeyEncoding(KeyEncoding::Base64))
        .expect("left open");
    for (provider, text) in [
        (recipe("utf8"), "00112233445566778899AAbbccddeeff"),
        (recipe("hex"), "00112233445566778899AAbbccddeeff"),
        (recipe("base64"), "AAECAwQFBgcICQoLDA0ODw=="),
        (recipe("base64-nopad-ok"), "AAECAwQFBgcICQoLDA0ODw=="),
        (recipe("base64-nopad-ok"), "AAECAwQFBgcICQoLDA0ODw"),
        (base64, "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="),
    ] {
        let secret = secret(text);
        let request = Signer::new(&provider, &secret)
            .and_then(|signer| signer.sign("{}", NOW))
            .expect("signed")
            .into_request();
        let verifier = verifier(&provider, &[secret]);
        assert!(verdict(&verifier, &request).is_ok(), "{text}");
    }
}

/// A deliberately bad id is signed as any other, so that a test can send it.
/// A key that is kept as bytes is no text to decode, on either side.
#[test]
fn keys_in_bytes_are_taken_as_they_are() {
    for provider in [provider::standard_webhooks(), provider::banking_circle()] {
        let key = Secret::from_bytes([0xa7; 32]).expect("a secret");
        let signer = Signer::new(&provider, &key).expect("a signer");
        let request = signer.sign("{}", NOW).expect("signed").into_request();
        let verifier = Verifier::new(&provider, &[key]).expect("a verifier");
        let verdict = verifier.verify(&request, request.body().clone(), NOW);
        assert!(verdict.is_ok(), "{}: {verdict:?}", provider.name());
    }
}

#[test]
fn it_signs_what_a_receiver_refuses() {
    let (provider, [secret, _]) = presets().pop().expect("standard-webhooks");
    let verifier = Verifier::new(&provider, std::slice::from_ref(&secret)).expect("a verifier");
    for id in ["", "a.b", "a b"] {
        let request = Signer::new(&provider, &secret)
            .and_then(|signer| signer.with_id(id))
            .and_then(|signer| signer.sign("{}", NOW))
            .expect("signed")
            .into_request();
        assert_eq!(
            request.headers()["webhook-id"],
            HeaderValue::from_str(id).expect("a value")
        );
        assert!(verdict(&verifier, &request).is_err(), "{id:?}");
    }
}

#[test]
fn it_shows_no_key() {
    for (provider, [secret, _]) in presets() {
        let signer = Signer::new(&provider, &secret).expect("a signer");
        let shown = format!("{signer:?}");
        let text = String::from_utf8(Secret::expose(&secret).to_vec()).expect("text");
        assert!(!shown.contains(&text), "{shown}");
    }
}
