//! What an attack deserved, and what came back.

use std::fmt;

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::fault::Deserved;
use crate::simulator::outcome;
use crate::target::NoAnswer;

/// What came of an attack: a row for each of its kinds. Shown, it is a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    provider: String,
    rows: Vec<Row>,
}

/// One kind of attack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// Its name: that of a [`Fault`](crate::Fault), `genuine`, `duplicate`, `concurrent` or
    /// `refusals-alike`.
    pub name: &'static str,
    /// What it deserved.
    pub deserved: String,
    /// What came back.
    pub came: String,
    /// Whether that is what it deserved.
    pub held: bool,
}

/// An answer, and what it should have been.
pub(super) struct Judged {
    deserves: Deserved,
    came: String,
    held: bool,
}

impl Report {
    pub(super) fn new(provider: &str, rows: Vec<Row>) -> Report {
        Report {
            provider: provider.to_owned(),
            rows,
        }
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The row of this name.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    /// Whether the server answered everything as it deserves.
    pub fn all_held(&self) -> bool {
        self.rows.iter().all(|row| row.held)
    }

    /// The server answered everything as it deserves.
    ///
    /// # Panics
    ///
    /// If it did not, with the table.
    #[track_caller]
    #[expect(clippy::panic, reason = "that is what an assertion does")]
    pub fn assert_all_held(&self) {
        if !self.all_held() {
            panic!("{self}");
        }
    }
}

impl Row {
    pub(super) fn in_turn(name: &'static str, judged: &[Judged], ran: Option<usize>) -> Row {
        let genuine = |judged: &&Judged| judged.deserves == Deserved::Genuine;
        let runs = judged.iter().filter(genuine).count();
        Row {
            name,
            deserved: listed(judged.iter().map(|one| one.deserves.to_string())),
            came: listed(judged.iter().map(|one| one.came.clone())),
            held: judged.iter().all(|one| one.held),
        }
        .counted(runs, ran)
    }

    pub(super) fn at_once(
        answers: &[Result<Response<Bytes>, NoAnswer>],
        ran: Option<usize>,
    ) -> Row {
        let judge = |deserves| {
            let held = |answer: &&_| Judged::new(deserves, answer).held;
            answers.iter().filter(held).count()
        };
        let told_to_come_again = |answer: &&Result<Response<Bytes>, NoAnswer>| {
            let answer = answer.as_ref();
            answer.is_ok_and(|answer| answer.status() == StatusCode::CONFLICT)
        };
        let in_progress = answers.iter().filter(told_to_come_again).count();
        let (genuine, duplicate) = (judge(Deserved::Genuine), judge(Deserved::Duplicate));
        Row {
            name: "concurrent",
            deserved: "one 2xx, else 200 duplicate or 409".to_owned(),
            came: listed(answers.iter().map(came)),
            held: genuine == 1 && genuine + duplicate + in_progress == answers.len(),
        }
        .counted(1, ran)
    }

    /// A forger learns nothing from a refusal if all of them are one.
    pub(super) fn refusals(refusals: &[(StatusCode, Bytes)]) -> Row {
        let alike = refusals.windows(2).all(|pair| pair.first() == pair.last());
        Row {
            name: "refusals-alike",
            deserved: "one answer to all that is refused".to_owned(),
            came: match (alike, refusals.is_empty()) {
                (_, true) => "nothing was refused".to_owned(),
                (true, false) => "one answer".to_owned(),
                (false, false) => "statuses or bodies that differ".to_owned(),
            },
            held: alike && !refusals.is_empty(),
        }
    }

    /// The same, where the handler's runs were counted.
    fn counted(mut self, deserved: usize, ran: Option<usize>) -> Row {
        if let Some(ran) = ran.filter(|ran| *ran != deserved) {
            self.came = format!("{}; {ran} runs instead of {deserved}", self.came);
            self.held = false;
        }
        self
    }
}

impl Judged {
    pub(super) fn new(deserves: Deserved, answer: &Result<Response<Bytes>, NoAnswer>) -> Judged {
        let held = answer.as_ref().is_ok_and(|answer| {
            let (status, outcome) = (answer.status(), outcome(answer.headers()));
            match deserves {
                Deserved::Genuine => status.is_success() && outcome.is_none(),
                Deserved::Duplicate => {
                    status == StatusCode::OK && outcome.as_deref() == Some("duplicate")
                }
                Deserved::Refused => status == StatusCode::UNAUTHORIZED,
                Deserved::TooLarge => status == StatusCode::PAYLOAD_TOO_LARGE,
            }
        });
        Judged {
            deserves,
            came: came(answer),
            held,
        }
    }
}

fn came(answer: &Result<Response<Bytes>, NoAnswer>) -> String {
    match answer {
        Err(no_answer) => no_answer.to_string(),
        Ok(answer) => match outcome(answer.headers()) {
            Some(outcome) => format!("{} {outcome}", answer.status().as_u16()),
            None => answer.status().as_u16().to_string(),
        },
    }
}

/// One after the other; of what comes again and again how often.
fn listed(items: impl Iterator<Item = String>) -> String {
    let mut runs: Vec<(String, usize)> = Vec::new();
    for item in items {
        match runs.last_mut() {
            Some((last, times)) if *last == item => *times += 1,
            _ => runs.push((item, 1)),
        }
    }
    let shown = runs.into_iter().map(|(item, times)| match times {
        1 => item,
        _ => format!("{times} × {item}"),
    });
    shown.collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ("attack", "deserved", "came back", "");
        let rows = self.rows.iter().map(|row| {
            let verdict = if row.held { "held" } else { "DID NOT HOLD" };
            (row.name, &*row.deserved, &*row.came, verdict)
        });
        let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
        let width = |of: fn(&(&str, &str, &str, &str)) -> usize| rows.iter().map(of).max();
        let name = width(|row| row.0.chars().count()).unwrap_or_default();
        let deserved = width(|row| row.1.chars().count()).unwrap_or_default();
        let came = width(|row| row.2.chars().count()).unwrap_or_default();
        let broken = self.rows.iter().filter(|row| !row.held).count();
        match broken {
            0 => writeln!(f, "{}: everything held", self.provider)?,
            _ => writeln!(
                f,
                "{}: {broken} of {} did not hold",
                self.provider,
                self.rows.len()
            )?,
        }
        for (n, d, c, verdict) in rows {
            let line = format!("{n:name$}  {d:deserved$}  {c:came$}  {verdict}");
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
