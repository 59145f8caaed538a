//! A provider that delivers, comes again, and gives up.

mod course;
mod round;
mod schedule;

use std::time::Duration;

use bytes::Bytes;
use countersign::{Clock, IdSource, Receiver, Secret};
use data_encoding::HEXLOWER;

use self::round::Round;
use crate::ManualClock;
use crate::signer::{SignError, Signer, random};
use crate::target::Target;

pub use self::course::{Attempt, Course, Ending, Heard};
pub(crate) use self::round::outcome;
pub use self::schedule::Schedule;

/// Delivers events to a server as its provider does: signed anew at each attempt, on the provider's
/// own [`Schedule`], until one is answered 2xx or the attempts are used up.
///
/// The receiver runs on the same [`ManualClock`] (`with_clock` of the layer or middleware), so that
/// days of retries take no time. Between two attempts the simulator moves the clock:
/// in one step if the receiver is [idle](Receiver::is_idle), and else from one wake to the next,
/// awaiting the work in the background each time.
///
/// **During an attempt time stands still**, since nobody can tell a handler that waits for the clock
/// from one that waits for a database. A handler that is to take 12 seconds winds the clock itself, by
/// `clock.wind(…).await`, and the provider then hangs up in its midst. Where only attempts are left that may
/// wait for another run of their event, the simulator moves the clock for them, by 3 seconds at most.
///
/// It is made for a runtime of one thread, which is what `#[tokio::test]` and `#[actix_web::test]` have:
/// there it lets every task have its turn before time passes.
///
/// ```
/// use std::sync::Arc;
/// use axum::{Router, http::StatusCode, routing::post};
/// use countersign::{Receiver, Secret, UnixTime, provider::{self, banking_circle::Event}};
/// use countersign_axum::{WebhookLayer, Webhooks};
/// use countersign_testkit::{Ending, ManualClock, Sample, Simulator};
///
/// async fn never_ready(_: Webhooks<Event>) -> StatusCode {
///     StatusCode::SERVICE_UNAVAILABLE
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let secret = Secret::new("0123456789abcdef0123456789abcdef")?;
/// let receiver = Receiver::new("bank", provider::banking_circle(), [secret.clone()])?;
/// let clock = ManualClock::new(UnixTime::from_secs(1_800_000_000));
/// let layer = WebhookLayer::with_clock(receiver.clone(), Arc::new(clock.clone()));
/// let app: Router = Router::new().route("/bank", post(never_ready).route_layer(layer));
///
/// let bank = Simulator::new(&receiver, &secret, &clock)?;
/// let event = Sample::of(receiver.provider(), "MissingFunding")?;
/// let course = bank.deliver(&app, "/bank", &event).await?;
/// assert_eq!(course.attempts.len(), 12); // over nearly four days
/// assert_eq!(course.ending, Ending::SwitchedOff);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Simulator {
    signer: Signer,
    schedule: Schedule,
    has_signed_id: bool,
    receiver: Receiver,
    clock: ManualClock,
    duplicates: usize,
    concurrency: usize,
    shuffle: Option<u64>,
}

impl Simulator {
    /// The provider of `receiver`, which signs with `secret`, and a `clock` that it shares with the
    /// receiver. It sends one delivery at a time, and no duplicates.
    ///
    /// # Errors
    ///
    /// What [`Signer::new`] refuses.
    pub fn new(
        receiver: &Receiver,
        secret: &Secret,
        clock: &ManualClock,
    ) -> Result<Simulator, SignError> {
        let provider = receiver.provider();
        Ok(Simulator {
            signer: Signer::new(provider, secret)?,
            schedule: Schedule::of(provider),
            has_signed_id: matches!(provider.envelope().id, IdSource::SignedHeader(_)),
            receiver: receiver.clone(),
            clock: clock.clone(),
            duplicates: 0,
            concurrency: 1,
            shuffle: None,
        })
    }

    /// Sends every event so many times more, each copy with retries of its own.
    #[must_use]
    pub fn with_duplicates(mut self, duplicates: usize) -> Self {
        self.duplicates = duplicates;
        self
    }

    /// Sends so many deliveries at once, at most.
    #[must_use]
    pub fn with_concurrency(mut self, deliveries: usize) -> Self {
        self.concurrency = deliveries.max(1);
        self
    }

    /// Sends what is due at one moment in an order that follows from `seed`, and not in that in which it
    /// was given.
    #[must_use]
    pub fn with_shuffle(mut self, seed: u64) -> Self {
        self.shuffle = Some(seed);
        self
    }

    /// When it comes again.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Delivers one event. Where duplicates are sent, the course is that of the first copy.
    ///
    /// # Errors
    ///
    /// If the body cannot be signed.
    ///
    /// # Panics
    ///
    /// If `path` is none.
    pub async fn deliver(
        &self,
        target: &impl Target,
        path: &str,
        body: impl Into<Bytes>,
    ) -> Result<Course, SignError> {
        let round = Round::new(self, target, path, [body.into()])?;
        Ok(first(round.run().await?))
    }

    /// The same, but at the first attempt the provider hangs up as soon as `running` completes: a
    /// signal that the handler gives, say.
    ///
    /// # Errors
    ///
    /// If the body cannot be signed.
    ///
    /// # Panics
    ///
    /// If `path` is none.
    pub async fn deliver_and_hang_up(
        &self,
        target: &impl Target,
        path: &str,
        body: impl Into<Bytes>,
        running: impl Future<Output = ()>,
    ) -> Result<Course, SignError> {
        let mut round = Round::new(self, target, path, [body.into()])?;
        round.hang_up = Some(Box::pin(running));
        Ok(first(round.run().await?))
    }

    /// Delivers several events: a course for each copy of each, in the order of the events.
    ///
    /// # Errors
    ///
    /// If a body cannot be signed.
    ///
    /// # Panics
    ///
    /// If `path` is none.
    pub async fn deliver_all<B: Into<Bytes>>(
        &self,
        target: &impl Target,
        path: &str,
        bodies: impl IntoIterator<Item = B>,
    ) -> Result<Vec<Course>, SignError> {
        let bodies = bodies.into_iter().map(Into::into);
        Round::new(self, target, path, bodies)?.run().await
    }

    /// Signs all attempts of one event: they share its id, wherever that stands.
    fn signer_of_event(&self) -> Result<Signer, SignError> {
        let signer = self.signer.clone();
        if !self.has_signed_id {
            return Ok(signer);
        }
        signer.with_id(&format!("msg_{}", HEXLOWER.encode(&random::<16>()?)))
    }

    /// Lets time pass until `at`, on the monotonic clock.
    async fn wait_until(&self, at: Duration) {
        self.clock.settle().await;
        while !self.receiver.is_idle() {
            let Some(next) = self.clock.next_wake().filter(|next| *next < at) else {
                break;
            };
            let now = self.clock.monotonic();
            self.clock.advance(next.saturating_sub(now));
            self.clock.settle().await;
        }
        // The keeper of an idle receiver wakes every second and finds nothing to do.
        self.clock
            .advance(at.saturating_sub(self.clock.monotonic()));
        self.clock.settle().await;
    }
}

/// The first of several courses, of which there is one for each event and copy.
#[expect(clippy::expect_used, reason = "one event is never none")]
fn first(courses: Vec<Course>) -> Course {
    let mut courses = courses.into_iter();
    courses.next().expect("an event has a course")
}
