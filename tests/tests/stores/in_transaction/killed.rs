//! A worker that is killed with its transaction open.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use countersign_tests::servers::Process;

use super::shop::Shop;
use super::site::{Deed, Framework, Gate, Site};
use crate::keys::key;

const SHOP: &str = "COUNTERSIGN_SHOP";
const HOLDS: &str = "the worker holds its event";

/// The worker's own side. It is no test unless the one below began it.
#[actix_web::test]
async fn worker() {
    let Ok(url) = std::env::var(SHOP) else {
        return;
    };
    let site = Site::new(Framework::Axum, &Shop::at(&url).await).await;
    let gate = Gate::new();
    site.deeds.then(Deed::Holds(gate.clone()));
    let _sent = actix_web::rt::spawn(site.event("a"));
    gate.reached().await;
    println!("{HOLDS}");
    std::future::pending().await
}

#[actix_web::test]
async fn s17_a_worker_that_is_killed_before_the_commit_has_done_nothing() {
    for (shop, ground) in Shop::each().await {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["in_transaction::killed::worker", "--exact", "--nocapture"])
            .env(SHOP, ground.url())
            .stdout(Stdio::piped());
        let mut process = Process::start(&mut command);
        let printed = BufReader::new(process.stdout().unwrap());
        let mut lines = printed.lines().map_while(Result::ok);
        // Behind what the test harness writes without an end of line.
        assert!(lines.any(|line| line.ends_with(HOLDS)));
        process.kill();

        assert_eq!(shop.booked().await, [""; 0]);
        assert!(!shop.has_claims(&[key("a")]).await);
        let site = Site::new(Framework::Axum, &shop).await;
        assert_eq!(site.event("a").await, "200");
        assert_eq!(site.event("a").await, "200 duplicate");
        assert_eq!(shop.booked().await, ["a"]);
    }
}
