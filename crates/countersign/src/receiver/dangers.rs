//! What makes a receiver protect less than others do, said aloud when it is opened.

use std::sync::atomic::{AtomicU8, Ordering};

use super::Config;
use super::gate::Gate;
use super::track::Track;
use crate::observer::Outcome;
use crate::scheme::Scheme;

/// One of the ways in which a receiver can be set up to protect less.
struct Danger {
    holds: fn(&Config) -> bool,
    /// What observers are told.
    outcome: Option<Outcome>,
    /// What is logged.
    warning: Option<&'static str>,
}

const DANGERS: [Danger; 5] = [
    Danger {
        holds: |config| config.observe_only,
        outcome: Some(Outcome::ObserveOnly),
        warning: Some(
            "this endpoint observes only: forged deliveries and duplicates reach the handler",
        ),
    },
    Danger {
        holds: is_unsigned,
        outcome: Some(Outcome::Unsigned),
        warning: Some(
            "this endpoint takes deliveries that are not signed: nothing in them is proved",
        ),
    },
    Danger {
        holds: |config| config.provider.scheme().is_token_only() && !is_unsigned(config),
        outcome: None,
        warning: Some(
            "this provider sends the same token each time: whoever saw one delivery can send any",
        ),
    },
    Danger {
        holds: |config| config.fail_open,
        outcome: None,
        warning: Some(
            "while the store cannot be reached, events run without a claim, and may run twice",
        ),
    },
    Danger {
        holds: |config| config.verifier.tolerance().is_none() && config.freshness.is_none(),
        outcome: Some(Outcome::NoSignedTime),
        warning: None,
    },
];

fn is_unsigned(config: &Config) -> bool {
    *config.provider.scheme() == Scheme::DangerousUnsigned
}

/// What has been said, by a receiver and its clones: one bit for each.
#[derive(Default)]
pub(crate) struct Said {
    observed: AtomicU8,
    logged: AtomicU8,
}

/// The dangers that hold and have not been said before.
fn news(config: &Config, said: &AtomicU8) -> impl Iterator<Item = &'static Danger> + use<> {
    let holding = DANGERS.iter().enumerate();
    let holding = holding.filter(|(_, danger)| (danger.holds)(config));
    let holding = holding.fold(0, |bits, (n, _)| bits | 1 << n);
    let new = holding & !said.fetch_or(holding, Ordering::AcqRel);
    let all = DANGERS.iter().enumerate();
    all.filter_map(move |(n, danger)| (new & 1 << n != 0).then_some(danger))
}

impl Gate {
    /// What an operator has to know of how this receiver is set up: that it does not protect as much as others
    /// do. An adapter logs it whenever it opens a receiver; of a receiver and its clones each is yielded once.
    pub fn take_warnings(&self) -> impl Iterator<Item = &'static str> + use<> {
        let news = news(&self.config, &self.shared.said.logged);
        news.filter_map(|danger| danger.warning)
    }

    /// Tells the observers.
    pub(crate) fn observe_dangers(&self) {
        let news = news(&self.config, &self.shared.said.observed);
        for outcome in news.filter_map(|danger| danger.outcome) {
            Track::new(self).noticed(outcome, &[], false);
        }
    }
}
