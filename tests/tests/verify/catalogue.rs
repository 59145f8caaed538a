//! The catalogue: each scheme against vectors that others made, and against the recipe in words.

use countersign::provider::{self, Recipe, Setting};
use countersign::scheme::{Coverage, Scheme};
use countersign::{ConfigErrorKind, IdSource, Provider, UnixTime, Verifier};
use countersign_tests::vectors::{Vector, catalogue, catalogue_extra, named};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use crate::delivery::{secret, verdict_in_chunks, verifier};

fn all() -> Vec<Vector> {
    let mut all = catalogue();
    assert_eq!(all.len(), 130);
    all.extend(catalogue_extra());
    all
}

#[test]
fn every_vector_comes_out_right() {
    for vector in all() {
        let name = format!("{} ({}; {})", vector.scheme, vector.source, vector.reason);
        let verifier = verifier(&vector.provider(), &vector.secrets());
        let request = vector.request();
        let whole = verifier
            .verify(&request, request.body().clone(), vector.now())
            .map_err(|error| error.kind());
        assert_eq!(whole.is_ok(), vector.is_valid(), "{name}: {whole:?}");
        for size in [1, 2, 3, 7, 64] {
            let cut = verdict_in_chunks(&verifier, &request, size, vector.now());
            match (&whole, &cut) {
                (Ok(whole), Ok(cut)) => {
                    assert_eq!(whole.payload(), cut.payload(), "{name}");
                    assert_eq!(whole.timestamp(), cut.timestamp(), "{name}");
                    assert_eq!(whole.covers(), cut.covers(), "{name}");
                    assert_eq!(verifier.identify(whole), verifier.identify(cut), "{name}");
                }
                (Err(whole), Err(cut)) => assert_eq!(whole, cut, "{name}"),
                _ => panic!("{name}: whole {whole:?}, cut {cut:?}"),
            }
        }
    }
}

#[test]
fn every_scheme_has_a_vector_that_passes_and_one_that_does_not() {
    let vectors = all();
    let five = ["centralpay", "fedapay", "banking-circle", "zibapay", "4pay"];
    let names = provider::names().chain(provider::token_only_names());
    for name in names.filter(|name| !five.contains(name)) {
        let has = |valid| {
            vectors
                .iter()
                .any(|v| v.scheme == name && v.is_valid() == valid)
        };
        assert!(has(true), "{name} has no vector that passes");
    }
}

/// What the entries of `recipes.json` say in prose, in the words of a recipe.
fn in_words(recipe: &Value) -> Value {
    let mut recipe = recipe.clone();
    let object = recipe.as_object_mut().expect("an object");
    for prose in ["extra", "note"] {
        object.remove(prose);
    }
    match object["id"].as_str().expect("an id") {
        "twilio-form" => {
            object.insert("url_ports".to_owned(), "with-and-without".into());
        }
        "twilio-json" => {
            object.insert("url_ports".to_owned(), "with-and-without".into());
            object.insert("body_digest".to_owned(), "bodySHA256".into());
        }
        "mercadopago" => {
            let template =
                "[id:{query:data.id or const:data_id};]request-id:{header:x-request-id};ts:{ts};";
            object.insert("template".to_owned(), template.into());
        }
        "cinetpay" => {
            let Scheme::Message(scheme) = provider::cinetpay().scheme().clone() else {
                panic!("a message");
            };
            object.insert("template".to_owned(), scheme.template.into());
        }
        "plivo-v2" => {
            let nonce = "header:x-plivo-signature-v2-nonce";
            object.insert("id_from".to_owned(), nonce.into());
        }
        "adyen-body" => {
            let template = object["template"].as_str().expect("a template");
            let free = template.replace(
                "{json:/notificationItems/0/NotificationRequestItem/merchantReference}",
                "{free-json:/notificationItems/0/NotificationRequestItem/merchantReference}",
            );
            object.insert("template".to_owned(), free.into());
        }
        _ => {}
    }
    recipe
}

