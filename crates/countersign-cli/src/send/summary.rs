//! What came back, counted.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::{Table, presets};
use countersign_testkit::Fault;

use super::deliver::Answer;

/// Counts and latencies by status.
pub(super) struct Summary {
    fault: Option<Fault>,
    by_status: BTreeMap<Option<u16>, Answers>,
}

#[derive(Default)]
struct Answers {
    ms: Vec<f64>,
    undeserved: usize,
}

impl Summary {
    pub(super) fn new(fault: Option<Fault>) -> Self {
        Summary {
            fault,
            by_status: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, answer: &Answer) {
        let answers = self.by_status.entry(answer.status).or_default();
        answers.ms.push(answer.ms);
        answers.undeserved += usize::from(!answer.expected);
    }

    /// Whether every answer was deserved.
    pub(super) fn is_good(&self) -> bool {
        self.by_status
            .values()
            .all(|answers| answers.undeserved == 0)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_FULL_CONDENSED).set_header([
            "status",
            "deliveries",
            "not deserved",
            "ms: median",
            "99 %",
            "most",
        ]);
        for (status, answers) in &self.by_status {
            let mut ms = answers.ms.clone();
            ms.sort_by(f64::total_cmp);
            let at = |share: usize| {
                let index = (ms.len().saturating_sub(1) * share).div_ceil(100);
                ms.get(index)
                    .map_or_else(String::new, |ms| format!("{ms:.1}"))
            };
            table.add_row([
                status.map_or("no answer".to_owned(), |status| status.to_string()),
                ms.len().to_string(),
                answers.undeserved.to_string(),
                at(50),
                at(99),
                at(100),
            ]);
        }
        if let Some(fault) = self.fault {
            writeln!(f, "fault: {fault}")?;
        }
        writeln!(f, "{table}")?;
        let verdict = match self.is_good() {
            true => "every answer was deserved",
            false => "not every answer was deserved",
        };
        writeln!(f, "{verdict}")
    }
}
