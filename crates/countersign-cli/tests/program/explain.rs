//! `explain`: each mistake is named on a case that other code made for it.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::run::{Run, finish, program, run_with_stdin};

/// One delivery of `cases.json`, and the mistake in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    expect: Option<String>,
    provider: String,
    secrets: Vec<String>,
    #[serde(default)]
    other_secrets: Vec<String>,
    headers: Vec<(String, String)>,
    body_b64: String,
    at: i64,
    url: Option<String>,
    #[serde(default)]
    set: Vec<String>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("explain/cases.json")).unwrap()
}

impl Case {
    fn request(&self) -> Vec<u8> {
        let mut request = json!({"headers": self.headers, "body_b64": self.body_b64});
        if let Some(url) = &self.url {
            request["url"] = json!(url);
        }
        serde_json::to_vec(&request).unwrap()
    }

    fn args(&self, command: &str) -> Vec<String> {
        let at = self.at.to_string();
        let mut args = vec![
            command,
            "--provider",
            &self.provider,
            "--request",
            "-",
            "--at",
            &at,
        ];
        let both = [
            ("--secret", &self.secrets),
            ("--other-secret", &self.other_secrets),
            ("--set", &self.set),
        ];
        for (option, secrets) in both {
            args.extend(secrets.iter().flat_map(|secret| [option, secret]));
        }
        args.into_iter().map(str::to_owned).collect()
    }

    fn explain(&self) -> Run {
        run_with_stdin(
            self.args("explain")
                .into_iter()
                .chain(["--json".to_owned()]),
            &self.request(),
        )
    }
}

