//! Properties of every provider, and of every recipe that can be written.

use std::borrow::Cow;

use bytes::Bytes;
use countersign::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, KeyFormat, Prefix, Scheme, SignatureEncoding,
    SignatureFormat, TimestampFormat, TimestampSource,
};
use countersign::{
    Envelope, ErrorKind, IdSource, Provider, Secret, TimeUnit, TypeSource, UnixTime, Verifier,
};
use countersign_testkit::Signer;
use countersign_tests::hardness::NEARLY_JSON;
use http::{HeaderMap, HeaderValue, Request};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use crate::delivery::{NOW, presets, secret, verdict, verdict_in_chunks, verifier, with_body};

/// Failures are kept in a file that is committed, and tried first in every later run.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "regressions/properties.txt",
        ))),
        ..ProptestConfig::default()
    }
}

/// A preset with two secrets, which of them signs, and a body that it can carry.
fn senders() -> impl Strategy<Value = (Provider, [Secret; 2], usize, Bytes)> {
    let bodies = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        json().prop_map(String::into_bytes),
    ];
    let senders = prop::sample::select(presets());
    (senders, 0..2usize, bodies).prop_map(|((provider, secrets), key, body)| {
        // What is sealed is text.
        let body = match provider.scheme() {
            Scheme::Sealed(_) => String::from_utf8_lossy(&body).into_owned().into_bytes(),
            _ => body,
        };
        (provider, secrets, key, Bytes::from(body))
    })
}

/// JSON, or nearly so, with the names that envelopes look for.
fn json() -> impl Strategy<Value = String> {
    let token = prop::sample::select(NEARLY_JSON);
    prop::collection::vec(token, 0..20).prop_map(|tokens| tokens.concat())
}

fn sign(provider: &Provider, secret: &Secret, body: &Bytes) -> Request<Bytes> {
    Signer::new(provider, secret)
        .and_then(|signer| signer.sign(body.clone(), NOW))
        .expect("signed")
        .into_request()
}

/// What the handler gets: the same bytes, but for a byte order mark in what was sealed.
fn handed_on(provider: &Provider, body: &Bytes) -> Bytes {
    let mark = "\u{feff}".as_bytes();
    match provider.scheme() {
        Scheme::Sealed(_) if body.starts_with(mark) => body.slice(mark.len()..),
        _ => body.clone(),
    }
}

