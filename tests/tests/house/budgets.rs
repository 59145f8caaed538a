//! The budgets that the benches print are those that `docs/performance.md` promises.

use crate::read;

// The benches' own tables, and no copy of them.
#[path = "../../../crates/countersign/benches/budgets/limits.rs"]
mod of_the_core;

#[path = "../../benches/budgets/limits.rs"]
mod of_the_adapters;

#[test]
fn the_page_has_the_limits_of_the_benches() {
    let page = read("docs/performance.md");
    let promised = promised(&page);
    let printed: Vec<(&str, f64)> = [of_the_core::LIMITS, of_the_adapters::LIMITS].concat();
    assert!(printed.len() > 30, "only {} limits", printed.len());
    for line in &printed {
        assert!(promised.contains(line), "the page lacks {line:?}");
    }
    for line in &promised {
        assert!(printed.contains(line), "no bench prints {line:?}");
    }
    assert_eq!(promised.len(), printed.len(), "a line is there twice");
}

/// Names and limits of the rows of the page's section on budgets: `| name | what | limit | measured |`.
fn promised(page: &str) -> Vec<(&str, f64)> {
    let section = page
        .split("\n## ")
        .find(|part| part.starts_with("Budgets\n"));
    (section.expect("a section on budgets").lines())
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|row| {
            let (name, cells) = row.split_once("` |").expect("a name");
            let limit = cells.split('|').nth(1).expect("a limit").trim();
            (name, limit.parse().expect(row))
        })
        .collect()
}
