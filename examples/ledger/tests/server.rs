//! The built server, killed in the middle of its work.

#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "for tests")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use countersign::Secret;
use countersign::provider::fedapay;
use countersign_testkit::{OverHttp, Signer, Target};
use countersign_tests::servers::Process;
use futures_util::future::join_all;

const SECRET: &str = "wh_live_0123456789abcdef";
const PAYMENTS: usize = 200;

/// The server, and where it listens.
fn start(database: &str) -> (Process, OverHttp) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
    command
        .env("FEDAPAY_SECRET", SECRET)
        .env("DATABASE_URL", database)
        .env("BIND", "127.0.0.1:0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut process = Process::start(&mut command);
    let mut line = String::new();
    let stdout = process.stdout().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let Some((_, base)) = line.trim().split_once("listening on ") else {
        panic!("it said {line:?}");
    };
    let base = base.to_owned();
    (process, OverHttp::new(base))
}

/// Delivers a payment of 1; the status, or nothing if nobody answered.
async fn pay(server: &OverHttp, number: usize) -> Option<u16> {
    let secret = Secret::new(SECRET).unwrap();
    let body = format!(
        r#"{{"id":"evt_{number}","name":"transaction.approved","object":"transaction","entity":{{"id":{number},"amount":1,"status":"approved"}}}}"#
    );
    let signer = Signer::new(&fedapay(), &secret).unwrap();
    let signed = signer.sign(body, SystemTime::now().into()).unwrap();
    let answer = server.deliver(signed.to("/webhooks/fedapay")).await;
    answer.ok().map(|answer| answer.status().as_u16())
}

async fn balance(server: &OverHttp) -> String {
    let request = http::Request::get("/").body(Default::default()).unwrap();
    let answer = server.deliver(request).await.unwrap();
    String::from_utf8(answer.into_body().to_vec()).unwrap()
}

/// S17: whatever it was at, what it had acknowledged is booked, and nothing is booked twice.
#[tokio::test]
async fn killed_again_and_again() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("ledger.db");
    let database = &format!("sqlite://{}", file.display());
    let mut acknowledged = [false; PAYMENTS];
    for round in 0..4 {
        let (mut process, server) = start(database);
        for (chunk, known) in acknowledged.chunks_mut(20).enumerate() {
            let sent = join_all((0..20).map(|n| pay(&server, 20 * chunk + n)));
            // In the last of a round's, the server is killed while it works on all of them.
            let answers = match chunk < 2 * round {
                true => sent.await,
                false => {
                    let moment = Duration::from_millis(3 * round as u64);
                    let cut_off = tokio::time::timeout(moment, sent).await;
                    cut_off.unwrap_or_default()
                }
            };
            for (answer, known) in answers.into_iter().zip(known) {
                *known |= answer == Some(200);
            }
            if chunk == 2 * round {
                break;
            }
        }
        process.kill();
    }
    let (_process, server) = start(database);
    let known = acknowledged.iter().filter(|known| **known).count();
    let booked: usize = balance(&server)
        .await
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(
        booked >= known && known > 0,
        "{known} acknowledged, {booked} booked"
    );
    for number in 0..PAYMENTS {
        assert_eq!(pay(&server, number).await, Some(200));
    }
    let expected = format!("{PAYMENTS} entries, {PAYMENTS} in all\n");
    assert_eq!(balance(&server).await, expected);
}

#[test]
fn says_what_is_missing() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledger"));
    let output = command.env_remove("FEDAPAY_SECRET").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "Error: \"FEDAPAY_SECRET is not set\"\n");
}
