//! `send`: what it cannot be asked.

use crate::run::run;
use crate::send::send;

#[test]
fn what_cannot_be_used_is_exit_2() {
    let url = "http://127.0.0.1:1/";
    let unknown = send("fedapay", url, &["--event", "payment.completed", "--json"]);
    assert_eq!(unknown.failure(), "usage");
    assert!(
        unknown.stderr.contains("transaction.approved, "),
        "with the list: {}",
        unknown.stderr
    );
    for more in [
        &["--json"][..],
        &["--event", "customer.created", "--body", "-", "--json"],
        &["--event", "customer.created", "--count", "0", "--json"],
        &[
            "--event",
            "customer.created",
            "--concurrency",
            "0",
            "--json",
        ],
        &["--event", "customer.created", "--fault", "odd", "--json"],
        &[
            "--event",
            "customer.created",
            "--time-scale",
            "-1",
            "--json",
        ],
        &[
            "--event",
            "customer.created",
            "--time-scale",
            "NaN",
            "--json",
        ],
        &["--body", "-", "--count", "2", "--json"],
    ] {
        assert_eq!(send("fedapay", url, more).failure(), "usage", "{more:?}");
    }
    for to in [
        "nowhere",
        "127.0.0.1:80",
        "ftp://h/",
        "https://h/",
        "/x",
        "http://h:99999/",
        "http://h:/",
    ] {
        assert_eq!(
            send("4pay", to, &["--event", "card_state", "--json"]).failure(),
            "usage",
            "{to}"
        );
    }
    let more = ["--body", "/does/not/exist", "--json"];
    assert_eq!(send("4pay", url, &more).failure(), "unreadable_file");
    let args = [
        "send",
        "--provider",
        "fedapay",
        "--to",
        url,
        "--event",
        "customer.created",
        "--json",
    ];
    assert_eq!(run(args).failure(), "no_secret");
    assert_eq!(
        run(args.iter().chain(&["--secret", "x "])).failure(),
        "secret_whitespace"
    );
}
