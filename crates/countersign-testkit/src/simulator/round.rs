//! One round of deliveries: what is due when, what is in flight, and when the clock may move.

use std::collections::HashSet;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use countersign::{Clock, UnixTime};
use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{Request, StatusCode};

use super::Simulator;
use super::course::{Attempt, Course, Ending, Heard};
use crate::signer::{SignError, Signer};
use crate::target::Target;

/// How far the clock moves at most for attempts that may wait for another run of their event. A
/// receiver lets them wait for 2 seconds, and answers 409 then; its answer deadline is further away.
const WAITING: Duration = Duration::from_secs(3);

type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

pub(super) struct Round<'a, T> {
    simulator: &'a Simulator,
    target: &'a T,
    path: &'a str,
    bodies: Vec<(Bytes, Signer)>,
    /// At the very first attempt: the provider hangs up when it completes.
    pub(super) hang_up: Option<Local<'a, ()>>,
    courses: Vec<Course>,
    /// When each course begins its next attempt, in the order in which they are sent.
    planned: Vec<(Duration, usize)>,
    began: Duration,
    flying: Vec<Flight>,
    /// Events of which a run may have been left behind: its sender got no answer, or a 503.
    left_behind: HashSet<usize>,
    /// Until when the clock may move for those that wait.
    waiting_until: Option<Duration>,
}

/// An attempt in flight.
struct Flight {
    course: usize,
    event: usize,
    /// Whether it may wait for a run that is not in flight, and which the clock alone can end.
    waits: bool,
}

/// An attempt that has ended.
struct Ended {
    course: usize,
    after: Duration,
    sent: UnixTime,
    heard: Heard,
}

impl<'a, T: Target> Round<'a, T> {
    pub(super) fn new(
        simulator: &'a Simulator,
        target: &'a T,
        path: &'a str,
        bodies: impl IntoIterator<Item = Bytes>,
    ) -> Result<Self, SignError> {
        let signed_by = |body| Ok((body, simulator.signer_of_event()?));
        let bodies: Vec<_> = bodies
            .into_iter()
            .map(signed_by)
            .collect::<Result<_, _>>()?;
        let copies = 0..=simulator.duplicates;
        let courses: Vec<Course> = (0..bodies.len())
            .flat_map(|event| copies.clone().map(move |copy| (event, copy)))
            .map(|(event, copy)| Course {
                event,
                copy,
                attempts: Vec::new(),
                ending: Ending::GivenUp,
            })
            .collect();
        let began = simulator.clock.monotonic();
        let mut planned: Vec<_> = (0..courses.len()).map(|course| (began, course)).collect();
        if let Some(seed) = simulator.shuffle {
            shuffle(&mut planned, seed);
        }
        Ok(Round {
            simulator,
            target,
            path,
            bodies,
            hang_up: None,
            courses,
            planned,
            began,
            flying: Vec::new(),
            left_behind: HashSet::new(),
            waiting_until: None,
        })
    }

    pub(super) async fn run(mut self) -> Result<Vec<Course>, SignError> {
        let mut in_flight = FuturesUnordered::new();
        loop {
            while in_flight.len() < self.simulator.concurrency
                && let Some(course) = self.take_due()
            {
                in_flight.push(self.begin(course)?);
            }
            if in_flight.is_empty() {
                let Some(at) = self.planned.iter().map(|(at, _)| *at).min() else {
                    return Ok(self.courses);
                };
                self.simulator.wait_until(at).await;
                self.waiting_until = None;
                continue;
            }
            if let Some(ended) = self.next(&mut in_flight).await {
                self.note(ended);
            }
        }
    }

    /// The next attempt that ends; nothing if the clock has moved meanwhile, as far as it may.
    async fn next(&mut self, in_flight: &mut FuturesUnordered<Local<'a, Ended>>) -> Option<Ended> {
        let clock = &self.simulator.clock;
        let now = clock.monotonic();
        if self.flying.iter().all(|flight| flight.waits) {
            let until = *self.waiting_until.get_or_insert(now + WAITING);
            if now < until {
                let moving = pin!(clock.wind(until - now));
                return match select(in_flight.next(), moving).await {
                    Either::Left((ended, _)) => ended,
                    Either::Right(_) => None,
                };
            }
        }
        in_flight.next().await
    }

