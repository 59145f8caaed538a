//! `sign`: what it makes is what `verify` takes, and what curl sends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::run::{Run, run, run_with_stdin};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const BODY: &str =
    r#"{"id":"evt_1","name":"x","notifications":[{"eventId":"e"}],"it's":"\u00e9 é"}"#;

/// Every provider, and what it needs to be told.
const PROVIDERS: [(&str, &[&str]); 8] = [
    ("centralpay", &["--signature-header", "X-Cp"]),
    ("fedapay", &[]),
    ("banking-circle", &[]),
    ("zibapay", &[]),
    ("4pay", &[]),
    ("standard-webhooks", &[]),
    ("stripe", &[]),
    ("github", &[]),
];

fn sign(provider: &str, more: &[&str]) -> Run {
    let args = [
        "sign",
        "--provider",
        provider,
        "--secret",
        SECRET,
        "--body",
        "-",
    ];
    run_with_stdin(args.iter().chain(more), BODY.as_bytes())
}

fn verify(provider: &str, more: &[&str], request: &Value) -> Run {
    let args = [
        "verify",
        "--provider",
        provider,
        "--secret",
        SECRET,
        "--request",
        "-",
        "--json",
    ];
    run_with_stdin(args.iter().chain(more), request.to_string().as_bytes())
}

#[test]
fn what_is_signed_verifies() {
    for (provider, more) in PROVIDERS {
        let signed = sign(provider, &[more, &["--json"]].concat());
        assert_eq!(signed.code, 0, "{provider}: {}", signed.stderr);
        let request = signed.json();
        assert_eq!(request.as_object().unwrap().len(), 4);
        assert_eq!(
            (&request["method"], &request["url"]),
            (&"POST".into(), &Value::Null)
        );
        let verified = verify(provider, more, &request).verified();
        assert_eq!(
            verified["events"].as_array().unwrap().len(),
            1,
            "{provider}"
        );

        let mut forged = request.clone();
        let first = forged["body_b64"].as_str().unwrap().to_owned();
        let other = if first.starts_with('e') { "f" } else { "e" };
        forged["body_b64"] = format!("{other}{}", &first[1..]).into();
        assert_eq!(
            verify(provider, more, &forged).rejection(),
            "signature_mismatch"
        );
    }
}

#[test]
fn of_several_secrets_the_first_one_signs() {
    let more = ["--secret", "another secret of the sender", "--json"];
    let request = sign("4pay", &more).json();
    assert_eq!(verify("4pay", &[], &request).verified()["key_index"], 0);
    // A configuration that no server would take is none to sign with.
    let args = ["sign", "--provider", "fedapay", "--body", "-", "--json"];
    let of = |secrets: &[&str]| run_with_stdin(args.iter().chain(secrets), b"{}").failure();
    assert_eq!(
        of(&["--secret", "wh_live_1", "--secret", "wh_sandbox_1"]),
        "mixed_modes"
    );
    assert_eq!(of(&["--secret", ""]), "empty_secret");
    assert_eq!(of(&["--secret", "a "]), "secret_whitespace");
    assert_eq!(of(&[]), "no_secret");
}

