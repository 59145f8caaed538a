//! The grammars of signature headers, and what is not ignored in them.

use countersign::{ErrorKind, Provider, provider};
use data_encoding::{BASE64, HEXLOWER};

use super::{TEXT, fedapay, genuine, standard};
use crate::delivery::{
    NOW, header, presets, refusal, secret, signed, verdict, verifier, with_header,
};

#[test]
fn rule_03_signatures_of_the_exact_length_only() {
    for (provider, text, name, lead) in [
        (provider::fourpay(), TEXT, "x-webhook-signature", ""),
        (provider::github(), TEXT, "x-hub-signature-256", "sha256="),
        (provider::zibapay(), TEXT, "x-signature", ""),
    ] {
        let (verifier, good) = genuine(&provider, text);
        let hex = header(&good, name)
            .strip_prefix(lead)
            .expect("lead")
            .to_owned();
        for length in 0..hex.len() {
            let request = with_header(&good, name, format!("{lead}{}", &hex[..length]));
            assert_eq!(
                refusal(&verifier, &request),
                ErrorKind::MalformedHeader,
                "{length}"
            );
        }
        for longer in [format!("{hex}0"), format!("{hex}00"), format!("{hex}{hex}")] {
            let request = with_header(&good, name, format!("{lead}{longer}"));
            assert_eq!(
                refusal(&verifier, &request),
                ErrorKind::MalformedHeader,
                "{longer}"
            );
        }
        for other in [
            format!("0x{}", &hex[2..]),
            format!("0x{hex}"),
            format!("{hex} x"),
        ] {
            let request = with_header(&good, name, format!("{lead}{other}"));
            assert_eq!(
                refusal(&verifier, &request),
                ErrorKind::MalformedHeader,
                "{other}"
            );
        }
        let upper = with_header(&good, name, format!("{lead}{}", hex.to_uppercase()));
        assert!(verdict(&verifier, &upper).is_ok(), "hex of either case");
    }
}

#[test]
fn rule_03_base64_is_canonical() {
    let (verifier, good) = standard();
    let value = header(&good, "webhook-signature");
    let base64 = value.strip_prefix("v1,").expect("v1");
    let last = char::from(base64.as_bytes()[42] + 1);
    for other in [
        format!("{}{last}=", &base64[..42]),
        base64.trim_end_matches('=').to_owned(),
        format!("{base64}="),
        format!("{}=", &base64[..43]).replace('+', "-"),
        HEXLOWER.encode(&BASE64.decode(base64.as_bytes()).expect("Base64")),
        base64.to_uppercase(),
    ] {
        if other != base64 {
            let request = with_header(&good, "webhook-signature", format!("v1,{other}"));
            assert!(verdict(&verifier, &request).is_err(), "{other}");
        }
    }
}

#[test]
fn rule_03_an_undecodable_signature_is_skipped_beside_a_well_formed_one() {
    let (verifier, good) = fedapay();
    let value = header(&good, "x-fedapay-signature");
    let (t, s) = value.split_once(',').expect("two pairs");
    for (value, verdict) in [
        (format!("{t},s=nonsense,{s}"), Ok(())),
        (format!("{t},{s},s="), Ok(())),
        (format!("{t},s=nonsense"), Err(ErrorKind::MalformedHeader)),
        (
            format!("{t},s=nonsense,s="),
            Err(ErrorKind::MalformedHeader),
        ),
        (
            format!("{t},s={}", "0".repeat(64)),
            Err(ErrorKind::SignatureMismatch),
        ),
        (
            format!("{t},s={},s=nonsense", "0".repeat(64)),
            Err(ErrorKind::SignatureMismatch),
        ),
        (t.to_owned(), Err(ErrorKind::MissingHeader)),
        (format!("{t},S={}", &s[2..]), Err(ErrorKind::MissingHeader)),
    ] {
        let request = with_header(&good, "x-fedapay-signature", &value);
        assert_eq!(
            self::verdict(&verifier, &request).map(|_| ()),
            verdict,
            "{value}"
        );
    }
}

#[test]
fn rule_06_no_downgrade_and_no_other_provider() {
    let (verifier, good) = fedapay();
    let value = header(&good, "x-fedapay-signature");
    for key in ["v0", "v1", "S", "s256", "sha1", "none"] {
        let request = with_header(
            &good,
            "x-fedapay-signature",
            value.replace("s=", &format!("{key}=")),
        );
        assert_eq!(
            refusal(&verifier, &request),
            ErrorKind::MissingHeader,
            "{key}"
        );
    }
    let (standard, good) = standard();
    let value = header(&good, "webhook-signature");
    for version in ["v1a", "v0", "V1", "", "v1 "] {
        let request = with_header(
            &good,
            "webhook-signature",
            value.replace("v1,", &format!("{version},")),
        );
        assert_eq!(
            refusal(&standard, &request),
            ErrorKind::MissingHeader,
            "{version}"
        );
    }
    // What is genuine for one provider is nothing to another, under the same secret.
    let all: Vec<Provider> = presets()
        .into_iter()
        .map(|(provider, _)| provider)
        .filter(|provider| !["banking-circle", "standard-webhooks"].contains(&provider.name()))
        .collect();
    for sender in &all {
        let request = signed(sender, &secret(TEXT), "{}");
        for receiver in all
            .iter()
            .filter(|receiver| receiver.name() != sender.name())
        {
            let verifier = self::verifier(receiver, &[secret(TEXT)]);
            assert_eq!(refusal(&verifier, &request), ErrorKind::MissingHeader);
        }
    }
}

