//! Both forms of the delivery, and which fault is reported.

use std::fs::File;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::delivery::{BODY, Files, SECRET, fourpay, hmac_hex, request, verify_fourpay};
use crate::run::{Run, run, run_with_stdin};

const HEADER: &str = "X-Webhook-Signature";

fn verify(files: &Files, request: &str) -> Run {
    let file = files.with("request.json", request);
    run(verify_fourpay(&file, &["--secret", SECRET]))
}

/// The delivery by options: its headers, and the body in a file.
fn verify_parts<'a>(headers: &[&'a str], body: &'a str) -> Vec<&'a str> {
    let mut args = vec!["verify", "--json", "--provider", "4pay", "--secret", SECRET];
    for header in headers {
        args.extend(["--header", header]);
    }
    args.extend(["--body", body]);
    args
}

#[test]
fn both_forms_and_standard_input_give_one_verdict() {
    let files = Files::new();
    let file = files.with("request.json", fourpay().to_string());
    let body = files.with("body.json", BODY);
    let header = format!("{HEADER}: {}", hmac_hex(SECRET, BODY));
    let expected = run(verify_fourpay(&file, &["--secret", SECRET])).verified();

    let stdin = verify_fourpay("-", &["--secret", SECRET]);
    let stdin = run_with_stdin(stdin, fourpay().to_string().as_bytes());
    assert_eq!(stdin.verified(), expected);
    assert_eq!(run(verify_parts(&[&header], &body)).verified(), expected);
    let stdin = run_with_stdin(verify_parts(&[&header], "-"), BODY.as_bytes());
    assert_eq!(stdin.verified(), expected);
    let mut more = verify_parts(&["Host: shop.example", &header, "Accept:"], &body);
    more.extend(["--method", "PUT", "--url", "https://shop.example/hook?a=b"]);
    assert_eq!(run(more).verified(), expected);
}

#[test]
fn only_headers_must_be_there() {
    let files = Files::new();
    let signature = hmac_hex(SECRET, "");
    let empty_body = json!({"headers": [[HEADER, signature]]});
    verify(&files, &empty_body.to_string()).verified();
    for (key, value) in [
        ("method", Value::Null),
        ("url", Value::Null),
        ("url", json!("/hook")),
        ("body_b64", Value::Null),
        ("body_b64", json!("")),
        ("captured_at", json!({"anything": [1, 2.5]})),
    ] {
        let mut request = empty_body.clone();
        request[key] = value;
        verify(&files, &request.to_string()).verified();
    }
    let no_headers = json!({"headers": []});
    assert_eq!(
        verify(&files, &no_headers.to_string()).rejection(),
        "missing_header"
    );
}

#[test]
fn what_is_no_request_is_refused() {
    let files = Files::new();
    let changed = |key: &str, value: Value| {
        let mut request = fourpay();
        request[key] = value;
        request.to_string()
    };
    let body = STANDARD.encode(BODY);
    for request in [
        String::new(),
        "{".to_owned(),
        "null".to_owned(),
        "{}".to_owned(),
        "[]".to_owned(),
        format!("{} {}", fourpay(), fourpay()),
        format!("{{\"headers\":[],{}", &fourpay().to_string()[1..]),
        changed("headers", Value::Null),
        changed("headers", json!({HEADER: "00"})),
        changed("headers", json!([[HEADER]])),
        changed("headers", json!([[HEADER, "00", "11"]])),
        changed("headers", json!([[HEADER, 17]])),
        changed("headers", json!([[null, "00"]])),
        changed("method", json!("PO ST")),
        changed("method", json!("")),
        changed("method", json!(1)),
        changed("url", json!(1)),
        changed("body_b64", json!(1)),
        changed("body_b64", json!("!")),
        changed("body_b64", json!("-_-_")),
        changed("body_b64", json!(format!("{body}\n"))),
        changed("body_b64", json!("QQ")),
        changed("body_b64", json!("QR==")),
        "{\"headers\": [[\"a\", \"\\ud800\"]]}".to_owned(),
    ] {
        assert_eq!(
            verify(&files, &request).failure(),
            "bad_request",
            "{request}"
        );
    }
    for file in [files.path("none"), files.path("")] {
        let run = run(verify_fourpay(&file, &["--secret", SECRET]));
        assert_eq!(run.failure(), "unreadable_file");
        let body = verify_parts(&[], &file);
        assert_eq!(crate::run::run(body).failure(), "unreadable_file");
    }
}

#[test]
fn what_http_cannot_carry_is_a_malformed_header() {
    let files = Files::new();
    let genuine = hmac_hex(SECRET, BODY);
    for (name, value) in [
        ("X-Other", "a\nb"),
        ("X-Other", "a\rb"),
        ("X-Other", "a\0b"),
        ("X-Other", "\u{7f}"),
        ("X Other", "a"),
        ("X-Öther", "a"),
        ("", "a"),
        (":path", "a"),
        (HEADER, "a\nb"),
    ] {
        let mut headers = vec![[name, value]];
        if name != HEADER {
            headers.push([HEADER, &genuine]);
        }
        let request = request(json!(headers), BODY).to_string();
        assert_eq!(
            verify(&files, &request).rejection(),
            "malformed_header",
            "{name:?} {value:?}"
        );
    }
    // As bytes these are allowed, and they are of no concern here.
    for value in ["é", "\t", "", "  "] {
        let request = request(json!([["X-Other", value], [HEADER, genuine]]), BODY);
        verify(&files, &request.to_string()).verified();
    }
    // The value is what the file says; only options are trimmed.
    let padded = request(json!([[HEADER, format!("{genuine} ")]]), BODY);
    assert_eq!(
        verify(&files, &padded.to_string()).rejection(),
        "malformed_header"
    );
}

