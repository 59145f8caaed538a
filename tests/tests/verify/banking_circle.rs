//! The sealed scheme of Banking Circle, sealed here by hand where a genuine sender never would.

use bytes::Bytes;
use countersign::provider::{self, Setting};
use countersign::scheme::KeyEncoding;
use countersign::{ConfigErrorKind, ErrorKind, Identity, UnixTime, Verifier};
use countersign_tests::payload;
use data_encoding::{BASE64, HEXLOWER};
use http::Request;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};

use crate::delivery::{
    header, refusal, secret, signed, verdict, verdict_in_chunks, verifier, with_body, with_header,
    without_header,
};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const OTHER_KEY: &str = "fedcba9876543210fedcba9876543210";

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Seals any bytes, with the checksum of any others.
fn sealed(plaintext: &[u8], checksum_of: &[u8]) -> Request<Bytes> {
    let key = UnboundKey::new(&AES_256_GCM, KEY.as_bytes()).expect("32 bytes");
    let nonce = [7; 12];
    let mut body = plaintext.to_vec();
    let tag = LessSafeKey::new(key)
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut body)
        .expect("sealed");
    Request::post("/")
        .header("Nonce", BASE64.encode(&nonce))
        .header("AuthenticationTag", BASE64.encode(tag.as_ref()))
        .header(
            "Checksum",
            BASE64.encode(digest(&SHA256, checksum_of).as_ref()),
        )
        .header("SubscriptionVersion", "1")
        .body(body.into())
        .expect("a request")
}

fn ours() -> Verifier {
    verifier(&provider::banking_circle(), &[secret(KEY)])
}

fn events(text: impl Into<Bytes>) -> Vec<Identity> {
    let request = signed(&provider::banking_circle(), &secret(KEY), text);
    let verified = verdict(&ours(), &request).expect("verified");
    ours().identify(&verified)
}

fn digest_of(text: &str) -> String {
    let digest = digest(&SHA256, text.as_bytes());
    format!("sha256:{}", HEXLOWER.encode(digest.as_ref()))
}

#[test]
fn the_payload_is_the_text_in_utf8() {
    for text in ["", "{}", "\0", "é € 𝄞 \u{ffff}", r#"{"notifications":[]}"#] {
        let request = signed(&provider::banking_circle(), &secret(KEY), text);
        if !text.is_empty() {
            assert_ne!(
                *request.body(),
                utf16(text),
                "{text:?} is not sent in clear"
            );
        }
        let verified = verdict(&ours(), &request).expect("verified");
        assert_eq!(verified.payload(), text, "{text:?}");
        assert_eq!(verified.received(), 2 * text.encode_utf16().count());
    }
}

#[test]
fn a_byte_order_mark_is_tolerated_and_not_handed_on() {
    let text = r#"{"notifications":[]}"#;
    let marked = format!("\u{feff}{text}");
    for checksum_of in [text, &marked] {
        let request = sealed(&utf16(&marked), checksum_of.as_bytes());
        let verified = verdict(&ours(), &request).expect("verified");
        assert_eq!(verified.payload(), text);
    }
}

/// Also where the checksum is that of what a lenient reader makes of it.
#[test]
fn what_is_no_utf16_is_a_malformed_payload() {
    let lone_high = [b'a', 0, 0x00, 0xd8];
    let lone_low = [0x00, 0xdc, b'a', 0];
    let swapped = [0x00, 0xdc, 0x00, 0xd8];
    for plaintext in [&b"abc"[..], b"a", &lone_high, &lone_low, &swapped] {
        let units: Vec<u16> = plaintext
            .chunks_exact(2)
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]))
            .collect();
        let lenient = String::from_utf16_lossy(&units);
        for checksum_of in [plaintext, lenient.as_bytes()] {
            let request = sealed(plaintext, checksum_of);
            assert_eq!(refusal(&ours(), &request), ErrorKind::MalformedPayload);
        }
    }
}

#[test]
fn a_wrong_checksum_is_a_malformed_payload() {
    let text = "{}";
    // A checksum of the UTF-16 bytes is the likeliest misreading of the documentation.
    for checksum_of in [&utf16(text)[..], b"", b"{ }"] {
        let request = sealed(&utf16(text), checksum_of);
        assert_eq!(refusal(&ours(), &request), ErrorKind::MalformedPayload);
    }
    assert!(verdict(&ours(), &sealed(&utf16(text), text.as_bytes())).is_ok());
}

