//! The pages that are read outside of the documentation: they lead somewhere, and say what it says.

use std::path::Path;

use countersign::provider;

use crate::{read, root};

/// The README of a crate is its documentation, so that its examples are compiled.
#[test]
fn each_crates_readme_is_its_documentation() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let manifest = read(&format!("crates/{name}/Cargo.toml"));
        assert!(manifest.contains("\nreadme = \"README.md\"\n"), "{name}");
        let source = ["lib.rs", "main.rs"].map(|file| format!("crates/{name}/src/{file}"));
        let source = source.iter().find(|path| root().join(path).exists());
        let source = read(source.unwrap());
        assert!(
            source.contains("doc = include_str!(\"../README.md\")"),
            "{name}"
        );
        seen += 1;
    }
    assert!(seen > 5, "only {seen} crates were found");
}

/// How many there are is said in words, and not only by the table.
#[test]
fn the_readme_counts_the_catalogue() {
    // The five that it is made for are counted apart.
    let listed = provider::names().count() - 5;
    let words = format!("{listed} public schemes");
    for (page, times) in [("README.md", 2), ("CHANGELOG.md", 1)] {
        let text = read(page);
        assert_eq!(text.matches(" public schemes").count(), times, "{page}");
        assert_eq!(text.matches(&words).count(), times, "{page}: {words}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut pages = Vec::new();
    for folder in [".", "docs", "crates/countersign/src/guide"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            pages.extend(
                path.extension()
                    .is_some_and(|it| it == "md")
                    .then_some(path),
            );
        }
    }
    let mut seen = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let inline = text.split("](").skip(1);
        let defined = text.lines().filter_map(|line| line.strip_prefix('['));
        let defined = defined.filter_map(|line| Some(line.split_once("]: ")?.1));
        for link in inline.chain(defined) {
            let link = link.split([')', '#']).next().unwrap_or_default();
            if link.is_empty() || link.contains("://") {
                continue;
            }
            let target = page.parent().unwrap_or(Path::new("")).join(link);
            assert!(target.exists(), "{}: {link}", page.display());
            seen += 1;
        }
    }
    assert!(seen > 40, "only {seen} links were found");
}
