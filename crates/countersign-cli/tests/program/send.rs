//! `send`: what it delivers at a real server, and how it judges the answers.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::listen::stage::{Listener, SECRET, Target};
use crate::run::{Run, run, run_with_stdin};

pub(crate) fn send(provider: &str, to: &str, more: &[&str]) -> Run {
    let args = [
        "send",
        "--provider",
        provider,
        "--secret",
        SECRET,
        "--to",
        to,
    ];
    run(args.iter().chain(more))
}

fn lines(run: &Run) -> Vec<Value> {
    let lines = run.stdout.lines();
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    for line in &lines {
        let keys: Vec<&String> = line.as_object().unwrap().keys().collect();
        assert_eq!(
            keys,
            [
                "attempt", "copy", "event", "expected", "fault", "ms", "status"
            ],
            "{line}"
        );
        assert!(line["ms"].is_f64(), "{line}");
    }
    lines
}

fn statuses(run: &Run) -> Vec<u64> {
    let lines = lines(run);
    lines
        .iter()
        .map(|line| line["status"].as_u64().unwrap_or(0))
        .collect()
}

/// A server that verifies: the program itself.
fn listener(provider: &str) -> (Listener, String) {
    let listener = Listener::start(provider, &[]);
    let url = format!("http://{}/", listener.address);
    (listener, url)
}

#[test]
fn samples_of_every_type_are_taken() {
    for (provider, kind) in [
        ("fedapay", "transaction.approved"),
        ("fedapay", "customer.deleted"),
        ("banking-circle", "MissingFunding"),
        ("zibapay", "refund.completed"),
        ("4pay", "card_state"),
    ] {
        let (listener, url) = listener(provider);
        let sent = send(provider, &url, &["--event", kind, "--json"]);
        assert_eq!(
            (sent.code, &*statuses(&sent)),
            (0, &[200][..]),
            "{provider} {kind}"
        );
        let line = listener.line();
        assert_eq!(
            (&line["outcome"], &line["type"]),
            (&"delivered".into(), &kind.into()),
            "{provider}"
        );
    }
}

#[test]
fn events_are_distinct_and_copies_are_not() {
    let (listener, url) = listener("fedapay");
    let more = [
        "--event",
        "transaction.created",
        "--count",
        "3",
        "--duplicates",
        "2",
        "--json",
    ];
    let sent = send("fedapay", &url, &more);
    assert_eq!(sent.code, 0, "{}", sent.stdout);
    let lines = lines(&sent);
    let at: Vec<(u64, u64, u64)> = lines
        .iter()
        .map(|line| {
            let number = |name: &str| line[name].as_u64().unwrap();
            (number("event"), number("copy"), number("attempt"))
        })
        .collect();
    let wanted: Vec<(u64, u64, u64)> = (0..3)
        .flat_map(|e| (0..3).map(move |c| (e, c, 1)))
        .collect();
    assert_eq!(at, wanted);
    assert!(
        lines
            .iter()
            .all(|line| line["fault"].is_null() && line["expected"] == true)
    );
    let told = listener.stop("TERM");
    let of = |outcome: &str| -> BTreeSet<String> {
        let of = told.iter().filter(|line| line["outcome"] == outcome);
        of.map(|line| line["id"].to_string()).collect()
    };
    assert_eq!((of("delivered").len(), told.len()), (3, 9));
    assert_eq!(of("delivered"), of("duplicate"));
}

