//! Everything at once, by a seed: two workers, sixteen senders, and a provider that repeats itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::deliveries::{event, forged, shop};
use crate::site::{Runs, Site, panics};
use crate::stage::Stage;

const EVENTS: usize = 3000;
const DELIVERIES: usize = 10_000;
const SENDERS: usize = 16;

/// What a handler's run came to.
#[derive(Default)]
struct Ledger {
    runs: HashMap<String, Vec<bool>>,
    /// Events that run now.
    running: HashMap<String, usize>,
    overlaps: usize,
}

/// The invariants of `docs/reliability.md`, over more deliveries than anybody reads.
pub fn deliveries(stage: &Stage) {
    let seed = match std::env::var("COUNTERSIGN_SEED") {
        Ok(seed) => seed.parse().expect("a number"),
        Err(_) => seed_of_today(),
    };
    println!("COUNTERSIGN_SEED={seed} {stage:?}");
    let store = stage.store();
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let (runs, number) = (Runs::default(), Arc::new(AtomicUsize::new(0)));
    let noted = ledger.clone();
    let handler = runs.handler(move |delivery| {
        let id = delivery.events().next().expect("an event").id().to_owned();
        let number = number.fetch_add(1, Ordering::Relaxed) as u64;
        let mut random = SmallRng::seed_from_u64(seed ^ number);
        let ledger = noted.clone();
        {
            let mut ledger = ledger.lock().unwrap();
            let now = ledger.running.entry(id.clone()).or_default();
            *now += 1;
            let overlaps = usize::from(*now > 1);
            ledger.overlaps += overlaps;
        }
        async move {
            let fate: f64 = random.random();
            if fate < 0.5 {
                tokio::task::yield_now().await;
            } else if fate < 0.6 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let outcome: f64 = random.random();
            {
                let mut ledger = ledger.lock().unwrap();
                *ledger.running.get_mut(&id).unwrap() -= 1;
                ledger.runs.entry(id).or_default().push(outcome >= 0.11);
            }
            if outcome < 0.01 {
                panics::intended();
            }
            if outcome < 0.11 { 500 } else { 201 }
        }
    });
    let worker = || shop().with_store(store.clone());
    let sites = [
        Site::new(stage.framework, worker(), handler.clone()),
        Site::new(stage.framework, worker(), handler),
    ];

    // Each event at least once; which of them come again is left to chance.
    let mut random = SmallRng::seed_from_u64(seed);
    let mut plan: Vec<usize> = (0..EVENTS).collect();
    plan.extend((EVENTS..DELIVERIES).map(|_| random.random_range(0..EVENTS)));
    // Those that come at once stand near each other.
    let mut chunks: Vec<Vec<usize>> = Vec::new();
    plan.shuffle(&mut random);
    for chunk in plan.chunks(10) {
        let mut chunk = chunk.to_vec();
        let again = chunk[0];
        chunk.extend(std::iter::repeat_n(again, random.random_range(0..3)));
        chunks.push(chunk);
    }
    let plan: Vec<usize> = chunks.concat();
    let next = AtomicUsize::new(0);
    let answered = Mutex::new(HashMap::<usize, Vec<u16>>::new());
    let surprises = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (plan, next, sites) = (&plan, &next, &sites);
            let (answered, surprises) = (&answered, &surprises);
            scope.spawn(move || {
                let mut random = SmallRng::seed_from_u64(seed ^ (1 << 40) ^ sender as u64);
                let mut open = [sites[0].connect(), sites[1].connect()];
                while let Some(number) = plan.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let to = random.random_range(0..2);
                    let kind: f64 = random.random();
                    let id = format!("e{number}");
                    if kind < 0.02 {
                        let status = open[to].send(&forged(&id)).status;
                        if status != 401 {
                            surprises.lock().unwrap().push((id, status));
                        }
                    } else if kind < 0.04 {
                        // It hangs up; whatever became of it, the event comes again in the end.
                        open[to].start(&event(&id));
                        let gone = std::mem::replace(&mut open[to], sites[to].connect());
                        if kind < 0.03 {
                            gone.reset()
                        } else {
                            gone.close()
                        }
                    } else {
                        let status = open[to].send(&event(&id)).status;
                        // A store that is slow on a busy machine is a 503.
                        if ![200, 201, 409, 500, 503].contains(&status) {
                            surprises.lock().unwrap().push((id, status));
                        }
                        answered
                            .lock()
                            .unwrap()
                            .entry(*number)
                            .or_default()
                            .push(status);
                    }
                }
            });
        }
    });
    // The provider goes on until it has heard a 2xx for each.
    let mut sender = sites[0].connect();
    for number in 0..EVENTS {
        let mut tries = 0;
        loop {
            let status = sender.send(&event(&format!("e{number}"))).status;
            answered
                .lock()
                .unwrap()
                .entry(number)
                .or_default()
                .push(status);
            if (200..300).contains(&status) {
                break;
            }
            tries += 1;
            assert!(tries < 100, "seed {seed}: e{number} is lost");
        }
    }

    let surprises = surprises.into_inner().unwrap();
    assert!(surprises.is_empty(), "seed {seed}: {surprises:?}");
    let ledger = ledger.lock().unwrap();
    assert_eq!(
        ledger.overlaps, 0,
        "seed {seed}: runs of one event overlapped"
    );
    for number in 0..EVENTS {
        let runs = ledger.runs.get(&format!("e{number}"));
        let successes = runs
            .into_iter()
            .flatten()
            .filter(|success| **success)
            .count();
        assert_eq!(successes, 1, "seed {seed}: e{number} ran {runs:?}");
    }
    // Whose own 2xx was lost on the way heard of a duplicate: nobody heard 201 twice.
    for (number, statuses) in answered.into_inner().unwrap() {
        let own = statuses.iter().filter(|status| **status == 201).count();
        assert!(own <= 1, "seed {seed}: e{number} {statuses:?}");
    }
    assert_eq!(store.held(), (0, EVENTS), "seed {seed}");
}

/// Another one each day, and the same within a run.
fn seed_of_today() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("after 1970").as_secs() / 86_400
}
