//! What the rules are played with: workers, keys, time, and short forms of the four calls.

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use countersign::{
    Claim, Commit, DedupeStore, Key, Renewal, Secret, StoreError, Token, UnixTime, Verifier,
    provider,
};

use super::report::{Checked, Finding, broken};
use crate::Signer;

/// How many handles of the store there are.
pub(super) const WORKERS: usize = 4;

/// A time that does not pass while a rule is played.
pub(super) const LONG: Duration = Duration::from_secs(24 * 3600);

/// A time that is waited for.
pub(super) const SHORT: Duration = Duration::from_millis(250);

/// How often something that has to come is looked for, and what passes in between.
const LOOKS: usize = 80;
const BETWEEN: Duration = Duration::from_millis(50);

const SECRET: &str = "a secret of the conformance suite";

/// What one rule is played with. Its keys are its own, and new for each run of the suite.
pub(super) struct Bench<'b, S, P> {
    stores: &'b [Arc<S>],
    pass: &'b P,
    scope: String,
}

impl<'b, S: DedupeStore, P: AsyncFn(Duration)> Bench<'b, S, P> {
    pub(super) fn new(rule: &str, stores: &'b [Arc<S>], pass: &'b P) -> Bench<'b, S, P> {
        Bench {
            stores,
            pass,
            scope: format!("{rule} {:?}", Token::random()),
        }
    }

    /// A worker's handle of the store.
    pub(super) fn store(&self, worker: usize) -> &'b Arc<S> {
        let [first, ..] = self.stores else {
            unreachable!("the suite opens {WORKERS}")
        };
        self.stores.get(worker % self.stores.len()).unwrap_or(first)
    }

    /// The key of an event of that id, by way of a signed delivery.
    pub(super) fn key(&self, id: &str) -> Checked<Key> {
        key("suite", &format!("{} {id}", self.scope), "")
    }

    /// The same id under another endpoint.
    pub(super) fn key_of(&self, endpoint: &str, id: &str) -> Checked<Key> {
        key(endpoint, &format!("{} {id}", self.scope), "")
    }

    /// The same id with another payload.
    pub(super) fn changed(&self, id: &str) -> Checked<Key> {
        key("suite", &format!("{} {id}", self.scope), "another")
    }

    /// The keys of a batch: distinct, and sorted.
    pub(super) fn keys(&self, ids: &[&str]) -> Checked<Vec<Key>> {
        let mut keys: Vec<Key> = ids.iter().map(|id| self.key(id)).collect::<Checked<_>>()?;
        keys.sort_unstable();
        Ok(keys)
    }

    pub(super) async fn pass(&self, time: Duration) {
        (self.pass)(time).await;
    }

    /// Leases of a store that dies with its process do not end.
    pub(super) fn leases_end(&self) -> Checked {
        match self.store(0).leases_expire() {
            true => Ok(()),
            false => Err(Finding::DoesNotApply("its leases do not expire")),
        }
    }

    pub(super) async fn claim(&self, keys: &[Key], token: Token) -> Checked<Claim> {
        self.claim_for(keys, token, LONG).await
    }

    pub(super) async fn claim_for(
        &self,
        keys: &[Key],
        token: Token,
        lease: Duration,
    ) -> Checked<Claim> {
        answered("a claim", self.store(0).claim(keys, token, lease).await)
    }

    pub(super) async fn commit(&self, keys: &[Key], token: Token) -> Checked<Commit> {
        self.commit_for(keys, token, LONG).await
    }

    pub(super) async fn commit_for(
        &self,
        keys: &[Key],
        token: Token,
        retention: Duration,
    ) -> Checked<Commit> {
        let committed = self.store(1).commit(keys, token, retention).await;
        answered("a commit", committed)
    }

    pub(super) async fn renew(&self, keys: &[Key], token: Token) -> Checked<Renewal> {
        answered("a renewal", self.store(2).renew(keys, token, LONG).await)
    }

    pub(super) async fn release(&self, keys: &[Key], token: Token) -> Checked {
        answered("a release", self.store(3).release(keys, token).await)
    }

    /// All of `keys`, and no others, are acquired under the token.
    pub(super) async fn acquires(&self, keys: &[Key], token: Token) -> Checked {
        let claim = self.claim(keys, token).await?;
        expect_acquired(&claim, keys)
    }

    /// Another run would acquire each of them: they are left as they were found.
    pub(super) async fn are_free(&self, keys: &[Key]) -> Checked {
        for key in keys {
            let token = Token::random();
            self.acquires(&[*key], token).await?;
            self.release(&[*key], token).await?;
        }
        Ok(())
    }

    /// Another run would have to wait for each of them.
    pub(super) async fn are_held(&self, keys: &[Key]) -> Checked {
        for key in keys {
            let claim = self.claim(&[*key], Token::random()).await?;
            let Claim::InProgress { retry_after } = claim else {
                return broken(format!(
                    "expected it in progress, and a claim says {claim:?}"
                ));
            };
            match (self.store(0).leases_expire(), retry_after) {
                (true, Some(left)) if !left.is_zero() && left <= LONG => {}
                (false, None) => {}
                _ => {
                    return broken(format!(
                        "in progress, with {retry_after:?} left of {LONG:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Another run would be told that each of them is done.
    pub(super) async fn are_committed(&self, keys: &[Key]) -> Checked {
        for key in keys {
            let claim = self.claim(&[*key], Token::random()).await?;
            let done = Claim::Committed {
                differing: Vec::new(),
            };
            if claim != done {
                return broken(format!("expected it committed, and a claim says {claim:?}"));
            }
        }
        Ok(())
    }

    /// Lets time pass until a claim acquires the key; it is held under `token` then.
    pub(super) async fn until_acquired(&self, key: Key, token: Token) -> Checked {
        for _ in 0..LOOKS {
            if let Claim::Acquired(_) = self.claim(&[key], token).await? {
                return Ok(());
            }
            self.pass(BETWEEN).await;
        }
        let waited = BETWEEN * u32::try_from(LOOKS).unwrap_or(u32::MAX);
        broken(format!("it was not free after {waited:?}"))
    }
}

pub(super) fn key(endpoint: &str, id: &str, payload: &str) -> Checked<Key> {
    let now = UnixTime::from_secs(1_800_000_000);
    let provider = provider::fedapay();
    let key = || -> Result<Option<Key>, Box<dyn std::error::Error>> {
        let secret = Secret::new(SECRET)?;
        let body = serde_json::json!({"id": id, "name": "transaction.approved", "entity": payload});
        let request = Signer::new(&provider, &secret)?.sign(body.to_string(), now)?;
        let request = request.into_request();
        let verifier = Verifier::new(&provider, &[secret])?;
        let verified = verifier.verify(&request, request.body().clone(), now)?;
        let events = verifier.identify(&verified);
        Ok(events.first().map(|event| event.key(endpoint)))
    };
    match key() {
        Ok(Some(key)) => Ok(key),
        Ok(None) => broken("the suite's own delivery holds no event"),
        Err(error) => broken(format!("the suite's own delivery: {error}")),
    }
}

pub(super) fn answered<T>(what: &str, answer: Result<T, StoreError>) -> Checked<T> {
    answer.or_else(|error| {
        let source = std::error::Error::source(&error);
        let source = source
            .map(|source| format!(": {source}"))
            .unwrap_or_default();
        broken(format!("{what} failed: {error}{source}"))
    })
}

pub(super) fn expect_acquired(claim: &Claim, keys: &[Key]) -> Checked {
    match claim {
        Claim::Acquired(lease) if lease.fresh == keys && lease.differing.is_empty() => Ok(()),
        _ => broken(format!(
            "expected {keys:?} acquired, and a claim says {claim:?}"
        )),
    }
}

pub(super) fn expect<T: PartialEq + Debug>(what: &str, is: &T, expected: &T) -> Checked {
    match is == expected {
        true => Ok(()),
        false => broken(format!("{what}: expected {expected:?}, and it is {is:?}")),
    }
}

/// Polls a call some times and then drops it, as a receiver does whose sender hung up. Yields whether it was
/// answered before that.
pub(super) async fn given_up<T>(polls: usize, call: impl Future<Output = T>) -> bool {
    let mut call = pin!(call);
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match call.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            // Not woken by others alone: it is to be dropped at any stage of its work.
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
