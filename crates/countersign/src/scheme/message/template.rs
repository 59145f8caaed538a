//! The template of a signed message: every hole there is.

use http::HeaderName;

use super::pointer;
use crate::error::{ConfigError, ConfigErrorKind};
use crate::scan::Targets;
use crate::scheme::template::header_name;

/// One part of the signed bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(Box<[u8]>),
    Body,
    /// CRC-32 of the body, in decimal.
    BodyCrc32,
    /// The text of the timestamp as received.
    Timestamp,
    Method,
    Url,
    Secret,
    /// The signed header with this index.
    Header(usize),
    /// The values of the headers that the pair with this index names, joined by `.`.
    SignedHeaders(usize),
    /// The pair with this index, of those beside the signature.
    Pair(usize),
    /// What the pointer with this index finds in the body.
    Json(usize),
    /// The field with this index of a form.
    Form(usize),
    /// All fields of a form, by name, names and values with nothing between them.
    SortedForm,
    /// The query parameter with this index, between what is left out together with it.
    Query {
        at: usize,
        before: Box<[u8]>,
        after: Box<[u8]>,
    },
}

/// What is signed.
#[derive(Debug, Default)]
pub(super) struct Template {
    pub(super) parts: Vec<Part>,
    pub(super) headers: Vec<Value<HeaderName>>,
    pub(super) json: Vec<Value<()>>,
    pub(super) json_targets: Targets,
    pub(super) form: Vec<Box<str>>,
    pub(super) query: Vec<Box<str>>,
    pub(super) pairs: Vec<Box<str>>,
}

/// A value of the delivery that is signed.
#[derive(Debug)]
pub(super) struct Value<N> {
    pub(super) name: N,
    /// The byte that parts it from its neighbour. A value that holds it could be cut at another place
    /// into another message with the same signature.
    pub(super) delimiter: Option<u8>,
}

/// More than any public scheme has.
const MAX_HOLES: usize = 32;

/// Between the name of a query parameter and the constant that may stand for it.
pub(super) const OR: &str = " or const:";

/// The names of a template's holes.
pub(super) fn holes(template: &str) -> impl Iterator<Item = &str> {
    let pieces = template.split('{').skip(1);
    pieces.filter_map(|piece| piece.split_once('}').map(|(hole, _)| hole))
}

