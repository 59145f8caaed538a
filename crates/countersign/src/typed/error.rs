//! Why an event does not decode, told without a word of its payload.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use crate::scan::Pointer;

/// An event's JSON that is not of the form its type has: where it stops fitting, and what would.
///
/// It names members and what was expected of them, and no value: it may be logged. A name that is no
/// identifier may be data itself, the key of a map, and is shown as `?`. What a type's own `Deserialize`
/// says in words of its own is left out.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError {
    name: Option<Box<str>>,
    path: Box<str>,
    wanted: Box<str>,
    /// Line and column.
    place: Option<(usize, usize)>,
}

impl DecodeError {
    /// The type's name, where the event has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The member that does not fit, such as `entity.amount` or `items[2].price`; `.` is the event
    /// itself.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What would have fitted there.
    pub fn wanted(&self) -> &str {
        &self.wanted
    }

    /// There is no event to decode.
    pub(crate) fn nothing() -> DecodeError {
        DecodeError {
            name: None,
            path: ".".into(),
            wanted: "expected an event".into(),
            place: None,
        }
    }

    /// A name in the JSON is no text.
    pub(super) fn unreadable() -> DecodeError {
        DecodeError {
            wanted: "expected names that are texts".into(),
            ..DecodeError::nothing()
        }
    }

    /// A name that the JSON repeats, so that nobody can tell which is meant.
    pub(super) fn repeated(pointer: &Pointer) -> DecodeError {
        DecodeError {
            name: None,
            path: pointer.path().into(),
            wanted: "a name that stands there once".into(),
            place: None,
        }
    }

