//! `providers` and `completions`: what they list.

use serde_json::Value;

use crate::run::run;

/// The five come first; the catalogue follows, as many as it has.
const FIVE: [&str; 5] = ["centralpay", "fedapay", "banking-circle", "zibapay", "4pay"];

const RECIPES: &str = include_str!("../../../../tests/data/recipes.json");

fn rows() -> Vec<Value> {
    let listed = run(["providers", "--json"]);
    assert_eq!(listed.code, 0);
    let json = listed.json();
    assert_eq!(json.as_object().unwrap().len(), 1);
    json["providers"].as_array().unwrap().clone()
}

fn names() -> Vec<String> {
    let name = |row: &Value| row["name"].as_str().unwrap().to_owned();
    rows().iter().map(name).collect()
}

#[test]
fn every_provider_is_listed_with_how_sure_it_is() {
    let rows = rows();
    let names = names();
    assert_eq!(names[..5], FIVE);
    for row in &rows {
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["certainty", "id", "name", "scheme", "type"]);
        assert!(row["scheme"].as_str().unwrap().len() > 10, "{row}");
        let certainty = row["certainty"].as_str().unwrap();
        assert!(
            certainty.contains("stated") || certainty.contains("quoted"),
            "{row}"
        );
    }
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
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
    assert_eq!(row("github")["type"], Value::Null);
    assert_eq!(row("standard-webhooks")["id"], "header webhook-id");
    assert_eq!(row("gitlab-token")["id"], Value::Null);
    assert!(
        row("moov")["scheme"]
            .as_str()
            .unwrap()
            .ends_with("covers nothing of the body")
    );
}

#[test]
fn every_recipe_is_a_provider() {
    let names = names();
    let recipes: Vec<Value> = serde_json::from_str(RECIPES).unwrap();
    let ids = recipes.iter().map(|recipe| recipe["id"].as_str().unwrap());
    let jwts = [
        "jwt-hs256-signature-only",
        "jwt-hs-url-payload-hash",
        "plaid-jwt-es256",
    ];
    let expected: Vec<&str> = FIVE.into_iter().chain(ids).chain(jwts).collect();
    for name in &expected {
        assert!(names.iter().any(|known| known == name), "{name}");
    }
    assert_eq!(names.len(), expected.len());
}

#[test]
fn people_get_a_table() {
    let listed = run(["providers"]);
    assert_eq!(listed.code, 0);
    // A column may be too narrow for a long name, which is then cut into lines.
    for name in FIVE {
        assert!(listed.stdout.contains(name), "{}", listed.stdout);
    }
    let widest = listed.stdout.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(120), "{}", listed.stdout);
}

#[test]
fn every_provider_is_one_that_the_other_commands_take() {
    for name in names() {
        let args = [
            "verify",
            "--provider",
            &name,
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
