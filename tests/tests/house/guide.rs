//! The guide is compiled as a whole, says of providers what the code knows, and names what is there.

use std::time::Duration;

use countersign::{IdSource, provider};

use crate::{read, root};

const GUIDE: &str = "crates/countersign/src/guide";
const CORE: &str = "crates/countersign/src";
const BEGIN: &str =
    "<!-- retries: made by `UPDATE_GUIDE=1 cargo test -p countersign-tests --test house` -->\n";
const END: &str = "<!-- /retries -->\n";

#[test]
fn every_chapter_is_shown_and_compiled() {
    let mut chapters = Vec::new();
    for entry in std::fs::read_dir(root().join(GUIDE)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        chapters.extend(name.strip_suffix(".md").map(str::to_owned));
    }
    assert!(chapters.len() > 10, "{chapters:?}");
    chapters.sort();
    for page in [&format!("{GUIDE}/mod.rs"), "tests/src/lib.rs"] {
        let text = read(page);
        let (_, list) = text.rsplit_once("chapters! {").expect(page);
        let list = list.trim_end_matches(|last: char| last == '}' || last.is_whitespace());
        let mut listed: Vec<&str> = list.split_whitespace().collect();
        listed.sort_unstable();
        assert_eq!(listed, chapters, "{page}");
    }
}

/// In the documentation a chapter is a module, and no file: its links are defined there once more.
#[test]
fn every_link_between_chapters_leads_there_in_the_documentation_too() {
    let links = read(&format!("{GUIDE}/mod.rs"));
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join(GUIDE)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".md") {
            continue;
        }
        let text = read(&format!("{GUIDE}/{name}"));
        assert!(
            !text.contains(".md)"),
            "{name}: a link is not by a definition"
        );
        for line in text.lines().filter(|line| line.ends_with(".md")) {
            let Some((label, file)) = line.split_once("]: ") else {
                continue;
            };
            let chapter = file.trim_end_matches(".md");
            let defined = format!("\"{label}]: crate::guide::{chapter}\\n\"");
            assert!(links.contains(&defined), "{name}: {line}");
            seen += 1;
        }
    }
    assert!(seen > 8, "only {seen} links were found");
}

/// A chapter that says which line stops an attack is worth nothing once the line is gone.
#[test]
fn what_stops_an_attack_is_there() {
    let chapter = read(&format!("{GUIDE}/attacks.md"));
    let mut seen = 0;
    for line in chapter.lines() {
        let quoted: Vec<&str> = line.split('`').collect();
        for (at, path) in quoted.iter().enumerate().skip(1).step_by(2) {
            if !path.contains('/') && !path.ends_with(".rs") {
                continue;
            }
            let files = [format!("{CORE}/{path}"), (*path).to_owned()];
            let file = files.iter().find(|file| root().join(file).exists());
            let file = file.unwrap_or_else(|| panic!("`{path}` does not exist"));
            seen += 1;
            // `Tag::matches` in `scheme/encoding.rs`
            if quoted[at - 1] == " in " {
                let name = quoted[at - 2].rsplit("::").next().unwrap();
                let text = read(file);
                let is_there = ["fn ", "const ", "struct "].iter().any(|kind| {
                    let item = format!("{kind}{name}");
                    let mut behind = text.split(&item).skip(1).map(|rest| rest.chars().next());
                    behind.any(|next| next.is_some_and(|next| "(<:; {".contains(next)))
                });
                assert!(is_there, "`{name}` is not in `{path}`");
            }
        }
    }
    assert!(seen > 20, "only {seen} files were named");
}

/// Whoever is known by its bytes alone takes a state that comes back for a duplicate.
#[test]
fn the_chapter_on_order_names_who_has_no_id() {
    let chapter = read(&format!("{GUIDE}/order.md"));
    let names = [
        (provider::centralpay(), "CentralPay"),
        (provider::fedapay(), "FedaPay"),
        (provider::banking_circle(), "Banking Circle"),
        (provider::zibapay(), "ZibaPay"),
        (provider::fourpay(), "4Pay"),
    ];
    for (provider, name) in names {
        let by_digest = matches!(provider.envelope().id, IdSource::Digest);
        assert_eq!(chapter.contains(name), by_digest, "{name}");
    }
}

#[test]
fn the_table_of_retries_is_the_codes() {
    let file = format!("{GUIDE}/reconciliation.md");
    let page = read(&file);
    let (before, rest) = page.split_once(BEGIN).expect("the table begins");
    let (inside, after) = rest.split_once(END).expect("the table ends");
    let table = retries();
    if std::env::var_os("UPDATE_GUIDE").is_some() {
        std::fs::write(
            root().join(file),
            format!("{before}{BEGIN}{table}{END}{after}"),
        )
        .unwrap();
        return;
    }
    assert!(
        inside == table,
        "the guide's table of retries is out of date: UPDATE_GUIDE=1 makes it anew"
    );
}

/// Of those of whom something is known.
fn retries() -> String {
    let mut table =
        "\n| provider | waits for | comes again | gives up after |\n|---|---|---|---|\n".to_owned();
    for name in provider::names() {
        let provider = provider::named(name).unwrap();
        let sender = provider.sender();
        let retry = provider.retry();
        let again = match (sender.map_or("", |sender| sender.retries), retry) {
            ("", Some(retry)) if !retry.gaps.is_empty() => {
                format!("{} times", retry.gaps.len())
            }
            ("", _) => "?".to_owned(),
            (words, _) => words.to_owned(),
        };
        let horizon = match retry {
            Some(retry) => in_words(retry.horizon),
            None if again.starts_with("never") => "the first attempt".to_owned(),
            None => "?".to_owned(),
        };
        let within = sender.map_or(0, |sender| sender.within);
        let within = provider
            .answer_within()
            .map_or(within, |within| within.as_secs());
        let within = match within {
            0 => "?".to_owned(),
            seconds => format!("{seconds} s"),
        };
        if (again.as_str(), horizon.as_str()) != ("?", "?") {
            table.push_str(&format!("| `{name}` | {within} | {again} | {horizon} |\n"));
        }
    }
    table.push('\n');
    table
}

fn in_words(horizon: Duration) -> String {
    let seconds = horizon.as_secs();
    match seconds {
        0..3600 => format!("{} min", seconds.div_ceil(60)),
        3600..172_800 => format!("{} h", seconds.div_ceil(3600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}
