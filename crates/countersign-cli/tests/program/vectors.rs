//! The vectors of the five providers and of the catalogue, and what `sign` makes of the latter.

use std::ffi::OsString;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::delivery::Files;
use crate::run::run;

const VECTORS: &str = include_str!("../../../../tests/data/five-providers.json");

/// Vectors that must be refused, by what is wrong with them, and the reason given.
const REASONS: [(&str, &str); 12] = [
    ("stale by a second", "timestamp_stale"),
    ("future by a second", "timestamp_future"),
    ("only another scheme", "missing_header"),
    ("body alone signed", "signature_mismatch"),
    ("body changed", "signature_mismatch"),
    ("only the other header", "missing_header"),
    ("wrong secret", "signature_mismatch"),
    ("signature of another body", "signature_mismatch"),
    ("wrong tag", "signature_mismatch"),
    ("changed ciphertext", "signature_mismatch"),
    ("wrong checksum", "malformed_payload"),
    ("wrong key", "signature_mismatch"),
];

#[test]
fn every_vector_has_its_verdict() {
    let files = Files::new();
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).expect("JSON");
    assert_eq!(vectors.len(), 26);
    let mut refused = 0;
    for (index, vector) in vectors.iter().enumerate() {
        let provider = vector["scheme"].as_str().expect("a text");
        let what = vector["reason"].as_str().unwrap_or_default();
        let headers = vector["headers"].as_object().expect("an object");
        let headers: Vec<_> = headers.iter().collect();
        let mut request = json!({
            "method": vector["method"], "url": vector["url"], "headers": headers,
        });
        request["body_b64"] = match &vector["body"] {
            Value::String(body) => STANDARD.encode(body).into(),
            _ => vector["body_b64"].clone(),
        };
        let request = files.with(&format!("{index}.json"), request.to_string());
        let mut args: Vec<OsString> = ["verify", "--json", "--provider", provider, "--request"]
            .map(OsString::from)
            .into();
        args.push(request.into());
        if let Some(now) = vector["now_unix"].as_i64() {
            args.push(format!("--at={now}").into());
        }
        for (name, value) in vector["config"].as_object().into_iter().flatten() {
            args.push(format!("--{}", name.replace('_', "-")).into());
            args.push(value.as_str().expect("a text").into());
        }
        let secrets = vector["secrets_b64"].as_array().expect("a list");
        for (key, secret) in secrets.iter().enumerate() {
            let secret = STANDARD
                .decode(secret.as_str().expect("a text"))
                .expect("Base64");
            args.push("--secret-file".into());
            args.push(files.with(&format!("{index}.{key}"), secret).into());
        }
        let run = run(args);
        if vector["expect"] == "invalid" {
            refused += 1;
            let (_, reason) = REASONS
                .iter()
                .find(|(known, _)| *known == what)
                .unwrap_or_else(|| panic!("no reason known for {what:?}"));
            assert_eq!(run.rejection(), *reason, "{provider}: {what}");
            assert_eq!(run.json()["provider"], provider);
            continue;
        }
        let verdict = run.verified();
        assert_eq!(verdict["provider"], provider);
        let rotated = what == "second secret matches (rotation)";
        assert_eq!(
            verdict["key_index"],
            usize::from(rotated),
            "{provider}: {what}"
        );
        assert_eq!(verdict["timestamp"].is_i64(), provider == "fedapay");
        if vector["events"].is_array() {
            assert_eq!(verdict["events"], vector["events"], "{provider}: {what}");
        }
        assert!(!verdict["events"].as_array().expect("a list").is_empty());
    }
    assert_eq!(refused, REASONS.len());
}

const CATALOGUE: [&str; 2] = [
    include_str!("../../../../tests/data/catalogue.json"),
    include_str!("../../../../tests/data/catalogue-extra.json"),
];

fn catalogue() -> Vec<Value> {
    let read = |text: &str| -> Vec<Value> { serde_json::from_str(text).expect("JSON") };
    CATALOGUE.into_iter().flat_map(read).collect()
}

