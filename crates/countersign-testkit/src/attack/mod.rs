//! A whole attack on a merchant's own route.

mod report;

use std::fmt;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use countersign::{Clock, IdSource, Provider, Secret, UnixTime};
use data_encoding::HEXLOWER;
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{Response, StatusCode};

use self::report::Judged;
use crate::ManualClock;
use crate::fault::{Deserved, Fault};
use crate::sample::Sample;
use crate::signer::{SignError, Signed, Signer, random};
use crate::target::{NoAnswer, Target};

pub use self::report::{Report, Row};

/// How many copies are sent at once. A receiver lets 16 wait for one run.
const COPIES: usize = 10;

/// As long as a receiver lets a copy wait, and a little more.
const WAITING: Duration = Duration::from_secs(3);

/// Attacks a route with everything that there is, from a genuine delivery to every [`Fault`] that the
/// provider's can have, and reports what it deserved and what came back. [`Attack`] has more to say
/// than this.
///
/// ```
/// use axum::{Router, http::StatusCode, routing::post};
/// use countersign::{Receiver, Secret, provider::{self, fedapay::Event}};
/// use countersign_axum::{Webhook, WebhookLayer};
/// use countersign_testkit::attack;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = Secret::new("wh_live_0123456789")?;
/// # let receiver = Receiver::new("shop", provider::fedapay(), [secret.clone()])?;
/// # let on_event = |_: Webhook<Event>| async { StatusCode::OK };
/// let route = post(on_event).route_layer(WebhookLayer::new(receiver));
/// let app: Router = Router::new().route("/webhooks/fedapay", route);
///
/// let report = attack(&app, "/webhooks/fedapay", &provider::fedapay(), &secret).await?;
/// report.assert_all_held();
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If the secret is not in the form that the provider's scheme asks for, or the signature header is left
/// to the merchant and not set.
///
/// # Panics
///
/// If `path` is none.
pub async fn attack(
    target: &impl Target,
    path: &str,
    provider: &Provider,
    secret: &Secret,
) -> Result<Report, SignError> {
    Attack::new(provider, secret).run(target, path).await
}

/// An attack on a route of this provider's, by someone who has everything but its `secret`.
///
/// The genuine deliveries in it are run by the merchant's handler, a few events in all. Where
/// it looks things up in a database that knows none of the samples, give it events that it knows, by
/// [`with_events`](Self::with_events).
pub struct Attack {
    provider: Provider,
    secret: Secret,
    kind: Option<String>,
    events: Option<Box<dyn Fn(usize) -> Bytes>>,
    runs: Option<Box<dyn Fn() -> usize>>,
    clock: Option<ManualClock>,
}

impl Attack {
    /// An attack with samples of the provider's first type, at the time of the machine.
    pub fn new(provider: &Provider, secret: &Secret) -> Attack {
        Attack {
            provider: provider.clone(),
            secret: secret.clone(),
            kind: None,
            events: None,
            runs: None,
            clock: None,
        }
    }

    /// Sends samples of this type, for a route that takes no other.
    #[must_use]
    pub fn with_kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Sends events of the merchant's own: another one for each number that it is given.
    #[must_use]
    pub fn with_events<B: Into<Bytes>>(mut self, events: impl Fn(usize) -> B + 'static) -> Self {
        self.events = Some(Box::new(move |nth| events(nth).into()));
        self
    }

    /// Counts by `runs` how often the handler has run so far: otherwise the server's word is taken for it.
    #[must_use]
    pub fn with_runs(mut self, runs: impl Fn() -> usize + 'static) -> Self {
        self.runs = Some(Box::new(runs));
        self
    }

    /// Signs at the time of this clock, which is the receiver's, and moves it by a few seconds.
    #[must_use]
    pub fn with_clock(mut self, clock: &ManualClock) -> Self {
        self.clock = Some(clock.clone());
        self
    }

    /// Sends everything, one after the other, and waits for each answer.
    ///
    /// # Errors
    ///
    /// If a delivery cannot be signed, or there is no sample of the type.
    ///
    /// # Panics
    ///
    /// If `path` is none.
    pub async fn run(&self, target: &impl Target, path: &str) -> Result<Report, SignError> {
        let mut siege = Siege {
            attack: self,
            target,
            path,
            events: 0,
            rows: Vec::new(),
            refusals: Vec::new(),
        };
        siege.duplicates().await?;
        siege.concurrent().await?;
        for fault in Fault::ALL {
            siege.fault(fault).await?;
        }
        Ok(siege.report())
    }

    fn now(&self) -> UnixTime {
        match &self.clock {
            Some(clock) => clock.now(),
            None => SystemTime::now().into(),
        }
    }

    /// A little before now: a copy with another signature, where the time is signed.
    fn earlier(&self, seconds: i64) -> UnixTime {
        UnixTime::from_millis(self.now().as_millis().saturating_sub(seconds * 1000))
    }
}

