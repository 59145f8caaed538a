//! What came of the rules.

use std::fmt;

/// What came of a [conformance](crate::conformance) suite: a row for each rule. Shown, it is a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conformance {
    rules: Vec<Rule>,
}

/// One rule of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The rule in words.
    pub name: &'static str,
    /// Whether the store keeps it.
    pub verdict: Verdict,
}

/// Whether a store keeps a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It does.
    Held,
    /// It did not, and this is what was seen.
    Broken(String),
    /// The rule is not for such a store, for this reason.
    DoesNotApply(&'static str),
}

/// What a rule found, if it is not that all is well.
#[derive(Debug)]
pub(super) enum Finding {
    Broken(String),
    DoesNotApply(&'static str),
}

pub(super) type Checked<T = ()> = Result<T, Finding>;

/// An expectation that was not met.
pub(super) fn broken<T>(what: impl Into<String>) -> Checked<T> {
    Err(Finding::Broken(what.into()))
}

impl Rule {
    pub(super) fn new(name: &'static str, checked: Checked) -> Rule {
        let verdict = match checked {
            Ok(()) => Verdict::Held,
            Err(Finding::Broken(what)) => Verdict::Broken(what),
            Err(Finding::DoesNotApply(why)) => Verdict::DoesNotApply(why),
        };
        Rule { name, verdict }
    }
}

impl Conformance {
    pub(super) fn new(rules: Vec<Rule>) -> Conformance {
        Conformance { rules }
    }

    /// All rules, in the order they were played.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether no rule was broken.
    pub fn all_held(&self) -> bool {
        let broken = |rule: &Rule| matches!(rule.verdict, Verdict::Broken(_));
        !self.rules.iter().any(broken)
    }

    /// The store keeps every rule that applies to it.
    ///
    /// # Panics
    ///
    /// If it does not, with the table.
    #[track_caller]
    #[expect(clippy::panic, reason = "that is what an assertion does")]
    pub fn assert_all_held(&self) {
        if !self.all_held() {
            panic!("the store broke a rule\n{self}");
        }
    }
}

impl fmt::Display for Conformance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rules.iter().map(|rule| rule.name.len()).max();
        let width = width.unwrap_or_default();
        for Rule { name, verdict } in &self.rules {
            match verdict {
                Verdict::Held => writeln!(f, "{name:width$}  held")?,
                Verdict::Broken(what) => writeln!(f, "{name:width$}  BROKEN: {what}")?,
                Verdict::DoesNotApply(why) => {
                    writeln!(f, "{name:width$}  does not apply: {why}")?;
                }
            }
        }
        Ok(())
    }
}
