//! What the program writes: JSON lines or text on standard output, one line on standard error.
//!
//! A stream that was closed is not an error: the verdict is in the exit status too.

use std::fmt::{self, Write as _};
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

use crate::failure::Failure;

/// Writes one JSON line, and flushes it.
pub(crate) fn json_line(value: &impl Serialize) {
    let mut line = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut line, Escaping);
    if value.serialize(&mut serializer).is_ok() {
        line.push(b'\n');
        let _ = write(&mut io::stdout().lock(), &line);
    }
}

/// JSON in which what a terminal would obey is escaped, beyond what JSON itself demands.
struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for c in fragment.chars() {
            // Quotes and the backslash never come here.
            if c.is_ascii_graphic() || c == ' ' || c.escape_debug().len() == 1 {
                write!(writer, "{c}")?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }
}

/// Writes text, whose lines end in a line end, and flushes it.
pub(crate) fn text(text: &impl fmt::Display) {
    let _ = write(&mut io::stdout().lock(), text.to_string().as_bytes());
}

/// Writes why the input cannot be used.
pub(crate) fn failure(failure: &Failure, json: bool) {
    #[derive(Serialize)]
    struct Line {
        verdict: &'static str,
        reason: &'static str,
    }
    let line = format!("countersign: {}\n", OneLine(failure.message()));
    let _ = write(&mut io::stderr().lock(), line.as_bytes());
    if json {
        json_line(&Line {
            verdict: "error",
            reason: failure.reason(),
        });
    }
}

/// Writes a line for the operator of a server that goes on.
pub(crate) fn warn(message: &str) {
    let line = format!("countersign: {}\n", OneLine(message));
    let _ = write(&mut io::stderr().lock(), line.as_bytes());
}

fn write(stream: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes)?;
    stream.flush()
}

/// Text of the sender's, or of a file's, on a terminal: what could move the cursor or hide
/// something is escaped, and so is the backslash, so that an escape cannot be feigned.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(self.0, f, |c| matches!(c, '\'' | '"'))
    }
}

/// A message of the program's own, whose parts that come from elsewhere may be escaped already.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(self.0, f, |c| matches!(c, '\'' | '"' | '\\'))
    }
}

fn escaped(text: &str, f: &mut fmt::Formatter<'_>, keep: impl Fn(char) -> bool) -> fmt::Result {
    for c in text.chars() {
        if keep(c) {
            f.write_char(c)?;
        } else {
            write!(f, "{}", c.escape_debug())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        for (text, shown) in [
            ("evt_1 'x' \"y\" é 支", "evt_1 'x' \"y\" é 支"),
            ("a\r\nb\t", "a\\r\\nb\\t"),
            ("\u{1b}[2J\u{9b}2J\u{7f}", "\\u{1b}[2J\\u{9b}2J\\u{7f}"),
            (
                "\u{202e}evt\u{2028}\u{feff}",
                "\\u{202e}evt\\u{2028}\\u{feff}",
            ),
            ("\\u{1b}", "\\\\u{1b}"),
        ] {
            assert_eq!(Printable(text).to_string(), shown);
        }
    }
}