/// Provider, configuration and secrets of a vector as options.
fn options(vector: &Value) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec![
        "--provider".into(),
        vector["scheme"].as_str().unwrap().into(),
    ];
    for (name, value) in vector["config"].as_object().into_iter().flatten() {
        args.push("--set".into());
        args.push(format!("{name}={}", value.as_str().unwrap()).into());
    }
    args
}

fn body(vector: &Value) -> String {
    STANDARD.encode(vector["body"].as_str().expect("a text"))
}

/// By the standard input, as outside programs do it.
#[test]
fn every_vector_of_the_catalogue_has_its_verdict() {
    let files = Files::new();
    let mut seen = 0;
    for (index, vector) in catalogue().iter().enumerate() {
        let headers: Vec<_> = vector["headers"].as_object().unwrap().iter().collect();
        let request = json!({
            "method": vector["method"], "url": vector["url"], "headers": headers,
            "body_b64": body(vector),
        });
        let mut args: Vec<OsString> = ["verify", "--json", "--request", "-"]
            .map(OsString::from)
            .into();
        args.extend(options(vector));
        if let Some(now) = vector["now_unix"].as_i64() {
            args.push(format!("--at={now}").into());
        }
        for (key, secret) in vector["secrets_b64"].as_array().unwrap().iter().enumerate() {
            let secret = STANDARD.decode(secret.as_str().unwrap()).unwrap();
            args.push("--secret-file".into());
            args.push(files.with(&format!("{index}.{key}"), secret).into());
        }
        let run = crate::run::run_with_stdin(args, request.to_string().as_bytes());
        let what = format!(
            "{} ({}; {})",
            vector["scheme"], vector["source"], vector["reason"]
        );
        let expected = i32::from(vector["expect"] == "invalid");
        assert_eq!(run.code, expected, "{what}: {} {}", run.stdout, run.stderr);
        seen += 1;
        if expected == 0 {
            let verdict = run.verified();
            let token = verdict["provider"].as_str().unwrap();
            let unsigned = token.ends_with("-token") || token == "phonepe-v2";
            assert_eq!(verdict["events"][0]["id"].is_null(), unsigned, "{what}");
        }
    }
    assert_eq!(seen, 130 + 70);
}

/// Every scheme whose key a merchant has: signed from the body of its vector, it verifies.
#[test]
fn what_a_merchant_can_sign_verifies() {
    let files = Files::new();
    let mut signed = std::collections::BTreeSet::new();
    for (index, vector) in catalogue().iter().enumerate() {
        let name = vector["scheme"].as_str().unwrap();
        let public = [
            "standard-webhooks-v1a",
            "sendgrid",
            "discord",
            "wise",
            "paypal",
            "telnyx",
            "plaid-jwt-es256",
        ];
        if vector["expect"] == "invalid"
            || public.contains(&name)
            || !signed.insert(name.to_owned())
        {
            continue;
        }
        let secret = STANDARD
            .decode(vector["secrets_b64"][0].as_str().unwrap())
            .unwrap();
        let secret = files.with(&format!("{index}.secret"), secret);
        let mut common = options(vector);
        common.extend([
            "--json".into(),
            "--secret-file".into(),
            secret.into(),
            "--at=1700000000".into(),
        ]);
        let mut sign: Vec<OsString> = vec!["sign".into(), "--body".into(), "-".into()];
        sign.extend(common.clone());
        if let Some(url) = vector["url"].as_str() {
            // The digest of another body is none of this one's.
            let url = url
                .split("&bodySHA256")
                .next()
                .unwrap()
                .split("?foo")
                .next()
                .unwrap();
            sign.extend(["--url".into(), url.into()]);
        }
        let made = crate::run::run_with_stdin(sign, vector["body"].as_str().unwrap().as_bytes());
        assert_eq!(made.code, 0, "{name}: {}", made.stderr);
        let mut verify: Vec<OsString> = vec!["verify".into(), "--request".into(), "-".into()];
        verify.extend(common);
        let verdict = crate::run::run_with_stdin(verify, made.stdout.as_bytes());
        assert_eq!(
            verdict.code, 0,
            "{name}: {} {}",
            verdict.stdout, made.stdout
        );
    }
    // All recipes but six with public keys, two tokens of JSON, and FedaPay.
    assert_eq!(signed.len(), 74 - 6 + 2 + 1);
}

