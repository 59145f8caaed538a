//! A cluster of three servers, each with a third of the slots.

use std::collections::BTreeSet;
use std::time::Instant;

use countersign::{Commit, DedupeStore, Renewal, Token};
use countersign_tests::servers::Redis;
use redis::cluster::{ClusterClient, ClusterConnection};

use super::*;
use crate::keys::{batch, key, sorted};

pub struct Cluster([Redis; 3]);

impl Cluster {
    pub fn start() -> Option<Cluster> {
        let node = || {
            Redis::with(&[
                "--cluster-enabled",
                "yes",
                "--cluster-require-full-coverage",
                "no",
                "--cluster-node-timeout",
                "60000",
            ])
        };
        let nodes = [node()?, node()?, node()?];
        for (node, slots) in
            nodes
                .iter()
                .zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]])
        {
            let _: () = asked(node, &["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
            let port = node.address().port().to_string();
            let _: () = asked(&nodes[0], &["CLUSTER", "MEET", "127.0.0.1", &port]);
        }
        let cluster = Cluster(nodes);
        for node in &cluster.0 {
            let is_whole = || {
                let info: String = asked(node, &["CLUSTER", "INFO"]);
                let slots: String =
                    format!("{:?}", asked::<redis::Value>(node, &["CLUSTER", "SLOTS"]));
                let knows =
                    |node: &Redis| slots.contains(&format!("int({})", node.address().port()));
                info.contains("cluster_state:ok") && cluster.0.iter().all(knows)
            };
            until("a whole cluster", is_whole);
        }
        Some(cluster)
    }

    fn client(&self) -> ClusterClient {
        ClusterClient::new(self.0.iter().map(Redis::url)).unwrap()
    }

    pub fn store(&self) -> RedisStore {
        patient(RedisStore::new(self.client()).unwrap())
    }

    fn look(&self) -> ClusterConnection {
        self.client().get_connection().unwrap()
    }

    fn entries(&self) -> usize {
        let sizes = self.0.iter().map(|node| asked::<usize>(node, &["DBSIZE"]));
        sizes.sum()
    }
}

/// On how many of the servers there is one.
fn nodes_with_entries(cluster: &Cluster) -> usize {
    let sizes = cluster
        .0
        .iter()
        .map(|node| asked::<usize>(node, &["DBSIZE"]));
    sizes.filter(|size| *size > 0).count()
}

#[tokio::test]
async fn a_batch_over_all_servers_is_claimed_whole() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let (store, token, keys) = (cluster.store(), Token::random(), batch("event", 50));
    assert_eq!(claim(&store, &keys, token).await, acquired(&keys));
    assert_eq!((cluster.entries(), nodes_with_entries(&cluster)), (50, 3));
    assert_eq!(renew(&store, &keys, token).await, Renewal::Renewed);
    assert_eq!(commit(&store, &keys[..20], token).await, Commit::Landed);
    release(&store, &keys, token).await;
    assert_eq!(cluster.entries(), 20);
    assert_eq!(
        claim(&store, &keys, Token::random()).await,
        acquired(&keys[20..])
    );
    assert_eq!(commit(&store, &keys, token).await, Commit::LostLease);
    assert_eq!(claim(&store, &keys, token).await, committed());
    assert_eq!(store.check().await.unwrap(), []);
}

#[tokio::test]
async fn a_batch_that_is_refused_anywhere_leaves_nothing_claimed() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let (store, keys) = (cluster.store(), batch("event", 30));
    for held in &keys {
        let other = Token::random();
        claim(&store, &[*held], other).await;
        left(&store, &keys).await;
        assert_eq!(cluster.entries(), 1);
        release(&store, &[*held], other).await;
        assert_eq!(cluster.entries(), 0);
    }
}

/// A first try whose answer was lost has claimed what comes before the refusal: nobody would release it
/// before its lease ends.
#[tokio::test]
async fn a_refused_batch_leaves_nothing_of_a_try_before() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let (store, keys) = (cluster.store(), batch("event", 30));
    let slots: Vec<u16> = {
        let mut look = cluster.look();
        let mut slot = |key| {
            redis::cmd("CLUSTER")
                .arg("KEYSLOT")
                .arg(id(key))
                .query(&mut look)
                .unwrap()
        };
        keys.iter().map(&mut slot).collect()
    };
    let last = keys[(0..30).max_by_key(|n| slots[*n]).unwrap()];
    let before = sorted(keys.iter().copied().filter(|key| *key != last));
    let (mine, other) = (Token::random(), Token::random());
    claim(&store, &[last], other).await;
    assert_eq!(claim(&store, &before, mine).await, acquired(&before));
    let refused = store.claim(&keys, mine, LEASE).await.unwrap();
    assert!(matches!(refused, Claim::InProgress { .. }));
    // The winner's is left alone, and is committed by it.
    assert_eq!(cluster.entries(), 1);
    assert_eq!(commit(&store, &[last], other).await, Commit::Landed);
}