/// The header names of a request in their order, turned by `by` places.
fn reordered(request: &Request<Bytes>, by: usize) -> Request<Bytes> {
    let mut headers: Vec<_> = request.headers().iter().collect();
    let by = by % headers.len();
    headers.rotate_left(by);
    let mut reordered = HeaderMap::new();
    for (name, value) in headers {
        reordered.append(name, value.clone());
        reordered.append("x-between", HeaderValue::from_static("1"));
    }
    let (mut head, body) = request.clone().into_parts();
    head.headers = reordered;
    Request::from_parts(head, body)
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn what_is_signed_verifies(
        (provider, secrets, key, body) in senders(),
        size in 1..=64usize,
        by in 0..4usize,
    ) {
        let verifier = verifier(&provider, &secrets);
        let request = sign(&provider, &secrets[key], &body);
        let whole = verdict(&verifier, &request).expect("genuine");
        prop_assert_eq!(whole.key_index(), key);
        prop_assert_eq!(whole.payload(), &handed_on(&provider, &body));
        prop_assert_eq!(whole.timestamp(), verifier.tolerance().map(|_| NOW));

        // The order of headers and the cut of chunks change nothing.
        let request = reordered(&request, by);
        let cut = verdict_in_chunks(&verifier, &request, size, NOW).expect("genuine");
        prop_assert_eq!(cut.key_index(), key);
        prop_assert_eq!(cut.payload(), whole.payload());
        prop_assert_eq!(cut.signed_id(), whole.signed_id());
        prop_assert_eq!(verifier.identify(&cut), verifier.identify(&whole));
    }

    #[test]
    fn a_wrong_secret_refuses((provider, secrets, key, body) in senders()) {
        let verifier = verifier(&provider, &secrets[1 - key..2 - key]);
        let request = sign(&provider, &secrets[key], &body);
        prop_assert_eq!(verdict(&verifier, &request).err(), Some(ErrorKind::SignatureMismatch));
    }

    #[test]
    fn any_changed_bit_of_the_body_refuses(
        (provider, secrets, key, body) in senders(),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let verifier = verifier(&provider, &secrets);
        let request = sign(&provider, &secrets[key], &body);
        let mut longer = request.body().to_vec();
        longer.push(0);
        let mut changes = vec![longer];
        if !request.body().is_empty() {
            let mut flipped = request.body().to_vec();
            flipped[at.index(request.body().len())] ^= 1 << bit;
            let shorter = request.body()[..at.index(request.body().len())].to_vec();
            changes.extend([flipped, shorter]);
        }
        for changed in changes {
            let changed = with_body(&request, changed);
            prop_assert_eq!(
                verdict(&verifier, &changed).err(),
                Some(ErrorKind::SignatureMismatch)
            );
        }
    }

    #[test]
    fn any_changed_bit_of_a_header_refuses(
        (provider, secrets, key, body) in senders(),
        header in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
    ) {
        let verifier = verifier(&provider, &secrets);
        let mut request = sign(&provider, &secrets[key], &body);
        let (name, value) = request
            .headers()
            .iter()
            .nth(header.index(request.headers().len()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .expect("a header");
        let mut flipped = value.as_bytes().to_vec();
        let at = at.index(flipped.len());
        flipped[at] ^= 1 << bit;
        // What HTTP cannot carry never arrives.
        let Ok(changed) = HeaderValue::from_bytes(&flipped) else {
            return Ok(());
        };
        request.headers_mut().insert(name, changed);
        let verdict = verdict(&verifier, &request);
        // A digit's case is no part of what it says.
        let same_digit = is_hex_signature(&provider, &value, at)
            && flipped.eq_ignore_ascii_case(value.as_bytes());
        prop_assert_eq!(verdict.is_ok(), same_digit, "{:?}", flipped);
    }

    #[test]
    fn no_bytes_panic(
        (provider, secrets, _, body) in senders(),
        values in prop::collection::vec(header_text(), 0..5),
        declared in any::<u64>(),
        size in 1..=64usize,
    ) {
        let verifier = verifier(&provider, &secrets);
        let mut request = sign(&provider, &secrets[0], &body);
        let names: Vec<_> = request.headers().keys().cloned().collect();
        for (nth, value) in values.into_iter().enumerate() {
            let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
            // The first round replaces, a second one repeats.
            if nth < names.len() {
                request.headers_mut().insert(&names[nth], value);
            } else {
                request.headers_mut().append(&names[nth % names.len()], value);
            }
        }
        let whole = verdict(&verifier, &request).map(|verified| verified.key_index());
        let cut = verdict_in_chunks(&verifier, &request, size, NOW);
        prop_assert_eq!(cut.map(|verified| verified.key_index()), whole);
        if let Ok(mut verification) = verifier.begin(&request) {
            let _ = verification.expect(declared);
        }
    }
}

/// Whether the character at `at` is a digit of a hexadecimal signature.
fn is_hex_signature(provider: &Provider, value: &HeaderValue, at: usize) -> bool {
    match provider.scheme() {
        Scheme::Hmac(scheme) => {
            scheme.signature.encoding != SignatureEncoding::Base64
                && at >= value.len().saturating_sub(64)
        }
        _ => false,
    }
}

/// Values of headers: any bytes, and what looks like a signature.
fn header_text() -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(vec![
        "t=",
        "s=",
        "v1=",
        "v1,",
        "v1a,",
        "sha256=",
        "1800000000",
        "0",
        "+1",
        ",",
        " ",
        "\t",
        "=",
        "AAAAAAAAAAAAAAAA",
        "AAAAAAAAAAAAAAAAAAAAAA==",
        "é",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ]);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..100),
        prop::collection::vec(token, 0..60).prop_map(|tokens| tokens.concat().into_bytes()),
    ]
}

