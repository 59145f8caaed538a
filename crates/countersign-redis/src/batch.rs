//! The keys of one call, and how they reach the server: all at once, or slot by slot.

use std::time::Duration;

use countersign::{Key, Token};
use futures_util::future::join_all;
use redis::{ErrorKind, RedisResult, Value};

use crate::entry::{GRACE, committed, millis, running};
use crate::script::{CLAIM, RELEASE, Script, is_cross_slot, is_full};
use crate::server::Server;
use crate::slot::by_slot;

pub(crate) struct Batch<'s> {
    server: &'s Server,
    run: [u8; 17],
    ids: Vec<Vec<u8>>,
    payloads: Vec<[u8; 9]>,
}

/// What a claim of a batch comes to.
pub(crate) enum Claimed {
    /// Nothing was acquired: somebody else's lease runs for so much longer.
    Busy(Duration),
    /// A verdict a key.
    Settled(Vec<Verdict>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Held since this claim.
    New,
    /// Held under the same token before it.
    Own,
    Committed,
    /// Committed with another payload.
    Differing,
}

impl<'s> Batch<'s> {
    pub(crate) fn new(server: &'s Server, prefix: &str, keys: &[Key], token: Token) -> Self {
        let id = |key: &Key| [prefix.as_bytes(), hex::encode(key.as_bytes()).as_bytes()].concat();
        Batch {
            server,
            run: running(token),
            ids: keys.iter().map(id).collect(),
            payloads: keys.iter().map(committed).collect(),
        }
    }

    pub(crate) async fn claim(&self, lease: Duration) -> RedisResult<Claimed> {
        let cut = self.server.is_cluster();
        match self.claim_parts(&self.parts(cut), lease).await {
            Err(error) if is_cross_slot(&error) && !cut => {
                self.server.turned_out_a_cluster();
                self.claim_parts(&self.parts(true), lease).await
            }
            claimed => claimed,
        }
    }

    /// One part after another, and no further than the first that refuses: two batches that claimed
    /// theirs at once could each get what the other needs, again and again.
    async fn claim_parts(&self, parts: &[Vec<usize>], lease: Duration) -> RedisResult<Claimed> {
        let mut verdicts = vec![Verdict::Committed; self.ids.len()];
        let mut held = Vec::new();
        for part in parts {
            let times = [lease.saturating_add(GRACE), GRACE];
            let refusal = match self.run(&CLAIM, part, &times).await {
                Ok(Value::Int(left)) => {
                    let left = Duration::from_millis(u64::try_from(left).unwrap_or_default());
                    Ok(Claimed::Busy(left))
                }
                Ok(Value::BulkString(letters)) if letters.len() == part.len() => {
                    for (place, letter) in part.iter().zip(letters) {
                        let verdict = Verdict::of(letter)?;
                        if let Some(at) = verdicts.get_mut(*place) {
                            *at = verdict;
                        }
                        // Also what was its own already: a first try may have claimed it, whose answer was
                        // lost, and nobody releases after a refusal.
                        if matches!(verdict, Verdict::New | Verdict::Own) {
                            held.push(*place);
                        }
                    }
                    continue;
                }
                Ok(_) => return Err(unexpected()),
                Err(error) if is_full(&error) => Err(error),
                Err(error) => return Err(error),
            };
            self.run_parts(&RELEASE, &self.parts_of(&held), &[]).await?;
            return refusal;
        }
        Ok(Claimed::Settled(verdicts))
    }

    /// Runs one of the other scripts over all keys; whether it found another's where its own should
    /// be. The order does not matter to these, so the slots of a cluster are asked at once.
    pub(crate) async fn settle(&self, script: &Script, times: &[Duration]) -> RedisResult<bool> {
        let cut = self.server.is_cluster();
        match self.run_parts(script, &self.parts(cut), times).await {
            Err(error) if is_cross_slot(&error) && !cut => {
                self.server.turned_out_a_cluster();
                self.run_parts(script, &self.parts(true), times).await
            }
            lost => lost,
        }
    }

    async fn run_parts(
        &self,
        script: &Script,
        parts: &[Vec<usize>],
        times: &[Duration],
    ) -> RedisResult<bool> {
        let answers = join_all(parts.iter().map(|part| self.run(script, part, times))).await;
        let mut lost = false;
        for answer in answers {
            match answer? {
                Value::Int(number) => lost |= number != 0,
                _ => return Err(unexpected()),
            }
        }
        Ok(lost)
    }

    async fn run(&self, script: &Script, part: &[usize], times: &[Duration]) -> RedisResult<Value> {
        let ids = part.iter().filter_map(|place| self.ids.get(*place));
        let ids: Vec<&[u8]> = ids.map(Vec::as_slice).collect();
        let times: Vec<String> = times.iter().map(|time| millis(*time).to_string()).collect();
        let mut arguments = vec![self.run.as_slice()];
        arguments.extend(times.iter().map(String::as_bytes));
        if script.takes_payloads() {
            let payloads = part.iter().filter_map(|place| self.payloads.get(*place));
            arguments.extend(payloads.map(<[u8; 9]>::as_slice));
        }
        script.run(self.server, &ids, &arguments).await
    }

    /// The places of all keys, as they can be asked for together.
    fn parts(&self, cut: bool) -> Vec<Vec<usize>> {
        let all: Vec<usize> = (0..self.ids.len()).collect();
        if cut { self.parts_of(&all) } else { vec![all] }
    }

    fn parts_of(&self, places: &[usize]) -> Vec<Vec<usize>> {
        by_slot(
            places
                .iter()
                .filter_map(|place| Some((*place, self.ids.get(*place)?.as_slice()))),
        )
    }
}

impl Verdict {
    fn of(letter: u8) -> RedisResult<Self> {
        match letter {
            b'n' => Ok(Verdict::New),
            b'o' => Ok(Verdict::Own),
            b'c' => Ok(Verdict::Committed),
            b'd' => Ok(Verdict::Differing),
            _ => Err(unexpected()),
        }
    }
}

fn unexpected() -> redis::RedisError {
    (
        ErrorKind::UnexpectedReturnType,
        "a script answered something else than it can",
    )
        .into()
}
