//! Timestamps and the window.

use std::time::Duration;

use bytes::Bytes;
use countersign::{ErrorKind, UnixTime, Verifier, provider};
use countersign_testkit::Signer;
use http::Request;

use super::{TEXT, fedapay};
use crate::delivery::{
    NOW, header, presets, refusal, secret, signed, verdict, verifier, with_body, with_header,
};

/// A header of FedaPay's whose signature is right for the timestamp's very text.
fn fedapay_with_timestamp(text: &str) -> Request<Bytes> {
    // The template `{ts}.{body}` signed as a whole body by a scheme without a timestamp.
    let request = signed(&provider::fourpay(), &secret(TEXT), format!("{text}.{{}}"));
    let signature = header(&request, "x-webhook-signature");
    let value = format!("t={text},s={signature}");
    with_header(&with_body(&request, "{}"), "x-fedapay-signature", value)
}

#[test]
fn rule_04_timestamps_are_digits_only() {
    let verifier = verifier(&provider::fedapay(), &[secret(TEXT)]);
    let now = NOW.as_secs();
    // The way of forging a header with any timestamp text is sound.
    assert!(verdict(&verifier, &fedapay_with_timestamp(&now.to_string())).is_ok());
    for text in [
        format!("+{now}"),
        format!("-{now}"),
        format!("0{now}"),
        format!("{now}.0"),
        format!("{now}e0"),
        format!("{now}s"),
        format!("{now} "),
        format!("0x{now:x}"),
        format!("1{}", "0".repeat(5000)),
        i64::MIN.to_string(),
        "9223372036854775808".to_owned(),
        "18446744073709551616".to_owned(),
        "1_800_000_000".to_owned(),
        "2027-01-15T08:00:00Z".to_owned(),
        String::new(),
    ] {
        let request = fedapay_with_timestamp(&text);
        let refused = refusal(&verifier, &request);
        // White space at the end of a pair is not part of it, so that another text was signed.
        let expected = if text.ends_with(' ') {
            ErrorKind::SignatureMismatch
        } else {
            ErrorKind::MalformedHeader
        };
        assert_eq!(refused, expected, "{text}");
    }
    for (text, kind) in [
        ("0", ErrorKind::TimestampStale),
        ("9223372036854775807", ErrorKind::TimestampFuture),
        ("1800000000000", ErrorKind::TimestampFuture),
    ] {
        assert_eq!(
            refusal(&verifier, &fedapay_with_timestamp(text)),
            kind,
            "{text}"
        );
    }
}

#[test]
fn rule_04_the_ends_of_time_do_not_panic() {
    for (provider, [secret, _]) in presets() {
        for at in [i64::MIN, -1, 0, i64::MAX] {
            let at = UnixTime::from_millis(at);
            let Ok(signed) = Signer::new(&provider, &secret).and_then(|s| s.sign("{}", at)) else {
                continue;
            };
            let request = signed.into_request();
            for tolerance in [Duration::ZERO, Duration::MAX] {
                let verifier = verifier(&provider, std::slice::from_ref(&secret))
                    .with_tolerance(tolerance, tolerance);
                for now in [i64::MIN, 0, i64::MAX] {
                    let _ = verifier.verify(&request, "{}", UnixTime::from_millis(now));
                }
            }
        }
    }
}

#[test]
fn rule_05_the_window_has_two_sides_and_includes_its_bounds() {
    for (provider, [secret, _]) in presets() {
        let request = signed(&provider, &secret, "{}");
        let standard = verifier(&provider, std::slice::from_ref(&secret));
        let at = |verifier: &Verifier, offset: i64| {
            let now = UnixTime::from_secs(NOW.as_secs() + offset);
            verifier
                .verify(&request, request.body().clone(), now)
                .map(|_| ())
                .map_err(|error| error.kind())
        };
        if standard.tolerance().is_none() {
            for offset in [-1_000_000_000, 1_000_000_000] {
                assert_eq!(at(&standard, offset), Ok(()), "{}", provider.name());
            }
            continue;
        }
        let apart = standard
            .clone()
            .with_tolerance(Duration::from_secs(60), Duration::from_secs(5));
        let exact = standard
            .clone()
            .with_tolerance(Duration::ZERO, Duration::ZERO);
        for (verifier, past, future) in [(&standard, 300, 300), (&apart, 60, 5), (&exact, 0, 0)] {
            assert_eq!(at(verifier, past), Ok(()));
            assert_eq!(at(verifier, past + 1), Err(ErrorKind::TimestampStale));
            assert_eq!(at(verifier, -future), Ok(()));
            assert_eq!(at(verifier, -future - 1), Err(ErrorKind::TimestampFuture));
        }
    }
}

/// A forged delivery with an old timestamp is forged: that it is old is the forger's word.
#[test]
fn a_forged_time_is_a_signature_mismatch() {
    let (verifier, good) = fedapay();
    let value = header(&good, "x-fedapay-signature");
    let signature = value.split_once(",s=").expect("t and s").1;
    for at in ["1", "1799999999", "9999999999"] {
        let request = with_header(
            &good,
            "x-fedapay-signature",
            format!("t={at},s={signature}"),
        );
        assert_eq!(refusal(&verifier, &request), ErrorKind::SignatureMismatch);
    }
}
