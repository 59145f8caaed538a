//! Where secrets come from, their order, and what cannot be one.

use serde_json::json;

use crate::delivery::{BODY, Files, SECRET, fourpay, hmac_hex, request, verify_fourpay};
use crate::run::{finish, program, run, run_with_stdin};

fn request_signed_with(files: &Files, secret: &str) -> String {
    let signature = hmac_hex(secret, BODY);
    let request = request(json!([["X-Webhook-Signature", signature]]), BODY);
    files.with("request.json", request.to_string())
}

#[test]
fn key_index_counts_along_the_command_line() {
    let files = Files::new();
    let secrets = ["one", "two", "three", "four", "five"];
    // Both kinds in every order, and both spellings of an option.
    for kinds in 0..1_usize << secrets.len() {
        let mut options = Vec::new();
        for (index, secret) in secrets.iter().enumerate() {
            let in_file = kinds & (1 << index) != 0;
            match (in_file, index % 2) {
                (false, 0) => options.extend(["--secret".to_owned(), (*secret).to_owned()]),
                (false, _) => options.push(format!("--secret={secret}")),
                (true, 0) => {
                    options.extend(["--secret-file".to_owned(), files.with(secret, secret)])
                }
                (true, _) => options.push(format!("--secret-file={}", files.with(secret, secret))),
            }
        }
        let wanted = kinds % secrets.len();
        let request = request_signed_with(&files, secrets[wanted]);
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let verdict = run(verify_fourpay(&request, &options)).verified();
        assert_eq!(verdict["key_index"], wanted, "{options:?}");
    }
}

#[test]
fn one_line_end_of_a_file_is_not_part_of_the_secret() {
    let files = Files::new();
    let request = files.with("request.json", fourpay().to_string());
    let with = |content: String| {
        let file = files.with("secret", content);
        run(verify_fourpay(&request, &["--secret-file", &file]))
    };
    for end in ["", "\n", "\r\n"] {
        with(format!("{SECRET}{end}")).verified();
    }
    for (before, after) in [
        ("", "\n\n"),
        ("", "\r\n\r\n"),
        ("", "\n\r\n"),
        ("", "\r"),
        ("", " "),
        ("", " \n"),
        ("", "\t\r\n"),
        (" ", "\n"),
        ("\n", ""),
        ("\u{feff}", "\n"),
    ] {
        let run = with(format!("{before}{SECRET}{after}"));
        assert_eq!(run.failure(), "secret_whitespace", "{before:?} {after:?}");
    }
}

#[test]
fn what_cannot_be_a_secret_has_a_reason_of_its_own() {
    let files = Files::new();
    let request = files.with("request.json", fourpay().to_string());
    let sandbox = "--secret=wh_sandbox_0123456789";
    for (provider, option, reason) in [
        ("4pay", "--secret=", "empty_secret"),
        ("4pay", "--secret= \t", "blank_secret"),
        ("4pay", "--secret=\u{a0}", "blank_secret"),
        ("4pay", "--secret=s ", "secret_whitespace"),
        ("standard-webhooks", "--secret=whsec_", "empty_secret"),
        (
            "standard-webhooks",
            "--secret=whsec_!!!!",
            "secret_encoding",
        ),
        (
            "standard-webhooks",
            "--secret=whsec_AAECAwQF",
            "secret_too_short",
        ),
        (
            "banking-circle",
            "--secret=too-short-for-aes",
            "secret_encoding",
        ),
        ("fedapay", "--secret=wh_live_0123456789", "mixed_modes"),
    ] {
        let args = [
            "verify",
            "--json",
            "--provider",
            provider,
            "--request",
            &request,
            option,
        ];
        let second = (reason == "mixed_modes").then_some(sandbox);
        assert_eq!(
            run(args.into_iter().chain(second)).failure(),
            reason,
            "{provider} {option}"
        );
    }
    for (content, reason) in [
        (&b""[..], "empty_secret"),
        (b"\n", "empty_secret"),
        (b"\r\n", "empty_secret"),
        (b"  \n", "blank_secret"),
        (b"\n\n", "blank_secret"),
        (b"\xff\xfe\xfd", "secret_encoding"),
        (&[b'a'; 64 * 1024 + 1], "unreadable_file"),
    ] {
        let file = files.with("secret", content);
        let run = run(verify_fourpay(&request, &["--secret-file", &file]));
        assert_eq!(run.failure(), reason);
        assert!(run.stderr.contains("key_index 0"), "{}", run.stderr);
    }
    for file in [files.path("none"), files.path("")] {
        let run = run(verify_fourpay(
            &request,
            &["--secret=s", "--secret-file", &file],
        ));
        assert_eq!(run.failure(), "unreadable_file");
        assert!(run.stderr.contains("key_index 1"), "{}", run.stderr);
    }
    // One bad entry among good ones spoils the list: an unset variable must not become a key.
    let both = ["--secret", SECRET, "--secret", ""];
    assert_eq!(
        run(verify_fourpay(&request, &both)).failure(),
        "empty_secret"
    );
}

