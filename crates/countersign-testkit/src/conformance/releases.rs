//! Releases.

use std::time::Duration;

use countersign::{DedupeStore, Token};

use super::bench::Bench;
use super::report::Checked;

pub(super) async fn frees<S: DedupeStore>(bench: &Bench<'_, S, impl AsyncFn(Duration)>) -> Checked {
    let (key, token) = ([bench.key("a")?], Token::random());
    bench.acquires(&key, token).await?;
    bench.release(&key, token).await?;
    bench.are_free(&key).await
}

pub(super) async fn of_nothing<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (key, token) = ([bench.key("a")?], Token::random());
    bench.release(&key, token).await?;
    bench.acquires(&key, token).await?;
    bench.release(&key, token).await?;
    bench.release(&key, token).await?;
    bench.are_free(&key).await
}

pub(super) async fn foreign<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (keys, stale, token) = (bench.keys(&["a", "b"])?, Token::random(), Token::random());
    bench.acquires(&keys, stale).await?;
    bench.release(&keys, stale).await?;
    bench.acquires(&keys, token).await?;
    for other in [stale, Token::random()] {
        bench.release(&keys, other).await?;
        bench.are_held(&keys).await?;
    }
    Ok(())
}

pub(super) async fn of_committed<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (keys, token) = (bench.keys(&["a", "b"])?, Token::random());
    bench.acquires(&keys, token).await?;
    let (committed, held) = keys.split_at(1);
    bench.commit(committed, token).await?;
    // It takes what is the token's, and leaves the rest.
    bench.release(&keys, token).await?;
    bench.are_committed(committed).await?;
    bench.are_free(held).await?;
    bench.release(committed, Token::random()).await?;
    bench.are_committed(committed).await
}
