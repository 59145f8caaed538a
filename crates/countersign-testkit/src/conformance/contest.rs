//! Several processes at one store.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign::{Claim, DedupeStore, Key, Token};

use super::bench::{LONG, answered, key};
use super::report::{Checked, broken};

/// How the parts are told what to do.
const PART: &str = "COUNTERSIGN_CONTEST_PART";
const PLACE: &str = "COUNTERSIGN_CONTEST_PLACE";
const SCOPE: &str = "COUNTERSIGN_CONTEST_SCOPE";

/// What a part prints of an event that it ran, before the event's number.
const RAN: &str = "countersign contest: ran ";
const DONE: &str = "countersign contest: done";

/// How many events there are.
const EVENTS: usize = 200;

/// How long a part rests when nothing was left to do but wait.
const REST: Duration = Duration::from_millis(5);
const RESTS: usize = 4000;

/// A contest of several processes for the same events, on a store that they share. No event may be run by
/// two of them, and none may be left out.
///
/// The processes are the test itself, begun again: the test first asks whether it is a [part](Contest::part).
///
/// ```no_run
/// # use countersign::MemoryStore;
/// # struct MyStore;
/// # impl MyStore { async fn connect(_url: &str) -> MemoryStore { MemoryStore::default() } }
/// # fn start_my_server() -> String { "store://127.0.0.1:6000".to_owned() }
/// use countersign_testkit::Contest;
///
/// # #[allow(unused)]
/// #[tokio::test]
/// async fn several_processes() {
///     if let Some(part) = Contest::part() {
///         return part.play(&MyStore::connect(part.place()).await, tokio::time::sleep).await;
///     }
///     let url = start_my_server();
///     Contest::hold("several_processes", &url, 4).unwrap().assert_fair();
/// }
/// ```
#[derive(Debug)]
pub struct Contest {
    part: usize,
    place: String,
    scope: String,
}

/// What came of a [`Contest`]: for each event, which parts ran it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    runs: BTreeMap<usize, Vec<usize>>,
    finished: Vec<bool>,
}

impl Contest {
    /// The part that this process is to play, if it was begun by [`hold`](Contest::hold).
    pub fn part() -> Option<Contest> {
        let read = |name| std::env::var(name).ok();
        Some(Contest {
            part: read(PART)?.parse().ok()?,
            place: read(PLACE)?,
            scope: read(SCOPE)?,
        })
    }

    /// Where the store is: what was given to [`hold`](Contest::hold).
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Plays the part on this process's own handle of the store: every event is claimed until it is
    /// committed, some after a run that failed.
    ///
    /// # Panics
    ///
    /// If the store fails, or an event cannot be had.
    #[expect(clippy::panic, reason = "a part that fails has to be seen")]
    pub async fn play<S: DedupeStore>(&self, store: &S, pass: impl AsyncFn(Duration)) {
        if let Err(finding) = self.try_play(store, pass).await {
            panic!("{finding:?}");
        }
        println(DONE);
    }

    async fn try_play<S: DedupeStore>(&self, store: &S, pass: impl AsyncFn(Duration)) -> Checked {
        let keys: Vec<Key> = (0..EVENTS)
            .map(|event| key("suite", &format!("{} {event}", self.scope), ""))
            .collect::<Checked<_>>()?;
        // Each part from a place of its own on, the odd ones backwards: they meet everywhere.
        let mut open: Vec<usize> = (0..EVENTS).collect();
        open.rotate_left(self.part * EVENTS / 7 % EVENTS);
        if self.part % 2 == 1 {
            open.reverse();
        }
        let mut failed = [false; EVENTS];
        for _ in 0..RESTS {
            let mut left = Vec::new();
            for event in open {
                let (Some(key), Some(failed)) = (keys.get(event), failed.get_mut(event)) else {
                    continue;
                };
                let token = Token::random();
                match answered("a claim", store.claim(&[*key], token, LONG).await)? {
                    Claim::Acquired(_) if !*failed && (event + self.part).is_multiple_of(5) => {
                        *failed = true;
                        answered("a release", store.release(&[*key], token).await)?;
                        left.push(event);
                    }
                    Claim::Acquired(_) => {
                        answered("a commit", store.commit(&[*key], token, LONG).await)?;
                        println(&format!("{RAN}{event}"));
                    }
                    Claim::InProgress { .. } => left.push(event),
                    Claim::Committed { .. } => {}
                }
            }
            if left.is_empty() {
                return Ok(());
            }
            open = left;
            pass(REST).await;
        }
        broken(format!("{} events could not be had", open.len()))
    }

    /// Begins the test of this name again in `processes` processes, which find the store at `place`, and waits
    /// for all of them. `test` is the name that the test harness shows.
    ///
    /// # Errors
    ///
    /// If a process cannot be begun.
    pub fn hold(test: &str, place: &str, processes: usize) -> io::Result<Tally> {
        let scope = format!("{:?}", Token::random());
        let mut parts = Vec::new();
        for part in 0..processes {
            let mut command = Command::new(std::env::current_exe()?);
            command.args([test, "--exact", "--nocapture", "--include-ignored"]);
            command
                .env(PART, part.to_string())
                .env(PLACE, place)
                .env(SCOPE, &scope);
            parts.push(
                command
                    .stdin(Stdio::null())
                    .stdout(Stdio::piped())
                    .spawn()?,
            );
        }
        let mut tally = Tally {
            runs: (0..EVENTS).map(|event| (event, Vec::new())).collect(),
            finished: Vec::new(),
        };
        // Each prints less than a pipe holds, so that none waits for another to be read.
        for (part, process) in parts.into_iter().enumerate() {
            let output = process.wait_with_output()?;
            let text = String::from_utf8_lossy(&output.stdout);
            let ran = text
                .lines()
                .filter_map(|line| line.split_once(RAN)?.1.parse().ok());
            for event in ran {
                tally.runs.entry(event).or_default().push(part);
            }
            tally
                .finished
                .push(output.status.success() && text.contains(DONE));
        }
        Ok(tally)
    }
}

#[expect(clippy::print_stdout, reason = "that is how a part answers")]
fn println(line: &str) {
    println!("{line}");
}

impl Tally {
    /// Whether every event was run once, by one of the parts, and all of them came to their end.
    pub fn is_fair(&self) -> bool {
        self.finished.iter().all(|finished| *finished)
            && self.runs.values().all(|parts| parts.len() == 1)
    }

    /// How many events each of the parts ran.
    pub fn runs(&self) -> Vec<usize> {
        let of = |part| {
            self.runs
                .values()
                .flatten()
                .filter(|by| **by == part)
                .count()
        };
        (0..self.finished.len()).map(of).collect()
    }

    /// Every event was run once, and all of the parts came to their end.
    ///
    /// # Panics
    ///
    /// If not, with what was seen.
    #[track_caller]
    #[expect(clippy::panic, reason = "that is what an assertion does")]
    pub fn assert_fair(&self) {
        if !self.is_fair() {
            panic!("{self}");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, (runs, finished)) in self.runs().iter().zip(&self.finished).enumerate() {
            let end = if *finished {
                ""
            } else {
                ", and did not finish"
            };
            writeln!(f, "part {part} ran {runs} of {EVENTS} events{end}")?;
        }
        for (event, parts) in self.runs.iter().filter(|(_, parts)| parts.len() != 1) {
            writeln!(f, "event {event} was run by parts {parts:?}")?;
        }
        Ok(())
    }
}