#[test]
fn concurrent_copies_run_once() {
    let (listener, url) = listener("standard-webhooks");
    let more = [
        "--count",
        "5",
        "--duplicates",
        "9",
        "--concurrency",
        "20",
        "--json",
    ];
    let body = ["--body", "-"];
    let args = [
        "send",
        "--provider",
        "standard-webhooks",
        "--secret",
        SECRET,
        "--to",
        &url,
    ];
    let sent = run_with_stdin(args.iter().chain(&more).chain(&body), br#"{"type":"x"}"#);
    assert_eq!((sent.code, lines(&sent).len()), (0, 50), "{}", sent.stdout);
    let told = listener.stop("TERM");
    let delivered = told.iter().filter(|line| line["outcome"] == "delivered");
    assert_eq!(
        delivered.count(),
        5,
        "each under an id of its own in its signed header"
    );
}

#[test]
fn each_fault_gets_what_it_deserves() {
    let (listener, url) = listener("fedapay");
    for fault in [
        "tampered",
        "wrong-secret",
        "stale",
        "future",
        "missing-signature",
        "oversized",
    ] {
        let more = [
            "--event",
            "transaction.approved",
            "--fault",
            fault,
            "--json",
        ];
        let sent = send("fedapay", &url, &more);
        let deserved = if fault == "oversized" { 413 } else { 401 };
        assert_eq!(
            (sent.code, &*statuses(&sent)),
            (0, &[deserved][..]),
            "{fault}"
        );
        assert_eq!(lines(&sent)[0]["fault"], fault);
    }
    assert!(
        listener
            .stop("TERM")
            .iter()
            .all(|line| line["outcome"] == "rejected")
    );
    for (provider, fault) in [
        ("4pay", "stale"),
        ("banking-circle", "future"),
        ("github", "stale"),
    ] {
        let kind = match provider {
            "4pay" => "card_state",
            "github" => "ping",
            _ => "Reversed",
        };
        let more = ["--event", kind, "--fault", fault, "--json"];
        assert_eq!(
            send(provider, "http://127.0.0.1:1/", &more).failure(),
            "not_applicable"
        );
    }
}

#[test]
fn a_server_that_does_not_verify_is_found_out() {
    let target = Target::answering(&[200]);
    let url = target.url("/");
    for fault in ["tampered", "wrong-secret", "missing-signature", "oversized"] {
        let sent = send(
            "4pay",
            &url,
            &["--event", "card_state", "--fault", fault, "--json"],
        );
        assert_eq!(sent.code, 1, "{fault}");
        assert_eq!(lines(&sent)[0]["expected"], false);
    }
    // 201 for a copy says that it ran again.
    let target = Target::answering(&[201]);
    let sent = send(
        "4pay",
        &target.url("/"),
        &["--event", "card_state", "--duplicates", "1", "--json"],
    );
    assert_eq!(sent.code, 1);
    assert_eq!(lines(&sent)[0]["expected"], true);
    assert_eq!(lines(&sent)[1]["expected"], false);
    for (status, code) in [(200, 0), (409, 0), (500, 1), (401, 1)] {
        let target = Target::answering(&[202, status]);
        let more = ["--event", "card_state", "--duplicates", "1", "--json"];
        assert_eq!(send("4pay", &target.url("/"), &more).code, code, "{status}");
    }
}

#[test]
fn retries_follow_the_schedule() {
    let target = Target::answering(&[500, 503, 200]);
    let more = [
        "--event",
        "TRANSACTION_SUCCEEDED",
        "--retry",
        "--time-scale",
        "0.001",
        "--json",
    ];
    let header = ["--signature-header", "X-S", "--set", "type=/event"];
    let sent = send(
        "centralpay",
        &target.url("/"),
        &[&more[..], &header].concat(),
    );
    assert_eq!(statuses(&sent), [500, 503, 200]);
    assert_eq!(sent.code, 1, "not every answer was deserved");
    let attempts: Vec<Value> = lines(&sent)
        .iter()
        .map(|line| line["attempt"].clone())
        .collect();
    assert_eq!(attempts, [1, 2, 3]);
    // One event, whose body does not change.
    let bodies: BTreeSet<Vec<u8>> = target.taken().into_iter().map(|taken| taken.body).collect();
    assert_eq!(bodies.len(), 1);

    // Nobody there: every attempt is used up, and none has a status.
    let sent = send(
        "centralpay",
        &Target::dead(),
        &[&more[..], &header].concat(),
    );
    assert_eq!((sent.code, statuses(&sent)), (1, vec![0; 6]));
    assert!(lines(&sent).iter().all(|line| line["status"].is_null()));
    // Without --retry there is one.
    let sent = send(
        "4pay",
        &Target::dead(),
        &["--event", "card_state", "--json"],
    );
    assert_eq!((sent.code, lines(&sent).len()), (1, 1));
}

#[test]
fn fedapay_signs_each_attempt_anew_and_connections_are_kept() {
    let target = Target::answering(&[500, 200]);
    let more = [
        "--event",
        "transaction.updated",
        "--retry",
        "--time-scale",
        "1",
        "--json",
    ];
    let sent = send("fedapay", &target.url("/"), &more);
    assert_eq!(statuses(&sent), [500, 200]);
    let signed = |at: usize| {
        target.taken()[at]
            .header("x-fedapay-signature")
            .unwrap()
            .to_owned()
    };
    assert_ne!(signed(0), signed(1), "a second has passed");
    assert_eq!(
        target.taken()[0].header("content-type"),
        Some("application/json")
    );

    let target = Target::answering(&[200]);
    send(
        "4pay",
        &target.url("/"),
        &["--event", "card_state", "--count", "20", "--json"],
    );
    assert_eq!(target.taken().len(), 20);
    // A delivery that is sent before the last one's connection is back in the pool opens another.
    let connections = target.connections();
    assert!(connections < 10, "{connections} connections");
}

#[test]
fn people_get_a_table() {
    let target = Target::answering(&[200, 500]);
    let sent = send(
        "zibapay",
        &target.url("/"),
        &["--event", "payment.completed", "--count", "2"],
    );
    assert_eq!(sent.code, 1);
    for part in [
        "synthetic",
        "status",
        "median",
        "200",
        "500",
        "not every answer was deserved",
    ] {
        assert!(sent.stdout.contains(part), "{part}\n{}", sent.stdout);
    }
}
