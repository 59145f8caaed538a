//! Files and standard input, read with a bound.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

use crate::failure::{Failure, Reason};
use crate::output::Printable;

/// A file, or standard input where `-` is given.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Input {
    Stdin,
    File(PathBuf),
}

impl From<OsString> for Input {
    fn from(name: OsString) -> Input {
        if name == "-" {
            Input::Stdin
        } else {
            Input::File(name.into())
        }
    }
}

impl Input {
    /// Appends what can be read, `most` bytes at most.
    pub(crate) fn read_into(&self, buffer: &mut Vec<u8>, most: usize) -> io::Result<()> {
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        match self {
            Input::Stdin => io::stdin().lock().take(most).read_to_end(buffer)?,
            Input::File(path) => File::open(path)?.take(most).read_to_end(buffer)?,
        };
        Ok(())
    }

    /// Reads `most` bytes at most. A failure names the file: not for secrets, since a secret given
    /// in place of its file's name would be shown.
    pub(crate) fn read(&self, most: usize) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        self.read_into(&mut bytes, most)
            .map_err(|error| unreadable(self, &error))?;
        Ok(bytes)
    }
}

fn unreadable(input: &Input, error: &io::Error) -> Failure {
    let name = match input {
        Input::Stdin => "standard input".into(),
        Input::File(path) => path.to_string_lossy(),
    };
    Failure::new(
        Reason::UnreadableFile,
        format!("cannot read {}: {error}", Printable(&name)),
    )
}

/// Standard input can be read once.
pub(crate) fn at_most_one_stdin<'a>(
    inputs: impl IntoIterator<Item = &'a Input>,
) -> Result<(), Failure> {
    let named = inputs.into_iter().filter(|input| **input == Input::Stdin);
    if named.count() > 1 {
        return Err(Failure::new(
            Reason::Usage,
            "standard input (-) can be named only once; put the others in files",
        ));
    }
    Ok(())
}
