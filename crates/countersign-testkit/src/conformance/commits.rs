//! Commits, and how long they are remembered.

use std::time::Duration;

use countersign::{Claim, Commit, DedupeStore, Renewal, Token};

use super::bench::{Bench, LONG, SHORT, expect, expect_acquired, given_up};
use super::report::{Checked, broken};

pub(super) async fn ends<S: DedupeStore>(bench: &Bench<'_, S, impl AsyncFn(Duration)>) -> Checked {
    let (key, token) = ([bench.key("a")?], Token::random());
    bench.acquires(&key, token).await?;
    expect(
        "the commit",
        &bench.commit(&key, token).await?,
        &Commit::Landed,
    )?;
    bench.are_committed(&key).await?;
    // Its own token is no way around.
    let again = bench.claim(&key, token).await?;
    expect(
        "a claim",
        &again,
        &Claim::Committed {
            differing: Vec::new(),
        },
    )
}

pub(super) async fn over_nothing<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (key, token) = ([bench.key("a")?], Token::random());
    expect(
        "the commit",
        &bench.commit(&key, token).await?,
        &Commit::Landed,
    )?;
    bench.are_committed(&key).await?;
    let (key, token) = ([bench.key("b")?], Token::random());
    bench.acquires(&key, token).await?;
    bench.release(&key, token).await?;
    expect(
        "the commit",
        &bench.commit(&key, token).await?,
        &Commit::Landed,
    )?;
    bench.are_committed(&key).await
}

pub(super) async fn over_ended<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    bench.leases_end()?;
    let (key, token) = ([bench.key("a")?], Token::random());
    bench.claim_for(&key, token, SHORT).await?;
    bench.pass(SHORT * 2).await;
    expect(
        "the commit",
        &bench.commit(&key, token).await?,
        &Commit::Landed,
    )?;
    bench.are_committed(&key).await?;
    // Over another's that ended it lands, too; whether that entry still stands is the store's to say.
    let key = [bench.key("b")?];
    bench.claim_for(&key, Token::random(), SHORT).await?;
    bench.pass(SHORT * 2).await;
    bench.commit(&key, token).await?;
    bench.are_committed(&key).await
}

pub(super) async fn over_anothers<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (keys, late, holder) = (bench.keys(&["a", "b"])?, Token::random(), Token::random());
    bench.acquires(&keys, holder).await?;
    let (one, other) = keys.split_at(1);
    expect(
        "the commit",
        &bench.commit(one, late).await?,
        &Commit::LostLease,
    )?;
    bench.are_committed(one).await?;
    bench.are_held(other).await?;
    expect(
        "the holder's renewal",
        &bench.renew(&keys, holder).await?,
        &Renewal::Lost,
    )?;
    bench.release(&keys, holder).await?;
    bench.are_committed(one).await?;
    bench.are_free(other).await?;
    expect(
        "the holder's commit",
        &bench.commit(one, holder).await?,
        &Commit::Landed,
    )?;
    bench.are_committed(one).await
}

pub(super) async fn twice<S: DedupeStore>(bench: &Bench<'_, S, impl AsyncFn(Duration)>) -> Checked {
    let (key, token) = ([bench.key("a")?], Token::random());
    bench.acquires(&key, token).await?;
    for token in [token, token, Token::random()] {
        expect(
            "a commit",
            &bench.commit(&key, token).await?,
            &Commit::Landed,
        )?;
        bench.are_committed(&key).await?;
    }
    Ok(())
}

pub(super) async fn given_up_early<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    for polls in 0..20 {
        let (key, token) = ([bench.key(&format!("{polls} polls"))?], Token::random());
        bench.acquires(&key, token).await?;
        let answered = given_up(polls, bench.store(3).commit(&key, token, LONG)).await;
        expect(
            "the commit",
            &bench.commit(&key, token).await?,
            &Commit::Landed,
        )?;
        bench.are_committed(&key).await?;
        if answered {
            break;
        }
    }
    Ok(())
}

pub(super) async fn not_renewed<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (key, token) = ([bench.key("a")?], Token::random());
    bench.acquires(&key, token).await?;
    bench.commit(&key, token).await?;
    expect(
        "a renewal",
        &bench.renew(&key, token).await?,
        &Renewal::Lost,
    )?;
    bench.are_committed(&key).await
}

pub(super) async fn retention_ends<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let key = bench.key("a")?;
    bench.commit_for(&[key], Token::random(), SHORT).await?;
    bench.pass(SHORT * 2).await;
    bench.until_acquired(key, Token::random()).await
}

pub(super) async fn not_extended<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (alone, committed_again) = (bench.key("a")?, bench.key("b")?);
    let batch = bench.keys(&["c", "d"])?;
    let token = Token::random();
    let (first, rest) = batch.split_at(1);
    let short = [&[alone, committed_again], first].concat();
    for key in &short {
        bench.commit_for(&[*key], token, SHORT * 4).await?;
    }
    // In a batch with others, by a claim or by a commit, it is no fresh one.
    bench.claim(&batch, token).await?;
    bench.commit_for(&batch, token, LONG).await?;
    bench
        .commit_for(&[committed_again], Token::random(), LONG)
        .await?;
    bench.are_committed(&short).await?;
    for key in short {
        bench.until_acquired(key, Token::random()).await?;
    }
    bench.are_committed(rest).await
}

/// What was once committed is an event like any other when it is forgotten.
pub(super) async fn again<S: DedupeStore>(bench: &Bench<'_, S, impl AsyncFn(Duration)>) -> Checked {
    let (key, token) = (bench.key("a")?, Token::random());
    bench.commit_for(&[key], Token::random(), SHORT).await?;
    bench.until_acquired(key, token).await?;
    bench.are_held(&[key]).await?;
    expect(
        "the commit",
        &bench.commit(&[key], token).await?,
        &Commit::Landed,
    )?;
    bench.are_committed(&[key]).await?;
    // A late commit does not find what has ended, and counts anew.
    let key = [bench.key("b")?];
    bench.commit_for(&key, token, SHORT).await?;
    bench.pass(SHORT * 2).await;
    expect(
        "a commit",
        &bench.commit(&key, token).await?,
        &Commit::Landed,
    )?;
    bench.are_committed(&key).await
}

pub(super) async fn differing<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let (key, changed) = (bench.key("a")?, bench.changed("a")?);
    if key != changed || key.payload_hash() == changed.payload_hash() {
        return broken("the suite's own keys are not what they should be");
    }
    let token = Token::random();
    bench.acquires(&[key], token).await?;
    // While it runs, which payload is the event's is not settled.
    let claim = bench.claim(&[changed], Token::random()).await?;
    if !matches!(claim, Claim::InProgress { .. }) {
        return broken(format!(
            "expected it in progress, and a claim says {claim:?}"
        ));
    }
    bench.commit(&[key], token).await?;
    let claim = bench.claim(&[changed], Token::random()).await?;
    expect(
        "a claim",
        &claim,
        &Claim::Committed {
            differing: vec![changed],
        },
    )?;
    bench.are_committed(&[key]).await?;
    // What a release has removed says nothing any more.
    let (key, changed) = (bench.key("b")?, bench.changed("b")?);
    bench.acquires(&[key], token).await?;
    bench.release(&[key], token).await?;
    let claim = bench.claim(&[changed], token).await?;
    expect_acquired(&claim, &[changed])?;
    bench.commit(&[changed], token).await?;
    let claim = bench.claim(&[key], token).await?;
    expect(
        "a claim",
        &claim,
        &Claim::Committed {
            differing: vec![key],
        },
    )
}