#[test]
fn time_and_id_are_as_told_or_fresh() {
    let at = ["--at", "1800000000", "--json"];
    let request = sign("fedapay", &at).json();
    let value = request["headers"][0][1].as_str().unwrap();
    assert!(value.starts_with("t=1800000000,s="), "{value}");
    let verified = verify("fedapay", &["--at", "1800000300"], &request).verified();
    assert_eq!(verified["timestamp"], 1_800_000_000);
    // Now, if not told.
    verify("fedapay", &[], &sign("fedapay", &["--json"]).json()).verified();
    // Accepted and without effect where nothing signed holds a time.
    assert_eq!(sign("4pay", &at).stdout, sign("4pay", &["--json"]).stdout);

    let id = |more: &[&str]| {
        let request = sign("standard-webhooks", &[more, &["--json"]].concat()).json();
        let verified = verify("standard-webhooks", &[], &request).verified();
        verified["events"][0]["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(id(&["--id", "msg_7"]), "msg_7");
    assert_ne!(id(&[]), id(&[]));
    for provider in ["fedapay", "banking-circle", "github"] {
        assert_eq!(
            sign(provider, &["--id", "x", "--json"]).failure(),
            "not_applicable"
        );
    }
    assert_eq!(
        sign("standard-webhooks", &["--id", "a\nb", "--json"]).failure(),
        "usage"
    );
    let long = "x".repeat(5000);
    for id in ["", " a ", "a.b", "é", "\t", &long] {
        let args = ["--id", id, "--json"];
        assert_eq!(
            sign("standard-webhooks", &args).failure(),
            "usage",
            "{id:?}"
        );
    }
    assert_eq!(
        sign("fedapay", &["--at", "-5", "--json"]).failure(),
        "usage"
    );
}

#[test]
fn headers_are_lines_that_verify_takes_back() {
    let signed = sign("stripe", &[]);
    let line = signed.stdout.strip_suffix('\n').unwrap();
    assert!(line.starts_with("stripe-signature: t="), "{line}");
    let args = [
        "verify",
        "--provider",
        "stripe",
        "--secret",
        SECRET,
        "--body",
        "-",
        "--json",
    ];
    let verified = run_with_stdin(args.iter().chain(&["--header", line]), BODY.as_bytes());
    verified.verified();
}

#[test]
fn a_sealed_body_has_to_go_somewhere() {
    assert_eq!(sign("banking-circle", &[]).code, 2);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sealed");
    let out = out.to_str().unwrap();
    let signed = sign("banking-circle", &["--out", out]);
    assert_eq!(signed.code, 0, "{}", signed.stderr);
    let mut args = vec!["verify", "--provider", "banking-circle", "--secret", SECRET];
    args.extend(signed.stdout.lines().flat_map(|line| ["--header", line]));
    args.extend(["--body", out, "--json"]);
    let verified = run(args).verified();
    assert_eq!(verified["events"][0]["id"], "e");
    // In the open, it is the body itself.
    sign("4pay", &["--out", out]);
    assert_eq!(fs::read(out).unwrap(), BODY.as_bytes());
    let nowhere = folder.path().join("no/such/folder");
    let nowhere = nowhere.to_str().unwrap();
    assert_eq!(
        sign("4pay", &["--out", nowhere, "--json"]).failure(),
        "unreadable_file"
    );
    // Text that cannot be sealed, since it is none.
    let args = [
        "sign",
        "--provider",
        "banking-circle",
        "--secret",
        SECRET,
        "--body",
        "-",
        "--json",
    ];
    assert_eq!(run_with_stdin(args, b"\xff").failure(), "cannot_sign");
}

/// Runs the printed line in a shell whose curl writes down what it is given.
#[test]
fn the_line_for_curl_sends_the_very_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let curl = folder.path().join("curl");
    let script = "#!/bin/sh\nfor word; do printf '%s\\0' \"$word\"; done\nprintf '\\1'\ncat\n";
    fs::write(&curl, script).unwrap();
    fs::set_permissions(&curl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        folder.path().display(),
        std::env::var("PATH").unwrap()
    );
    let url = "http://127.0.0.1:1/it's?a=1&b=$HOME";
    for (provider, more) in PROVIDERS {
        for body in [BODY.to_owned(), format!("[\"{}\"]", "x".repeat(200_000))] {
            let args = [
                "sign",
                "--provider",
                provider,
                "--secret",
                SECRET,
                "--body",
                "-",
            ];
            let curl = ["--curl", url];
            let args = args.iter().chain(more).chain(&curl);
            let signed = run_with_stdin(args, body.as_bytes());
            assert_eq!(signed.code, 0, "{}", signed.stderr);
            let pasted = folder.path().join("pasted");
            fs::write(&pasted, &signed.stdout).unwrap();
            let ran = Command::new("sh")
                .arg(pasted)
                .env("PATH", &path)
                .stdin(std::process::Stdio::null())
                .output()
                .unwrap();
            assert!(ran.status.success(), "{ran:?}");
            let at = ran.stdout.iter().position(|byte| *byte == 1).unwrap();
            let words: Vec<&str> = std::str::from_utf8(&ran.stdout[..at])
                .unwrap()
                .split('\0')
                .collect();
            let piped = &ran.stdout[at + 1..];
            assert!(words.contains(&url), "{words:?}");
            let mut args = vec!["verify", "--provider", provider, "--secret", SECRET];
            args.extend(more);
            let mut sent = piped;
            for pair in words.windows(2) {
                match pair[0] {
                    "--header" => args.extend(pair),
                    "--data-raw" => sent = pair[1].as_bytes(),
                    _ => {}
                }
            }
            args.extend(["--body", "-", "--json"]);
            run_with_stdin(args, sent).verified();
        }
    }
    for bad in ["127.0.0.1", "ftp://x/", "http://", "", "/path"] {
        assert_eq!(
            sign("4pay", &["--curl", bad, "--json"]).failure(),
            "usage",
            "{bad}"
        );
    }
    let request = sign("4pay", &["--curl", "http://127.0.0.1:1/x", "--json"]).json();
    assert_eq!(request["url"], "http://127.0.0.1:1/x");
}

#[test]
fn centralpay_needs_its_header() {
    assert_eq!(sign("centralpay", &["--json"]).failure(), "missing_setting");
}