/// Any scheme that can be written, with a secret.
fn schemes() -> impl Strategy<Value = HmacScheme> {
    let algorithm = prop::sample::select(vec![
        HmacAlgorithm::Sha1,
        HmacAlgorithm::Sha256,
        HmacAlgorithm::Sha512,
    ]);
    let encoding = prop::sample::select(vec![
        SignatureEncoding::Hex,
        SignatureEncoding::Base64,
        SignatureEncoding::HexOrBase64,
    ]);
    let grammar = prop::sample::select(vec![
        Grammar::Plain {
            prefix: Prefix::None,
        },
        Grammar::Plain {
            prefix: Prefix::Required("v0=".into()),
        },
        Grammar::Plain {
            prefix: Prefix::Optional("sha1=".into()),
        },
        Grammar::Pairs {
            separator: b',',
            keys: vec!["v1".into(), "v2".into()].into(),
        },
        Grammar::Pairs {
            separator: b';',
            keys: vec!["h1".into()].into(),
        },
        Grammar::List {
            separator: b' ',
            version_separator: b',',
            version: "v1".into(),
        },
    ]);
    let unit = prop::sample::select(vec![
        TimeUnit::Seconds,
        TimeUnit::Milliseconds,
        TimeUnit::Iso8601,
    ]);
    let template = prop::sample::select(vec![
        ("{body}", false),
        ("v0:{body}:{header:x-nonce}", false),
        ("{header:x-id}|{header:X-Nonce}|{body}", false),
        ("{ts}.{body}", true),
        ("{body}{ts}", true),
        ("{header:X-Id}.{ts}.{body}.{header:x-id}", true),
        ("v1:{ts}:{body}\n{ts}", true),
    ]);
    (
        algorithm,
        encoding,
        grammar,
        unit,
        template,
        any::<bool>(),
        1..3usize,
    )
        .prop_map(
            |(algorithm, encoding, grammar, unit, (template, timed), in_pair, headers)| {
                let in_pair = in_pair && matches!(grammar, Grammar::Pairs { .. });
                let from = if in_pair {
                    TimestampSource::Pair("t".into())
                } else {
                    TimestampSource::Header("X-Time".into())
                };
                let names = ["X-Signature", "x-signature-2"].map(Cow::Borrowed);
                // A timestamp among pairs allows one signature header only.
                let headers = if in_pair && timed { 1 } else { headers };
                HmacScheme {
                    algorithm,
                    key: KeyFormat::TEXT,
                    signature: SignatureFormat {
                        headers: names[..headers].to_vec().into(),
                        grammar,
                        encoding,
                    },
                    timestamp: timed.then_some(TimestampFormat {
                        from,
                        unit,
                        tolerance: Some(300),
                    }),
                    template: template.into(),
                }
            },
        )
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn every_recipe_verifies_what_is_signed_by_it(
        scheme in schemes(),
        body in prop::collection::vec(any::<u8>(), 0..200),
        // Of ten digits, and of thirteen.
        at in 1_000_000_000_000..4_000_000_000_000i64,
        size in 1..=64usize,
    ) {
        let envelope = Envelope {
            members: None,
            id: IdSource::SignedHeader("x-id".into()),
            kind: TypeSource::None,
            time: None,
        };
        let provider = Provider::new("any", Scheme::Hmac(scheme.clone()), envelope);
        let secret = secret("a secret of any kind");
        let at = UnixTime::from_millis(at);
        let signer = Signer::new(&provider, &secret).expect("a signer");
        let signs_id = signer.clone().with_id("an-id").is_ok();
        prop_assert_eq!(signs_id, scheme.template.to_lowercase().contains("x-id"));
        let signer = if signs_id { signer.with_id("an-id").expect("an id") } else { signer };
        let request = signer.sign(body.clone(), at).expect("signed").into_request();

        let verifier = Verifier::new(&provider, &[secret]).expect("a verifier");
        let verified = verifier.verify(&request, body, at).expect("genuine");
        prop_assert_eq!(verified.signed_id(), signs_id.then_some("an-id"));
        let unit = scheme.timestamp.map(|format| format.unit);
        let expected = unit.map(|unit| match unit {
            TimeUnit::Seconds => UnixTime::from_secs(at.as_secs()),
            _ => at,
        });
        prop_assert_eq!(verified.timestamp(), expected);
        prop_assert!(verdict_in_chunks(&verifier, &request, size, at).is_ok());
        let longer = [request.body(), &b"x"[..]].concat();
        let error = verifier.verify(&request, longer, at).expect_err("another body");
        prop_assert_eq!(error.kind(), ErrorKind::SignatureMismatch);
    }
}
