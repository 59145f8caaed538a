//! The search: the delivery as it is, then one change at a time, then two.

use std::collections::HashSet;

use bytes::Bytes;
use zeroize::Zeroizing;

use super::attempt::{Attempt, Key, Trial};
use super::bodies::{Body, bodies};
use super::schemes::{Change, changes};
use super::secrets::{Other, others};
use super::{Cause, Code, Explanation, Proof, Question};
use crate::error::{ConfigError, ConfigErrorKind, Error, ErrorKind};
use crate::provider::Provider;
use crate::time::UnixTime;

/// How many bytes are hashed at most, and how many attempts are made at least.
const BUDGET: usize = 384 * 1024 * 1024;
const AT_LEAST: usize = 64;

/// What an attempt costs beside its body, in bytes of hashing.
const OVERHEAD: usize = 4 * 1024;

pub(super) fn search(question: &Question<'_>) -> Result<Explanation, ConfigError> {
    if question.secrets.is_empty() {
        return Err(ConfigError::new(
            ConfigErrorKind::NoSecret,
            "no secret to explain with",
        ));
    }
    let mut first: Option<Error> = None;
    let mut another_time = None;
    for (key_index, secret) in question.secrets.iter().enumerate() {
        let key = Key::text(secret);
        match attempt(question, question.provider, &key, &question.delivery.body) {
            Trial::Verified(proof) => {
                let (verified, verifier) = *proof;
                let events = verifier.identify(&verified);
                return Ok(Explanation {
                    verdict: Ok(Proof {
                        key_index,
                        verified,
                        events,
                    }),
                    causes: Vec::new(),
                    cut_short: false,
                });
            }
            Trial::AnotherTime(error, time) => another_time = Some((error, time)),
            Trial::Refused(error) => first = first.or(Some(error)),
            // A header that its provider does not document is for the search to find.
            Trial::Impossible(error) if error.kind() == ConfigErrorKind::MissingSetting => {
                first = Some(Error::of(ErrorKind::MissingHeader, "its name is not set"));
            }
            Trial::Impossible(error) if !is_of_form(error.kind()) => return Err(error),
            Trial::Impossible(_) => first = first.or(Some(without_key(question)?)),
        }
    }
    let mut search = Search {
        question,
        budget: BUDGET.max(AT_LEAST * (question.delivery.body.len() + OVERHEAD)),
        tried: 0,
        right_but_for_time: another_time.is_some(),
        causes: Vec::new(),
        cut_short: false,
    };
    search.singles();
    // A change together with the clock is two mistakes.
    search.causes.sort_by_key(|cause| cause.codes.len());
    // A wrong unit puts the time centuries away; then no clock is to blame.
    let unit = search
        .causes
        .iter()
        .any(|cause| cause.codes == [Code::SecondsVsMilliseconds]);
    if let Some((_, time)) = another_time
        && !unit
    {
        search.causes.insert(
            0,
            Cause {
                codes: vec![Code::ClockSkew],
                detail: format!(
                    "Signature and secret are right. {}",
                    skew(time, question.now)
                ),
            },
        );
    }
    if search.causes.is_empty() {
        search.pairs();
    }
    let refused = another_time.map(|(error, _)| error).or(first);
    Ok(Explanation {
        verdict: Err(refused.unwrap_or(Error::new(ErrorKind::SignatureMismatch))),
        causes: search.causes,
        cut_short: search.cut_short,
    })
}

/// What is wrong with the form of a secret is a mistake to explain.
fn is_of_form(kind: ConfigErrorKind) -> bool {
    matches!(
        kind,
        ConfigErrorKind::BlankSecret
            | ConfigErrorKind::SecretWhitespace
            | ConfigErrorKind::SecretEncoding
            | ConfigErrorKind::SecretTooShort
    )
}

/// The verdict where the secret is no key at all: what the head says, else a mismatch.
fn without_key(question: &Question<'_>) -> Result<Error, ConfigError> {
    // Nobody signs with it.
    let key: [u8; 32] = rand::random();
    let key = Key::Bytes(Zeroizing::new(key.to_vec()));
    match attempt(question, question.provider, &key, &question.delivery.body) {
        Trial::Refused(error) => Ok(error),
        // A key that is not even random bytes: a public one.
        Trial::Impossible(error) if !is_of_form(error.kind()) => Err(error),
        _ => Ok(Error::new(ErrorKind::SignatureMismatch)),
    }
}

fn attempt(question: &Question<'_>, provider: &Provider, key: &Key, body: &Bytes) -> Trial {
    Attempt {
        provider,
        key,
        body,
    }
    .verify(question)
}

fn skew(signed: UnixTime, now: UnixTime) -> String {
    let seconds = now.millis_since(signed) / 1000;
    let (by, side) = (
        seconds.unsigned_abs(),
        if seconds < 0 { "ahead of" } else { "behind" },
    );
    format!(
        "The signed time is {by} s {side} the clock it was verified by. Set the clock right, or, if this \
         is an old delivery, verify it at its own time: --at {}.",
        signed.as_secs()
    )
}

