//! Claims in the handler's own transaction, through both adapters and on real databases.

mod killed;
mod shop;
mod site;
mod suite;

use std::time::Duration;

use countersign::{Claim, DedupeStore, Token, TransactionStore, provider};
use countersign_tests::servers::Postgres;
use tokio::time::{Instant, sleep, timeout};

use self::shop::Shop;
use self::site::{Deed, Framework, Gate, PATIENCE, Site, receiver};
use crate::keys::key;

/// Long enough for whoever does not wait to be done.
const A_WHILE: Duration = Duration::from_millis(300);

const FRAMEWORKS: [Framework; 2] = [Framework::Axum, Framework::ActixWeb];

/// Plays a scene through each framework on each kind of database.
async fn on_each(scene: impl AsyncFn(&Site)) {
    for framework in FRAMEWORKS {
        for (shop, _ground) in Shop::each().await {
            println!("{framework:?}, {}", shop.is_on_server());
            scene(&Site::new(framework, &shop).await).await;
        }
    }
}

/// The same for batches.
async fn on_each_bank(scene: impl AsyncFn(&Site)) {
    for framework in FRAMEWORKS {
        for (shop, _ground) in Shop::each().await {
            println!("{framework:?}, {}", shop.is_on_server());
            let receiver = shop.receiver(receiver(&provider::banking_circle()));
            scene(&Site::behind(framework, &shop, receiver).await).await;
        }
    }
}

#[actix_web::test]
async fn an_event_is_booked_once() {
    on_each(async |site| {
        assert_eq!(site.event("a").await, "200");
        assert_eq!(site.event("a").await, "200 duplicate");
        assert_eq!(site.shop.booked().await, ["a"]);
        assert_eq!(site.log.take(), ["delivered", "duplicate"]);
    })
    .await;
}

#[actix_web::test]
async fn of_20_at_once_one_is_booked_and_all_are_acknowledged() {
    on_each(async |site| {
        let sent = futures_util::future::join_all((0..20).map(|_| site.event("a")));
        let answers = sent.await;
        let (own, others): (Vec<&String>, Vec<&String>) =
            answers.iter().partition(|answer| **answer == "200");
        assert_eq!(own.len(), 1, "{answers:?}");
        assert!(others.iter().all(|answer| **answer == "200 duplicate"));
        assert_eq!(site.shop.booked().await, ["a"]);
    })
    .await;
}

/// Before the commit neither work nor claim is to be seen; the second delivery waits.
#[actix_web::test]
async fn s17_a_second_delivery_waits_and_is_a_duplicate_or_wins() {
    for first in [Deed::Holds, Deed::HoldsAndDrops] {
        on_each(async |site| {
            let gate = Gate::new();
            site.deeds.then(first(gate.clone()));
            let deliver = actix_web::rt::spawn(site.event("a"));
            gate.reached().await;
            assert_eq!(site.shop.booked().await, [""; 0]);
            assert!(!site.shop.has_claims(&[key("a")]).await);

            let mut second = actix_web::rt::spawn(site.event("a"));
            let early = timeout(A_WHILE, &mut second).await;
            assert!(early.is_err(), "it did not wait: {early:?}");
            gate.open();
            let (first_answer, second) = (deliver.await.unwrap(), second.await.unwrap());
            let drops = matches!(first(gate), Deed::HoldsAndDrops(_));
            // The other may have committed before the database is asked what became of this one.
            let expected: &[&str] = if drops { &["500", "200"] } else { &["200"] };
            assert!(expected.contains(&&*first_answer), "{first_answer}");
            assert_eq!(second, if drops { "200" } else { "200 duplicate" });
            assert_eq!(site.shop.booked().await, ["a"]);
            assert!(site.shop.has_claims(&[key("a")]).await);
        })
        .await;
    }
}

#[actix_web::test]
async fn s27_a_success_without_its_transaction_is_not_acknowledged() {
    for deed in [Deed::Drops, Deed::ForgetsToClaim] {
        on_each(async |site| {
            site.deeds.then(deed.clone());
            assert_eq!(site.event("a").await, "500");
            assert_eq!(site.log.take(), ["transaction_not_committed"]);
            assert_eq!(site.event("a").await, "200");
            assert_eq!(site.shop.booked().await, ["a"]);
        })
        .await;
    }
}

