//! Why an event does not decode, told without a word of its payload.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::scan::Pointer;

/// An event's JSON that is not of the form its type has: where it stops fitting, and what would.
///
/// It names members and what was expected of them, and never a value: it may be logged.
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
            Err(tracked) => tracked.path().to_string(),
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
    let text = error.to_string();
    // The parser appends where it was.
    let text = text
        .rsplit_once(" at line ")
        .map_or(&*text, |(text, _)| text);
    if text.starts_with("missing field `") || text.starts_with("duplicate field `") {
        return text.into();
    }
    match text.rsplit_once(", expected ") {
        Some((_, wanted)) => format!("expected {wanted}").into(),
        None => "a value that its type does not take".into(),
    }
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
            "SECRET",
        ] {
            let error = refused(secret);
            assert!(!format!("{error} {error:?}").contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn what_is_shown_is_escaped() {
        let error = decode::<BTreeMap<String, u32>>(Some("a\nb"), b"{\"x\\u001b[31m\":\"\"}");
        let shown = error.expect_err("no number").to_string();
        assert!(shown.chars().all(|c| !c.is_control()), "{shown:?}");
    }
}