#[test]
fn a_private_key_signs_what_its_public_one_verifies() {
    let files = Files::new();
    let keys: Value =
        serde_json::from_str(include_str!("../../../../tests/data/private-keys.json")).unwrap();
    for (name, kind) in [
        ("standard-webhooks-v1a", "ed25519"),
        ("discord", "ed25519"),
        ("telnyx", "ed25519"),
        ("sendgrid", "p256"),
        ("plaid-jwt-es256", "p256"),
        ("wise", "rsa"),
        ("paypal", "rsa"),
    ] {
        let key = &keys[kind];
        let private = files.with(&format!("{name}.private"), key["private"].as_str().unwrap());
        let form = match name {
            "discord" => "hex",
            "standard-webhooks-v1a" | "telnyx" => "base64",
            "sendgrid" => "spki",
            _ => "pem",
        };
        let public = files.with(&format!("{name}.public"), key[form].as_str().unwrap());
        let run = |command: &str, secret: &std::path::Path, input: &str, stdin: &str| {
            let mut args: Vec<OsString> = [
                command,
                "--json",
                "--at=1700000000",
                "--provider",
                name,
                input,
                "-",
            ]
            .map(OsString::from)
            .into();
            args.extend(["--secret-file".into(), secret.as_os_str().to_owned()]);
            if name == "paypal" {
                args.extend(["--set".into(), "webhook_id=WH-1".into()]);
            }
            crate::run::run_with_stdin(args, stdin.as_bytes())
        };
        let signed = run("sign", private.as_ref(), "--body", r#"{"id":"evt_1"}"#);
        assert_eq!(signed.code, 0, "{name}: {}", signed.stderr);
        let verdict = run("verify", public.as_ref(), "--request", &signed.stdout);
        assert_eq!(verdict.code, 0, "{name}: {}", verdict.stdout);
        // Each in the other's place is a mistake of configuration, that names what is needed.
        let wrong = run("verify", private.as_ref(), "--request", &signed.stdout);
        assert_eq!(
            (wrong.code, wrong.failure()),
            (2, "secret_encoding".to_owned()),
            "{name}"
        );
        assert!(
            wrong.stderr.contains("public key"),
            "{name}: {}",
            wrong.stderr
        );
        let wrong = run("sign", public.as_ref(), "--body", "{}");
        // 32 bytes are a key of either kind.
        if form == "spki" || form == "pem" {
            assert_eq!(
                (wrong.code, wrong.failure()),
                (2, "secret_encoding".to_owned()),
                "{name}"
            );
            assert!(
                wrong.stderr.contains("private key"),
                "{name}: {}",
                wrong.stderr
            );
        }
    }
}

#[test]
fn what_only_the_merchant_knows_is_missing() {
    let request = r#"{"headers":[],"body_b64":""}"#;
    let verify = |name: &str| {
        let args = [
            "verify",
            "--json",
            "--provider",
            name,
            "--secret",
            "0123456789abcdef",
            "--request",
            "-",
        ];
        crate::run::run_with_stdin(args, request.as_bytes()).failure()
    };
    for name in [
        "square",
        "trello",
        "twilio-form",
        "twilio-json",
        "plivo-v2",
        "hubspot-v2",
        "hubspot-v3",
        "jwt-hs-url-payload-hash",
    ] {
        assert_eq!(verify(name), "missing_url", "{name}");
    }
    for name in ["phonepe-v2", "mercadopago"] {
        assert_eq!(verify(name), "missing_setting", "{name}");
    }
    let sign = [
        "sign",
        "--json",
        "--provider",
        "square",
        "--secret",
        "0123456789abcdef",
        "--body",
        "-",
    ];
    assert_eq!(
        crate::run::run_with_stdin(sign, b"{}").failure(),
        "missing_url"
    );
}
