//! The derived vectors of the five providers.

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
