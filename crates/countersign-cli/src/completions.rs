//! `countersign completions`: what a shell needs to complete commands and options.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::failure::Failure;
use crate::{Ending, output};

/// Print the completions of a shell
#[derive(clap::Args)]
#[command(after_help = "Example:\n  countersign completions bash > \
                        ~/.local/share/bash-completion/completions/countersign")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

impl CompletionsArgs {
    pub(crate) fn run(self) -> Result<Ending, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Args::command(), "countersign", &mut script);
        output::text(&String::from_utf8_lossy(&script));
        Ok(Ending::Good)
    }
}
