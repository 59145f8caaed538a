//! One copy of an event, and its retries.

use std::time::{Duration, Instant, SystemTime};

use countersign::{Provider, Secret, UnixTime};
use countersign_testkit::{Fault, Schedule, SignError, Signed, Signer};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;
use tokio::sync::Semaphore;

use super::{Event, scaled};
use crate::http_client::Client;
use crate::url::Url;

/// Delivers as one provider does.
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) url: Url,
    /// When to come again; `None` for one attempt only.
    pub(super) schedule: Option<Schedule>,
    /// How long to wait for an answer.
    pub(super) patience: Duration,
    pub(super) scale: f64,
    pub(super) fault: Option<Fault>,
    pub(super) provider: Provider,
    pub(super) secret: Secret,
    /// As many as may be on their way at once.
    pub(super) places: Semaphore,
}

/// What one delivery was answered.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Answer {
    pub(super) event: u32,
    pub(super) copy: u64,
    pub(super) attempt: usize,
    pub(super) fault: Option<&'static str>,
    /// `None` if there was no answer.
    pub(super) status: Option<u16>,
    pub(super) ms: f64,
    pub(super) expected: bool,
}

impl Sender {
    /// Delivers one copy, and with a schedule until it is taken.
    pub(super) async fn deliver(
        &self,
        event: &Event,
        (number, copy): (u32, u64),
        tell: impl Fn(&mut Answer),
    ) -> Vec<Answer> {
        let gaps = self.schedule.as_ref().map_or(&[][..], Schedule::gaps);
        let mut answers = Vec::new();
        for attempt in 0..=gaps.len() {
            if let Some(gap) = attempt.checked_sub(1).and_then(|before| gaps.get(before)) {
                tokio::time::sleep(scaled(*gap, self.scale)).await;
            }
            let place = self.places.acquire().await;
            let begun = Instant::now();
            // Each attempt is signed anew, as the providers that sign a time do.
            let status = match self.signed(event) {
                Ok(signed) => self.attempt(signed).await,
                Err(_) => None,
            };
            drop(place);
            let mut answer = Answer {
                event: number,
                copy,
                attempt: attempt + 1,
                fault: self.fault.map(Fault::as_str),
                status,
                ms: (begun.elapsed().as_secs_f64() * 10_000.0).round() / 10.0,
                expected: false,
            };
            tell(&mut answer);
            answers.push(answer);
            if status.is_some_and(|status| (200..300).contains(&status)) {
                break;
            }
        }
        answers
    }

    fn signed(&self, event: &Event) -> Result<Signed, SignError> {
        let now: UnixTime = SystemTime::now().into();
        if let Some(fault) = self.fault {
            let shots = fault.shots(&self.provider, &self.secret, event.body.clone(), now)?;
            if let Some(shot) = shots.into_iter().next() {
                return Ok(shot.delivery);
            }
        }
        let mut signer = Signer::new(&self.provider, &self.secret)?;
        if let Some(id) = &event.id {
            signer = signer.with_id(id)?;
        }
        signer.sign(event.body.clone(), now)
    }

    /// The status of the answer, once it has been read; `None` if there is none in time.
    async fn attempt(&self, signed: Signed) -> Option<u16> {
        let (parts, body) = signed.to(self.url.as_str()).into_parts();
        let request = Request::from_parts(parts, Full::new(body));
        let answered = async {
            let response = self.client.request(request).await.ok()?;
            let status = response.status().as_u16();
            // To its end, so that the connection can be used again.
            let mut body = response.into_body();
            while let Some(Ok(_)) = body.frame().await {}
            Some(status)
        };
        tokio::time::timeout(self.patience, answered).await.ok()?
    }
}
