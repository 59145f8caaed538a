//! Several events in one call.

use std::time::Duration;

use countersign::{Claim, DedupeStore, Key, Lease, Token};
use futures_util::future::join_all;

use super::bench::{Bench, LONG, answered, expect, expect_acquired};
use super::report::{Checked, broken};

pub(super) async fn in_order<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let keys = bench.keys(&["a", "b", "c", "d", "e"])?;
    bench.acquires(&keys, Token::random()).await?;
    bench.are_held(&keys).await
}

pub(super) async fn whole_or_not<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let keys = bench.keys(&["a", "b", "c", "d", "e"])?;
    // Wherever the one stands that is held.
    for (at, held) in keys.iter().enumerate() {
        let token = Token::random();
        bench.acquires(&[*held], token).await?;
        let claim = bench.claim(&keys, Token::random()).await?;
        if !matches!(claim, Claim::InProgress { .. }) {
            return broken(format!("with number {at} held, a claim says {claim:?}"));
        }
        let mut others = keys.clone();
        others.remove(at);
        bench.are_free(&others).await?;
        bench.are_held(&[*held]).await?;
        bench.release(&[*held], token).await?;
    }
    Ok(())
}

pub(super) async fn partly_committed<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let keys = bench.keys(&["a", "b", "c", "d", "e"])?;
    let (mut fresh, mut done) = (Vec::new(), Vec::new());
    for (at, key) in keys.iter().enumerate() {
        if at % 2 == 0 { &mut fresh } else { &mut done }.push(*key);
    }
    bench.commit(&done, Token::random()).await?;
    let token = Token::random();
    let claim = bench.claim(&keys, token).await?;
    expect_acquired(&claim, &fresh)?;
    bench.are_committed(&done).await?;
    bench.are_held(&fresh).await?;
    bench.commit(&fresh, token).await?;
    let claim = bench.claim(&keys, Token::random()).await?;
    expect(
        "a claim",
        &claim,
        &Claim::Committed {
            differing: Vec::new(),
        },
    )
}

pub(super) async fn differing<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    bench
        .commit(&bench.keys(&["a", "b"])?, Token::random())
        .await?;
    let (changed, fresh) = (bench.changed("a")?, bench.key("c")?);
    let mut keys = [changed, bench.key("b")?, fresh];
    keys.sort_unstable();
    let (token, differing) = (Token::random(), vec![changed]);
    let claim = bench.claim(&keys, token).await?;
    let acquired = Claim::Acquired(Lease {
        fresh: vec![fresh],
        differing: differing.clone(),
    });
    expect("a claim", &claim, &acquired)?;
    bench.commit(&[fresh], token).await?;
    let claim = bench.claim(&keys, token).await?;
    expect("a claim", &claim, &Claim::Committed { differing })
}

pub(super) async fn of_1000<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let ids: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (keys, token) = (bench.keys(&ids)?, Token::random());
    bench.acquires(&keys, token).await?;
    bench.renew(&keys, token).await?;
    let (done, failed) = keys.split_at(400);
    bench.commit(done, token).await?;
    bench.release(failed, token).await?;
    let claim = bench.claim(&keys, Token::random()).await?;
    expect_acquired(&claim, failed)
}

pub(super) async fn overlapping<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    for round in 0..50 {
        let ids = ["a", "b", "c"].map(|id| format!("{id}{round}"));
        let [a, b, c] = ids.each_ref().map(String::as_str);
        let batches = [
            bench.keys(&[a, b])?,
            bench.keys(&[b, c])?,
            bench.keys(&[c, a])?,
        ];
        let claims = batches.into_iter().enumerate().map(|(worker, keys)| {
            let store = bench.store(worker).clone();
            tokio::spawn(async move { store.claim(&keys, Token::random(), LONG).await })
        });
        let mut won = 0;
        for claim in join_all(claims).await {
            let Ok(claim) = claim else {
                return broken("a claim panicked");
            };
            let claim = answered("a claim", claim)?;
            won += usize::from(matches!(claim, Claim::Acquired(_)));
        }
        // Every two of them share an event.
        if won != 1 {
            return broken(format!("{won} of three overlapping batches were acquired"));
        }
    }
    Ok(())
}

/// Each of the tasks wants all the events, by batches of its own; some runs fail at first.
pub(super) async fn at_random<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    const EVENTS: usize = 60;
    const TASKS: usize = 8;
    let ids: Vec<String> = (0..EVENTS).map(|number| number.to_string()).collect();
    let keys: Vec<Key> = ids.iter().map(|id| bench.key(id)).collect::<Checked<_>>()?;
    let tasks = (0..TASKS).map(|task| {
        let (store, keys) = (bench.store(task).clone(), keys.clone());
        tokio::spawn(async move { run_all(task, &*store, &keys).await })
    });
    let mut ran: Vec<Key> = Vec::new();
    for task in join_all(tasks).await {
        let Ok(task) = task else {
            return broken("a call panicked");
        };
        ran.extend(task?);
    }
    ran.sort_unstable();
    let mut all = keys;
    all.sort_unstable();
    match ran == all {
        true => Ok(()),
        false => broken(format!(
            "{EVENTS} events, and {} successful runs",
            ran.len()
        )),
    }
}

async fn run_all<S: DedupeStore>(task: usize, store: &S, keys: &[Key]) -> Checked<Vec<Key>> {
    let mut ran = Vec::new();
    // A size of its own, so that the batches of different tasks overlap.
    for (number, batch) in keys.chunks(task + 2).enumerate() {
        let mut batch = batch.to_vec();
        batch.sort_unstable();
        for attempt in 0.. {
            let token = Token::random();
            match answered("a claim", store.claim(&batch, token, LONG).await)? {
                Claim::Acquired(lease) if attempt == 0 && (number + task).is_multiple_of(3) => {
                    answered("a release", store.release(&lease.fresh, token).await)?;
                }
                Claim::Acquired(lease) => {
                    answered("a commit", store.commit(&lease.fresh, token, LONG).await)?;
                    ran.extend(lease.fresh);
                    break;
                }
                Claim::InProgress { .. } if attempt > 100_000 => {
                    return broken("a batch is refused without end");
                }
                Claim::InProgress { .. } => tokio::task::yield_now().await,
                Claim::Committed { .. } => break,
            }
        }
    }
    Ok(ran)
}
