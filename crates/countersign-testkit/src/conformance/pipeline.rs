//! Whole deliveries through receivers on the store: what the receivers see to, seen to by this store too.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign::{DedupeStore, Gate, Receiver, Secret, Token, UnixTime, provider};
use futures_util::future::join;
use http::{Request, StatusCode};

use super::bench::{Bench, expect};
use super::report::{Checked, Finding};
use crate::{ManualClock, Signer, Witness};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Two workers of one endpoint that takes batches.
struct Shop {
    gates: [Gate; 2],
    signer: Signer,
    witness: Witness,
    scope: String,
}

impl Shop {
    fn open<S: DedupeStore>(bench: &Bench<'_, S, impl AsyncFn(Duration)>) -> Checked<Shop> {
        let witness = Witness::default();
        let open = |worker| -> Result<Gate, Box<dyn std::error::Error>> {
            let receiver = Receiver::new("suite", provider::banking_circle(), [Secret::new(KEY)?])?
                .with_store(bench.store(worker).clone())
                .with_observer(witness.clone())
                .with_wait(Duration::ZERO);
            // Its time stands still: nothing is waited for, and nothing has to be renewed.
            let (gate, _keeper) = receiver.open(Arc::new(ManualClock::new(NOW)));
            Ok(gate)
        };
        let shop = || -> Result<Shop, Box<dyn std::error::Error>> {
            Ok(Shop {
                gates: [open(0)?, open(1)?],
                signer: Signer::new(&provider::banking_circle(), &Secret::new(KEY)?)?,
                witness: witness.clone(),
                scope: format!("{:?}", Token::random()),
            })
        };
        shop().map_err(|error| Finding::Broken(format!("the suite's own receiver: {error}")))
    }

    fn id(&self, id: &str) -> String {
        format!("{id} {}", self.scope)
    }

    fn batch(&self, ids: &[&str]) -> Checked<Request<Bytes>> {
        let event =
            |id: &&str| serde_json::json!({"eventId": self.id(id), "notificationType": "Reversed"});
        let events: Vec<_> = ids.iter().map(event).collect();
        let body = serde_json::json!({ "notifications": events }).to_string();
        let signed = self.signer.sign(body, NOW);
        let signed =
            signed.map_err(|error| Finding::Broken(format!("the suite's own batch: {error}")))?;
        Ok(signed.into_request())
    }

    /// The status that a sender is answered, and how many events its handler was given.
    async fn deliver(&self, worker: usize, request: &Request<Bytes>) -> (u16, usize) {
        let [first, second] = &self.gates;
        let gate = if worker == 0 { first } else { second };
        let served = async {
            let body = request.body().clone();
            let mut intake = gate.begin(request, Some(body.len() as u64))?;
            intake.update(body)?;
            let run = intake.admit().await?;
            let events = run.delivery().events().len();
            let status = run
                .supervise(ready(StatusCode::CREATED), |status| *status)
                .await?;
            Ok::<_, countersign::Answer>((status.as_u16(), events))
        };
        served
            .await
            .unwrap_or_else(|answer| (answer.status.as_u16(), 0))
    }
}

pub(super) async fn repeated_id<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let shop = Shop::open(bench)?;
    let batch = shop.batch(&["a", "a", "b", "a"])?;
    expect(
        "status and events",
        &shop.deliver(0, &batch).await,
        &(201, 2),
    )?;
    for worker in [0, 1] {
        expect(
            "status and events",
            &shop.deliver(worker, &batch).await,
            &(200, 0),
        )?;
    }
    expect("successes of a", &shop.witness.successes(&shop.id("a")), &1)?;
    let more = shop.batch(&["c", "a", "c"])?;
    expect(
        "status and events",
        &shop.deliver(1, &more).await,
        &(201, 1),
    )
}

pub(super) async fn overlapping<S: DedupeStore>(
    bench: &Bench<'_, S, impl AsyncFn(Duration)>,
) -> Checked {
    let shop = Shop::open(bench)?;
    for round in 0..20 {
        let [a, b] = ["a", "b"].map(|id| format!("{id}{round}"));
        let (one, other) = (shop.batch(&[&a, &b])?, shop.batch(&[&b, &a])?);
        let mut answers = join(shop.deliver(0, &one), shop.deliver(1, &other)).await;
        // Whoever was told to come again has to be heard the second time.
        if answers.0.0 == 409 {
            answers.0 = shop.deliver(0, &one).await;
        }
        if answers.1.0 == 409 {
            answers.1 = shop.deliver(1, &other).await;
        }
        let success = |status: u16| (200..300).contains(&status);
        expect(
            "both end in 2xx",
            &(success(answers.0.0), success(answers.1.0)),
            &(true, true),
        )?;
        for id in [a, b] {
            expect("successes", &shop.witness.successes(&shop.id(&id)), &1)?;
        }
    }
    Ok(())
}