impl Template {
    /// `constant` tells what a `{const:NAME}` stands for.
    pub(super) fn parse<'c>(
        text: &str,
        constant: impl Fn(&str) -> Option<&'c str>,
    ) -> Result<Template, ConfigError> {
        let bad = |why: &str| {
            ConfigError::new(
                ConfigErrorKind::BadScheme,
                format!("in the template {text:?}: {why}"),
            )
        };
        let mut template = Template::default();
        let mut rest = text;
        let mut count = 0;
        // A value is told from its neighbour by what stands between it and the middle: the body, or the
        // value that may hold anything.
        let mut past_middle = !text.contains("{body}") && !text.contains("{free-json:");
        let no_middle = past_middle;
        while !rest.is_empty() {
            if let Some(optional) = rest.strip_prefix('[') {
                let (inside, behind) = optional
                    .split_once(']')
                    .ok_or_else(|| bad("a bracket is not closed"))?;
                let part = template
                    .optional(inside, &constant)
                    .ok_or_else(|| bad("brackets are for one query parameter"))?;
                template.parts.push(part);
                rest = behind;
                count += 1;
                continue;
            }
            let Some(hole) = rest.strip_prefix('{') else {
                let end = rest.find(['{', '[']).unwrap_or(rest.len());
                let (literal, behind) = rest.split_at(end);
                template
                    .parts
                    .push(Part::Literal(literal.as_bytes().into()));
                rest = behind;
                continue;
            };
            let (name, behind) = hole
                .split_once('}')
                .ok_or_else(|| bad("a hole is not closed"))?;
            let before = text.as_bytes().get(..text.len() - rest.len());
            let delimiter = if past_middle && !no_middle {
                before.and_then(<[u8]>::last)
            } else {
                behind.as_bytes().first()
            };
            let delimiter = delimiter.copied().filter(|byte| !b"{}[]".contains(byte));
            rest = behind;
            count += 1;
            let part = match name.split_once(':') {
                None => match name {
                    "body" => {
                        past_middle = true;
                        Part::Body
                    }
                    "body_crc32" => Part::BodyCrc32,
                    "ts" => Part::Timestamp,
                    "method" => Part::Method,
                    "url" => Part::Url,
                    "secret" => Part::Secret,
                    "sorted_form" => Part::SortedForm,
                    _ => return Err(bad(&format!("{{{name}}} is not supported"))),
                },
                Some(("const", constant_name)) => {
                    let value = constant(constant_name).ok_or_else(|| missing(constant_name))?;
                    Part::Literal(value.as_bytes().into())
                }
                Some(("header", header)) => {
                    // A time has its own two ends; at the end of all there is no neighbour; and the
                    // URL is the merchant's.
                    let parted = delimiter.is_some()
                        || behind.starts_with("{ts}")
                        || (no_middle && behind.is_empty());
                    if !parted {
                        return Err(bad(
                            "nothing parts a header from its neighbour, so that the \
                             same signature fits other messages",
                        ));
                    }
                    template.headers.push(Value {
                        name: header_name(header)?,
                        delimiter,
                    });
                    Part::Header(template.headers.len() - 1)
                }
                Some(("json", at)) => {
                    template.json_targets.add(&pointer(at)?);
                    template.json.push(Value {
                        name: (),
                        delimiter,
                    });
                    Part::Json(template.json.len() - 1)
                }
                Some(("free-json", at)) => {
                    past_middle = true;
                    template.json_targets.add(&pointer(at)?);
                    template.json.push(Value {
                        name: (),
                        delimiter: None,
                    });
                    Part::Json(template.json.len() - 1)
                }
                Some(("form", field)) => {
                    template.form.push(field.into());
                    Part::Form(template.form.len() - 1)
                }
                Some(("query", parameter)) => {
                    template.query.push(parameter.into());
                    Part::Query {
                        at: template.query.len() - 1,
                        before: Box::default(),
                        after: Box::default(),
                    }
                }
                Some(("kv", key)) => Part::Pair(template.pair(key)),
                Some(("signed_headers", key)) => Part::SignedHeaders(template.pair(key)),
                _ => return Err(bad(&format!("{{{name}}} is not supported"))),
            };
            template.parts.push(part);
        }
        let middles = ["{body}", "{free-json:", "{sorted_form}"];
        let middles: usize = middles.map(|hole| text.matches(hole).count()).iter().sum();
        if middles > 1 {
            return Err(bad(
                "the body, a form and a free value are there once in all",
            ));
        }
        if count > MAX_HOLES {
            return Err(bad("there are more than 32 holes"));
        }
        if count == 0 {
            return Err(bad("without a hole every delivery has the same signature"));
        }
        let tells_nothing =
            |part: &Part| matches!(part, Part::Literal(_) | Part::Secret | Part::Timestamp);
        if template.has(&Part::Timestamp) && template.parts.iter().all(tells_nothing) {
            return Err(bad(
                "without {body} or another part of the delivery, only the time is signed",
            ));
        }
        // What the list of names says has to be signed too, or it could be another list.
        let signed = |part: &Part| match part {
            Part::SignedHeaders(at) => template.parts.contains(&Part::Pair(*at)),
            _ => true,
        };
        if !template.parts.iter().all(signed) {
            return Err(bad(
                "a {signed_headers:…} needs the {kv:…} of the same name",
            ));
        }
        Ok(template)
    }

    fn pair(&mut self, key: &str) -> usize {
        if let Some(known) = self.pairs.iter().position(|known| &**known == key) {
            return known;
        }
        self.pairs.push(key.into());
        self.pairs.len() - 1
    }

    /// `text{query:NAME}text`, or `text{query:NAME or const:NAME}text`, where the constant counts if the
    /// merchant has set it.
    fn optional<'c>(
        &mut self,
        inside: &str,
        constant: impl Fn(&str) -> Option<&'c str>,
    ) -> Option<Part> {
        let (before, rest) = inside.split_once("{query:")?;
        let (name, after) = rest.split_once('}')?;
        if before.contains('{') || after.contains('{') {
            return None;
        }
        let name = match name.split_once(OR) {
            None => name,
            Some((name, constant_name)) => match constant(constant_name) {
                Some(value) => {
                    return Some(Part::Literal(
                        format!("{before}{value}{after}").into_bytes().into(),
                    ));
                }
                None => name,
            },
        };
        self.query.push(name.into());
        Some(Part::Query {
            at: self.query.len() - 1,
            before: before.as_bytes().into(),
            after: after.as_bytes().into(),
        })
    }

    pub(super) fn has(&self, wanted: &Part) -> bool {
        self.parts.contains(wanted)
    }

    /// What stands right behind the timestamp, if it is text; `None` if a value does, and an empty text
    /// at the end.
    pub(super) fn behind_timestamp(&self) -> Option<u8> {
        let at = self
            .parts
            .iter()
            .position(|part| *part == Part::Timestamp)?;
        match self.parts.get(at + 1) {
            None => Some(0),
            Some(Part::Literal(text)) => text.first().copied(),
            Some(_) => None,
        }
    }
}

fn missing(name: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::MissingSetting,
        format!("the constant {name:?} is needed, which only the merchant knows"),
    )
}
