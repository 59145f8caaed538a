//! Bodies: handed on as they came, and bounded.

use bytes::Bytes;
use countersign::{ErrorKind, provider};
use data_encoding::BASE64;

use super::{MIB, TEXT, fedapay};
use crate::delivery::{
    NOW, presets, refusal, secret, signed, verdict, verdict_in_chunks, verifier, with_header,
};

#[test]
fn rule_11_any_bytes_are_handed_on_as_they_came() {
    let bodies = [
        Bytes::new(),
        Bytes::from_static(b"\0\xff\xfe\x80"),
        Bytes::from_static(b"\xef\xbb\xbf{}"),
        Bytes::from_static(b"{ \"a\" : 1.0 }\r\n"),
        Bytes::from(vec![0xa5; MIB]),
    ];
    for (provider, [secret, _]) in presets() {
        if provider.name() == "banking-circle" {
            continue;
        }
        let verifier = verifier(&provider, std::slice::from_ref(&secret));
        for body in &bodies {
            let request = signed(&provider, &secret, body.clone());
            let verified = verdict(&verifier, &request).expect("verified");
            assert_eq!(verified.payload(), body);
            assert_eq!(verified.payload().as_ptr(), body.as_ptr(), "not copied");
            assert_eq!(verified.received(), body.len());
            let events = verifier.identify(&verified);
            assert_eq!(events.len(), 1);
            assert_eq!(events[0].raw().as_ptr(), body.as_ptr(), "not copied");
        }
    }
}

#[test]
fn rule_11_depth_is_no_way_to_a_stack_overflow() {
    let (verifier, _) = fedapay();
    for open in ["[", "{\"id\":", "{\"entity\":{\"id\":"] {
        let body = open.repeat(1_000_000 / open.len());
        let request = signed(&provider::fedapay(), &secret(TEXT), body);
        let verified = verdict(&verifier, &request).expect("verified");
        assert!(!verifier.identify(&verified)[0].is_identified());
    }
}

#[test]
fn rule_12_exactly_the_limit_passes() {
    let provider = provider::fourpay();
    let verifier = verifier(&provider, &[secret(TEXT)]);
    assert_eq!(verifier.body_limit(), MIB);
    let exactly = signed(&provider, &secret(TEXT), vec![b'x'; MIB]);
    let more = signed(&provider, &secret(TEXT), vec![b'x'; MIB + 1]);
    assert!(verdict(&verifier, &exactly).is_ok());
    assert_eq!(refusal(&verifier, &more), ErrorKind::BodyTooLarge);
    for size in [1000, 65_536, MIB] {
        assert!(verdict_in_chunks(&verifier, &exactly, size, NOW).is_ok());
        let refused = verdict_in_chunks(&verifier, &more, size, NOW).expect_err("refused");
        assert_eq!(refused, ErrorKind::BodyTooLarge);
    }
    for limit in [0, 1, 50] {
        let verifier = verifier.clone().with_body_limit(limit);
        let exactly = signed(&provider, &secret(TEXT), vec![b'x'; limit]);
        assert!(verdict(&verifier, &exactly).is_ok());
        let more = signed(&provider, &secret(TEXT), vec![b'x'; limit + 1]);
        assert_eq!(refusal(&verifier, &more), ErrorKind::BodyTooLarge);
    }
}

/// The chunk that crosses the limit is refused when it comes, and not at the end.
#[test]
fn rule_12_the_limit_holds_while_reading() {
    let provider = provider::fourpay();
    let verifier = verifier(&provider, &[secret(TEXT)]).with_body_limit(10);
    let request = signed(&provider, &secret(TEXT), "");
    let mut verification = verifier.begin(&request).expect("a head");
    assert!(verification.update(&b"12345"[..]).is_ok());
    assert!(verification.update(&b"67890"[..]).is_ok());
    assert!(verification.update(&b""[..]).is_ok());
    let error = verification.update(&b"1"[..]).expect_err("over the limit");
    assert_eq!(error.kind(), ErrorKind::BodyTooLarge);
}

/// What was on the wire was signed, whatever the sender says of its encoding.
#[test]
fn rule_13_below_any_decompression() {
    let gzip = BASE64
        .decode(b"H4sIAAAAAAAAA6tWykxRslJQqlWqBQDKGHREDAAAAA==")
        .expect("Base64");
    for encoding in ["gzip", "br", "identity"] {
        let (verifier, _) = fedapay();
        let request = signed(&provider::fedapay(), &secret(TEXT), gzip.clone());
        let request = with_header(&request, "content-encoding", encoding);
        let verified = verdict(&verifier, &request).expect("verified");
        assert_eq!(verified.payload(), &gzip);
    }
}

/// What the sender says of the length changes no verdict, only when it comes.
#[test]
fn rule_16_a_declared_length_is_the_senders_word() {
    let (verifier, good) = fedapay();
    for declared in [0, 1, good.body().len() as u64, MIB as u64] {
        let mut verification = verifier.begin(&good).expect("a head");
        verification.expect(declared).expect("within the limit");
        for chunk in good.body().chunks(5) {
            verification
                .update(Bytes::copy_from_slice(chunk))
                .expect("within the limit");
        }
        let verified = verification.finish(NOW).expect("verified");
        assert_eq!(verified.payload(), good.body(), "{declared} declared");
    }
    for declared in [MIB as u64 + 1, u64::MAX] {
        let mut verification = verifier.begin(&good).expect("a head");
        let error = verification.expect(declared).expect_err("over the limit");
        assert_eq!(error.kind(), ErrorKind::BodyTooLarge);
    }
    // Said too late, it is not a way to lose what is there.
    let mut verification = verifier.begin(&good).expect("a head");
    verification
        .update(good.body().slice(..3))
        .expect("within the limit");
    verification.expect(100).expect("within the limit");
    verification
        .update(good.body().slice(3..))
        .expect("within the limit");
    assert!(verification.finish(NOW).is_ok());
}
