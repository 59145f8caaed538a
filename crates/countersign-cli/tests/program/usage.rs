//! The command line itself: help, misuse, and what is never shown.

use crate::delivery::{BODY, Files, SECRET, fourpay};
use crate::run::{Run, run};

fn words(line: &str) -> Run {
    run(line.split_whitespace())
}

#[test]
fn help_and_version_are_no_errors() {
    let version = words("--version");
    assert_eq!(
        (version.code, version.stdout.as_str()),
        (0, "countersign 0.1.0\n")
    );
    for line in [
        "--help",
        "-h",
        "help",
        "help verify",
        "verify --help",
        "verify -h --json",
    ] {
        let help = words(line);
        assert_eq!(help.code, 0, "{line}");
        assert!(
            help.stdout.contains("countersign verify --provider"),
            "{line}: an example"
        );
    }
    // However wide the terminal is.
    let help = words("verify --help").stdout;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        help.contains("Other users of this machine can see it"),
        "{help}"
    );
    for name in ["centralpay", "fedapay", "banking-circle", "zibapay", "4pay"] {
        assert!(help.contains(name), "{name}");
    }
}

#[test]
fn a_wrong_command_line_is_exit_2_in_one_line() {
    for line in [
        "",
        "nope",
        "verify",
        "verify --provider",
        "verify --provider 4pay --body b --nope",
        "verify --provider 4pay --body b nope",
        "verify --provider 4pay",
        "verify --provider 4pay --secret s --header A:b",
        "verify --body b",
        "verify --provider 4pay --scheme f --body b",
        "verify --provider 4pay --provider 4pay --body b",
        "verify --provider 4pay --request r --body b",
        "verify --provider 4pay --request r --header A:b",
        "verify --provider 4pay --request r --method POST",
        "verify --provider 4pay --request r --url /",
        "verify --provider 4pay --body b --at soon",
        "verify --provider 4pay --body b --at 1.5",
        "verify --provider 4pay --body b --tolerance -1",
        "verify --provider 4pay --body b --at 1 --at 2",
        "verify --provider zibapay --body b --signature-encoding rot13",
        "verify --provider zibapay --body b --set id",
        "verify --provider zibapay --body b --set id=",
        "verify --provider zibapay --body b --set =/id",
        "verify --provider zibapay --body b --set id=id",
        "verify --provider zibapay --body b --set type=/a~b",
        "verify --provider zibapay --body b --set id=/a --set id=/b",
        "verify --provider centralpay --body b --signature-header a:b",
        "verify --provider banking-circle --body b --set key=hex",
        "verify --provider banking-circle --body b --set tag=a:b",
        "verify --provider 4pay --secret s --body /dev/null --header no-colon",
        "verify --provider 4pay --secret s --body /dev/null --method PO/ST",
        "verify --provider 4pay --body - --secret-file -",
        "verify --provider 4pay --request - --secret-file -",
        "verify --provider 4pay --body b --secret-file - --secret-file -",
    ] {
        let plain = words(line);
        assert_eq!((plain.code, plain.stdout.as_str()), (2, ""), "{line}");
        for line in [format!("{line} --json"), format!("--json {line}")] {
            let json = words(&line);
            if line.contains("--provider --json") {
                continue; // Taken for the provider's name.
            }
            assert_eq!(json.failure(), "usage", "{line}");
            assert_eq!(
                json.stdout,
                "{\"verdict\":\"error\",\"reason\":\"usage\"}\n"
            );
        }
    }
}

#[test]
fn a_message_says_what_to_do() {
    for (line, says) in [
        ("verify --provider 4pay", "needed: "),
        ("verify --provider 4pay --at soon --body b", "--at <UNIX>"),
        (
            "verify --provider zibapay --signature-encoding x --body b",
            "hex, base64",
        ),
        (
            "verify --provider 4pay --scheme f --body b",
            "cannot be given together",
        ),
        ("verify --provider 4pay --at 1 --at 2 --body b", "only once"),
        ("verify --provider fedpay --body b", "fedapay"),
        ("verify --provider 4pay --body b", "COUNTERSIGN_SECRET"),
        (
            "verify --provider 4pay --body b --bodi=x",
            "--bodi is not known",
        ),
    ] {
        let run = words(line);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains(says), "{line}: {}", run.stderr);
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_shown() {
    let files = Files::new();
    let request = files.with("request.json", fourpay().to_string());
    let quoted = files.with("quoted", "\"hunter2\"");
    let padded = files.with("padded", " hunter2");
    let verify = ["verify", "--json", "--request", &request];
    let long = "hunter2".repeat(50);
    for args in [
        &["--provider", "4pay", "hunter2"][..],
        &["--provider", "4pay", "--secret", "a", "hunter2"],
        &["--provider", "4pay", "--secrets=hunter2"],
        &["--provider", "4pay", "--at=hunter2"],
        &["--provider", "zibapay", "--signature-encoding=hunter2"],
        &["--provider", "zibapay", "--set=hunter2"],
        &["--provider", "zibapay", "--set=key=hunter2"],
        &["--provider", "banking-circle", "--set=key=hunter2"],
        &["--provider", "hunter2", "--secret=a"],
        &["--provider", "4pay", "--secret-file=hunter2"],
        &["--provider", "4pay", "--secret= hunter2"],
        &["--provider", "4pay", "--secret-file", &padded],
        &["--provider", "banking-circle", "--secret=hunter2"],
        &["--provider", "standard-webhooks", "--secret=whsec_hunter2"],
        &["--provider", "standard-webhooks", "--secret", &long],
        &[
            "--provider",
            "fedapay",
            "--secret=wh_live_hunter2",
            "--secret=wh_sandbox_hunter2",
        ],
        &["--provider", "centralpay", "--secret=hunter2"],
        &["hunter2"],
    ] {
        let run = run(verify.iter().chain(args));
        assert_eq!(run.code, 2, "{args:?}");
        assert!(!run.stderr.contains("hunter2"), "{args:?}: {}", run.stderr);
        assert!(!run.stdout.contains("hunter2"), "{args:?}: {}", run.stdout);
    }
    let args = [
        "verify",
        "--provider",
        "4pay",
        "--secret",
        "a",
        "--request",
        &quoted,
    ];
    let run = run(args);
    assert_eq!(run.code, 2);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
}

#[test]
fn a_rejection_shows_nothing_of_secret_or_signature() {
    let files = Files::new();
    let body = files.with("body", BODY);
    let signature = crate::delivery::hmac_hex(SECRET, BODY);
    let wrong = format!("X-Webhook-Signature: {}", "0".repeat(64));
    for json in [None, Some("--json")] {
        let args = ["verify", "--provider", "4pay", "--secret", SECRET];
        let run = run(args
            .into_iter()
            .chain(["--header", &wrong, "--body", &body])
            .chain(json));
        assert_eq!(run.code, 1);
        for never in [SECRET, &signature, "0000"] {
            assert!(!run.stdout.contains(never), "{}", run.stdout);
        }
    }
}
