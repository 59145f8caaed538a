//! The public suite, on a server and on a cluster.

use countersign_testkit::{Contest, conformance};
use countersign_tests::servers::Redis;

use super::cluster::Cluster;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn the_suite() {
    let Some(server) = Redis::start() else { return };
    let report = conformance(async || open(&server), tokio::time::sleep).await;
    println!("{report}");
    report.assert_all_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_clones() {
    let Some(server) = Redis::start() else { return };
    let store = open(&server);
    conformance(async || store.clone(), tokio::time::sleep)
        .await
        .assert_all_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_on_a_cluster() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let report = conformance(async || cluster.store(), tokio::time::sleep).await;
    println!("{report}");
    report.assert_all_held();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes() {
    if let Some(part) = Contest::part() {
        let store = patient(RedisStore::open(part.place()).unwrap());
        return part.play(&store, tokio::time::sleep).await;
    }
    let Some(server) = Redis::start() else { return };
    let tally = Contest::hold("redis::suite::several_processes", &server.url(), 4);
    tally.unwrap().assert_fair();
}
