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
    /// By their pointers.
    pub(super) json: Vec<Value<Box<str>>>,
    pub(super) json_targets: Targets,
    pub(super) form: Vec<Value<Box<str>>>,
    pub(super) query: Vec<Value<Box<str>>>,
    pub(super) pairs: Vec<Value<Box<str>>>,
    /// The part that may hold anything: what stands before it is told from the beginning on, and what
    /// stands behind it from the end.
    pub(super) middle: Option<usize>,
    /// Whether the URL is signed without a query.
    pub(super) has_bare_url: bool,
}

/// A value of the delivery that is signed.
#[derive(Debug)]
pub(super) struct Value<N> {
    pub(super) name: N,
    /// The byte that parts it from its neighbour. A value that holds it could be cut at another place
    /// into another message with the same signature.
    pub(super) delimiter: Option<u8>,
}

impl<N> Value<N> {
    /// Whether the text does not hold what parts it from its neighbour.
    pub(super) fn parts(&self, text: &[u8]) -> bool {
        self.delimiter.is_none_or(|byte| !text.contains(&byte))
    }
}

/// More than any public scheme has.
const MAX_HOLES: usize = 32;

/// Between the name of a query parameter and the constant that may stand for it.
pub(super) const OR: &str = " or const:";

/// What a value is told from its neighbour by is the byte on the side of one of these: the body, or what
/// may hold anything as well.
const MIDDLES: [&str; 3] = ["{body}", "{free-json:", "{sorted_form}"];

/// The byte right behind a hole, if it is text.
fn delimiter_behind(behind: &str) -> Option<u8> {
    delimiter(behind.as_bytes().first())
}

/// The byte right before a hole, if it is text. `rest` is the end of `text` from the hole on.
fn delimiter_before(text: &str, rest: &str) -> Option<u8> {
    let before = text.as_bytes().get(..text.len() - rest.len());
    delimiter(before.and_then(<[u8]>::last))
}

fn delimiter(byte: Option<&u8>) -> Option<u8> {
    byte.copied().filter(|byte| !b"{}[]".contains(byte))
}

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
        let no_middle = !MIDDLES.iter().any(|middle| text.contains(middle));
        let mut past_middle = false;
        let unparted = |what: &str| {
            Err(bad(&format!(
                "nothing parts {what} from its neighbour, so that the same signature fits other messages"
            )))
        };
        // A time has its own two ends; at the end of all there is no neighbour.
        let ends = |behind: &str| behind.starts_with("{ts}") || (no_middle && behind.is_empty());
        while !rest.is_empty() {
            if let Some(optional) = rest.strip_prefix('[') {
                let (inside, behind) = optional
                    .split_once(']')
                    .ok_or_else(|| bad("a bracket is not closed"))?;
                let delimiter = match past_middle {
                    true => delimiter_before(text, rest),
                    false => delimiter_behind(behind),
                };
                let part = template
                    .optional(inside, (past_middle, delimiter), &constant)
                    .ok_or_else(|| bad("brackets are for one query parameter"))?;
                let query = template.query.last();
                let is_query = matches!(part, Part::Query { .. });
                if is_query && query.is_some_and(|q| q.delimiter.is_none()) && !ends(behind) {
                    return unparted("a query parameter");
                }
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
                .filter(|(name, _)| !name.contains('{'))
                .ok_or_else(|| bad("a hole is not closed"))?;
            let delimiter = match past_middle {
                true => delimiter_before(text, rest),
                false => delimiter_behind(behind),
            };
            let is_parted = delimiter.is_some() || ends(behind);
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
                    "bare_url" => {
                        template.has_bare_url = true;
                        Part::Url
                    }
                    "secret" => Part::Secret,
                    "sorted_form" => {
                        past_middle = true;
                        Part::SortedForm
                    }
                    _ => return Err(bad(&format!("{{{name}}} is not supported"))),
                },
                Some(("const", constant_name)) => {
                    let value = constant(constant_name).ok_or_else(|| missing(constant_name))?;
                    Part::Literal(value.as_bytes().into())
                }
                Some(("header", header)) => {
                    if !is_parted {
                        return unparted("a header");
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
                        name: at.into(),
                        delimiter,
                    });
                    Part::Json(template.json.len() - 1)
                }
                Some(("free-json", at)) => {
                    past_middle = true;
                    template.json_targets.add(&pointer(at)?);
                    template.json.push(Value {
                        name: at.into(),
                        delimiter: None,
                    });
                    Part::Json(template.json.len() - 1)
                }
                Some(("form", field)) => {
                    template.form.push(Value {
                        name: field.into(),
                        delimiter,
                    });
                    Part::Form(template.form.len() - 1)
                }
                Some(("query", parameter)) => {
                    if !is_parted {
                        return unparted("a query parameter");
                    }
                    template.query.push(Value {
                        name: parameter.into(),
                        delimiter,
                    });
                    Part::Query {
                        at: template.query.len() - 1,
                        before: Box::default(),
                        after: Box::default(),
                    }
                }
                Some(("kv", key)) => {
                    if !is_parted {
                        return unparted("a pair");
                    }
                    let at = template.pair(key);
                    if template.has(&Part::Pair(at)) {
                        return Err(bad("a {kv:…} is there twice"));
                    }
                    if let Some(pair) = template.pairs.get_mut(at) {
                        pair.delimiter = delimiter;
                    }
                    Part::Pair(at)
                }
                Some(("signed_headers", key)) => Part::SignedHeaders(template.pair(key)),
                _ => return Err(bad(&format!("{{{name}}} is not supported"))),
            };
            if past_middle && template.middle.is_none() {
                template.middle = Some(template.parts.len());
            }
            template.parts.push(part);
        }
        let middles: usize = MIDDLES.map(|hole| text.matches(hole).count()).iter().sum();
        if middles > 1 {
            return Err(bad(
                "the body, a form and a free value are there once in all",
            ));
        }
        if template.has_bare_url && text.contains("{url}") {
            return Err(bad("the URL is signed with its query or without it"));
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
        if let Some(known) = self.pairs.iter().position(|known| &*known.name == key) {
            return known;
        }
        self.pairs.push(Value {
            name: key.into(),
            delimiter: None,
        });
        self.pairs.len() - 1
    }

    /// `text{query:NAME}text`, or `text{query:NAME or const:NAME}text`, where the constant counts if the
    /// merchant has set it. `outside` is what stands beyond the bracket, and on which side.
    fn optional<'c>(
        &mut self,
        inside: &str,
        outside: (bool, Option<u8>),
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
        let own = match outside.0 {
            true => before.as_bytes().last(),
            false => after.as_bytes().first(),
        };
        self.query.push(Value {
            name: name.into(),
            delimiter: own.copied().or(outside.1),
        });
        Some(Part::Query {
            at: self.query.len() - 1,
            before: before.as_bytes().into(),
            after: after.as_bytes().into(),
        })
    }

    pub(super) fn has(&self, wanted: &Part) -> bool {
        self.parts.contains(wanted)
    }
}

fn missing(name: &str) -> ConfigError {
    ConfigError::new(
        ConfigErrorKind::MissingSetting,
        format!("the constant {name:?} is needed, which only the merchant knows"),
    )
}
