//! `--provider`, `--scheme` and the settings.

use serde_json::{Value, json};

use crate::delivery::{Files, SECRET, fourpay, hmac_hex, request, verify_fourpay};
use crate::run::{Run, run};

/// A recipe of the merchant's own, in JSON.
fn recipe() -> Value {
    json!({
        "id": "acme",
        "alg": "hmac-sha256",
        "key": {"encoding": "utf8"},
        "signature": {"header": "X-Acme", "grammar": "kv", "pair_sep": ",", "keys": ["v1"],
            "encoding": "hex"},
        "timestamp": {"from": "kv:t", "unit": "s", "tolerance": 60},
        "template": "{ts}.{body}",
        "id_from": "json:/id",
        "type_from": "json:/type"
    })
}

/// The same recipe in TOML.
const TOML: &str = r#"
id = "acme"
alg = "hmac-sha256"
template = "{ts}.{body}"
id_from = "json:/id"
type_from = "json:/type"

[key]
encoding = "utf8"

[signature]
header = "X-Acme"
grammar = "kv"
pair_sep = ","
keys = ["v1"]
encoding = "hex"

[timestamp]
from = "kv:t"
unit = "s"
tolerance = 60
"#;

const ACME_BODY: &str = r#"{"id":17,"type":"paid"}"#;

fn acme_request(files: &Files, time: i64) -> String {
    let signature = hmac_hex(SECRET, format!("{time}.{ACME_BODY}"));
    let header = format!("t={time},v1={signature}");
    let request = request(json!([["x-acme", header]]), ACME_BODY);
    files.with("request.json", request.to_string())
}

fn verify_scheme(files: &Files, scheme: &str, at: &str) -> Run {
    let request = acme_request(files, 1_700_000_000);
    let args = ["verify", "--json", "--scheme", scheme, "--secret", SECRET];
    run(args.into_iter().chain(["--request", &request, "--at", at]))
}

#[test]
fn a_scheme_of_ones_own_in_json_or_toml() {
    let files = Files::new();
    for scheme in [
        files.with("acme.json", recipe().to_string()),
        files.with("acme", recipe().to_string()),
        files.with("acme.toml", TOML),
        files.with(".toml", TOML),
    ] {
        let verdict = verify_scheme(&files, &scheme, "1700000060").verified();
        assert_eq!(
            verdict,
            json!({"verdict": "verified", "provider": "acme", "key_index": 0,
                "timestamp": 1_700_000_000, "events": [{"id": "17", "type": "paid"}]}),
        );
        let late = verify_scheme(&files, &scheme, "1700000061");
        assert_eq!(late.rejection(), "timestamp_stale");
        assert_eq!(late.json()["provider"], "acme");
    }
}

#[test]
fn the_tolerance_is_the_schemes_else_300_and_null_is_no_window() {
    let files = Files::new();
    let at = |tolerance: Option<Value>, at: &str, more: &[&str]| {
        let mut recipe = recipe();
        let timestamp = recipe["timestamp"].as_object_mut().expect("an object");
        match tolerance {
            Some(tolerance) => timestamp.insert("tolerance".to_owned(), tolerance),
            None => timestamp.remove("tolerance"),
        };
        let scheme = files.with("acme.json", recipe.to_string());
        let request = acme_request(&files, 1_700_000_000);
        let args = ["verify", "--json", "--scheme", &scheme, "--secret", SECRET];
        run(args
            .iter()
            .chain(&["--request", &request, "--at", at])
            .chain(more))
    };
    at(None, "1700000300", &[]).verified();
    assert_eq!(at(None, "1700000301", &[]).rejection(), "timestamp_stale");
    at(Some(Value::Null), "1900000000", &[]).verified();
    // Without effect where there is no window.
    at(Some(Value::Null), "1900000000", &["--tolerance", "0"]).verified();
    // It sets both sides, and 0 is exact.
    for (moment, ok) in [
        ("1700000000", true),
        ("1700000001", false),
        ("1699999999", false),
    ] {
        let run = at(Some(json!(300)), moment, &["--tolerance", "0"]);
        assert_eq!(run.code == 0, ok, "{moment}: {}", run.stdout);
    }
    at(
        Some(json!(0)),
        "-5",
        &["--tolerance", "18446744073709551615"],
    )
    .verified();
    assert_eq!(
        at(Some(json!(0)), "-5", &["--tolerance", "5"]).rejection(),
        "timestamp_future"
    );
}

