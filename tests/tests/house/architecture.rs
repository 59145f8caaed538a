//! `ARCHITECTURE.md` is one page, and what it names is there.

use std::path::Path;

use crate::{read, root};

const LONGEST: usize = 80;

/// What the first table's paths are below, as the page says.
const CORE: &str = "crates/countersign/src";

/// A path that the page names, as it would be from the root, in each way it may be meant.
struct Named {
    text: String,
    meant: Vec<String>,
}

#[test]
fn it_is_one_page() {
    let lines = read("ARCHITECTURE.md").lines().count();
    assert!(lines <= LONGEST, "{lines} lines, and not {LONGEST} at most");
}

#[test]
fn every_path_on_it_exists() {
    let named = named(&read("ARCHITECTURE.md"));
    assert!(named.len() > 30, "only {} paths were found", named.len());
    for path in named {
        let exists = path.meant.iter().any(|path| root().join(path).exists());
        assert!(exists, "`{}` does not exist", path.text);
    }
}

/// Nothing is left out either: not a crate, and not a part of the core.
#[test]
fn everything_is_on_it() {
    let named = named(&read("ARCHITECTURE.md"));
    for (folder, but) in [
        ("crates", "countersign"),
        ("examples", ""),
        (CORE, "lib.rs"),
    ] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = format!("{folder}/{name}");
            let is_there = |named: &Named| named.meant.contains(&path);
            assert!(
                name == but || named.iter().any(is_there),
                "the page does not name `{path}`"
            );
        }
    }
}

fn named(page: &str) -> Vec<Named> {
    let mut all = Vec::new();
    let mut in_core = false;
    for line in page.lines() {
        // The table that says so ends with the paragraph behind it.
        match line {
            _ if line.contains(&format!("below `{CORE}`")) => in_core = true,
            _ if !line.is_empty() && !line.starts_with('|') => in_core = false,
            _ => {}
        }
        let in_table = in_core && line.starts_with('|');
        // Of a row the first path may be the folder of the others.
        let mut folder = None;
        for text in line
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|text| is_path(text))
        {
            let path = text.trim_end_matches('/');
            let mut meant = vec![path.to_owned()];
            if in_table {
                meant = vec![format!("{CORE}/{path}")];
                let folder = folder.get_or_insert_with(|| path.to_owned());
                meant.push(format!("{CORE}/{folder}/{path}"));
            }
            all.push(Named {
                text: text.to_owned(),
                meant,
            });
        }
    }
    all
}

/// Whether it is a path, and not a name in the code: it has a slash, or the ending of a file, or is
/// a folder of the root.
fn is_path(text: &str) -> bool {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let ending = Path::new(text).extension().is_some();
    plain && (text.contains('/') || ending || root().join(text).is_dir())
}