impl fmt::Debug for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attack")
            .field("provider", &self.provider.name())
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// An attack that goes on.
struct Siege<'a, T> {
    attack: &'a Attack,
    target: &'a T,
    path: &'a str,
    events: usize,
    rows: Vec<Row>,
    /// What was answered to deliveries that deserve to be refused, and were.
    refusals: Vec<(StatusCode, Bytes)>,
}

impl<T: Target> Siege<'_, T> {
    /// The body of an event that nobody has seen, and what signs it.
    fn fresh(&mut self) -> Result<(Bytes, Signer), SignError> {
        let Attack {
            provider, secret, ..
        } = self.attack;
        let mut signer = Signer::new(provider, secret)?;
        if let IdSource::SignedHeader(_) = provider.envelope().id {
            let id = HEXLOWER.encode(&random::<16>()?);
            signer = signer.with_id(&format!("msg_{id}"))?;
        }
        self.events += 1;
        if let Some(events) = &self.attack.events {
            return Ok((events(self.events), signer));
        }
        let kinds = Sample::kinds(provider);
        let kind = self.attack.kind.as_deref();
        let kind = kind.or(kinds.first().copied()).unwrap_or_default();
        let sample = Sample::at(provider, kind, self.attack.now())?;
        Ok((sample.body(), signer))
    }

    async fn duplicates(&mut self) -> Result<(), SignError> {
        let (body, signer) = self.fresh()?;
        for (name, deserves, seconds_ago) in [
            ("genuine", Deserved::Genuine, 1),
            ("duplicate", Deserved::Duplicate, 0),
        ] {
            let signed = signer.sign(body.clone(), self.attack.earlier(seconds_ago))?;
            self.in_turn(name, vec![(signed, deserves)]).await;
        }
        Ok(())
    }

    async fn fault(&mut self, fault: Fault) -> Result<(), SignError> {
        let Attack {
            provider, secret, ..
        } = self.attack;
        if !fault.applies_to(provider) {
            return Ok(());
        }
        let (body, _) = self.fresh()?;
        let shots = fault.shots(provider, secret, body, self.attack.now())?;
        let shots = shots.into_iter().map(|shot| (shot.delivery, shot.deserves));
        self.in_turn(fault.as_str(), shots.collect()).await;
        Ok(())
    }

    /// A row of deliveries that are sent one after the other.
    async fn in_turn(&mut self, name: &'static str, deliveries: Vec<(Signed, Deserved)>) {
        let before = self.runs();
        let mut judged = Vec::new();
        for (signed, deserves) in deliveries {
            let answer = self.target.deliver(signed.to(self.path)).await;
            if let (Deserved::Refused, Ok(answer)) = (deserves, &answer)
                && !answer.status().is_success()
            {
                self.refusals.push((answer.status(), answer.body().clone()));
            }
            judged.push(Judged::new(deserves, &answer));
        }
        let ran = self
            .runs()
            .zip(before)
            .map(|(after, before)| after - before);
        self.rows.push(Row::in_turn(name, &judged, ran));
    }

    /// Copies of one event, all at once: one of them runs it.
    async fn concurrent(&mut self) -> Result<(), SignError> {
        let before = self.runs();
        let (body, signer) = self.fresh()?;
        let copies = FuturesUnordered::new();
        for copy in 0..COPIES {
            let at = self.attack.earlier(i64::from(copy % 2 == 0));
            let signed = signer.sign(body.clone(), at)?;
            copies.push(self.target.deliver(signed.to(self.path)));
        }
        let answers = self.all(copies).await;
        let ran = self
            .runs()
            .zip(before)
            .map(|(after, before)| after - before);
        self.rows.push(Row::at_once(&answers, ran));
        Ok(())
    }

    /// All answers. Copies that wait for the run of the first do so by the clock.
    async fn all<F>(
        &self,
        mut copies: FuturesUnordered<F>,
    ) -> Vec<Result<Response<Bytes>, NoAnswer>>
    where
        F: Future<Output = Result<Response<Bytes>, NoAnswer>>,
    {
        let mut answers = Vec::new();
        answers.extend(copies.next().await);
        if let Some(clock) = &self.attack.clock {
            let rest = copies.by_ref().collect::<Vec<_>>();
            match select(rest, pin!(clock.wind(WAITING))).await {
                Either::Left((rest, _)) => answers.extend(rest),
                Either::Right(((), rest)) => answers.extend(rest.await),
            }
        }
        while let Some(answer) = copies.next().await {
            answers.push(answer);
        }
        answers
    }

    fn runs(&self) -> Option<usize> {
        self.attack.runs.as_ref().map(|runs| runs())
    }

    fn report(mut self) -> Report {
        self.rows.push(Row::refusals(&self.refusals));
        Report::new(self.attack.provider.name(), self.rows)
    }
}
