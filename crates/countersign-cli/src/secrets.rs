//! `--secret` and `--secret-file`, in the order of the command line.

use std::env;
use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use countersign::{ConfigErrorKind, Secret};
use zeroize::Zeroizing;

use crate::failure::{Failure, Reason};
use crate::input::Input;

const SECRET: &str = "secret";
const SECRET_FILE: &str = "secret-file";
const VARIABLE: &str = "COUNTERSIGN_SECRET";

/// The longest secret file. Keys in PEM, the longest secrets there are, have a few kilobytes.
const MAX_FILE: usize = 64 * 1024;

/// Where the secrets come from. The order decides about `key_index`, and a derived parser would
/// keep an order for each option apart; hence one by hand.
pub(crate) struct SecretArgs {
    sources: Vec<Source>,
}

#[derive(Clone)]
enum Source {
    Argument(OsString),
    File(Input),
}

impl clap::Args for SecretArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        command
            .arg(
                Arg::new(SECRET)
                    .long(SECRET)
                    .value_name("S")
                    .value_parser(value_parser!(OsString))
                    .action(ArgAction::Append)
                    .allow_hyphen_values(true)
                    .help(
                        "The secret as the provider shows it; repeat it for several keys of one \
                         sender, at most 8. Other users of this machine can see it in the list of \
                         processes: prefer --secret-file",
                    ),
            )
            .arg(
                Arg::new(SECRET_FILE)
                    .long(SECRET_FILE)
                    .value_name("FILE|-")
                    .value_parser(value_parser!(Input))
                    .action(ArgAction::Append)
                    .help(
                        "A file that holds one secret, - for standard input; repeatable. If \
                         neither is given, COUNTERSIGN_SECRET holds the secret",
                    ),
            )
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for SecretArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let arguments = matches.get_many::<OsString>(SECRET).into_iter().flatten();
        let files = matches.get_many::<Input>(SECRET_FILE).into_iter().flatten();
        let at = |name| matches.indices_of(name).into_iter().flatten();
        let mut sources: Vec<(usize, Source)> = at(SECRET)
            .zip(arguments.cloned().map(Source::Argument))
            .chain(at(SECRET_FILE).zip(files.cloned().map(Source::File)))
            .collect();
        sources.sort_by_key(|(index, _)| *index);
        let sources = sources.into_iter().map(|(_, source)| source).collect();
        Ok(SecretArgs { sources })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl SecretArgs {
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &Input> {
        self.sources.iter().filter_map(|source| match source {
            Source::File(input) => Some(input),
            Source::Argument(_) => None,
        })
    }

    /// The secrets, at least one. The environment counts only if no option does: merged, a
    /// forgotten variable would be a key nobody knows of.
    pub(crate) fn read(self) -> Result<Vec<Secret>, Failure> {
        self.read_texts()?.into_iter().map(Text::secret).collect()
    }

    /// The same in whatever form they were given.
    pub(crate) fn read_texts(self) -> Result<Vec<Text>, Failure> {
        if self.sources.is_empty() {
            let Some(text) = env::var_os(VARIABLE) else {
                return Err(Failure::new(
                    Reason::Config(ConfigErrorKind::NoSecret),
                    format!("no secret: give --secret-file or --secret, or set {VARIABLE}"),
                ));
            };
            return Ok(vec![Text::new(text.into_encoded_bytes(), VARIABLE)?]);
        }
        let read = |(index, source)| match source {
            Source::Argument(text) => {
                let origin = format!("--{SECRET} (key_index {index})");
                Text::new(OsString::into_encoded_bytes(text), &origin)
            }
            Source::File(input) => {
                from_file(&input, &format!("--{SECRET_FILE} (key_index {index})"))
            }
        };
        self.sources.into_iter().enumerate().map(read).collect()
    }
}

/// The secret in the file that `option` names.
pub(crate) fn secret_of_file(input: &Input, option: &str) -> Result<Secret, Failure> {
    from_file(input, option)?.secret()
}

/// A file holds one secret. The line end that an editor leaves is not part of it; any other white
/// space around it is refused like everywhere.
fn from_file(input: &Input, origin: &str) -> Result<Text, Failure> {
    // Room for all of it at once, so that no copy is left behind in a buffer that was too small.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE + 1));
    // The file's name is not shown: it may be a secret that was given in its place.
    let unreadable = |why: &str| Failure::new(Reason::UnreadableFile, format!("{origin}: {why}"));
    input
        .read_into(&mut bytes, MAX_FILE + 1)
        .map_err(|error| unreadable(&format!("cannot read the file: {error}")))?;
    if bytes.len() > MAX_FILE {
        return Err(unreadable("over 64 KiB; is it the right file?"));
    }
    let text = match bytes.as_slice() {
        [text @ .., b'\r', b'\n'] | [text @ .., b'\n'] => text,
        text => text,
    };
    Text::new(text.to_vec(), origin)
}

/// The text of a secret, and where it was given.
pub(crate) struct Text {
    text: Zeroizing<String>,
    origin: String,
}

impl Text {
    pub(crate) fn new(bytes: Vec<u8>, origin: &str) -> Result<Text, Failure> {
        let origin = origin.to_owned();
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Text {
                text: Zeroizing::new(text),
                origin,
            }),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(Failure::new(
                    Reason::Config(ConfigErrorKind::SecretEncoding),
                    format!("{origin}: not UTF-8 text; give the secret as the provider shows it"),
                ))
            }
        }
    }

    fn secret(self) -> Result<Secret, Failure> {
        Secret::new(self.text.as_str()).map_err(|error| {
            let message = format!("{}: {error}", self.origin);
            Failure::new(Reason::Config(error.kind()), message)
        })
    }

    /// The text, whatever its form; only an empty one is none at all.
    pub(crate) fn expose(&self) -> Result<&str, Failure> {
        if self.text.is_empty() {
            return Err(Failure::new(
                Reason::Config(ConfigErrorKind::EmptySecret),
                format!(
                    "{}: the secret is empty; is its variable or file set?",
                    self.origin
                ),
            ));
        }
        Ok(&self.text)
    }
}