#[test]
fn a_secret_may_look_like_an_option_or_hold_what_no_argument_can() {
    let files = Files::new();
    for secret in ["-", "--json", "-x", "--", "two words", "ключ"] {
        let request = request_signed_with(&files, secret);
        run(verify_fourpay(&request, &["--secret", secret])).verified();
    }
    let request = request_signed_with(&files, "nul\0inside\nand a line");
    let file = files.with("secret", "nul\0inside\nand a line\n");
    run(verify_fourpay(&request, &["--secret-file", &file])).verified();
}

#[test]
fn eight_secrets_are_taken_and_nine_are_not() {
    let files = Files::new();
    let request = request_signed_with(&files, "s7");
    let secrets: Vec<String> = (0..9).map(|n| format!("--secret=s{n}")).collect();
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    let verdict = run(verify_fourpay(&request, &secrets[..8])).verified();
    assert_eq!(verdict["key_index"], 7);
    assert_eq!(run(verify_fourpay(&request, &secrets)).failure(), "usage");
}

#[test]
fn a_secret_file_can_be_standard_input() {
    let files = Files::new();
    let request = files.with("request.json", fourpay().to_string());
    let args = verify_fourpay(&request, &["--secret=other", "--secret-file", "-"]);
    let run = run_with_stdin(args, format!("{SECRET}\n").as_bytes());
    assert_eq!(run.verified()["key_index"], 1);
}

#[test]
fn the_environment_counts_only_if_no_option_does() {
    let files = Files::new();
    let request = files.with("request.json", fourpay().to_string());
    let with = |variable: &str, options: &[&str]| {
        let mut program = program();
        program.env("COUNTERSIGN_SECRET", variable);
        finish(program.args(verify_fourpay(&request, options)), b"")
    };
    assert_eq!(run(verify_fourpay(&request, &[])).failure(), "no_secret");
    assert_eq!(with(SECRET, &[]).verified()["key_index"], 0);
    assert_eq!(with("", &[]).failure(), "empty_secret");
    assert_eq!(with(" ", &[]).failure(), "blank_secret");
    assert_eq!(
        with(&format!("{SECRET}\n"), &[]).failure(),
        "secret_whitespace"
    );
    assert_eq!(
        with(SECRET, &["--secret=other"]).rejection(),
        "signature_mismatch"
    );
    let file = files.with("secret", "other");
    assert_eq!(
        with(SECRET, &["--secret-file", &file]).rejection(),
        "signature_mismatch"
    );
    assert_eq!(with("", &["--secret", SECRET]).verified()["key_index"], 0);
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_are_no_secret() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let files = Files::new();
    let request = files.with("request.json", fourpay().to_string());
    let bytes = OsStr::from_bytes(b"hunter2\xff");
    let mut from_option = program();
    from_option
        .args(verify_fourpay(&request, &["--secret"]))
        .arg(bytes);
    let mut from_variable = program();
    from_variable
        .args(verify_fourpay(&request, &[]))
        .env("COUNTERSIGN_SECRET", bytes);
    for mut command in [from_option, from_variable] {
        let run = finish(&mut command, b"");
        assert_eq!(run.failure(), "secret_encoding");
        assert!(!run.stderr.contains("hunter2"));
    }
}
