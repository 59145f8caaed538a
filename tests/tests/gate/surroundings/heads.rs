//! What the adapters make of a request's head.

use countersign::{Outcome, provider};

use crate::deliveries::{event, shop, signed};
use crate::site::{Framework, Runs, Site};

fn names_and_times(framework: Framework) {
    let runs = Runs::default();
    let site = Site::new(framework, shop(), runs.at_once(201));
    for (n, spell) in [str::to_uppercase, str::to_lowercase].iter().enumerate() {
        let mut post = event(&n.to_string());
        for (name, _) in &mut post.headers {
            *name = spell(name);
        }
        assert_eq!(site.connect().send(&post).status, 201);
    }
    let mut twice = event("twice");
    twice.headers.extend(twice.headers.clone());
    assert_eq!(site.connect().send(&twice).status, 401);

    // Whatever the time says, with a signature of the right shape behind it.
    let times = [
        "-9223372036854775808",
        "9223372036854775807",
        "99999999999999999999",
        "+1",
        "-1",
        "0",
        "",
    ];
    for time in times {
        let genuine = signed(&provider::fedapay(), r#"{"id":"a"}"#);
        let value = String::from_utf8(genuine.headers[0].1.clone()).unwrap();
        let (_, signature) = value.split_once(',').unwrap();
        let mut post = genuine.clone();
        post.headers[0].1 = format!("t={time},{signature}").into_bytes();
        assert_eq!(site.connect().send(&post).status, 401, "{time}");
    }
    assert_eq!(runs.number(), 2);
    assert_eq!(site.log.count(Outcome::Rejected), 1 + times.len());
}

#[test]
fn names_of_headers_and_edges_of_time_axum() {
    names_and_times(Framework::Axum);
}

#[test]
fn names_of_headers_and_edges_of_time_actix_web() {
    names_and_times(Framework::ActixWeb);
}

#[test]
fn axum_s_adapter_does_not_stand_on_axum() {
    let manifest = include_str!("../../../../crates/countersign-axum/Cargo.toml");
    let manifest: toml::Table = manifest.parse().unwrap();
    let dependencies = manifest["dependencies"].as_table().unwrap();
    assert!(dependencies.contains_key("axum-core"));
    assert!(!dependencies.contains_key("axum") && !dependencies.contains_key("tower"));
}