#[actix_web::test]
async fn s28_what_is_committed_is_a_duplicate_though_the_handler_failed() {
    for deed in [Deed::CommitsAndFails, Deed::CommitsAndPanics] {
        on_each(async |site| {
            site.deeds.then(deed.clone());
            assert_eq!(site.event("a").await, "500");
            assert_eq!(site.event("a").await, "200 duplicate");
            assert_eq!(site.log.take(), ["handler_failed", "duplicate"]);
            assert_eq!(site.shop.booked().await, ["a"]);
        })
        .await;
    }
}

#[actix_web::test]
async fn of_a_batch_only_what_is_fresh_is_booked() {
    on_each_bank(async |site| {
        assert_eq!(site.batch(&["b", "d"]).await, "200");
        assert_eq!(site.batch(&["d", "c", "b", "a"]).await, "200");
        assert_eq!(site.shop.booked().await, ["a", "b", "c", "d"]);
        assert_eq!(site.batch(&["a", "c"]).await, "200 duplicate");
    })
    .await;
}

/// Each waits for the other at the first event that both bring, whatever the order in the delivery.
#[actix_web::test]
async fn s32_batches_that_overlap_do_not_deadlock() {
    on_each_bank(async |site| {
        for round in 0..5 {
            let ids = ["a", "b", "c"].map(|id| format!("{id}{round}"));
            let ids = ids.each_ref().map(String::as_str);
            let (ab, ba, bc) = ([ids[0], ids[1]], [ids[1], ids[0]], [ids[1], ids[2]]);
            let sent = [site.batch(&ab), site.batch(&ba), site.batch(&bc)];
            for answer in futures_util::future::join_all(sent).await {
                assert!(answer.starts_with("200"), "{answer}");
            }
            assert_eq!(site.shop.booked().await.len(), 3 * (round + 1));
        }
    })
    .await;
}

/// A connection that nobody drops and nobody uses, as of a client that vanished behind a firewall: the
/// server ends it after `max_run`.
#[actix_web::test]
async fn a_vanished_client_holds_an_event_for_max_run_only() {
    for framework in FRAMEWORKS {
        for (shop, _ground) in Shop::each().await {
            if !shop.is_on_server() {
                continue;
            }
            let max_run = Duration::from_millis(1000);
            let receiver = shop.receiver(receiver(&provider::fedapay()));
            let receiver = receiver.with_deadlines(max_run, max_run).unwrap();
            let site = Site::behind(framework, &shop, receiver).await;
            site.deeds.then(Deed::Leaks);
            assert_eq!(site.event("a").await, "500");
            // A retry waits for the lock, for no longer than its own answer deadline.
            let start = Instant::now();
            while !site.event("a").await.starts_with("200") {
                assert!(start.elapsed() < 20 * max_run, "it is still held");
            }
            assert_eq!(shop.booked().await, ["a"]);
        }
    }
}

#[actix_web::test]
async fn a_receiver_with_leases_is_told_that_nobody_would_ask() {
    for framework in FRAMEWORKS {
        for (shop, _ground) in Shop::each().await {
            let receiver = shop.leasing(receiver(&provider::fedapay()));
            let site = Site::behind(framework, &shop, receiver).await;
            assert_eq!(site.event("a").await, "500");
            assert_eq!(site.log.take(), ["handler_failed"]);
            assert_eq!(shop.booked().await, [""; 0]);
        }
    }
}