#[test]
fn rule_08_nothing_of_the_head_may_be_there_twice() {
    for (provider, [secret, _]) in presets() {
        let verifier = verifier(&provider, std::slice::from_ref(&secret));
        let good = signed(&provider, &secret, "{}");
        for (name, value) in good.headers() {
            for again in [value.as_bytes(), b"", b"x"] {
                let mut request = good.clone();
                let again = http::HeaderValue::from_bytes(again).expect("a value");
                request.headers_mut().append(name, again);
                assert_eq!(
                    refusal(&verifier, &request),
                    ErrorKind::DuplicateHeader,
                    "{} {name}",
                    provider.name()
                );
            }
        }
    }
}

#[test]
fn rule_08_nor_a_timestamp_among_pairs() {
    let (verifier, good) = fedapay();
    let value = header(&good, "x-fedapay-signature");
    let (t, s) = value.split_once(',').expect("two pairs");
    for value in [
        format!("{t},{t},{s}"),
        format!("{t},{s},t=1"),
        format!("t=1,{t},{s}"),
        format!("t=,{t},{s}"),
        format!("{t},{s}, t="),
        format!("{t},t=1"),
    ] {
        let request = with_header(&good, "x-fedapay-signature", &value);
        assert_eq!(
            refusal(&verifier, &request),
            ErrorKind::DuplicateHeader,
            "{value}"
        );
    }
}

#[test]
fn rule_08_text_around_a_signature_is_not_ignored() {
    let (verifier, good) = fedapay();
    let value = header(&good, "x-fedapay-signature");
    for value in [
        format!("{value} x"),
        format!("{value};x"),
        format!("{value}=="),
        format!("{value}0"),
        value.replace("s=", "s= "),
        value.replace("s=", "s=\""),
        value.replace("s=", "s=sha256="),
    ] {
        let request = with_header(&good, "x-fedapay-signature", &value);
        assert_eq!(
            refusal(&verifier, &request),
            ErrorKind::MalformedHeader,
            "{value}"
        );
    }
    for value in [
        value.replace(',', " ,\t"),
        format!("{value},"),
        format!(",{value},,"),
        format!("{value},v1=potato,=,x"),
    ] {
        let request = with_header(&good, "x-fedapay-signature", &value);
        assert!(verdict(&verifier, &request).is_ok(), "{value}");
    }
}

#[test]
fn rule_09_at_most_16_signatures() {
    let wrong = "0".repeat(64);
    let (verifier, good) = fedapay();
    let value = header(&good, "x-fedapay-signature");
    for filler in [format!(",s={wrong}"), ",s=nonsense".to_owned()] {
        for (fillers, verdict) in [(15, Ok(())), (16, Err(ErrorKind::MalformedHeader))] {
            let value = format!("{value}{}", filler.repeat(fillers));
            let request = with_header(&good, "x-fedapay-signature", value);
            assert_eq!(
                self::verdict(&verifier, &request).map(|_| ()),
                verdict,
                "{filler}"
            );
        }
        // The good one last.
        let (t, s) = value.split_once(',').expect("two pairs");
        let value = format!("{t}{},{s}", filler.repeat(15));
        assert!(verdict(&verifier, &with_header(&good, "x-fedapay-signature", value)).is_ok());
    }
    let (verifier, good) = standard();
    let value = header(&good, "webhook-signature");
    for (fillers, verdict) in [(15, Ok(())), (16, Err(ErrorKind::MalformedHeader))] {
        let value = format!(
            "{}{value}",
            format!("{value} ").replace("v1,", "v1,A").repeat(fillers)
        );
        let request = with_header(&good, "webhook-signature", value);
        assert_eq!(self::verdict(&verifier, &request).map(|_| ()), verdict);
    }
}

#[test]
fn rule_09_at_most_8_kib_of_one_header() {
    let (verifier, good) = fedapay();
    let value = header(&good, "x-fedapay-signature");
    let padded = |length: usize| {
        let padding = "x".repeat(length - value.len() - 1);
        with_header(&good, "x-fedapay-signature", format!("{value},{padding}"))
    };
    assert!(verdict(&verifier, &padded(8192)).is_ok());
    assert_eq!(
        refusal(&verifier, &padded(8193)),
        ErrorKind::MalformedHeader
    );
    assert_eq!(
        refusal(&verifier, &padded(100_000)),
        ErrorKind::MalformedHeader
    );

    let (verifier, good) = standard();
    let value = header(&good, "webhook-signature");
    let padded = |length: usize| {
        let padding = "v2,x ".repeat(length)[..length - value.len() - 1].to_owned();
        with_header(&good, "webhook-signature", format!("{padding} {value}"))
    };
    assert!(verdict(&verifier, &padded(8192)).is_ok());
    assert_eq!(
        refusal(&verifier, &padded(8193)),
        ErrorKind::MalformedHeader
    );
}

/// Signing the body alone is a common mistake of third-party code, and not FedaPay's scheme.
#[test]
fn a_signature_of_the_body_alone_is_refused() {
    let (verifier, good) = fedapay();
    let alone = signed(&provider::fourpay(), &secret(TEXT), good.body().clone());
    let value = format!(
        "t={},s={}",
        NOW.as_secs(),
        header(&alone, "x-webhook-signature")
    );
    let request = with_header(&good, "x-fedapay-signature", value);
    assert_eq!(refusal(&verifier, &request), ErrorKind::SignatureMismatch);
}