#[test]
fn the_tag_is_checked_before_the_checksum() {
    let wrong_checksum = sealed(&utf16("{}"), b"something else");
    let forged = with_header(
        &wrong_checksum,
        "authenticationtag",
        BASE64.encode(&[0; 16]),
    );
    assert_eq!(refusal(&ours(), &forged), ErrorKind::SignatureMismatch);
    let changed = with_body(&wrong_checksum, vec![0; 4]);
    assert_eq!(refusal(&ours(), &changed), ErrorKind::SignatureMismatch);
}

/// A short tag is 2^8 times easier to guess for every byte that it lacks.
#[test]
fn headers_of_another_length_are_malformed() {
    let genuine = sealed(&utf16("{}"), b"{}");
    for (name, length) in [("nonce", 12), ("authenticationtag", 16), ("checksum", 32)] {
        let bytes = BASE64
            .decode(header(&genuine, name).as_bytes())
            .expect("Base64");
        assert_eq!(bytes.len(), length);
        for cut in [0, 1, 4, length - 4, length - 1] {
            let request = with_header(&genuine, name, BASE64.encode(&bytes[..cut]));
            assert_eq!(
                refusal(&ours(), &request),
                ErrorKind::MalformedHeader,
                "{name} {cut}"
            );
        }
        let longer = [&bytes[..], &[0]].concat();
        for value in [
            BASE64.encode(&longer),
            HEXLOWER.encode(&bytes),
            format!("{} ", &header(&genuine, name)[1..]),
        ] {
            let request = with_header(&genuine, name, &value);
            assert_eq!(
                refusal(&ours(), &request),
                ErrorKind::MalformedHeader,
                "{name} {value}"
            );
        }
        let request = without_header(&genuine, name);
        assert_eq!(
            refusal(&ours(), &request),
            ErrorKind::MissingHeader,
            "{name}"
        );
    }
}

#[test]
fn base64_is_canonical() {
    let genuine = sealed(&utf16("{}"), b"{}");
    for name in ["authenticationtag", "checksum"] {
        let value = header(&genuine, name);
        let last = value.trim_end_matches('=').len() - 1;
        let unused_bit_set = char::from(value.as_bytes()[last] + 1);
        let request = with_header(
            &genuine,
            name,
            format!("{}{unused_bit_set}{}", &value[..last], &value[last + 1..]),
        );
        assert_eq!(
            refusal(&ours(), &request),
            ErrorKind::MalformedHeader,
            "{name}"
        );
        let request = with_header(&genuine, name, value.trim_end_matches('='));
        assert_eq!(
            refusal(&ours(), &request),
            ErrorKind::MalformedHeader,
            "{name}"
        );
    }
}

/// A failed attempt with the first key must leave the ciphertext as it was for the second.
#[test]
fn the_second_key_works_in_one_chunk_and_in_many() {
    let verifier = verifier(
        &provider::banking_circle(),
        &[secret(OTHER_KEY), secret(KEY)],
    );
    let text = "{\"notifications\":[]}".repeat(20);
    let request = signed(&provider::banking_circle(), &secret(KEY), text.clone());
    let verified = verdict(&verifier, &request).expect("verified");
    assert_eq!(
        (verified.key_index(), verified.payload()),
        (1, &Bytes::from(text))
    );
    for size in [1, 16, 64] {
        let cut = verdict_in_chunks(&verifier, &request, size, UnixTime::from_secs(0));
        assert_eq!(cut.expect("verified").key_index(), 1, "chunks of {size}");
    }
}

/// Decryption is in place where it can be; bytes that somebody else holds stay as they were.
#[test]
fn a_shared_body_is_left_alone() {
    let request = signed(&provider::banking_circle(), &secret(KEY), "{}");
    let before = request.body().to_vec();
    verdict(&ours(), &request).expect("verified");
    assert_eq!(request.body(), &before);
}

