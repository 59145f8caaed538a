//! The template of the signed bytes: `{ts}.{body}` and the like, split at the body.

use http::HeaderName;

use crate::error::{ConfigError, ConfigErrorKind};
use crate::window::Beside;

/// One part of the signed bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Literal(Box<[u8]>),
    /// The text of the timestamp as received.
    Timestamp,
    /// The value of the signed header with this index in [`Template::headers`].
    Header(usize),
}

/// What is signed: parts before the body, the body, parts behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) before: Vec<Part>,
    pub(crate) after: Vec<Part>,
    pub(crate) headers: Vec<SignedHeader>,
}

/// A header whose value is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedHeader {
    pub(crate) name: HeaderName,
    /// The byte that parts the value from the body's side of the signed bytes. A value that holds
    /// it could be cut at another place into another message with the same signature. Where the
    /// timestamp follows at once it is what comes behind that, and before the body what a JSON object
    /// begins with: else a value could go on to another time, further on in the body.
    pub(crate) delimiter: Option<u8>,
}

/// More signed headers than any public scheme has.
pub(crate) const MAX_SIGNED_HEADERS: usize = 4;

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Template, ConfigError> {
        let mut template = Template {
            before: Vec::new(),
            after: Vec::new(),
            headers: Vec::new(),
        };
        let mut body = false;
        let mut rest = text;
        while !rest.is_empty() {
            let part = if let Some(hole) = rest.strip_prefix('{') {
                let (name, behind) = hole
                    .split_once('}')
                    .filter(|(name, _)| !name.contains('{'))
                    .ok_or_else(|| bad(text, "a hole is not closed"))?;
                let part = match name.split_once(':') {
                    None if name == "body" => {
                        if body {
                            return Err(bad(text, "{body} is there twice"));
                        }
                        body = true;
                        rest = behind;
                        continue;
                    }
                    None if name == "ts" => Part::Timestamp,
                    Some(("header", header)) => {
                        template.headers.push(SignedHeader {
                            name: header_name(header)?,
                            delimiter: delimiter(text, rest, behind, body)?,
                        });
                        Part::Header(template.headers.len() - 1)
                    }
                    _ => return Err(bad(text, &format!("{{{name}}} is not supported"))),
                };
                rest = behind;
                part
            } else {
                let end = rest.find('{').unwrap_or(rest.len());
                let (literal, behind) = rest.split_at(end);
                rest = behind;
                Part::Literal(literal.as_bytes().into())
            };
            if body {
                &mut template.after
            } else {
                &mut template.before
            }
            .push(part);
        }
        if !body {
            return Err(bad(
                text,
                "without {body} the signature would not cover the body",
            ));
        }
        if template.headers.len() > MAX_SIGNED_HEADERS {
            return Err(bad(text, "there are more than 4 signed headers"));
        }
        Ok(template)
    }

    /// Whether the timestamp is part of the signed bytes.
    pub(crate) fn signs_timestamp(&self) -> bool {
        self.before
            .iter()
            .chain(&self.after)
            .any(|part| *part == Part::Timestamp)
    }
}

impl Template {
    /// What stands before and behind the timestamp, wherever it is.
    pub(crate) fn beside_timestamp(&self) -> Vec<(Beside, Beside)> {
        let mut found = Vec::new();
        // Behind the first side, and before the second, stands the body.
        for (side, first, last) in [
            (&self.before, Beside::Edge, Beside::Value),
            (&self.after, Beside::Value, Beside::Edge),
        ] {
            for (at, part) in side.iter().enumerate() {
                if *part != Part::Timestamp {
                    continue;
                }
                let before = at.checked_sub(1).and_then(|at| side.get(at));
                let before = before.map_or(first, |part| match part {
                    Part::Literal(text) => text.last().map_or(Beside::Value, |b| Beside::Text(*b)),
                    _ => Beside::Value,
                });
                let behind = side.get(at + 1).map_or(last, |part| match part {
                    Part::Literal(text) => text.first().map_or(Beside::Value, |b| Beside::Text(*b)),
                    _ => Beside::Value,
                });
                found.push((before, behind));
            }
        }
        found
    }
}