struct Search<'q> {
    question: &'q Question<'q>,
    budget: usize,
    tried: usize,
    /// Then a change has to mend the time, and nothing else.
    right_but_for_time: bool,
    causes: Vec<Cause>,
    cut_short: bool,
}

/// One change, of whichever kind.
#[derive(Clone, Copy)]
enum One<'a> {
    Key(&'a Other),
    Body(&'a Body),
    Scheme(&'a Change),
}

impl One<'_> {
    fn code(&self) -> Code {
        match self {
            One::Key(other) => other.code,
            One::Body(body) => body.code,
            One::Scheme(change) => change.code,
        }
    }

    fn detail(&self) -> &str {
        match self {
            One::Key(other) => &other.detail,
            One::Body(body) => &body.detail,
            One::Scheme(change) => &change.detail,
        }
    }
}

impl Search<'_> {
    fn singles(&mut self) {
        let question = self.question;
        let bodies = bodies(&question.delivery.body);
        let changes = changes(question.provider, question.delivery);
        for (index, secret) in question.secrets.iter().enumerate() {
            let others = others(question.provider, secret, question.other_secrets);
            for one in each(&others, &bodies, &changes) {
                self.try_all((index, secret), &[one]);
            }
        }
    }

    fn pairs(&mut self) {
        let question = self.question;
        let bodies = bodies(&question.delivery.body);
        let changes = changes(question.provider, question.delivery);
        for (index, secret) in question.secrets.iter().enumerate() {
            let others = others(question.provider, secret, question.other_secrets);
            let all: Vec<One<'_>> = each(&others, &bodies, &changes).collect();
            for (at, first) in all.iter().enumerate() {
                for second in all.iter().skip(at + 1) {
                    if go_together(first, second) {
                        self.try_all((index, secret), &[*first, *second]);
                    }
                }
            }
        }
    }

    /// Tries the delivery with all these changes made.
    fn try_all(&mut self, (index, secret): (usize, &str), changes: &[One<'_>]) {
        let question = self.question;
        let own = Key::text(secret);
        let (mut key, mut body) = (&own, &question.delivery.body);
        let mut provider = std::borrow::Cow::Borrowed(question.provider);
        for change in changes {
            match change {
                One::Key(other) => key = &other.key,
                One::Body(other) => body = &other.bytes,
                One::Scheme(change) => match change.of(&provider) {
                    Some(changed) => provider = std::borrow::Cow::Owned(changed),
                    None => return,
                },
            }
        }
        let cost = body.len() + OVERHEAD;
        if self.budget < cost && self.tried >= AT_LEAST {
            self.cut_short = true;
            return;
        }
        let mut codes: Vec<Code> = changes.iter().map(One::code).collect();
        let mut detail: Vec<String> = changes.iter().map(|one| one.detail().to_owned()).collect();
        match attempt(question, &provider, key, body) {
            Trial::Verified(..) => {}
            Trial::AnotherTime(..) if self.right_but_for_time => return,
            Trial::AnotherTime(_, time) => {
                codes.push(Code::ClockSkew);
                detail.push(skew(time, question.now));
            }
            Trial::Refused(error) => {
                // A head that does not fit is refused before anything is hashed.
                if error.kind() == ErrorKind::SignatureMismatch {
                    self.budget = self.budget.saturating_sub(cost);
                    self.tried += 1;
                }
                return;
            }
            Trial::Impossible(_) => return,
        }
        let known: HashSet<&[Code]> = self.causes.iter().map(|cause| &*cause.codes).collect();
        if !known.contains(&*codes) {
            let mut detail = detail.join(" And: ");
            if question.secrets.len() > 1 {
                detail = format!("With the secret of key_index {index}: {detail}");
            }
            self.causes.push(Cause { codes, detail });
        }
    }
}

fn each<'a>(
    others: &'a [Other],
    bodies: &'a [Body],
    changes: &'a [Change],
) -> impl Iterator<Item = One<'a>> {
    let keys = others.iter().map(One::Key);
    let bodies = bodies.iter().map(One::Body);
    keys.chain(bodies).chain(changes.iter().map(One::Scheme))
}

/// Two changes of one thing are one change, but for a scheme, of which several parts may be wrong.
fn go_together(first: &One<'_>, second: &One<'_>) -> bool {
    match (first, second) {
        (One::Key(_), One::Key(_)) | (One::Body(_), One::Body(_)) => false,
        (One::Scheme(first), One::Scheme(second)) => {
            // Another provider's scheme is taken as it is.
            let whole = |code| code == Code::WrongProvider;
            first.code != second.code && !whole(first.code) && !whole(second.code)
        }
        _ => true,
    }
}