#[test]
fn a_header_option_is_read_as_http_would() {
    let files = Files::new();
    let body = files.with("body", BODY);
    let genuine = hmac_hex(SECRET, BODY);
    for line in [
        format!("{HEADER}:{genuine}"),
        format!("{HEADER}: {genuine}"),
        format!("{HEADER}: \t {genuine}\t "),
        format!("{}: {genuine}", HEADER.to_ascii_uppercase()),
    ] {
        run(verify_parts(&[&line, "X-Other: a: b"], &body)).verified();
    }
    for line in [
        format!("{HEADER} : {genuine}"),
        format!(": {genuine}"),
        format!(" {HEADER}:a"),
    ] {
        let run = run(verify_parts(
            &[&line, &format!("{HEADER}:{genuine}")],
            &body,
        ));
        assert_eq!(run.rejection(), "malformed_header", "{line}");
    }
    let no_colon = run(verify_parts(&[&format!("{HEADER} {genuine}")], &body));
    assert_eq!(no_colon.failure(), "usage");
}

#[test]
fn the_first_fault_wins() {
    let files = Files::new();
    let limit = 1024 * 1024;
    let long = "x".repeat(limit + 1);
    let time = 1_700_000_000;
    let genuine = |body: &str| {
        let signature = hmac_hex("wh_sandbox_1", format!("{time}.{body}"));
        format!("t={time},s={signature}")
    };
    let name = "X-Fedapay-Signature";
    let wrong = format!("t={time},s={}", "0".repeat(64));
    let bad_name = ["bad name", "a"];
    for (headers, body, at, reason) in [
        (
            json!([[name, "t=1"], [name, "t=1"], bad_name]),
            long.as_str(),
            0,
            "duplicate_header",
        ),
        (
            json!([[name, "t=1,t=1"], bad_name]),
            &long,
            0,
            "duplicate_header",
        ),
        (json!([bad_name]), &long, 0, "missing_header"),
        (json!([[name, "t=1"], bad_name]), &long, 0, "missing_header"),
        (
            json!([[name, genuine(&long)], bad_name]),
            &long,
            0,
            "malformed_header",
        ),
        (json!([[name, "t=1,s=0"]]), &long, 0, "malformed_header"),
        (json!([[name, wrong]]), &long, 0, "body_too_large"),
        (
            json!([[name, genuine(&long)]]),
            &long,
            time,
            "body_too_large",
        ),
        (json!([[name, wrong]]), "{}", 0, "signature_mismatch"),
        (
            json!([[name, genuine("{}")]]),
            "{}",
            time + 301,
            "timestamp_stale",
        ),
        (
            json!([[name, genuine("{}")]]),
            "{}",
            time - 301,
            "timestamp_future",
        ),
    ] {
        let file = files.with("request.json", request(headers, body).to_string());
        let args = [
            "verify",
            "--json",
            "--provider=fedapay",
            "--secret=wh_sandbox_1",
            "--request",
        ];
        let run = run(args.into_iter().chain([&*file, &format!("--at={at}")]));
        assert_eq!(run.rejection(), reason);
    }
}

#[test]
fn a_body_over_the_limit_is_not_read_to_its_end() {
    let files = Files::new();
    let limit: usize = 1024 * 1024;
    for (length, fits) in [(limit, true), (limit + 1, false)] {
        let content = "x".repeat(length);
        let body = files.with("body", &content);
        let header = format!("{HEADER}: {}", hmac_hex(SECRET, &content));
        let run = run(verify_parts(&[&header], &body));
        if fits {
            run.verified();
        } else {
            assert_eq!(run.rejection(), "body_too_large");
        }
    }
    let sealed = [
        ["Nonce", &STANDARD.encode([1; 12])],
        ["AuthenticationTag", &STANDARD.encode([2; 16])],
        ["Checksum", &STANDARD.encode([3; 32])],
    ];
    let body = files.path("sealed");
    let file = File::create(&body).expect("created");
    file.set_len(50_000_001).expect("a sparse file");
    let lines = sealed.map(|[name, value]| format!("--header={name}:{value}"));
    let key = format!("--secret={}", "k".repeat(32));
    let fixed = ["verify", "--json", "--provider=banking-circle", &key];
    let by_options = run(fixed
        .into_iter()
        .chain(lines.each_ref().map(String::as_str))
        .chain(["--body", &body]));
    assert_eq!(by_options.rejection(), "body_too_large");

    let whole = request(json!(sealed), vec![0; 50_000_001]).to_string();
    let whole = files.with("request.json", whole);
    let by_file = run(fixed.into_iter().chain(["--request", &whole]));
    assert_eq!(by_file.rejection(), "body_too_large");
}

#[cfg(unix)]
#[test]
fn an_endless_file_ends() {
    let header = format!("{HEADER}: {}", "0".repeat(64));
    let body = run(verify_parts(&[&header], "/dev/zero"));
    assert_eq!(body.rejection(), "body_too_large");
    let request = run(verify_fourpay("/dev/zero", &["--secret", SECRET]));
    assert_eq!(request.failure(), "bad_request");
    assert!(request.stderr.contains("128 MiB"), "{}", request.stderr);
    let secret = run(verify_fourpay("/dev/null", &["--secret-file", "/dev/zero"]));
    assert_eq!(secret.failure(), "unreadable_file");
    let scheme = [
        "verify",
        "--json",
        "--scheme=/dev/zero",
        "--secret=s",
        "--body=/dev/null",
    ];
    assert_eq!(run(scheme).failure(), "bad_scheme");
}
