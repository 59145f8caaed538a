//! `providers` and `completions`: what they list.

use crate::run::run;

const NAMES: [&str; 8] = [
    "centralpay",
    "fedapay",
    "banking-circle",
    "zibapay",
    "4pay",
    "standard-webhooks",
    "stripe",
    "github",
];

#[test]
fn every_provider_is_listed_with_how_sure_it_is() {
    let listed = run(["providers", "--json"]);
    assert_eq!(listed.code, 0);
    let json = listed.json();
    assert_eq!(json.as_object().unwrap().len(), 1);
    let rows = json["providers"].as_array().unwrap();
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, NAMES);
    for row in rows {
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["certainty", "id", "name", "scheme", "type"]);
        assert!(row["scheme"].as_str().unwrap().len() > 10, "{row}");
        assert!(
            row["certainty"].as_str().unwrap().contains("stated"),
            "{row}"
        );
    }
    assert!(
        rows[0]["certainty"]
            .as_str()
            .unwrap()
            .contains("header not public")
    );
    assert!(
        rows[3]["certainty"]
            .as_str()
            .unwrap()
            .starts_with("proof inferred")
    );
    assert_eq!(rows[2]["certainty"], "all stated");
    assert_eq!(rows[2]["id"], "/eventId in each of /notifications");
    assert_eq!(rows[7]["type"], serde_json::Value::Null);
    assert_eq!(rows[5]["id"], "header webhook-id");
}

#[test]
fn people_get_a_table() {
    let listed = run(["providers"]);
    assert_eq!(listed.code, 0);
    for name in NAMES {
        assert!(listed.stdout.contains(name), "{}", listed.stdout);
    }
    let widest = listed.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(120), "{}", listed.stdout);
}

#[test]
fn every_provider_is_one_that_the_other_commands_take() {
    for name in NAMES {
        let args = [
            "verify",
            "--provider",
            name,
            "--secret",
            "0123456789abcdef0123456789abcdef",
        ];
        let request = ["--signature-header", "x", "--request", "-", "--json"];
        let run = crate::run::run_with_stdin(args.into_iter().chain(request), b"{\"headers\":[]}");
        // Or the option is not applicable, which the provider itself said.
        assert!(run.code == 1 || run.failure() == "not_applicable", "{name}");
    }
}

#[test]
fn shells_can_complete() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(["completions", shell]);
        assert_eq!(script.code, 0);
        for word in ["verify", "explain", "providers", "signature-header"] {
            assert!(script.stdout.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(run(["completions", "tcsh", "--json"]).failure(), "usage");
    assert_eq!(run(["completions", "--json"]).failure(), "usage");
}