/// The byte that ends a header's hole, towards the body: what stands between the hole and the body
/// is the only thing that tells where one ends and the other begins.
fn delimiter(
    text: &str,
    hole: &str,
    behind: &str,
    after_body: bool,
) -> Result<Option<u8>, ConfigError> {
    let byte = if after_body {
        let before = text.len() - hole.len();
        text.as_bytes().get(..before).and_then(<[u8]>::last)
    } else if let Some(behind) = behind.strip_prefix("{ts}") {
        match behind.starts_with("{body}") {
            true => return Ok(Some(b'{')),
            false => behind.as_bytes().first(),
        }
    } else {
        behind.as_bytes().first()
    };
    match byte {
        Some(byte) if !matches!(byte, b'{' | b'}') => Ok(Some(*byte)),
        _ => Err(bad(
            text,
            "nothing parts a header from its neighbour, so that the same signature fits other \
             messages",
        )),
    }
}

/// Parses a header's name, case ignored.
pub(crate) fn header_name(name: &str) -> Result<HeaderName, ConfigError> {
    name.parse().map_err(|_| {
        ConfigError::new(
            ConfigErrorKind::BadScheme,
            format!("{name:?} is not a header name"),
        )
    })
}

fn bad(template: &str, why: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::BadScheme,
        format!("in the template {template:?}: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_split_at_the_body() {
        let template = Template::parse("v0:{ts}:{body}|{header:X-Id}").expect("parsed");
        assert_eq!(
            template.before,
            [
                Part::Literal(b"v0:"[..].into()),
                Part::Timestamp,
                Part::Literal(b":"[..].into())
            ]
        );
        assert_eq!(
            template.after,
            [Part::Literal(b"|"[..].into()), Part::Header(0)]
        );
        assert_eq!(template.headers[0].name, "x-id");
        assert_eq!(template.headers[0].delimiter, Some(b'|'));
        assert!(template.signs_timestamp());
    }

    #[test]
    fn a_header_is_parted_from_the_body_or_refused() {
        for (text, delimiters) in [
            (
                "{header:a}.{header:b}-{body}",
                &[Some(b'.'), Some(b'-')][..],
            ),
            ("{body}.{header:a}-{header:b}", &[Some(b'.'), Some(b'-')]),
            ("{header:a}{ts}{body}", &[Some(b'{')]),
            ("{header:a}{ts}.{body}", &[Some(b'.')]),
        ] {
            let template = Template::parse(text).expect(text);
            let found: Vec<_> = template.headers.iter().map(|h| h.delimiter).collect();
            assert_eq!(found, delimiters, "{text}");
        }
        for text in [
            "{header:a}{body}",
            "{header:a}{header:b}.{body}",
            "{body}{header:a}",
            "{body}.{header:a}{header:b}",
            "{body}.{ts}{header:a}",
            "{header:a}{ts}{header:b}.{body}",
        ] {
            let error = Template::parse(text).expect_err(text);
            assert!(error.to_string().contains("parts a header"), "{error}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused_by_name() {
        for (text, says) in [
            ("", "{body}"),
            ("{ts}", "{body}"),
            ("{body", "not closed"),
            ("{header:a{body}", "not closed"),
            ("{body}{body}", "twice"),
            ("{url}{body}", "{url} is not supported"),
            ("{secret}{body}", "{secret} is not supported"),
            ("{json:/a}{body}", "{json:/a} is not supported"),
            ("{header:}{body}", "not a header name"),
            ("{header:a b}{body}", "not a header name"),
        ] {
            let error = Template::parse(text).expect_err(text);
            assert_eq!(error.kind(), ConfigErrorKind::BadScheme);
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
