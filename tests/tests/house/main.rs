//! What the repository says of itself, and what it asks of its files.

#![forbid(unsafe_code)]

mod architecture;
mod budgets;
mod commands;
mod guide;
mod length;
mod pages;

use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .into()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect(path)
}
