//! The 385 requests of `attacks.json`, one process each.

use std::ffi::OsString;
use std::sync::Mutex;
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::delivery::Files;
use crate::run::run;

const ATTACKS: &str = include_str!("../../../../tests/data/attacks.json");

/// Reasons that say that the secret is what is wrong.
const SECRET_REASONS: [&str; 6] = [
    "no_secret",
    "empty_secret",
    "blank_secret",
    "secret_whitespace",
    "secret_encoding",
    "secret_too_short",
];

/// Where either verdict is right and the strict one is not taken. Padding is optional in the
/// secrets of Standard Webhooks, and without it they mean the same bytes; an id may be any visible
/// ASCII but the delimiter, since no store takes it as it is.
const LENIENT: [&str; 2] = [
    "standard_webhooks/secret_format/unpadded_base64",
    "standard_webhooks/signed_id/id_redis_glob",
];

#[test]
fn every_attack_ends_as_expected() {
    let attacks: Vec<Value> = serde_json::from_str(ATTACKS).expect("JSON");
    assert_eq!(attacks.len(), 385);
    let files = Files::new();
    let next = Mutex::new(attacks.iter().enumerate());
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, |n| n.get() + 1) {
            scope.spawn(|| {
                loop {
                    let Some((index, attack)) = next.lock().expect("no panic").next() else {
                        break;
                    };
                    if let Err(why) = attempt(&files, index, attack) {
                        let id = &attack["id"];
                        wrong.lock().expect("no panic").push(format!("{id}: {why}"));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn attempt(files: &Files, index: usize, attack: &Value) -> Result<(), String> {
    let provider = match text(&attack["provider_scheme"]) {
        "stripe_like" => "stripe",
        "fedapay" => "fedapay",
        "plain_hex_header" => "4pay",
        "prefixed_hex" => "github",
        "standard_webhooks" => "standard-webhooks",
        other => return Err(format!("unknown scheme {other}")),
    };
    let request = json!({"headers": attack["headers"], "body_b64": body(attack)});
    let request = files.with(&format!("{index}.json"), request.to_string());
    let mut args: Vec<OsString> = ["verify", "--json", "--provider", provider, "--request"]
        .map(OsString::from)
        .into();
    args.push(request.into());
    args.push(format!("--at={}", attack["now_unix"]).into());
    args.push(format!("--tolerance={}", attack["tolerance_secs"]).into());
    let secrets = match &attack["secrets"] {
        Value::Array(secrets) => secrets.iter().collect(),
        _ => vec![&attack["secret"]],
    };
    for (key, secret) in secrets.into_iter().map(text).enumerate() {
        if secret.contains('\0') {
            args.push("--secret-file".into());
            args.push(files.with(&format!("{index}.{key}"), secret).into());
        } else {
            args.push("--secret".into());
            args.push(secret.into());
        }
    }
    let run = run(args);

    let id = text(&attack["id"]);
    let expected = match text(&attack["expect"]) {
        "either" if LENIENT.contains(&id) => "accept",
        "either" => text(&attack["recommend"]),
        expected => expected,
    };
    let may_fail = attack["stage"] == "config" || attack["class"] == "secret_format";
    let json = run.json();
    let reason = json["reason"].as_str().unwrap_or_default();
    match (run.code, expected) {
        (0, "accept") | (1, "reject") => Ok(()),
        (2, "reject") if may_fail && SECRET_REASONS.contains(&reason) => Ok(()),
        (code, expected) => Err(format!("{expected} expected, exit status {code}: {json}")),
    }
}

fn body(attack: &Value) -> String {
    let Value::Object(rule) = &attack["body_rule"] else {
        return text(&attack["body_b64"]).to_owned();
    };
    let part = |name: &str| STANDARD.decode(text(&rule[name])).expect("Base64");
    let times = rule["times"].as_u64().expect("a number") as usize;
    let body = [
        part("prefix_b64"),
        part("repeat_b64").repeat(times),
        part("suffix_b64"),
    ];
    STANDARD.encode(body.concat())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
