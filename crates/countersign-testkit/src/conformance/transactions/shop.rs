//! What the rules are played with: deliveries, and short forms of what is done with a transaction.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign::{
    Committed, ConfigError, Delivery, Gate, Key, Receiver, Run, Secret, ToClaim, Token,
    TransactionStore as _, UnixTime, provider,
};
use http::{Request, StatusCode};

use super::super::bench::{answered, expect};
use super::super::report::{Checked, Finding, broken};
use super::Transactions;
use crate::{ManualClock, Signer};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What one rule is played with. Its events are its own, and new for each run of the suite.
pub(super) struct Shop<'s, D, P> {
    database: &'s D,
    pass: &'s P,
    scope: String,
}

impl<'s, D: Transactions, P: AsyncFn(Duration)> Shop<'s, D, P> {
    pub(super) fn new(rule: &str, database: &'s D, pass: &'s P) -> Self {
        Shop {
            database,
            pass,
            scope: format!("{rule} {:?}", Token::random()),
        }
    }

    pub(super) fn gate(&self, endpoint: &str) -> Checked<Gate> {
        let receiver = || -> Result<Receiver, ConfigError> {
            let secret = [Secret::new(SECRET)?];
            let receiver = Receiver::new(endpoint, provider::banking_circle(), secret)?;
            receiver.with_claim_in_transaction(self.database.store())
        };
        let receiver = receiver().map_err(own)?;
        // Its time stands still: nothing is waited for.
        let (gate, _keeper) = receiver.open(Arc::new(ManualClock::new(NOW)));
        Ok(gate)
    }

    /// A delivery of these events as its handler is to have it, or the status that it was answered.
    pub(super) async fn run(
        &self,
        endpoint: &str,
        ids: &[&str],
        payload: &str,
    ) -> Checked<Result<Run, u16>> {
        let request = self.signed(ids, payload)?;
        let gate = self.gate(endpoint)?;
        let admitted = async {
            let mut intake = gate.begin(&request, None)?;
            intake.update(request.body().clone())?;
            intake.admit().await
        };
        let admitted = admitted.await;
        Ok(admitted.map_err(|answer| answer.status.as_u16()))
    }

    pub(super) fn signed(&self, ids: &[&str], payload: &str) -> Checked<Request<Bytes>> {
        let event = |id: &&str| {
            let id = format!("{id} {}", self.scope);
            serde_json::json!({"eventId": id, "notificationType": "Reversed", "payload": payload})
        };
        let events: Vec<_> = ids.iter().map(event).collect();
        let body = serde_json::json!({ "notifications": events }).to_string();
        let signed = || -> Result<Request<Bytes>, Box<dyn std::error::Error>> {
            let signer = Signer::new(&provider::banking_circle(), &Secret::new(SECRET)?)?;
            Ok(signer.sign(body, NOW)?.into_request())
        };
        signed().map_err(own)
    }

    pub(super) async fn delivery_at(
        &self,
        endpoint: &str,
        ids: &[&str],
        payload: &str,
    ) -> Checked<Delivery> {
        match self.run(endpoint, ids, payload).await? {
            Ok(run) => Ok(run.delivery()),
            Err(status) => broken(format!("a delivery of {ids:?} was answered {status}")),
        }
    }

    pub(super) async fn delivery(&self, ids: &[&str]) -> Checked<Delivery> {
        self.delivery_at("suite", ids, "").await
    }

    pub(super) async fn pass(&self, time: Duration) {
        (self.pass)(time).await;
    }

    pub(super) async fn begin(&self) -> Checked<D::Transaction> {
        answered("a beginning", self.database.begin().await)
    }

    pub(super) async fn commit(&self, transaction: D::Transaction) -> Checked {
        answered("a commit", self.database.commit(transaction).await)
    }

    pub(super) async fn roll_back(&self, transaction: D::Transaction) -> Checked {
        answered("a rollback", self.database.roll_back(transaction).await)
    }

    /// What a claim yields: the ids without their scope.
    pub(super) async fn claim_in(
        &self,
        transaction: &mut D::Transaction,
        delivery: &Delivery,
    ) -> Checked<Vec<String>> {
        let fresh = self.database.claim_in(transaction, delivery).await;
        let fresh = answered("a claim", fresh)?;
        let id = |id: &str| id.split(' ').next().unwrap_or_default().to_owned();
        Ok(fresh.events().map(|event| id(event.id())).collect())
    }

    /// A transaction from its beginning to its commit, and what was fresh in it.
    pub(super) async fn book(&self, delivery: &Delivery) -> Checked<Vec<String>> {
        let mut transaction = self.begin().await?;
        let fresh = self.claim_in(&mut transaction, delivery).await?;
        self.commit(transaction).await?;
        Ok(fresh)
    }

    pub(super) async fn committed(&self, delivery: &Delivery) -> Checked<Committed> {
        let committed = self.database.store().committed(&keys(delivery)?).await;
        answered("a question", committed)
    }

    /// The database holds all of the delivery's events, or none.
    pub(super) async fn holds(&self, delivery: &Delivery, all: bool) -> Checked {
        let expected = if all { keys(delivery)? } else { Vec::new() };
        let committed = self.committed(delivery).await?;
        expect("the committed keys", &committed.keys, &expected)
    }

    /// The status that a sender is answered, whose handler does this.
    pub(super) async fn deliver(
        &self,
        handler: impl AsyncFnOnce(Delivery) -> Checked<u16>,
    ) -> Checked<u16> {
        let run = match self.run("suite", &["a", "b"], "").await? {
            Ok(run) => run,
            Err(status) => return Ok(status),
        };
        let status = handler(run.delivery()).await?;
        let status = StatusCode::from_u16(status).unwrap_or_default();
        let answer = run.supervise(ready(status), |status| *status).await;
        Ok(answer.unwrap_or_else(|answer| answer.status).as_u16())
    }
}

fn own(error: impl std::fmt::Display) -> Finding {
    Finding::Broken(format!("the suite's own receiver: {error}"))
}

pub(super) fn keys(delivery: &Delivery) -> Checked<Vec<Key>> {
    Ok(to_claim(delivery)?.keys)
}

pub(super) fn to_claim(delivery: &Delivery) -> Checked<ToClaim> {
    let to_claim = delivery.to_claim();
    to_claim.ok_or_else(|| own("its handlers do not claim"))
}
