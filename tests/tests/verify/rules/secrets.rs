//! What may be a secret, and that none is ever shown.

use countersign::{ConfigErrorKind, ErrorKind, Secret, UnixTime, Verifier, provider};
use http::StatusCode;

use super::{WHSEC, config_error};
use crate::delivery::{NOW, presets, secret, signed, verdict, verifier};

#[test]
fn rule_02_secrets_are_never_decoded_permissively() {
    let text = |text: &str| Secret::new(text).map_err(|error| error.kind()).err();
    assert_eq!(text(""), Some(ConfigErrorKind::EmptySecret));
    assert_eq!(text(" \r\n"), Some(ConfigErrorKind::BlankSecret));
    assert_eq!(text("secret\n"), Some(ConfigErrorKind::SecretWhitespace));
    assert_eq!(text(" secret"), Some(ConfigErrorKind::SecretWhitespace));
    assert_eq!(text("a secret"), None);

    for (provider, _) in presets() {
        assert_eq!(config_error(&provider, &[]), ConfigErrorKind::NoSecret);
    }
    let standard = provider::standard_webhooks();
    for (text, kind) in [
        ("whsec_", ConfigErrorKind::EmptySecret),
        ("whsec_!!!!", ConfigErrorKind::SecretEncoding),
        (
            "whsec_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyB=",
            ConfigErrorKind::SecretEncoding,
        ),
        (
            "whsec_AQIDBAUGBwgJCgsMDQ4P",
            ConfigErrorKind::SecretTooShort,
        ),
        (
            "whpk_AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
            ConfigErrorKind::SecretEncoding,
        ),
    ] {
        assert_eq!(config_error(&standard, &[secret(text)]), kind, "{text}");
        // One bad entry beside a good one is as bad.
        assert_eq!(
            config_error(&standard, &[secret(WHSEC), secret(text)]),
            kind,
            "{text}"
        );
    }
}

#[test]
fn rule_09_at_most_8_secrets() {
    let secrets: Vec<Secret> = (0..9).map(|n| secret(&format!("secret-{n}"))).collect();
    let provider = provider::fourpay();
    for (index, secret) in secrets[..8].iter().enumerate() {
        let verified = verdict(
            &verifier(&provider, &secrets[..8]),
            &signed(&provider, secret, ""),
        );
        assert_eq!(verified.expect("verified").key_index(), index);
    }
    assert_eq!(
        config_error(&provider, &secrets),
        ConfigErrorKind::TooManySecrets
    );
}

#[test]
fn rule_14_one_answer_for_every_failed_verification() {
    for kind in [
        ErrorKind::MissingHeader,
        ErrorKind::MalformedHeader,
        ErrorKind::DuplicateHeader,
        ErrorKind::SignatureMismatch,
        ErrorKind::MalformedPayload,
        ErrorKind::TimestampStale,
        ErrorKind::TimestampFuture,
    ] {
        assert_eq!(kind.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(
        ErrorKind::BodyTooLarge.status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[test]
fn rule_14_nothing_shows_a_secret_a_signature_or_a_body() {
    let body = r#"{"id":"evt_1","iban":"BJ66 0001"}"#;
    for (provider, [secret, other]) in presets() {
        let text = |secret: &Secret| String::from_utf8(secret.expose().to_vec()).expect("text");
        let verifier = verifier(&provider, &[secret.clone(), other.clone()]);
        let good = signed(&provider, &secret, body);
        let mut hidden = vec![text(&secret), text(&other), "BJ66".to_owned()];
        for (name, value) in good.headers() {
            // An id is public once it is proved, and so is a time.
            if !["webhook-id", "webhook-timestamp"].contains(&name.as_str()) {
                let value = value.to_str().expect("ASCII");
                hidden.push(value[value.len() - 16..].to_owned());
            }
        }
        let mut shown = vec![format!("{secret:?} {verifier:?} {provider:?}")];
        let verified = verdict(&verifier, &good).expect("verified");
        shown.push(format!("{verified:?} {:?}", verifier.identify(&verified)));
        shown.push(format!("{:?}", verifier.begin(&good).expect("a head")));
        let late = UnixTime::from_secs(NOW.as_secs() + 1000);
        let mut refused = vec![
            verifier.verify(&good, body.replace('1', "2"), NOW),
            verifier.verify(&good, good.body().clone(), late),
        ];
        for (name, value) in good.headers() {
            let mut malformed = good.clone();
            let value = [value.as_bytes(), b"\xff"].concat();
            let value = http::HeaderValue::from_bytes(&value).expect("a value");
            malformed.headers_mut().insert(name, value.clone());
            refused.push(verifier.verify(&malformed, good.body().clone(), NOW));
            malformed.headers_mut().append(name, value);
            refused.push(verifier.verify(&malformed, good.body().clone(), NOW));
        }
        for error in refused.into_iter().filter_map(Result::err) {
            shown.push(format!("{error} {error:?}"));
        }
        for text in &shown {
            for secret in &hidden {
                assert!(!text.contains(secret.as_str()), "{text}");
            }
        }
    }
}

#[test]
fn rule_14_configuration_errors_quote_no_secret() {
    for (provider, text) in [
        (provider::standard_webhooks(), "whsec_hunter2hunter2!"),
        (provider::standard_webhooks(), "whsec_aHVudGVyMg=="),
        (provider::banking_circle(), "hunter2hunter2"),
    ] {
        let error = Verifier::new(&provider, &[secret(text)]).expect_err("refused");
        let shown = format!("{error} {error:?}");
        for part in ["hunter2", "aHVudGVyMg"] {
            assert!(!shown.contains(part), "{shown}");
        }
    }
}

#[test]
fn rule_17_two_modes_are_not_one_sender() {
    let fedapay = provider::fedapay();
    let mixed = [secret("wh_live_a"), secret("wh_sandbox_b")];
    assert_eq!(config_error(&fedapay, &mixed), ConfigErrorKind::MixedModes);
    assert!(
        Verifier::new(&provider::fourpay(), &mixed).is_ok(),
        "FedaPay's prefixes only"
    );
    for same in [["wh_live_a", "wh_live_b"], ["wh_sandbox_a", "old"]] {
        assert!(Verifier::new(&fedapay, &same.map(secret)).is_ok());
    }
}