#[tokio::test]
async fn a_part_that_is_full_leaves_nothing_claimed() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let (store, keys) = (cluster.store(), batch("event", 30));
    let _: () = asked(&cluster.0[2], &["CONFIG", "SET", "maxmemory", "1"]);
    let refused = store
        .claim(&keys, Token::random(), LEASE)
        .await
        .unwrap_err();
    assert!(refused.is_full(), "{refused:?}");
    assert_eq!(cluster.entries(), 0);
}

/// Two that want each other's ids: one of them gets all, at the first try.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn batches_that_overlap_do_not_refuse_each_other() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let stores = [cluster.store(), cluster.store()];
    for store in &stores {
        // It takes a batch to find out that it is a cluster.
        let warm_up = batch("warm up", 20);
        store.claim(&warm_up, Token::random(), LEASE).await.unwrap();
    }
    for round in 0..50 {
        let keys = batch(&format!("{round}"), 20);
        let tries: Vec<_> = stores
            .iter()
            .map(|store| {
                let (store, keys) = (store.clone(), keys.clone());
                tokio::spawn(async move { claim(&store, &keys, Token::random()).await })
            })
            .collect();
        let mut won = 0;
        for one in tries {
            won += usize::from(one.await.unwrap() == acquired(&keys));
        }
        assert_eq!(won, 1);
    }
}

#[tokio::test]
async fn a_prefix_with_a_hash_tag_keeps_a_batch_together() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let store = cluster.store().with_prefix("{countersign}:");
    let keys = batch("event", 100);
    let token = Token::random();
    assert_eq!(claim(&store, &keys, token).await, acquired(&keys));
    assert_eq!(nodes_with_entries(&cluster), 1);
    let calls: usize = cluster
        .0
        .iter()
        .map(|node| {
            let stats: String = asked(node, &["INFO", "commandstats"]);
            let stat = stats
                .lines()
                .find_map(|line| line.strip_prefix("cmdstat_eval:calls="));
            stat.map_or(0, |stat| {
                stat.split(',').next().unwrap().parse::<usize>().unwrap()
            })
        })
        .sum();
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn a_batch_of_1000_over_as_many_slots() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let (store, token, keys) = (cluster.store(), Token::random(), batch("event", 1000));
    let slots: BTreeSet<u16> = {
        let mut look = cluster.look();
        let slot = |key| {
            redis::cmd("CLUSTER")
                .arg("KEYSLOT")
                .arg(id(key))
                .query(&mut look)
                .unwrap()
        };
        keys.iter().map(slot).collect()
    };
    assert!(slots.len() > 900);
    assert_eq!(claim(&store, &keys, token).await, acquired(&keys));
    assert_eq!(commit(&store, &keys, token).await, Commit::Landed);
    assert_eq!(claim(&store, &keys, Token::random()).await, committed());
}

#[tokio::test]
async fn a_frozen_server_fails_in_time_and_one_that_is_back_is_found() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let (store, keys) = (cluster.store(), batch("event", 30));
    commit(&store, &batch("before", 30), Token::random()).await;
    cluster.0[1].process().freeze();
    let (start, token) = (Instant::now(), Token::random());
    assert!(hasty(&store).claim(&keys, token, LEASE).await.is_err());
    assert!(start.elapsed() < SOON);
    cluster.0[1].process().thaw();
    assert_eq!(until_claimed(&store, &keys, token).await, acquired(&keys));
}

#[tokio::test]
async fn it_is_made_while_the_servers_are_down_and_works_when_they_come() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    let store = cluster.store();
    for node in &mut cluster.0 {
        node.process().kill();
    }
    let start = Instant::now();
    assert!(
        store
            .claim(&[key("event")], Token::random(), LEASE)
            .await
            .is_err()
    );
    assert!(start.elapsed() < SOON);
    for node in &mut cluster.0 {
        node.restart();
    }
    let (token, keys) = (Token::random(), batch("event", 30));
    assert_eq!(until_claimed(&store, &keys, token).await, acquired(&keys));
}
