//! Processes that share a file, and that are killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use countersign::{Claim, DedupeStore, Token, TransactionStore};
use countersign_sqlx::SqliteStore;
use countersign_tests::servers::Process;

use super::{File, LEASE};
use crate::keys::key;

/// Where a process that a test begins finds the file.
const FILE: &str = "COUNTERSIGN_TEST_FILE";

/// Begins this test of this binary again, in a process of its own.
fn again(test: &str, file: &File) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            &format!("sqlite::processes::{test}"),
            "--exact",
            "--nocapture",
        ])
        .env(FILE, file.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    Process::start(&mut command)
}

fn file_of_the_other() -> Option<SqliteStore> {
    std::env::var_os(FILE).map(super::open)
}

/// What it prints, as it prints it.
fn lines(process: &mut Process) -> impl Iterator<Item = String> + use<> {
    let output = BufReader::new(process.stdout().unwrap());
    // Behind what the harness prints in front of it.
    output.lines().map_while(Result::ok).filter_map(|line| {
        let (_, said) = line.split_once("said: ")?;
        Some(said.to_owned())
    })
}

/// The process's own memory is no part of it: what was answered is in the file.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_outlives_kill_9() {
    if let Some(store) = file_of_the_other() {
        for n in 0.. {
            let (keys, token) = ([key(&n.to_string())], Token::random());
            store.claim(&keys, token, LEASE).await.unwrap();
            store.commit(&keys, token, LEASE).await.unwrap();
            println!("said: {n}");
        }
    }
    let file = File::new();
    for round in 1..=3 {
        let mut process = again("what_was_committed_outlives_kill_9", &file);
        let last = lines(&mut process).nth(50 * round).unwrap();
        process.kill();
        let store = file.store();
        for n in 0..=last.parse::<usize>().unwrap() {
            let keys = [key(&n.to_string())];
            let committed = store.committed(&keys).await.unwrap();
            assert_eq!(committed.keys, keys, "{n} in round {round}");
        }
    }
}

/// S6.
#[tokio::test(flavor = "multi_thread")]
async fn s06_what_a_killed_process_held_is_free_after_its_lease() {
    const SHORT: Duration = Duration::from_secs(2);
    if let Some(store) = file_of_the_other() {
        store
            .claim(&[key("a")], Token::random(), SHORT)
            .await
            .unwrap();
        println!("said: claimed");
        std::future::pending::<()>().await;
    }
    let file = File::new();
    let mut process = again(
        "s06_what_a_killed_process_held_is_free_after_its_lease",
        &file,
    );
    assert_eq!(lines(&mut process).next().unwrap(), "claimed");
    process.kill();
    let (store, start) = (file.store(), Instant::now());
    let claim = store.claim(&[key("a")], Token::random(), LEASE).await;
    match claim.unwrap() {
        Claim::InProgress { retry_after } => assert!(retry_after.unwrap() <= SHORT),
        other => panic!("{other:?}"),
    }
    loop {
        let claim = store.claim(&[key("a")], Token::random(), LEASE).await;
        if let Claim::Acquired(_) = claim.unwrap() {
            break;
        }
        assert!(start.elapsed() < 5 * SHORT);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A process that is stopped in the middle of writing, with the file locked.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_process_has_locked_is_waited_for_within_the_timeout() {
    let file = File::new();
    let store = file.store().with_timeout(Duration::from_millis(300));
    store.migrate().await.unwrap();
    let (keys, token) = ([key("a")], Token::random());

    let other = sqlx::SqlitePool::connect(&file.url()).await.unwrap();
    let held = other.begin_with("begin immediate").await.unwrap();
    let start = Instant::now();
    assert!(store.claim(&keys, token, LEASE).await.is_err());
    assert!(store.commit(&keys, token, LEASE).await.is_err());
    assert!(start.elapsed() < Duration::from_secs(3));
    // Who only reads does not wait.
    assert!(store.committed(&keys).await.unwrap().keys.is_empty());
    held.rollback().await.unwrap();
    let claim = store.claim(&keys, token, LEASE).await.unwrap();
    assert!(matches!(claim, Claim::Acquired(_)));
}