#[test]
fn what_is_no_scheme_is_refused() {
    let files = Files::new();
    let changed = |change: fn(&mut Value)| {
        let mut recipe = recipe();
        change(&mut recipe);
        recipe.to_string()
    };
    for (name, content) in [
        ("empty.json", String::new()),
        ("list.json", format!("[{}]", recipe())),
        ("two.json", format!("{} {}", recipe(), recipe())),
        ("toml.json", TOML.to_owned()),
        ("json.toml", recipe().to_string()),
        ("line\u{1b}[2J.toml", "a = 1\nb = [".to_owned()),
        ("misspelt.json", changed(|r| r["tolerence"] = json!(5))),
        ("no-body.json", changed(|r| r["template"] = json!("{ts}"))),
        (
            "cookie.json",
            changed(|r| r["template"] = json!("{ts}.{cookie}.{body}")),
        ),
        ("alg.json", changed(|r| r["alg"] = json!("md5"))),
        (
            "unsigned-time.json",
            changed(|r| r["template"] = json!("{body}")),
        ),
        (
            "header.json",
            changed(|r| r["signature"]["header"] = json!("a b")),
        ),
        ("big.json", recipe().to_string() + &" ".repeat(1024 * 1024)),
        ("control.json", changed(|r| r["a\n\u{1b}[2J"] = json!(1))),
    ] {
        let scheme = files.with(name, content);
        let run = verify_scheme(&files, &scheme, "1700000000");
        assert_eq!(run.failure(), "bad_scheme", "{name}");
    }
    let scheme = files.with("latin1.json", b"{\"id\": \"\xe9\"}");
    assert_eq!(verify_scheme(&files, &scheme, "0").failure(), "bad_scheme");
    let mistaken = files.with("secret.json", "\"hunter2-in-place-of-a-scheme\"");
    let run = verify_scheme(&files, &mistaken, "0");
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    assert_eq!(run.failure(), "bad_scheme");
    assert_eq!(
        verify_scheme(&files, &files.path("none.json"), "0").failure(),
        "unreadable_file"
    );
    assert_eq!(
        verify_scheme(&files, &files.path(""), "0").failure(),
        "unreadable_file"
    );
}

#[test]
fn an_unknown_provider_is_told_the_nearest_names() {
    for (name, nearest) in [
        ("FedaPay", "fedapay"),
        ("central-pay", "centralpay"),
        ("banking_circle", "banking-circle"),
        ("zibpay", "zibapay"),
        ("4-pay", "4pay"),
        ("", "the nearest are"),
    ] {
        let run = run([
            "verify",
            "--json",
            "--secret=s",
            "--body=b",
            "--provider",
            name,
        ]);
        assert_eq!(run.failure(), "unknown_provider");
        assert!(run.stderr.contains(nearest), "{name}: {}", run.stderr);
    }
}

#[test]
fn what_a_provider_says_itself_cannot_be_set() {
    let files = Files::new();
    let request = files.with("request.json", fourpay().to_string());
    let acme = files.with("acme.json", recipe().to_string());
    for (provider, option) in [
        ("--provider=4pay", "--signature-header=X-Webhook-Signature"),
        ("--provider=4pay", "--signature-encoding=hex"),
        ("--provider=4pay", "--set=id=/id"),
        ("--provider=4pay", "--set=type=/type"),
        ("--provider=4pay", "--set=time=/time"),
        ("--provider=4pay", "--set=key=base64"),
        ("--provider=fedapay", "--set=type=a"),
        ("--provider=fedapay", "--set=id=nonsense"),
        ("--provider=zibapay", "--signature-header=X-Other"),
        ("--provider=zibapay", "--set=nonce=X-Nonce"),
        ("--provider=zibapay", "--set=webhook_id=17"),
        ("--provider=banking-circle", "--set=id=/id"),
        ("--provider=banking-circle", "--signature-encoding=hex"),
        ("--provider=github", "--set=id=/id"),
        (&format!("--scheme={acme}"), "--set=id=/id"),
        (&format!("--scheme={acme}"), "--set=type=a"),
        (&format!("--scheme={acme}"), "--signature-header=X-Other"),
    ] {
        let args = [
            "verify",
            "--json",
            "--secret",
            SECRET,
            "--request",
            &request,
        ];
        let run = run(args.into_iter().chain([provider, option]));
        assert_eq!(run.failure(), "not_applicable", "{provider} {option}");
    }
}