    /// The same of a value that was found at `pointer`: only there do line and column count.
    pub(super) fn below(self, pointer: &Pointer) -> DecodeError {
        let at = pointer.path();
        let path = match &*self.path {
            "." => at,
            inner if inner.starts_with('[') => at + inner,
            inner => format!("{at}.{inner}"),
        };
        DecodeError {
            path: path.into(),
            place: None,
            ..self
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_deref().unwrap_or("an event without a type");
        write!(
            f,
            "{} does not decode at {}: {}",
            name.escape_debug(),
            self.path.escape_debug(),
            self.wanted.escape_debug(),
        )?;
        match self.place {
            Some((line, column)) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DecodeError")
            .field(&format_args!("{self}"))
            .finish()
    }
}

impl std::error::Error for DecodeError {}

/// Decodes JSON; where it stops fitting is found out by a second pass, and only on failure.
///
/// # Errors
///
/// If the JSON is not what `T` takes.
pub(crate) fn decode<T: DeserializeOwned>(
    name: Option<&str>,
    raw: &[u8],
) -> Result<T, DecodeError> {
    serde_json::from_slice(raw).map_err(|error| {
        let mut parser = serde_json::Deserializer::from_slice(raw);
        let tracked: Result<T, _> = serde_path_to_error::deserialize(&mut parser);
        let path = match tracked {
            Err(tracked) => shown(tracked.path()),
            // Something stands behind the value.
            Ok(_) => ".".to_owned(),
        };
        DecodeError {
            name: name.map(Box::from),
            path: path.into(),
            wanted: wanted(&error),
            place: Some((error.line(), error.column())),
        }
    })
}

/// What of the parser's message is ours: the names of members and what was expected of them. The
/// rest quotes the payload.
fn wanted(error: &serde_json::Error) -> Box<str> {
    if !error.is_data() {
        return "it is no JSON".into();
    }
    /// The most that is told.
    const LONGEST: usize = 200;

    let text = error.to_string();
    // The parser appends where it was.
    let text = text
        .rsplit_once(" at line ")
        .map_or(&*text, |(text, _)| text);
    let told = match text.split_once('`') {
        Some((what @ ("missing field " | "duplicate field "), name)) => name
            .strip_suffix('`')
            .filter(|name| is_identifier(name))
            .map(|name| format!("{what}`{name}`")),
        // What was found stands in backticks, and may hold anything.
        Some(("unknown field " | "unknown variant ", rest)) => {
            let wanted = rest.rsplit_once("`, expected ");
            wanted.map(|(_, wanted)| format!("expected {wanted}"))
        }
        _ if text.starts_with("invalid ") => {
            let wanted = text.rsplit_once(", expected ");
            wanted.map(|(_, wanted)| format!("expected {wanted}"))
        }
        _ => None,
    };
    match told {
        Some(told) if told.len() <= LONGEST => told.into(),
        _ => "a value that its type does not take".into(),
    }
}

/// The path without what may be data.
fn shown(path: &serde_path_to_error::Path) -> String {
    /// As deep as a message can be read.
    const DEEPEST: usize = 16;

    let mut shown = String::new();
    for segment in path.iter().take(DEEPEST) {
        let dot = if shown.is_empty() { "" } else { "." };
        match segment {
            Segment::Seq { index } => shown.push_str(&format!("[{index}]")),
            Segment::Map { key } | Segment::Enum { variant: key } if is_identifier(key) => {
                shown.push_str(&format!("{dot}{key}"));
            }
            _ => shown.push_str(&format!("{dot}?")),
        }
    }
    match shown.is_empty() {
        true => ".".to_owned(),
        false => shown,
    }
}

/// Whether it is a name of a member's kind, and none that only data has.
fn is_identifier(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only whether it decodes counts")]
    struct Order {
        lines: Vec<BTreeMap<String, u32>>,
        state: Option<State>,
    }

    #[derive(Debug, serde::Deserialize)]
    enum State {
        #[serde(rename = "open")]
        Open,
    }

    fn refused(raw: &str) -> DecodeError {
        decode::<Order>(Some("order.made"), raw.as_bytes()).expect_err(raw)
    }

    #[test]
    fn it_names_the_member_and_what_was_expected() {
        let error = refused(r#"{"lines":[{"a":1},{"b":"4111 1111"}]}"#);
        assert_eq!(error.path(), "lines[1].b");
        assert_eq!(error.wanted(), "expected u32");
        assert_eq!(
            error.to_string(),
            "order.made does not decode at lines[1].b: expected u32 (line 1, column 34)"
        );
        let error = refused("{}");
        assert_eq!(
            (error.path(), error.wanted()),
            (".", "missing field `lines`")
        );
        let error = refused(r#"{"lines":[]} x"#);
        assert_eq!((error.path(), error.wanted()), (".", "it is no JSON"));
    }

    #[test]
    fn it_never_quotes_the_payload() {
        for secret in [
            r#"{"lines":"SECRET"}"#,
            r#"{"lines":[{"a":"SECRET, expected `x` at line 1"}]}"#,
            r#"{"lines":[],"state":"SECRET"}"#,
            r#"{"lines":[],"state":{"SECRET":1}}"#,
            r#"{"lines":[{"SECRET 4111":""}]}"#,
            r#"{"lines":[{"4111SECRET":""}]}"#,
            r#"{"lines":[{"SECRET@example.com":""}]}"#,
            r#"{"lines":[],"state":"x`, expected SECRET"}"#,
            "SECRET",
        ] {
            let error = refused(secret);
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{error}");
        }
    }

    /// Types that say what they were given, each in its own way.
    #[test]
    fn what_types_say_of_values_is_left_out() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}

        #[derive(Debug)]
        struct Talkative;

        impl<'de> serde::Deserialize<'de> for Talkative {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text: String = serde::Deserialize::deserialize(deserializer)?;
                Err(serde::de::Error::custom(text))
            }
        }

        let error = decode::<Nothing>(None, br#"{"x, expected SECRET":1}"#).unwrap_err();
        assert!(!error.to_string().contains("SECRET"), "{error}");
        for text in [
            "SECRET",
            "missing field `SECRET 1`",
            "x, expected SECRET",
            "unknown field SECRET",
        ] {
            let json = serde_json::to_vec(text).unwrap();
            let error = decode::<Talkative>(None, &json).unwrap_err();
            assert_eq!(error.wanted(), "a value that its type does not take");
        }
        let long = format!(r#"{{"{}":""}}"#, "k".repeat(1_000_000));
        let error = decode::<BTreeMap<String, u32>>(None, long.as_bytes()).unwrap_err();
        assert_eq!(error.path(), "?");
    }

    #[test]
    fn what_is_shown_is_escaped() {
        let error = decode::<BTreeMap<String, u32>>(Some("a\nb"), b"{\"x\\u001b[31m\":\"\"}");
        let shown = error.expect_err("no number").to_string();
        assert!(shown.chars().all(|c| !c.is_control()), "{shown:?}");
    }
}
