//! `demo`: every row is there, and every row is right.

use crate::run::run;

#[test]
fn every_row_is_right() {
    let demo = run(["demo", "--json"]);
    let report = demo.json();
    assert_eq!(report["ok"], true, "{report}");
    let rows: Vec<(&str, &str)> = report["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            assert!(row["status"].is_u64() && row["ran"].is_boolean(), "{row}");
            assert_eq!(row["ok"], true, "{row}");
            let text = |name: &str| row[name].as_str().expect("a text");
            (text("provider"), text("case"))
        })
        .collect();
    for provider in ["centralpay", "fedapay", "banking-circle", "zibapay", "4pay"] {
        let timed = if provider == "fedapay" {
            "stale"
        } else {
            "replayed"
        };
        for case in ["genuine", "duplicate", "retry", "forged", timed] {
            assert!(rows.contains(&(provider, case)), "{provider} {case}");
        }
    }
    for case in ["concurrent", "oversized", "hangup", "batch"] {
        assert_eq!(
            rows.iter().filter(|(_, other)| *other == case).count(),
            1,
            "{case}"
        );
    }
}

#[test]
fn people_get_a_table() {
    let demo = run(["demo"]);
    assert_eq!(demo.code, 0);
    assert!(
        demo.stdout.contains("All 29 rows are right."),
        "{}",
        demo.stdout
    );
}