fn codes(run: &Run) -> Vec<String> {
    let json = run.json();
    let causes = json["causes"].as_array().expect("an array").clone();
    for cause in &causes {
        let keys: Vec<&String> = cause.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["code", "detail", "verifies"], "{cause}");
        assert_eq!(cause["verifies"], true);
        assert!(cause["detail"].as_str().unwrap().ends_with('.'), "{cause}");
    }
    causes
        .iter()
        .map(|cause| cause["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn each_mistake_is_named_first() {
    for case in cases() {
        let run = case.explain();
        assert_eq!(run.code, 1, "{}: {}", case.name, run.stdout);
        let json = run.json();
        assert_eq!(json["verdict"], "rejected", "{}", case.name);
        assert_eq!(json.as_object().unwrap().len(), 5, "{json}");
        assert_eq!(
            codes(&run).first(),
            case.expect.as_ref(),
            "{}: {json}",
            case.name
        );
    }
}

#[test]
fn no_code_is_without_a_case() {
    let named: BTreeSet<String> = cases().into_iter().filter_map(|case| case.expect).collect();
    for code in [
        "wrong_secret_encoding",
        "secret_whitespace",
        "secret_prefix",
        "neighbour_secret",
        "trailing_newline_in_body",
        "missing_trailing_newline",
        "crlf_body",
        "reserialised_json",
        "body_only_signed",
        "hex_vs_base64",
        "wrong_algorithm",
        "wrong_provider",
        "other_signature_header",
        "clock_skew",
        "seconds_vs_milliseconds",
        "bom",
        "compressed_body",
        "rewritten_form",
        "other_body",
        "wrong_url",
    ] {
        assert!(named.contains(code), "{code}");
    }
    for code in countersign::explain::Code::ALL {
        assert!(named.contains(code.as_str()), "{code:?}");
    }
}

/// What is printed holds no secret, no corrected one, and no signature: neither one that was
/// sent nor one that was expected.
#[test]
fn nothing_confidential_is_printed() {
    for case in cases() {
        for run in [
            case.explain(),
            run_with_stdin(case.args("explain"), &case.request()),
        ] {
            let secrets = case.secrets.iter().chain(&case.other_secrets);
            for secret in secrets.filter(|secret| secret.len() > 3) {
                assert!(
                    !run.stdout.contains(secret.trim()),
                    "{}: {}",
                    case.name,
                    run.stdout
                );
                let tail = secret.trim().rsplit('_').next().unwrap();
                assert!(!run.stdout.contains(tail), "{}: {}", case.name, run.stdout);
            }
            let longest = run
                .stdout
                .split(|c: char| !c.is_ascii_alphanumeric())
                .map(str::len)
                .max();
            assert!(longest < Some(28), "{}: {}", case.name, run.stdout);
        }
    }
}

#[test]
fn what_verifies_has_no_cause() {
    let case = cases().remove(0);
    let mut args = case.args("explain");
    let secret = args.iter_mut().find(|arg| arg.ends_with('\n')).unwrap();
    *secret = secret.trim().to_owned();
    args.push("--json".to_owned());
    let run = run_with_stdin(args, &case.request());
    assert_eq!(run.code, 0, "{}", run.stdout);
    let json = run.json();
    assert_eq!(json["verdict"], "verified");
    assert_eq!(json["key_index"], 0);
    assert_eq!(json["causes"], json!([]));
    assert_eq!(
        json["events"],
        json!([{"id": "evt_1", "type": "transaction.approved"}])
    );
    assert_eq!(json.as_object().unwrap().len(), 6);
}

#[test]
fn people_are_told_in_sentences() {
    let of = |name: &str| cases().into_iter().find(|case| case.name == name).unwrap();
    let case = of("a line end was added");
    let run = run_with_stdin(case.args("explain"), &case.request());
    assert!(
        run.stdout.starts_with("rejected: fedapay, "),
        "{}",
        run.stdout
    );
    assert!(
        run.stdout
            .contains("\ncause: trailing_newline_in_body\n  The body has a line end")
    );
    let case = of("a forged delivery");
    let run = run_with_stdin(case.args("explain"), &case.request());
    assert!(
        run.stdout
            .ends_with("makes it verify: it is forged, or the secret is another one\n"),
        "{}",
        run.stdout
    );
    let case = of("a header that nobody documented");
    let run = run_with_stdin(case.args("explain"), &case.request());
    assert!(
        run.stdout.contains("the header x-cp-digest:"),
        "{}",
        run.stdout
    );
}

#[test]
fn only_an_empty_secret_is_unusable() {
    let case = cases().remove(0);
    let with = |secret: &[&str]| {
        let mut args = vec![
            "explain",
            "--provider",
            "fedapay",
            "--request",
            "-",
            "--json",
        ];
        args.extend(secret);
        run_with_stdin(args, &case.request())
    };
    assert_eq!(with(&["--secret", ""]).failure(), "empty_secret");
    assert_eq!(
        with(&["--secret", "x", "--other-secret", ""]).failure(),
        "empty_secret"
    );
    assert_eq!(with(&[]).failure(), "no_secret");
    for taken in [" ", "\t\n", "x ", "wh_live_1"] {
        assert_eq!(with(&["--secret", taken]).code, 1, "{taken:?}");
    }
    // Of two modes each is tried.
    assert_eq!(
        with(&["--secret", "wh_live_1", "--secret", "wh_sandbox_1"]).code,
        1
    );
}

#[test]
fn the_verdict_is_that_of_verify() {
    for case in cases() {
        let verified = run_with_stdin(
            case.args("verify").into_iter().chain(["--json".to_owned()]),
            &case.request(),
        );
        if verified.code == 2 {
            continue;
        }
        let (mut explained, verified) = (case.explain().json(), verified.json());
        explained.as_object_mut().unwrap().remove("causes");
        assert_eq!(explained, verified, "{}", case.name);
    }
    // A header that HTTP cannot carry.
    let request = json!({"headers": [["X-Webhook-Signature", "00"], ["X-Bad", "a\nb"]]});
    let request = serde_json::to_vec(&request).unwrap();
    let args = [
        "explain",
        "--provider",
        "4pay",
        "--secret",
        "s3",
        "--request",
        "-",
        "--json",
    ];
    assert_eq!(
        run_with_stdin(args, &request).json()["reason"],
        "malformed_header"
    );
}

/// The cases are what the script makes of them, where there is a Python to ask.
#[test]
fn the_cases_were_made_by_other_code() {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/program/explain/make_cases.py"
    );
    let Ok(made) = Command::new("python3").arg(script).output() else {
        println!("skipped: there is no python3");
        return;
    };
    assert!(made.status.success());
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let kept: Value = serde_json::from_str(include_str!("explain/cases.json")).unwrap();
    // Another zlib may pack otherwise.
    let unpacked = |cases: &Value| -> Vec<Value> {
        let packed = |case: &&Value| case["expect"] != "compressed_body";
        cases
            .as_array()
            .unwrap()
            .iter()
            .filter(packed)
            .cloned()
            .collect()
    };
    assert_eq!(unpacked(&made), unpacked(&kept));
}

#[test]
fn depth_is_no_bomb() {
    let body = "[".repeat(50_000) + &"]".repeat(50_000);
    let signature = format!("X-Webhook-Signature: {}", "0".repeat(64));
    let args = [
        "explain",
        "--provider",
        "4pay",
        "--secret",
        "s3",
        "--header",
        &signature,
        "--body",
        "-",
    ];
    assert_eq!(run_with_stdin(args, body.as_bytes()).code, 1);
}

/// A body of a mebibyte that nothing explains: the worst case. No time is asserted, since machines
/// differ; that it ends is.
#[test]
fn a_long_body_is_bounded_work() {
    let body = format!(r#"{{"a":[{}1]}}"#, "1.50,\"é/x\",".repeat(80_000));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, &body).unwrap();
    let signature = format!("X-Webhook-Signature: {}", "0".repeat(64));
    let started = Instant::now();
    let run = finish(
        program()
            .args([
                "explain",
                "--provider",
                "4pay",
                "--secret",
                "s3",
                "--header",
                &signature,
            ])
            .arg("--body")
            .arg(file.path())
            .arg("--json"),
        b"",
    );
    println!("{} bytes in {:?}", body.len(), started.elapsed());
    assert_eq!((run.code, codes(&run).len()), (1, 0));
}
