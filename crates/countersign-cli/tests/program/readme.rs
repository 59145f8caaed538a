//! The README's table of providers: what `providers` lists, to the letter.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::run::run;

const BEGIN: &str = "<!-- providers: made by `UPDATE_README=1 cargo test -p countersign-cli --test program readme` -->\n";
const END: &str = "<!-- /providers -->\n";

fn table() -> String {
    let listed = run(["providers", "--json"]).json();
    let cell = |value: &Value| match value.as_str() {
        Some(text) => text.replace('|', "\\|"),
        None => "none".to_owned(),
    };
    let mut table =
        "| provider | proof | event id | type | how sure |\n|---|---|---|---|---|\n".to_owned();
    for row in listed["providers"].as_array().unwrap() {
        let cells = ["scheme", "id", "type", "certainty"].map(|name| cell(&row[name]));
        // Long names of fields say little here.
        let scheme = cells[0].replace("/notificationItems/0/NotificationRequestItem/", "/…/");
        table.push_str(&format!(
            "| `{}` | {scheme} | {} | {} | {} |\n",
            row["name"].as_str().unwrap(),
            cells[1].replace("/notificationItems/0/NotificationRequestItem/", "/…/"),
            cells[2].replace("/notificationItems/0/NotificationRequestItem/", "/…/"),
            cells[3]
        ));
    }
    table
}

#[test]
fn the_table_is_the_programs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the table begins");
    let (inside, after) = rest.split_once(END).expect("the table ends");
    let expected = format!("\n{}\n", table());
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}")).unwrap();
        return;
    }
    assert!(
        inside == expected,
        "the README's table of providers is out of date: UPDATE_README=1 makes it anew"
    );
}