    /// The first course in order whose time has come.
    fn take_due(&mut self) -> Option<usize> {
        let now = self.simulator.clock.monotonic();
        let due = self.planned.iter().position(|(at, _)| *at <= now)?;
        Some(self.planned.remove(due).1)
    }

    /// Signs an attempt and sends it.
    fn begin(&mut self, course: usize) -> Result<Local<'a, Ended>, SignError> {
        let simulator = self.simulator;
        let clock = &simulator.clock;
        let sent = clock.now();
        let after = clock.monotonic().saturating_sub(self.began);
        let copies = self.simulator.duplicates + 1;
        let event = course / copies;
        let Some((body, signer)) = self.bodies.get(event) else {
            return Ok(Box::pin(std::future::pending()));
        };
        let request = signer.sign(body.clone(), sent)?.to(self.path);
        let hang_up = self.hang_up.take();
        self.flying.push(Flight {
            course,
            event,
            waits: self.left_behind.contains(&event) && !simulator.receiver.is_idle(),
        });
        let target = self.target;
        Ok(Box::pin(async move {
            let heard = send(simulator, target, request, hang_up).await;
            Ended {
                course,
                after,
                sent,
                heard,
            }
        }))
    }

    /// Writes an attempt down, and plans the next.
    fn note(&mut self, ended: Ended) {
        let Some(course) = self.courses.get_mut(ended.course) else {
            return;
        };
        self.flying.retain(|flight| flight.course != ended.course);
        for flight in &mut self.flying {
            // A further copy, which may wait for the run that this one told of.
            flight.waits |= flight.event == course.event;
        }
        let attempt = Attempt {
            after: ended.after,
            sent: ended.sent,
            heard: ended.heard,
        };
        match attempt.status() {
            None | Some(StatusCode::SERVICE_UNAVAILABLE) => {
                self.left_behind.insert(course.event);
            }
            Some(_) => {}
        }
        let success = attempt.is_success();
        course.attempts.push(attempt);
        if success {
            course.ending = Ending::Delivered;
            return;
        }
        let schedule = &self.simulator.schedule;
        match schedule.gaps().get(course.attempts.len() - 1) {
            Some(gap) => {
                let at = self.simulator.clock.monotonic().saturating_add(*gap);
                self.planned.push((at, ended.course));
            }
            None if schedule.switches_off() => {
                course.ending = Ending::SwitchedOff;
                for (_, course) in self.planned.drain(..) {
                    if let Some(course) = self.courses.get_mut(course) {
                        course.ending = Ending::SwitchedOff;
                    }
                }
            }
            None => course.ending = Ending::GivenUp,
        }
    }
}

/// Sends one request, and waits as long as the provider does.
async fn send(
    simulator: &Simulator,
    target: &impl Target,
    request: Request<Bytes>,
    mut hang_up: Option<Local<'_, ()>>,
) -> Heard {
    let clock = &simulator.clock;
    let patience = simulator.schedule.answer_within();
    let began = clock.monotonic();
    let mut out_of_patience = clock.sleep(patience);
    let mut answer = pin!(target.deliver(request));
    poll_fn(|cx| {
        if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
            // A handler that moves the clock and answers at once has let the provider wait too.
            if clock.monotonic().saturating_sub(began) > patience {
                return Poll::Ready(Heard::TimedOut);
            }
            return Poll::Ready(match answer {
                Ok(response) => Heard::Answer {
                    status: response.status(),
                    outcome: outcome(response.headers()),
                },
                Err(no_answer) => Heard::Nothing(no_answer),
            });
        }
        if out_of_patience.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Heard::TimedOut);
        }
        match &mut hang_up {
            Some(running) => running.as_mut().poll(cx).map(|()| Heard::HungUp),
            None => Poll::Pending,
        }
    })
    .await
}

/// What the header `webhook-outcome` says.
pub(crate) fn outcome(headers: &http::HeaderMap) -> Option<String> {
    let outcome = headers.get("webhook-outcome")?;
    Some(String::from_utf8_lossy(outcome.as_bytes()).into_owned())
}

/// An order that follows from the seed.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        // SplitMix64: any seed will do, zero too.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        items.swap(last, (bits % (last as u64 + 1)) as usize);
    }
}
