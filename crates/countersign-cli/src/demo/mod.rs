//! `demo`: a merchant's server and five providers' deliveries, on this machine and over HTTP.

mod play;
mod post;
mod shop;

use std::fmt;

use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use serde::Serialize;

use crate::Ending;
use crate::failure::{Failure, Reason};
use crate::output;

/// Plays genuine, repeated, forged and broken deliveries at a real server, and shows what came back
///
/// The server listens on a free port of the loopback address, and is gone when the command ends.
#[derive(Args)]
#[command(
    after_help = "Example:\n  countersign demo\n\nExit status: 0 every row is right, 1 one is wrong."
)]
pub(crate) struct DemoArgs {}

/// One case that was played.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    provider: &'static str,
    case: &'static str,
    /// The status that came back; of several copies the one that says most.
    status: u16,
    /// Whether a handler ran, for each of the events as often as it should.
    ran: bool,
    ok: bool,
    #[serde(skip)]
    sent: &'static str,
    #[serde(skip)]
    deserved: &'static str,
}

impl DemoArgs {
    pub(crate) fn run(self, json: bool) -> Result<Ending, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| cannot_start(&error))?;
        let rows = runtime
            .block_on(play::all())
            .map_err(|error| cannot_start(&error))?;
        let ok = rows.iter().all(|row| row.ok);
        if json {
            #[derive(Serialize)]
            struct Report {
                ok: bool,
                rows: Vec<Row>,
            }
            output::json_line(&Report { ok, rows });
        } else {
            output::text(&Shown { ok, rows });
        }
        Ok(if ok { Ending::Good } else { Ending::Bad })
    }
}

fn cannot_start(error: &dyn fmt::Display) -> Failure {
    Failure::new(
        Reason::AddressInUse,
        format!("no server could be started on the loopback address: {error}"),
    )
}

struct Shown {
    ok: bool,
    rows: Vec<Row>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table.load_preset(UTF8_BORDERS_ONLY);
        table.set_header([
            "provider",
            "case",
            "what was sent",
            "deserves",
            "answer",
            "handler",
            "",
        ]);
        for row in &self.rows {
            table.add_row([
                row.provider,
                row.case,
                row.sent,
                row.deserved,
                &row.status.to_string(),
                if row.ran { "ran" } else { "did not run" },
                if row.ok { "right" } else { "WRONG" },
            ]);
        }
        writeln!(f, "{table}")?;
        let wrong = self.rows.iter().filter(|row| !row.ok).count();
        match self.ok {
            true => writeln!(f, "All {} rows are right.", self.rows.len()),
            false => writeln!(f, "{wrong} of {} rows are WRONG.", self.rows.len()),
        }
    }
}