/// Two receivers of one endpoint, one of them of an older configuration: neither runs beside the other.
#[actix_web::test]
async fn a_lease_of_another_receiver_is_respected() {
    on_each(async |site| {
        async fn play<S: DedupeStore + TransactionStore>(site: &Site, store: &S) {
            let keys = [key("a")];
            let (token, lease) = (Token::random(), Duration::from_secs(60));
            let claim = store.claim(&keys, token, lease).await.unwrap();
            assert!(matches!(claim, Claim::Acquired(_)));
            assert!(store.committed(&keys).await.unwrap().keys.is_empty());
            assert_eq!(site.event("a").await, "500");
            // It has failed, and not merely claimed nothing.
            assert_eq!(site.log.take(), ["handler_failed"]);
            store.release(&keys, token).await.unwrap();
            assert_eq!(site.event("a").await, "200");
            let claim = store.claim(&keys, token, lease).await.unwrap();
            assert!(matches!(claim, Claim::Committed { .. }));
        }
        match &site.shop {
            Shop::Postgres { store, .. } => play(site, store).await,
            Shop::Sqlite { store, .. } => play(site, store).await,
        }
        assert_eq!(site.shop.booked().await, ["a"]);
    })
    .await;
}

/// One event of a batch is in progress elsewhere, and the handler commits what it has nevertheless: none of
/// the others is done without its effects.
#[actix_web::test]
async fn a_claim_that_failed_leaves_nothing_to_commit() {
    on_each_bank(async |site| {
        let (token, lease) = (Token::random(), Duration::from_secs(60));
        let held = [site.batch_key("b")];
        match &site.shop {
            Shop::Postgres { store, .. } => store.claim(&held, token, lease).await,
            Shop::Sqlite { store, .. } => store.claim(&held, token, lease).await,
        }
        .unwrap();
        site.deeds.then(Deed::CommitsInSpiteOfAnError);
        assert_eq!(site.batch(&["a", "b", "c"]).await, "500");
        for id in ["a", "b", "c"] {
            assert!(!site.shop.has_claims(&[site.batch_key(id)]).await, "{id}");
        }
        match &site.shop {
            Shop::Postgres { store, .. } => store.release(&held, token).await,
            Shop::Sqlite { store, .. } => store.release(&held, token).await,
        }
        .unwrap();
        assert_eq!(site.batch(&["a", "b", "c"]).await, "200");
        assert_eq!(site.shop.booked().await, ["a", "b", "c"]);
    })
    .await;
}

/// The handler has committed, and the server is gone before it is asked.
#[actix_web::test]
async fn a_server_that_dies_behind_the_commit_is_a_503_and_the_retry_a_duplicate() {
    for framework in FRAMEWORKS {
        let Some(mut server) = Postgres::start() else {
            return;
        };
        let database = server.new_database();
        let shop = Shop::on_server(&database.url, Duration::from_secs(2)).await;
        let site = Site::new(framework, &shop).await;
        let gate = Gate::new();
        site.deeds.then(Deed::CommitsAndHolds(gate.clone()));
        let sent = actix_web::rt::spawn(site.event("a"));
        gate.reached().await;
        server.process().kill();
        gate.open();
        assert_eq!(sent.await.unwrap(), "503");
        assert_eq!(site.log.take(), ["store_unavailable"]);
        assert_eq!(site.event("a").await, "503");
        server.restart();
        while site.event("a").await == "503" {
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(site.event("a").await, "200 duplicate");
        assert_eq!(shop.booked().await, ["a"]);
    }
}

/// It is killed with the transaction open: nothing of it is there afterwards.
#[actix_web::test]
async fn s17_a_server_that_dies_before_the_commit_has_done_nothing() {
    let Some(mut server) = Postgres::start() else {
        return;
    };
    let database = server.new_database();
    let shop = Shop::on_server(&database.url, PATIENCE).await;
    let site = Site::new(Framework::Axum, &shop).await;
    let gate = Gate::new();
    site.deeds.then(Deed::Holds(gate.clone()));
    let sent = actix_web::rt::spawn(site.event("a"));
    gate.reached().await;
    server.process().kill();
    server.restart();
    gate.open();
    assert_eq!(sent.await.unwrap(), "500");
    assert_eq!(shop.booked().await, [""; 0]);
    assert!(!shop.has_claims(&[key("a")]).await);
    assert_eq!(site.event("a").await, "200");
    assert_eq!(shop.booked().await, ["a"]);
}
