//! Leases, and their renewal.

use std::time::Duration;

use countersign::{Commit, DedupeStore, Renewal, Token};

use super::bench::{Bench, SHORT, expect};
use super::report::Checked;

pub(super) async fn ends<S: DedupeStore>(bench: &Bench<'_, S, impl AsyncFn(Duration)>) -> Checked {
    bench.leases_end()?;
    let key = bench.key("a")?;
    bench.claim_for(&[key], Token::random(), SHORT).await?;
    bench.until_acquired(key, Token::random()).await
}

pub(super) async fn renewed<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (key, token) = ([bench.key("a")?], Token::random());
    // Long enough that no hiccup of the machine ends it before it is renewed.
    let lease = SHORT * 4;
    bench.claim_for(&key, token, lease).await?;
    let renewal = bench.renew(&key, token).await?;
    expect("the renewal", &renewal, &Renewal::Renewed)?;
    bench.pass(lease + SHORT).await;
    bench.are_held(&key).await
}

pub(super) async fn renewed_late<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    bench.leases_end()?;
    let (key, token) = ([bench.key("a")?], Token::random());
    bench.claim_for(&key, token, SHORT).await?;
    bench.pass(SHORT * 2).await;
    // A store that forgets an entry when its lease ends has nothing left to renew, and says so.
    match bench.renew(&key, token).await? {
        Renewal::Renewed => bench.are_held(&key).await,
        Renewal::Lost => bench.are_free(&key).await,
    }
}

pub(super) async fn of_nothing<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (key, token) = ([bench.key("a")?], Token::random());
    expect(
        "a renewal",
        &bench.renew(&key, token).await?,
        &Renewal::Lost,
    )?;
    bench.are_free(&key).await?;
    bench.acquires(&key, token).await?;
    bench.release(&key, token).await?;
    expect(
        "a renewal",
        &bench.renew(&key, token).await?,
        &Renewal::Lost,
    )?;
    bench.are_free(&key).await
}

pub(super) async fn foreign<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (key, other) = (bench.key("a")?, Token::random());
    bench.claim_for(&[key], Token::random(), SHORT).await?;
    expect(
        "a renewal",
        &bench.renew(&[key], other).await?,
        &Renewal::Lost,
    )?;
    match bench.store(0).leases_expire() {
        // Else it would have been renewed for long.
        true => bench.until_acquired(key, other).await,
        false => bench.are_held(&[key]).await,
    }
}

pub(super) async fn of_part<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (keys, token) = (bench.keys(&["a", "b", "c"])?, Token::random());
    let lease = SHORT * 4;
    bench.claim_for(&keys, token, lease).await?;
    let (committed, rest) = keys.split_at(1);
    bench.commit(committed, token).await?;
    let renewal = bench.renew(&keys, token).await?;
    expect("the renewal", &renewal, &Renewal::Lost)?;
    bench.pass(lease + SHORT).await;
    bench.are_held(rest).await?;
    bench.are_committed(committed).await
}

pub(super) async fn stolen<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    bench.leases_end()?;
    let (key, first, second) = (bench.key("a")?, Token::random(), Token::random());
    bench.claim_for(&[key], first, SHORT).await?;
    bench.until_acquired(key, second).await?;
    expect(
        "the first's renewal",
        &bench.renew(&[key], first).await?,
        &Renewal::Lost,
    )?;
    bench.release(&[key], first).await?;
    bench.are_held(&[key]).await?;
    expect(
        "the second's renewal",
        &bench.renew(&[key], second).await?,
        &Renewal::Renewed,
    )?;
    expect(
        "the first's commit",
        &bench.commit(&[key], first).await?,
        &Commit::LostLease,
    )?;
    bench.are_committed(&[key]).await?;
    // The second may succeed, or fail: nothing changes.
    bench.release(&[key], second).await?;
    bench.are_committed(&[key]).await?;
    expect(
        "the second's renewal",
        &bench.renew(&[key], second).await?,
        &Renewal::Lost,
    )?;
    expect(
        "the second's commit",
        &bench.commit(&[key], second).await?,
        &Commit::Landed,
    )?;
    bench.are_committed(&[key]).await
}
