//! Commit, renew and release: one try, and tries until they land.

use std::sync::Arc;
use std::time::Duration;

use super::gate::Gate;
use super::state::RunState;
use crate::dedupe::{Commit, Key, Renewal, StoreError, Token};
use crate::observer::Outcome;

/// The pause after a first failed try; it doubles up to [`LAST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LAST_PAUSE: Duration = Duration::from_secs(5);

impl Gate {
    /// One try to commit.
    pub(crate) async fn try_commit(
        &self,
        keys: &Arc<[Key]>,
        token: Token,
    ) -> Result<Commit, StoreError> {
        let call = self
            .config
            .store
            .call_commit(keys, token, self.config.retention);
        let answer = self.within(self.config.store_timeout, call).await;
        answer.unwrap_or_else(|| Err(StoreError::late()))
    }

    /// One try to renew; `None` if it failed or took too long.
    pub(crate) async fn try_renew(&self, keys: &Arc<[Key]>, token: Token) -> Option<Renewal> {
        let call = self.config.store.call_renew(keys, token, self.config.lease);
        self.within(self.lease_timeout(), call).await?.ok()
    }

    /// One try to release; whether it was answered.
    pub(crate) async fn try_release(&self, keys: &Arc<[Key]>, token: Token) -> bool {
        let call = self.config.store.call_release(keys, token);
        matches!(
            self.within(self.config.store_timeout, call).await,
            Some(Ok(()))
        )
    }

    pub(crate) async fn commit_until_landed(&self, keys: Arc<[Key]>, token: Token) -> Commit {
        let mut pause = FIRST_PAUSE;
        loop {
            self.clock.sleep(pause).await;
            if let Ok(commit) = self.try_commit(&keys, token).await {
                return commit;
            }
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    pub(crate) async fn release_until_answered(&self, keys: Arc<[Key]>, token: Token) {
        let mut pause = FIRST_PAUSE;
        while !self.try_release(&keys, token).await {
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Releases again and again until a lease has passed: the store may carry out a claim whose
    /// answer was lost after the first release.
    pub(crate) async fn release_for_a_lease(&self, keys: Arc<[Key]>, token: Token) {
        let end = self.clock.monotonic().saturating_add(self.config.lease);
        let mut pause = FIRST_PAUSE;
        loop {
            let answered = self.try_release(&keys, token).await;
            // Where leases expire, the claim is void by then; else it takes an answered release.
            let void = answered || self.config.store.leases_expire();
            if self.clock.monotonic() >= end && void {
                return;
            }
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }
}

impl RunState {
    /// Commits `keys`, which the run has marked as committing: now, or if the store fails in the
    /// background until it lands, with the lease renewed all the while. Without a claim there is
    /// nothing to commit.
    pub(crate) async fn commit(self: &Arc<Self>, keys: Arc<[Key]>) {
        if keys.is_empty() {
            return;
        }
        let Some(token) = self.token else {
            return self.committed(&keys);
        };
        let unsettled = Unsettled {
            run: self,
            keys,
            later: Self::commit_later,
        };
        match self.track.gate.try_commit(&unsettled.keys, token).await {
            Ok(commit) => self.landed(&unsettled.settled(), commit),
            Err(error) => {
                let late = self.is_detached();
                self.track
                    .store_failed(Outcome::CommitFailed, &error, &self.names, late);
            }
        }
    }

    /// Releases `keys`, which the run has marked as failed: now, or in the background until it is
    /// answered, even if the future is never polled.
    pub(crate) fn release(self: &Arc<Self>, keys: Arc<[Key]>) -> impl Future<Output = ()> {
        let unsettled = Unsettled {
            run: self,
            keys,
            later: Self::release_later,
        };
        async move {
            let Some(token) = self.token.filter(|_| !unsettled.keys.is_empty()) else {
                return;
            };
            if self.track.gate.try_release(&unsettled.keys, token).await {
                unsettled.settled();
            }
        }
    }

    fn commit_later(self: &Arc<Self>, keys: Arc<[Key]>) {
        let Some(token) = self.token else { return };
        let run = self.clone();
        self.track.gate.shared.jobs.push(async move {
            let gate = &run.track.gate;
            let commit = gate.commit_until_landed(keys.clone(), token).await;
            run.landed(&keys, commit);
        });
    }

    pub(crate) fn release_later(self: &Arc<Self>, keys: Arc<[Key]>) {
        let Some(token) = self.token.filter(|_| !keys.is_empty()) else {
            return;
        };
        let gate = self.track.gate.clone();
        self.track.gate.shared.jobs.push(async move {
            gate.release_until_answered(keys, token).await;
        });
    }

    fn landed(&self, keys: &[Key], commit: Commit) {
        self.committed(keys);
        if commit == Commit::LostLease {
            self.lose();
        }
    }
}

/// A settlement that is begun and has to be ended: if its future is dropped or the store fails, the
/// keeper goes on with it.
struct Unsettled<'r> {
    run: &'r Arc<RunState>,
    /// None of them once it is settled.
    keys: Arc<[Key]>,
    later: fn(&Arc<RunState>, Arc<[Key]>),
}

impl Unsettled<'_> {
    /// The keys that have been settled.
    fn settled(mut self) -> Arc<[Key]> {
        std::mem::take(&mut self.keys)
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        if !self.keys.is_empty() {
            (self.later)(self.run, std::mem::take(&mut self.keys));
        }
    }
}