#[test]
fn every_recipe_in_words_is_the_entry_of_the_table() {
    let recipes: Vec<Value> =
        serde_json::from_str(include_str!("../../data/recipes.json")).expect("recipes.json");
    assert_eq!(recipes.len(), 74);
    for recipe in &recipes {
        let name = recipe["id"].as_str().expect("an id");
        let recipe: Recipe =
            serde_json::from_value(in_words(recipe)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let written = Provider::try_from(recipe).unwrap_or_else(|e| panic!("{name}: {e}"));
        let listed = named(name);
        assert_eq!(written.scheme(), listed.scheme(), "{name}");
        let ours = match listed.envelope().id.clone() {
            // Not certain to name the event and not what it is about.
            IdSource::WithType(id) => IdSource::Pointer(id),
            id => id,
        };
        // Two events of one type in one second have the same hash.
        if name != "dropbox-sign" {
            assert_eq!(written.envelope().id, ours, "{name}");
            assert_eq!(
                written.envelope().members,
                listed.envelope().members,
                "{name}"
            );
        }
    }
}

#[test]
fn what_is_covered_is_said() {
    let expected = |name: &str| match name {
        "plivo-v2" | "mercadopago" | "moov" | "phonepe-v2" => Coverage::Nothing,
        "gitlab-token" | "xendit-token" | "kkiapay-token" | "flutterwave-v3-token" => {
            Coverage::Nothing
        }
        "adyen-body" | "dropbox-sign" | "midtrans" | "mailgun" | "cinetpay" | "paypal" => {
            Coverage::PartOfBody
        }
        _ => Coverage::WholeBody,
    };
    let mut seen = std::collections::BTreeSet::new();
    for vector in all().into_iter().filter(Vector::is_valid) {
        let verifier = verifier(&vector.provider(), &vector.secrets());
        let request = vector.request();
        let verified = verifier.verify(&request, request.body().clone(), vector.now());
        let covers = verified.expect("verified").covers();
        // Vonage's tokens cover the body if they say so.
        let expected = match request.headers().get("authorization") {
            Some(token) if vector.scheme == "jwt-hs256-signature-only" => {
                let token = token.to_str().expect("ASCII");
                let claims = token.split('.').nth(1).expect("claims");
                let claims = BASE64URL_NOPAD.decode(claims.as_bytes()).expect("Base64");
                let claims: Value = serde_json::from_slice(&claims).expect("JSON");
                let hashed = claims.get("payload_hash").is_some();
                seen.insert(hashed);
                match hashed {
                    true => Coverage::WholeBody,
                    false => Coverage::Nothing,
                }
            }
            _ => expected(&vector.scheme),
        };
        assert_eq!(covers, expected, "{}", vector.scheme);
    }
    assert!(seen.contains(&true), "a token with a hash");
}

#[test]
fn nothing_unsigned_names_an_event() {
    for vector in all().into_iter().filter(Vector::is_valid) {
        let provider = vector.provider();
        let verifier = verifier(&provider, &vector.secrets());
        let request = vector.request();
        let verified = verifier.verify(&request, request.body().clone(), vector.now());
        let verified = verified.expect("verified");
        for event in verifier.identify(&verified) {
            let unkeyed = provider.envelope().id == IdSource::Unsigned;
            assert_eq!(event.is_keyed(), !unkeyed, "{}", vector.scheme);
            if verified.covers() == Coverage::Nothing {
                let header = matches!(provider.envelope().id, IdSource::SignedHeader(_));
                assert!(
                    header || event.id().starts_with("sha256:"),
                    "{}",
                    vector.scheme
                );
                assert_eq!(event.kind(), None, "{}", vector.scheme);
            }
        }
    }
}

#[test]
fn what_only_the_merchant_knows_is_asked_for() {
    let kind = |provider: &Provider| {
        let text = "0123456789abcdef0123456789abcdef";
        Verifier::new(provider, &[secret(text)])
            .expect_err("refused")
            .kind()
    };
    for name in [
        "square",
        "trello",
        "twilio-form",
        "hubspot-v3",
        "jwt-hs-url-payload-hash",
    ] {
        let provider = named(name);
        assert_eq!(kind(&provider), ConfigErrorKind::MissingUrl, "{name}");
        let relative = provider
            .with(Setting::PublicUrl("/hooks".to_owned()))
            .expect("open");
        assert_eq!(kind(&relative), ConfigErrorKind::MissingUrl, "{name}");
    }
    assert_eq!(kind(&named("phonepe-v2")), ConfigErrorKind::MissingSetting);
    let other = Setting::Constant("user".to_owned(), "x".to_owned());
    let error = named("phonepe-v2").with(other).expect_err("refused");
    assert_eq!(error.kind(), ConfigErrorKind::NotApplicable);
    for setting in [
        Setting::PublicUrl("https://a/b".to_owned()),
        Setting::Constant("username".to_owned(), "x".to_owned()),
    ] {
        let error = provider::stripe().with(setting).expect_err("refused");
        assert_eq!(error.kind(), ConfigErrorKind::NotApplicable);
    }
}

/// Orb's dates end with a digit, and so would a date that lost its last one.
#[test]
fn a_date_without_its_offset_cannot_be_cut_elsewhere() {
    let vector = catalogue()
        .into_iter()
        .find(|vector| vector.scheme == "orb" && vector.is_valid())
        .expect("a vector");
    let verifier = verifier(&vector.provider(), &vector.secrets());
    let request = vector.request();
    let at = request.headers()["x-orb-timestamp"]
        .to_str()
        .expect("ASCII")
        .to_owned();
    let body = std::str::from_utf8(request.body())
        .expect("text")
        .to_owned();
    // All that has the same signed bytes, `v1:{ts}:{body}`.
    let signed = format!("{at}:{body}");
    let mut passed = 0;
    for (cut, _) in signed.match_indices(':') {
        let mut other = request.clone();
        let value = http::HeaderValue::from_str(&signed[..cut]).expect("a value");
        other.headers_mut().insert("x-orb-timestamp", value);
        let body = signed[cut + 1..].to_owned();
        passed += usize::from(verifier.verify(&other, body, vector.now()).is_ok());
    }
    assert_eq!(passed, 1);
    let _: UnixTime = vector.now();
}
