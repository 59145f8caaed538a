//! The commands that the README begins with are those that have to pass.

use crate::read;

#[test]
fn what_the_readme_says_is_run() {
    let readme = read("README.md");
    let block = readme.split("```sh\n").nth(1).unwrap();
    let commands: Vec<&str> = block.split("```").next().unwrap().lines().collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let run = read(".ci/run");
    for command in commands {
        let is_run = run.lines().any(|line| line == command);
        assert!(is_run, ".ci/run does not run `{command}`");
    }
}