#[test]
fn a_batch_is_its_members_in_order() {
    let events = events(payload("banking-circle-batch-of-three"));
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(Identity::is_identified));
    let ids: Vec<&str> = events.iter().map(Identity::id).collect();
    assert_eq!(ids[0], "11111111-aaaa-4bbb-8ccc-000000000001");
    assert_eq!(events[0].kind(), Some("IncomingPaymentProcessed"));
    let time = events[0].time().expect("a time");
    assert_eq!(time.as_millis(), 1_695_480_832_858, "seven-digit fraction");
    for event in &events {
        let member: serde_json::Value = serde_json::from_slice(event.raw()).expect("JSON");
        assert_eq!(member["eventId"], event.id());
    }
    for (name, kind) in [
        ("banking-circle-case-events", "CasesEvents"),
        ("banking-circle-payment-status", "PaymentStatus"),
    ] {
        assert_eq!(self::events(payload(name))[0].kind(), Some(kind));
    }
}

#[test]
fn an_empty_batch_has_no_events() {
    assert!(events(r#"{"notifications":[]}"#).is_empty());
}

#[test]
fn a_member_without_an_id_goes_by_its_own_digest() {
    let members = [
        r#"{"eventId":"a","notificationType":"X"}"#,
        r#"{ "notificationType": "Y" }"#,
        r#"{"eventId":null}"#,
        r#"{"eventId":"b","eventId":"c"}"#,
        "17",
    ];
    let events = events(format!(r#"{{"notifications":[{}]}}"#, members.join(" , ")));
    assert_eq!(events.len(), members.len());
    assert_eq!((events[0].id(), events[0].is_identified()), ("a", true));
    for (event, member) in events.iter().zip(members).skip(1) {
        assert_eq!(event.raw(), member);
        assert_eq!(event.id(), digest_of(member));
        assert_eq!(event.kind(), None, "unidentified: type none");
        assert!(!event.is_identified());
    }
}

#[test]
fn what_is_no_batch_is_one_event_by_its_digest() {
    for text in [
        "",
        "not JSON",
        "{}",
        "[]",
        r#"{"notifications":{}}"#,
        r#"{"notifications":null}"#,
        r#"{"notifications":[],"notifications":[]}"#,
        r#"{"notifications":[1}"#,
    ] {
        let events = events(text.to_owned());
        assert_eq!(events.len(), 1, "{text}");
        assert_eq!(events[0].id(), digest_of(text), "{text}");
        assert_eq!(events[0].raw(), text);
        assert!(!events[0].is_identified());
    }
}

#[test]
fn header_names_and_the_form_of_the_key_are_the_merchants() {
    let provider = provider::banking_circle()
        .with(Setting::NonceHeader("X-Nonce".into()))
        .and_then(|p| p.with(Setting::TagHeader("X-Tag".into())))
        .and_then(|p| p.with(Setting::ChecksumHeader("X-Sum".into())))
        .and_then(|p| p.with(Setting::KeyEncoding(KeyEncoding::Base64)))
        .expect("left open");
    let key = secret(&BASE64.encode(KEY.as_bytes()));
    let request = signed(&provider, &key, "{}");
    for name in ["x-nonce", "x-tag", "x-sum"] {
        assert!(request.headers().contains_key(name), "{name}");
    }
    assert!(verdict(&verifier(&provider, &[key]), &request).is_ok());
    assert_eq!(refusal(&ours(), &request), ErrorKind::MissingHeader);

    let same = provider::banking_circle()
        .with(Setting::NonceHeader("checksum".into()))
        .expect("left open");
    let error = Verifier::new(&same, &[secret(KEY)]).expect_err("one header for two things");
    assert_eq!(error.kind(), ConfigErrorKind::BadScheme);
}

#[test]
fn keys_of_another_length_are_refused() {
    for (encoding, text) in [
        (KeyEncoding::Text, &KEY[1..]),
        (KeyEncoding::Text, "0123456789abcdef0123456789abcdef0"),
        (KeyEncoding::Base64, "AAECAwQFBgcICQoLDA0ODw=="),
        (KeyEncoding::Base64, KEY),
    ] {
        let provider = provider::banking_circle()
            .with(Setting::KeyEncoding(encoding))
            .expect("left open");
        let error = Verifier::new(&provider, &[secret(text)]).expect_err(text);
        assert_eq!(error.kind(), ConfigErrorKind::SecretEncoding, "{text}");
    }
}
