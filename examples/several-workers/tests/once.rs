//! The program, on each store that there is.

#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test says what went wrong by panicking"
)]

use std::process::Command;

use countersign_tests::servers::Redis;

/// Plays it, and yields what it printed.
fn play(redis: Option<&str>) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_several-workers"));
    program.env_remove("REDIS_URL").env_remove("EVENTS");
    program.envs(redis.map(|url| ("REDIS_URL", url)));
    let output = program.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

fn ran_once(printed: &str) {
    let count = |text| printed.lines().filter(|line| line.contains(text)).count();
    assert_eq!(count("is booked"), 1, "{printed}");
    assert_eq!(count("it ran here"), 1, "{printed}");
    // A duplicate waits two seconds for the run that is in progress, and this one takes no time.
    assert_eq!(count("duplicate"), 2, "{printed}");
}

#[test]
fn in_one_file() {
    ran_once(&play(None));
}

#[test]
fn in_redis() {
    // A server of this test's own, where there is the program.
    if let Some(redis) = Redis::start() {
        ran_once(&play(Some(&redis.url())));
    }
}
