//! What identifies an event, provider by provider.

use countersign::provider::{self, Setting};
use countersign::scheme::SignatureEncoding;
use countersign::{ConfigErrorKind, Identity, Pointer, Provider, TypeSource, Verifier};
use countersign_tests::payload;
use data_encoding::{BASE64, HEXLOWER};
use ring::digest::{SHA256, digest};

use crate::delivery::{header, presets, secret, signed, verdict, verifier, with_header};

const SECRET: &str = "a-secret-0123456789";

/// The one event of a genuine delivery of `body`.
fn event(provider: &Provider, body: impl Into<bytes::Bytes>) -> Identity {
    let secret = secret(SECRET);
    let verifier = verifier(provider, std::slice::from_ref(&secret));
    let verified = verdict(&verifier, &signed(provider, &secret, body)).expect("verified");
    let mut events = verifier.identify(&verified);
    assert_eq!(events.len(), 1);
    events.remove(0)
}

fn digest_of(body: &[u8]) -> String {
    format!("sha256:{}", HEXLOWER.encode(digest(&SHA256, body).as_ref()))
}

fn pointer(text: &str) -> Pointer {
    Pointer::new(text).expect("a pointer")
}

fn centralpay() -> Provider {
    provider::centralpay()
        .with(Setting::SignatureHeader("X-Cp-Hmac".into()))
        .expect("left open")
}

#[test]
fn fedapay_by_its_id() {
    let event = event(
        &provider::fedapay(),
        payload("fedapay-transaction.canceled"),
    );
    assert_eq!(event.id(), "evt_0000000000");
    assert_eq!(event.kind(), Some("transaction.canceled"));
    assert!(event.is_identified());
}

#[test]
fn a_number_is_an_id_by_its_own_text() {
    for number in [
        "0",
        "42",
        "-1",
        "12345678901234567890",
        "1.10",
        "1e3",
        "1E+3",
    ] {
        let event = event(
            &provider::fedapay(),
            format!(r#"{{"id": {number} ,"name":"n"}}"#),
        );
        assert_eq!(event.id(), number);
        assert!(event.is_identified());
    }
}

#[test]
fn fedapay_without_an_id_by_its_entity() {
    for id in ["", r#""id":null,"#] {
        let event = event(
            &provider::fedapay(),
            format!(
                r#"{{{id}"name":"customer.updated","entity":{{"klass":"v1/customer","id":17,
                    "updated_at":"2026-01-02T03:04:05Z"}}}}"#
            ),
        );
        assert_eq!(
            event.id(),
            "customer.updated|v1/customer|17|2026-01-02T03:04:05Z"
        );
        assert!(event.is_identified());
    }
}

