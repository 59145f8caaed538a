//! Claims.

use std::time::Duration;

use countersign::{Claim, DedupeStore, Token};
use futures_util::future::join_all;

use super::bench::{Bench, LONG, SHORT, answered, given_up};
use super::report::{Checked, broken};

pub(super) async fn acquired<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    bench.acquires(&[bench.key("a")?], Token::random()).await
}

pub(super) async fn in_progress<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (key, token) = ([bench.key("a")?], Token::random());
    bench.acquires(&key, token).await?;
    for _ in 0..3 {
        bench.are_held(&key).await?;
    }
    Ok(())
}

pub(super) async fn repeated<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (key, token) = ([bench.key("a")?], Token::random());
    bench.claim_for(&key, token, SHORT).await?;
    bench.acquires(&key, token).await?;
    bench.pass(SHORT * 2).await;
    bench.are_held(&key).await
}

pub(super) async fn race<S: DedupeStore>(bench: &Bench<'_, S, impl AsyncFn(Duration)>) -> Checked {
    for round in 0..10 {
        let key = bench.key(&format!("round {round}"))?;
        let claims = (0..64).map(|worker| {
            let store = bench.store(worker).clone();
            tokio::spawn(async move { store.claim(&[key], Token::random(), LONG).await })
        });
        let mut won = 0;
        for claim in join_all(claims).await {
            let Ok(claim) = claim else {
                return broken("a claim panicked");
            };
            match answered("a claim", claim)? {
                Claim::Acquired(_) => won += 1,
                Claim::InProgress { .. } => {}
                Claim::Committed { .. } => return broken("committed, and nobody did that"),
            }
        }
        if won != 1 {
            return broken(format!("{won} of 64 acquired it"));
        }
    }
    Ok(())
}

async fn given_up_after<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
    polls: usize,
) -> Checked<bool> {
    let (key, token) = (bench.key(&format!("{polls} polls"))?, Token::random());
    let answered = given_up(polls, bench.store(1).claim(&[key], token, LONG)).await;
    // Whether it was carried out or will be: it is the same token's.
    bench.acquires(&[key], token).await?;
    bench.are_held(&[key]).await?;
    // The store may still have it before it; then the release is repeated, as the receiver does.
    bench.release(&[key], token).await?;
    for _ in 0..100 {
        let other = Token::random();
        if let Claim::Acquired(_) = bench.claim(&[key], other).await? {
            bench.release(&[key], other).await?;
            return Ok(answered);
        }
        bench.pass(SHORT / 10).await;
        bench.release(&[key], token).await?;
    }
    broken(format!("after {polls} polls, releases did not free it"))
}

pub(super) async fn given_up_early<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    for polls in 0..20 {
        if given_up_after(bench, polls).await? {
            break;
        }
    }
    Ok(())
}

pub(super) async fn endpoints<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let live = [bench.key_of("live", "a")?];
    let sandbox = [bench.key_of("sandbox", "a")?];
    let token = Token::random();
    bench.acquires(&live, token).await?;
    bench.are_free(&sandbox).await?;
    bench.commit(&live, token).await?;
    bench.are_free(&sandbox).await
}
