//! Public keys in the forms in which providers hand them out: a JSON Web Key, a certificate.

use std::process::Command;

use countersign::provider::Setting;
use countersign::{ConfigError, ConfigErrorKind, Secret, Verifier, provider};
use countersign_testkit::Signer;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};

use crate::delivery::{secret, signed, verdict};
use countersign_tests::families::key_pair;

/// The key as Plaid's API gives it.
fn jwk() -> Value {
    let spki = BASE64
        .decode(key_pair("p256", "spki").as_bytes())
        .expect("Base64");
    let (x, y) = spki[spki.len() - 64..].split_at(32);
    json!({
        "alg": "ES256",
        "created_at": 1_560_466_150,
        "crv": "P-256",
        "expired_at": null,
        "kid": "bfbd5111-8e33-4643-8ced-b2e642a72f3c",
        "kty": "EC",
        "use": "sig",
        "x": BASE64URL_NOPAD.encode(x),
        "y": BASE64URL_NOPAD.encode(y),
    })
}

fn plaid(key: &str) -> Result<Verifier, ConfigError> {
    Verifier::new(&provider::plaid_jwt_es256(), &[secret(key)])
}

#[test]
fn plaids_key_is_a_json_web_key_or_pem() {
    let request = signed(
        &provider::plaid_jwt_es256(),
        &secret(&key_pair("p256", "private")),
        "{}",
    );
    for key in [
        jwk().to_string(),
        format!("{:#}", jwk()),
        key_pair("p256", "pem"),
    ] {
        let verifier = plaid(&key).expect(&key);
        assert!(verdict(&verifier, &request).is_ok(), "{key}");
    }
    for member in ["alg", "use", "kid", "expired_at", "created_at"] {
        let mut key = jwk();
        key.as_object_mut().expect("an object").remove(member);
        let verifier = plaid(&key.to_string()).expect(member);
        assert!(verdict(&verifier, &request).is_ok(), "without {member}");
    }
}

#[test]
fn a_json_web_key_that_is_another_is_refused() {
    let x = jwk()["x"].as_str().expect("text").to_owned();
    let expected = "JSON Web Key on the curve P-256";
    for (member, value, why) in [
        ("kty", json!("OKP"), expected),
        ("kty", json!("RSA"), expected),
        ("crv", json!("P-384"), expected),
        ("crv", json!("secp256k1"), expected),
        ("crv", Value::Null, expected),
        ("alg", json!("ES384"), expected),
        ("alg", json!("none"), expected),
        ("use", json!("enc"), expected),
        ("x", json!(x[1..]), expected),
        ("x", json!(format!("{x}=")), expected),
        ("x", json!(format!("{x}AA")), expected),
        ("y", json!("!"), expected),
        ("y", json!(5), expected),
        // A number, but of no point.
        ("y", json!(x), "a public key on the curve P-256"),
        ("d", json!(x), "private key"),
        ("expired_at", json!(1_600_000_000), "expired_at"),
        ("expired_at", json!("2026-01-01T00:00:00Z"), "expired_at"),
    ] {
        let mut key = jwk();
        key[member] = value;
        let error = plaid(&key.to_string()).expect_err(member);
        assert_eq!(error.kind(), ConfigErrorKind::SecretEncoding, "{key}");
        assert!(error.to_string().contains(why), "{error}: {key}");
    }
    for text in ["{", "{}", "{\"kty\":\"EC\"}", "{\"key\":{}}"] {
        let error = plaid(text).expect_err(text);
        assert!(error.to_string().contains(expected), "{error}");
    }
    let twice = jwk().to_string().replacen('{', "{\"crv\":\"P-256\",", 1);
    assert!(plaid(&twice).is_err(), "{twice}");
    // Of the providers with another form of key, none takes one.
    let error = Verifier::new(&provider::sendgrid(), &[secret(&jwk().to_string())]);
    assert!(error.expect_err("spki").to_string().contains("Base64"));
}

fn openssl(args: &[&str], folder: &std::path::Path) -> Option<Vec<u8>> {
    let run = Command::new("openssl")
        .args(args)
        .current_dir(folder)
        .output();
    // Where there is none, the command of the documentation cannot be tried.
    let run = run.ok()?;
    assert!(
        run.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    Some(run.stdout)
}

/// What the error and the documentation say to do with PayPal's certificate.
#[test]
fn a_certificate_is_refused_and_its_key_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let make =
        "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=paypal -days 1";
    let make: Vec<&str> = make.split(' ').collect();
    if openssl(&make, folder.path()).is_none() {
        eprintln!("no openssl to try the command with");
        return;
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect(name);
    let webhook = Setting::Constant("webhook_id".to_owned(), "8PT597110X687430L".to_owned());
    let provider = provider::paypal().with(webhook).expect("left open");

    let certificate = Secret::new(read("cert.pem")).expect("a secret");
    let error = Verifier::new(&provider, &[certificate]).expect_err("a certificate");
    let command = "openssl x509 -in FILE -noout -pubkey";
    assert!(error.to_string().ends_with(command), "{error}");

    let command = command.replace("FILE", "cert.pem");
    let args: Vec<&str> = command.split(' ').skip(1).collect();
    let key = openssl(&args, folder.path()).expect("there was one just now");
    let key = secret(&String::from_utf8(key).expect("text"));
    let signer = Signer::new(&provider, &secret(&read("key.pem"))).expect("a signer");
    let signed = signer.sign("{}", crate::delivery::NOW).expect("signed");
    let verifier = Verifier::new(&provider, &[key]).expect("the key");
    assert!(verdict(&verifier, &signed.into_request()).is_ok());
}