/// With a part missing the text is still shown, a missing part empty.
#[test]
fn fedapay_with_an_incomplete_entity() {
    for (body, id) in [
        (r#"{"name":"n","entity":{"klass":"k","id":1}}"#, "n|k|1|"),
        (r#"{"name":"n","entity":{"klass":null,"id":1}}"#, "n||1|"),
        (r#"{"name":"n","entity":[]}"#, "n|||"),
        (r#"{"entity":{"updated_at":"u"}}"#, "|||u"),
    ] {
        assert_eq!(event(&provider::fedapay(), body).id(), id);
    }
    for body in ["{}", "[]", "", "not JSON", r#"{"entity":{}}"#] {
        let event = event(&provider::fedapay(), body);
        assert_eq!(event.id(), digest_of(body.as_bytes()), "{body}");
        assert!(!event.is_identified(), "{body}");
    }
}

/// Parsers disagree on which of two counts, so that neither does.
#[test]
fn a_repeated_id_is_no_id() {
    for body in [
        r#"{"id":"a","id":"b","name":"n"}"#,
        r#"{"id":"a","id":"a","name":"n"}"#,
        r#"{"id":"a","\u0069d":"b","name":"n"}"#,
        r#"{"id":null,"id":"b","name":"n"}"#,
        r#"{"name":"n","entity":{"klass":"k","id":1,"id":2,"updated_at":"u"}}"#,
        r#"{"name":"n","entity":{"klass":"k","id":1,"updated_at":"u"},"entity":{}}"#,
    ] {
        let event = event(&provider::fedapay(), body);
        assert_eq!(event.id(), digest_of(body.as_bytes()), "{body}");
        assert!(!event.is_identified(), "{body}");
        assert_eq!(event.kind(), None, "{body}");
    }
}

#[test]
fn what_is_no_text_or_number_is_no_id() {
    for value in [r#""""#, "true", "{}", "[1]"] {
        let body = format!(r#"{{"id":{value},"name":"n"}}"#);
        let event = event(&provider::fedapay(), body.clone());
        assert_eq!(event.id(), digest_of(body.as_bytes()), "{body}");
        assert!(!event.is_identified(), "{body}");
    }
}

/// Ids of a payload are the provider's own: escaped when shown, never refused.
#[test]
fn an_id_of_a_payload_may_be_any_text() {
    for (json, id) in [
        (r#""a.b\r\nc""#, "a.b\r\nc"),
        (r#""{tag}\u001b[2J""#, "{tag}\u{1b}[2J"),
        (r#""é""#, "é"),
    ] {
        assert_eq!(
            event(&provider::fedapay(), format!(r#"{{"id":{json}}}"#)).id(),
            id
        );
    }
    let long = "x".repeat(300);
    assert_eq!(
        event(&provider::fedapay(), format!(r#"{{"id":"{long}"}}"#)).id(),
        long
    );
}

#[test]
fn fourpay_by_the_digest_and_its_shape() {
    for kind in [
        "account_topup",
        "account_transaction",
        "card_state",
        "card_transaction",
    ] {
        let body = payload(&format!("4pay-{kind}"));
        let found = event(&provider::fourpay(), body.clone());
        assert_eq!(found.kind(), Some(kind));
        assert_eq!(found.id(), digest_of(&body), "its id is the resource's");
        assert!(found.is_identified());

        let fixed = provider::fourpay()
            .with(Setting::Type(TypeSource::Fixed("account_topup".into())))
            .expect("left open");
        assert_eq!(event(&fixed, body).kind(), Some("account_topup"));
    }
    for (body, kind) in [
        ("{}", None),
        (r#"{"cardUuid":null,"type":null}"#, None),
        (r#"{"accountUuid":"a"}"#, None),
        (
            r#"{"cardUuid":null,"type":"payin"}"#,
            Some("account_transaction"),
        ),
        (
            r#"{"cardOwnerId":"o","accountUuid":"a","amount":"1"}"#,
            Some("card_state"),
        ),
        ("not JSON", None),
    ] {
        assert_eq!(event(&provider::fourpay(), body).kind(), kind, "{body}");
    }
}

#[test]
fn zibapay_type_at_event_else_at_type() {
    for (body, kind) in [
        (
            r#"{"event":"payment.completed","type":"x"}"#,
            Some("payment.completed"),
        ),
        (r#"{"type":"payment.failed"}"#, Some("payment.failed")),
        (
            r#"{"event":null,"type":"refund.completed"}"#,
            Some("refund.completed"),
        ),
        (r#"{"event":{"id":1},"type":"x"}"#, None),
        (r#"{"data":{"type":"x"}}"#, None),
        ("", None),
    ] {
        let event = event(&provider::zibapay(), body);
        assert_eq!(event.kind(), kind, "{body}");
        assert_eq!(event.id(), digest_of(body.as_bytes()));
    }
}

#[test]
fn zibapay_in_every_spelling_it_may_have() {
    let zibapay = provider::zibapay();
    let secret = secret(SECRET);
    let both = verifier(&zibapay, std::slice::from_ref(&secret));
    let request = signed(&zibapay, &secret, "{}");
    let hex = header(&request, "x-signature");
    let base64 = BASE64.encode(&HEXLOWER.decode(hex.as_bytes()).expect("hex"));

    let only = |encoding| -> Verifier {
        let zibapay = provider::zibapay()
            .with(Setting::SignatureEncoding(encoding))
            .expect("left open");
        verifier(&zibapay, std::slice::from_ref(&secret))
    };
    let (only_hex, only_base64) = (
        only(SignatureEncoding::Hex),
        only(SignatureEncoding::Base64),
    );
    for (spelling, is_hex) in [
        (hex.clone(), true),
        (hex.to_uppercase(), true),
        (format!("sha256={hex}"), true),
        (base64.clone(), false),
        (format!("sha256={base64}"), false),
    ] {
        let request = with_header(&request, "x-signature", &spelling);
        assert!(verdict(&both, &request).is_ok(), "{spelling}");
        assert_eq!(verdict(&only_hex, &request).is_ok(), is_hex, "{spelling}");
        assert_eq!(
            verdict(&only_base64, &request).is_ok(),
            !is_hex,
            "{spelling}"
        );
    }
    for spelling in [
        format!("SHA256={hex}"),
        format!("sha512={hex}"),
        format!("sha256=sha256={hex}"),
        format!("sha256= {hex}"),
        hex[..44].to_owned(),
        base64.trim_end_matches('=').to_owned(),
    ] {
        let request = with_header(&request, "x-signature", &spelling);
        assert!(verdict(&both, &request).is_err(), "{spelling}");
    }
}

#[test]
fn centralpay_until_it_is_set_by_the_digest() {
    let body =
        r#"{"eventId":"e1","eventType":"TRANSACTION_SUCCEEDED","at":"2026-01-02T03:04:05Z"}"#;
    let unset = event(&centralpay(), body);
    assert_eq!(
        (unset.id(), unset.kind()),
        (digest_of(body.as_bytes()).as_str(), None)
    );

    let provider = centralpay()
        .with(Setting::Id(pointer("/eventId")))
        .and_then(|p| {
            p.with(Setting::Type(
                TypeSource::parse("/eventType").expect("a type"),
            ))
        })
        .and_then(|p| p.with(Setting::Time(pointer("/at"))))
        .expect("left open");
    let set = event(&provider, body);
    assert_eq!(
        (set.id(), set.kind()),
        ("e1", Some("TRANSACTION_SUCCEEDED"))
    );
    assert_eq!(set.time().map(|time| time.as_secs()), Some(1_767_323_045));

    let missing = event(&provider, r#"{"other":1}"#);
    assert!(!missing.is_identified());
}

#[test]
fn what_a_provider_does_not_leave_open_is_not_applicable() {
    let settings = || {
        [
            Setting::SignatureHeader("x-sig".into()),
            Setting::SignatureEncoding(SignatureEncoding::Base64),
            Setting::Id(pointer("/id")),
            Setting::Type(TypeSource::Pointers(vec![pointer("/type")])),
            Setting::Type(TypeSource::Fixed("a".into())),
            Setting::Time(pointer("/time")),
            Setting::KeyEncoding(countersign::scheme::KeyEncoding::Base64),
            Setting::NonceHeader("n".into()),
            Setting::TagHeader("t".into()),
            Setting::ChecksumHeader("c".into()),
        ]
    };
    for (provider, _) in presets() {
        let applicable: Vec<bool> = settings()
            .into_iter()
            .map(|setting| {
                let open = provider.leaves_open(setting.name());
                match provider.clone().with(setting) {
                    Ok(_) => assert!(open),
                    Err(error) => {
                        assert!(!open);
                        assert_eq!(error.kind(), ConfigErrorKind::NotApplicable);
                    }
                }
                open
            })
            .collect();
        let expected: &[usize] = match provider.name() {
            "centralpay" => &[0, 1, 2, 3, 4, 5],
            "zibapay" => &[1, 2, 3, 4, 5],
            "4pay" => &[4],
            "banking-circle" => &[6, 7, 8, 9],
            _ => &[],
        };
        let found: Vec<usize> = (0..applicable.len()).filter(|at| applicable[*at]).collect();
        assert_eq!(found, expected, "{}", provider.name());
    }
}

#[test]
fn centralpay_without_its_header_is_no_configuration() {
    let error = Verifier::new(&provider::centralpay(), &[secret(SECRET)]).expect_err("no header");
    assert_eq!(error.kind(), ConfigErrorKind::MissingSetting);
}

/// However a delivery was spelled, signed or wrapped, its event is the same.
#[test]
fn unsigned_headers_change_no_event() {
    for (provider, [secret, _]) in presets() {
        let verifier = verifier(&provider, std::slice::from_ref(&secret));
        let request = signed(&provider, &secret, r#"{"id":"evt_1"}"#);
        let mut extra = request.clone();
        for name in [
            "x-github-delivery",
            "idempotency-key",
            "x-request-id",
            "nonces",
        ] {
            extra = with_header(&extra, name, "another");
        }
        let identify = |request| verifier.identify(&verdict(&verifier, request).expect("verified"));
        assert_eq!(identify(&request), identify(&extra), "{}", provider.name());
    }
}
