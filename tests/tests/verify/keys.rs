//! Public keys that can verify nothing are refused when they are configured, in words that say what was
//! expected, and not with each delivery.

use countersign::provider::Setting;
use countersign::{ConfigError, ConfigErrorKind, Provider, Secret, Verifier, provider};
use data_encoding::{BASE64, HEXLOWER};

use countersign_tests::families::key_pair;

fn refusal(provider: &Provider, key: impl Into<Vec<u8>>) -> Option<ConfigError> {
    let key = Secret::from_bytes(key).expect("a secret");
    let error = Verifier::new(provider, &[key]).err()?;
    assert_eq!(error.kind(), ConfigErrorKind::SecretEncoding, "{error}");
    Some(error)
}

/// Of each, the form that is expected; `None` if the key is taken.
fn refusals(provider: &Provider, keys: &[Vec<u8>], expected: &str) {
    for key in keys {
        let error = refusal(provider, key.clone());
        let error = error.unwrap_or_else(|| panic!("taken: {}", HEXLOWER.encode(key)));
        assert!(error.to_string().contains(expected), "{error}");
    }
}

fn spki(kind: &str) -> Vec<u8> {
    let text = key_pair(kind, "spki");
    BASE64.decode(text.as_bytes()).expect("Base64")
}

#[test]
fn a_point_off_the_curve_p256() {
    let provider = provider::sendgrid();
    let whole = spki("p256");
    assert!(refusal(&provider, whole.clone()).is_none());
    let point = whole[whole.len() - 65..].to_vec();
    assert!(
        refusal(&provider, point.clone()).is_none(),
        "the point alone"
    );

    let with = |at: usize, value: u8| {
        let mut other = point.clone();
        other[at] = value;
        other
    };
    let mut compressed = point[..33].to_vec();
    compressed[0] = 2 + (point[64] & 1);
    let mut off = whole.clone();
    *off.last_mut().expect("a byte") ^= 1;
    let text = Secret::new(BASE64.encode(&off)).expect("a secret");
    let error = Verifier::new(&provider, &[text]).expect_err("off the curve");
    assert!(error.to_string().contains("curve P-256"), "{error}");

    let mut beyond = vec![0xff; 65];
    beyond[0] = 4;
    let mut nowhere = vec![0; 65];
    nowhere[0] = 4;
    let off_curve = [
        off,
        with(1, point[1] ^ 0x80),
        with(64, point[64] ^ 1),
        with(0, 3),
        with(0, 5),
        compressed,
        beyond,
        nowhere,
        point[..64].to_vec(),
        [&point[..], &[0]].concat(),
    ];
    refusals(&provider, &off_curve, "curve P-256");
    refusals(&provider::plaid_jwt_es256(), &off_curve, "curve P-256");
    refusals(&provider, &[spki("rsa"), spki("ed25519")], "curve P-256");
}

/// Whether bytes are a point, the library does not say before it verifies; but the other spellings of a
/// point, and those under which anyone can sign, are known.
#[test]
fn an_ed25519_key_that_is_none() {
    let provider = provider::discord();
    let whole = spki("ed25519");
    let point = whole[whole.len() - 32..].to_vec();
    assert!(refusal(&provider, whole.clone()).is_none());
    assert!(refusal(&provider, point.clone()).is_none());

    let mut bad = vec![
        point[..31].to_vec(),
        [&point[..], &[0]].concat(),
        spki("p256"),
        spki("rsa"),
    ];
    // With either sign of the other coordinate: 2^255 - 1 down to the prime, and the points of small order.
    let prime = |add: i8| {
        let mut bytes = [0xff; 32];
        bytes[0] = 0xed_u8.wrapping_add_signed(add);
        bytes[31] = 0x7f;
        bytes.to_vec()
    };
    let mut one = vec![0; 32];
    one[0] = 1;
    let of = |hex: &str| HEXLOWER.decode(hex.as_bytes()).expect("hex");
    for y in [
        prime(0),
        prime(1),
        prime(18),
        prime(-1),
        vec![0; 32],
        one,
        of("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        of("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ] {
        let mut other = y.clone();
        other[31] |= 0x80;
        bad.extend([y, other]);
    }
    refusals(&provider, &bad, "Ed25519");
    assert!(
        refusal(&provider, prime(-2)).is_none(),
        "a number below the prime"
    );
}

/// An RSA key of these two numbers, as PKCS #1 has them.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let element = |tag: u8, contents: &[u8]| {
        let length = contents.len() as u16;
        let head = match length {
            0..0x80 => vec![tag, length as u8],
            0x80..0x100 => vec![tag, 0x81, length as u8],
            _ => [&[tag, 0x82][..], &length.to_be_bytes()].concat(),
        };
        [&head[..], contents].concat()
    };
    let numbers = [element(2, modulus), element(2, exponent)].concat();
    element(0x30, &numbers)
}

#[test]
fn an_rsa_key_that_is_too_short_or_even() {
    let provider = provider::wise();
    assert!(refusal(&provider, spki("rsa")).is_none());
    let modulus = |length: usize, first: u8, last: u8| {
        let mut bytes = vec![0x5a; length];
        bytes[0] = first;
        bytes[length - 1] = last;
        [&[0], &bytes[..]].concat()
    };
    let good = modulus(256, 0xc1, 0x01);
    let exponent = [1, 0, 1];
    for key in [
        rsa(&good, &exponent),
        rsa(&good, &[3]),
        rsa(&good, &[1, 0, 0, 0, 1]),
        rsa(&modulus(1024, 0xc1, 0x01), &exponent),
    ] {
        assert!(refusal(&provider, key).is_none());
    }
    let mut unpadded = good.clone();
    unpadded.remove(0);
    let keys = [
        // Of 2040 and of 2047 bits, and one of 8200.
        rsa(&modulus(255, 0xc1, 0x01), &exponent),
        rsa(&modulus(256, 0x41, 0x01)[1..], &exponent),
        rsa(&modulus(1025, 0xc1, 0x01), &exponent),
        rsa(&modulus(256, 0xc1, 0x02), &exponent),
        // Negative, and with a zero too many.
        rsa(&unpadded, &exponent),
        rsa(&[&[0], &good[..]].concat(), &exponent),
        rsa(&good, &[1]),
        rsa(&good, &[2]),
        rsa(&good, &[1, 0, 2]),
        rsa(&good, &[0]),
        rsa(&good, &[0x83]),
        rsa(&good, &[]),
        rsa(&good, &[0, 3]),
        rsa(&good, &[2, 0, 0, 0, 1]),
        rsa(&good, &[1, 0, 0, 0, 0, 1]),
        spki("p256"),
        spki("ed25519"),
    ];
    refusals(&provider, &keys, "RSA public key of 2048 to 8192 bits");
}

/// It would sign in the provider's name, and is nobody's to hand out.
#[test]
fn a_private_key_is_no_public_one() {
    let private = |kind| Secret::new(key_pair(kind, "private")).expect("a secret");
    let webhook = Setting::Constant("webhook_id".to_owned(), "8PT597110X687430L".to_owned());
    let paypal = provider::paypal().with(webhook).expect("left open");
    for (provider, kind) in [
        (provider::plaid_jwt_es256(), "p256"),
        (paypal, "rsa"),
        (provider::standard_webhooks_v1a(), "ed25519"),
        (provider::sendgrid(), "p256"),
        (provider::discord(), "ed25519"),
    ] {
        let error = Verifier::new(&provider, &[private(kind)]);
        let error = error.expect_err("a private key").to_string();
        assert!(error.contains("this is a private key"), "{error}");
    }
}