#[test]
fn what_a_provider_leaves_open_can_be_set() {
    let files = Files::new();
    let request = files.with("request.json", fourpay().to_string());
    let event = |args: &[&str]| {
        let fixed = [
            "verify",
            "--json",
            "--secret",
            SECRET,
            "--request",
            &request,
        ];
        let verdict = run(fixed.iter().chain(args)).verified();
        verdict["events"][0].clone()
    };
    let digest = event(&["--provider=4pay"])["id"].clone();
    assert!(digest.as_str().is_some_and(|id| id.starts_with("sha256:")));

    let fixed = event(&["--provider=4pay", "--set", "type=account_transaction"]);
    assert_eq!(fixed, json!({"id": digest, "type": "account_transaction"}));

    let named = [
        "--provider=centralpay",
        "--signature-header=x-webhook-signature",
    ];
    assert_eq!(event(&named), json!({"id": digest, "type": null}));
    let pointers = [&named[..], &["--set=id=/accountUuid", "--set=type=/amount"]].concat();
    assert_eq!(event(&pointers), json!({"id": "a-1", "type": "12.50"}));
    let time = [&named[..], &["--set=time=/at", "--set=type=fixed"]].concat();
    assert_eq!(event(&time), json!({"id": digest, "type": "fixed"}));

    // Time is not signed: neither option has an effect.
    let when = [&named[..], &["--at=5", "--tolerance=0"]].concat();
    event(&when);
}

#[test]
fn a_setting_only_the_merchant_knows_is_asked_for() {
    let files = Files::new();
    let request = files.with("request.json", fourpay().to_string());
    let args = [
        "verify",
        "--json",
        "--provider=centralpay",
        "--secret",
        SECRET,
    ];
    let run = run(args.into_iter().chain(["--request", &request]));
    assert_eq!(run.failure(), "missing_setting");
}

#[test]
fn banking_circles_key_and_headers_can_be_set() {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../../../tests/data/five-providers.json"))
            .expect("JSON");
    let vector = vectors
        .iter()
        .find(|v| v["scheme"] == "banking-circle" && v["expect"] == "valid")
        .expect("there is one");
    let files = Files::new();
    let headers = vector["headers"].as_object().expect("an object");
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| json!([format!("X-{name}"), value]))
        .collect();
    let request = json!({"headers": headers, "body_b64": vector["body_b64"]});
    let renamed = files.with("request.json", request.to_string());
    // The secrets of the vectors are in Base64 already.
    let key = vector["secrets_b64"][0].as_str().expect("a text");
    let args = [
        "verify",
        "--json",
        "--provider=banking-circle",
        "--request",
        &renamed,
        "--secret",
        key,
        "--set=key=base64",
        "--set=nonce=X-Nonce",
        "--set=tag=X-AuthenticationTag",
    ];
    let with = |checksum: &'static str| run(args.into_iter().chain([checksum]));
    let verdict = with("--set=checksum=X-Checksum").verified();
    assert_eq!(verdict["events"], vector["events"]);
    assert_eq!(
        with("--set=checksum=Checksum").rejection(),
        "missing_header"
    );
    assert_eq!(with("--set=checksum=X-Nonce").failure(), "bad_scheme");
}

#[test]
fn a_provider_is_chosen_by_name() {
    let files = Files::new();
    let request = files.with("request.json", fourpay().to_string());
    let verdict = run(verify_fourpay(&request, &["--secret", SECRET])).verified();
    assert_eq!(verdict["provider"], "4pay");
    assert_eq!(verdict["timestamp"], Value::Null);
    assert_eq!(verdict["events"][0]["type"], "account_topup");
}
