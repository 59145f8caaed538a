//! A file can be read in one sitting.

use std::path::Path;

use crate::root;

/// How many lines a file may have, without the tests at its end.
const LONGEST: usize = 400;

/// Files that may be longer, how long, and why.
const EXCEPTIONS: &[(&str, usize, &str)] = &[(
    "crates/countersign/src/receiver/mod.rs",
    450,
    "the settings of a receiver, a method each, and half of it is their documentation",
)];

#[test]
fn no_file_is_too_long() {
    let mut seen = 0;
    let mut too_long = Vec::new();
    for folder in ["crates", "examples", "tests"] {
        visit(&root().join(folder), &mut |path| {
            seen += 1;
            let text = std::fs::read_to_string(path).unwrap();
            let name = path.strip_prefix(root()).unwrap();
            let excepted = EXCEPTIONS
                .iter()
                .find(|(other, ..)| name == Path::new(other));
            let longest = excepted.map_or(LONGEST, |(_, longest, _)| *longest);
            let lines = text
                .lines()
                .take_while(|line| *line != "#[cfg(test)]")
                .count();
            if lines > longest {
                too_long.push(format!(
                    "{}: {lines} lines, {longest} allowed",
                    name.display()
                ));
            }
        });
    }
    assert!(seen > 100, "only {seen} files were found");
    assert!(too_long.is_empty(), "{}", too_long.join("\n"));
}

#[test]
fn the_exceptions_are_files() {
    for (path, longest, _) in EXCEPTIONS {
        assert!(root().join(path).is_file(), "{path} is gone");
        assert!(*longest > LONGEST, "{path} is no exception");
    }
}

fn visit(folder: &Path, file: &mut dyn FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // What a crate that stands outside the workspace has built.
            if !path.ends_with("target") {
                visit(&path, file);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            file(&path);
        }
    }
}
