//! How a provider behaves that merchants stumble on.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::Retry;

/// What a sender takes for an answer, how long it waits, and how it comes again. Gathered from the
/// providers' documentation as others quote it; where nothing is known, nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sender {
    /// What counts as success, such as `2xx`; empty if it is not known.
    pub success: &'static str,
    /// How many seconds it waits for the answer; 0 if it is not known.
    pub within: u64,
    /// When it comes again, in words; empty if it is not known.
    pub retries: &'static str,
    /// How long after the first attempt the last one may come, in hours; 0 if it is not known.
    pub horizon: u64,
    /// Whether a retry has a signature and a time of its own; `None` if it is not known.
    pub signed_anew: Option<bool>,
    /// An id that it sends in a header without signing it: a label for logs, and no key. Empty if there
    /// is none.
    pub label: &'static str,
    /// What else a merchant should know; empty for nothing.
    pub remark: &'static str,
}

impl Sender {
    /// One of whom nothing is known.
    pub(crate) const UNKNOWN: Sender = Sender {
        success: "",
        within: 0,
        retries: "",
        horizon: 0,
        signed_anew: None,
        label: "",
        remark: "",
    };

    pub(super) fn retry(self) -> Option<Retry> {
        (self.horizon > 0).then(|| Retry {
            gaps: Cow::Borrowed(&[]),
            horizon: Duration::from_secs(self.horizon.saturating_mul(3600)),
        })
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = Vec::new();
        match (self.success, self.within) {
            ("", 0) => {}
            ("", within) => said.push(format!("answer within {within} s")),
            (success, 0) => said.push(format!("wants {success}")),
            (success, within) => said.push(format!("wants {success} within {within} s")),
        }
        if !self.retries.is_empty() {
            said.push(self.retries.to_owned());
        }
        match self.signed_anew {
            Some(true) => said.push("a retry is signed anew".to_owned()),
            Some(false) => said.push("a retry has the same signature".to_owned()),
            None => {}
        }
        if !self.label.is_empty() {
            said.push(format!("header {} is a label", self.label));
        }
        if !self.remark.is_empty() {
            said.push(self.remark.to_owned());
        }
        f.write_str(&said.join("; "))
    }
}
