//! A signed message: its recipe with its keys, and one delivery being verified.

use std::borrow::Cow;
use std::cell::Cell;

use bytes::Bytes;
use http::HeaderName;
use sha2::{Digest, Sha256};

use super::candidates::{Group, SignatureHeaders, Spelling};
use super::check::{Key, Sink, signature_length};
use super::template::{Part, Template};
use super::url::query;
use super::{MessageScheme, PublicUrl, SignatureSource, form, pointer};
use crate::error::{ConfigError, ConfigErrorKind, Error, ErrorKind};
use crate::head::Head;
use crate::scan::{Found, Targets, Value};
use crate::scheme::faults::Faults;
use crate::scheme::hmac::is_signed_value;
use crate::scheme::signature::{TimestampSource, only_value};
use crate::scheme::template::header_name;
use crate::scheme::{Coverage, Proved};
use crate::secret::Secret;
use crate::time::UnixTime;
use crate::window::TimeForm;

/// The recipe with its keys, checked and prepared.
#[derive(Debug)]
pub(crate) struct MessageProof {
    keys: Vec<Key>,
    signature: Signature,
    spelling: Spelling,
    timestamp: Option<(Clock, TimeForm)>,
    template: Template,
    url: Option<PublicUrl>,
    missing_json_as_empty: bool,
    body_digest: Option<Box<str>>,
    id_header: Option<HeaderName>,
    coverage: Coverage,
}

#[derive(Debug)]
enum Signature {
    Headers(SignatureHeaders),
    Json(Targets),
}

/// Where the timestamp is.
#[derive(Debug)]
enum Clock {
    Header(HeaderName),
    BesideSignature,
    Json(Targets),
}

/// What the head of one delivery says.
pub(crate) struct MessageVerification<'h> {
    groups: Vec<Group<'h>>,
    timestamp: Option<(&'h [u8], UnixTime)>,
    headers: Vec<&'h [u8]>,
    /// The values of the headers that each group's list names.
    listed: Vec<Vec<u8>>,
    method: &'h str,
    urls: Vec<String>,
    query: Vec<Option<Vec<u8>>>,
    body_digest: Option<[u8; 32]>,
    id: Option<&'h [u8]>,
}

/// What the body of one delivery says.
struct Contents<'b> {
    json: Vec<Cow<'b, [u8]>>,
    form: Vec<Vec<u8>>,
    sorted_form: Vec<u8>,
    crc32: String,
}

impl MessageProof {
    pub(crate) fn new(
        scheme: &MessageScheme,
        secrets: &[Secret],
        id_header: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let bad = |why| ConfigError::new(ConfigErrorKind::BadScheme, why);
        let constant = |name: &str| {
            let mut known = scheme.constants.iter();
            known
                .find(|(known, _)| known == name)
                .map(|(_, value)| &**value)
        };
        let template = Template::parse(&scheme.template, constant)?;
        let signs_time = template.has(&Part::Timestamp);
        let from_json = matches!(
            scheme.timestamp.as_ref().map(|format| &format.from),
            Some(TimestampSource::Json(_))
        );
        match &scheme.timestamp {
            None if signs_time => {
                return Err(bad(
                    "the template has {ts}, but the scheme says nothing of a timestamp",
                ));
            }
            // One in the body is signed with it.
            Some(_) if !signs_time && !from_json => {
                return Err(bad(
                    "the scheme has a timestamp that is not signed: the template lacks {ts}",
                ));
            }
            _ => {}
        }
        let timestamp_key = match scheme.timestamp.as_ref().map(|format| &format.from) {
            Some(TimestampSource::Pair(key)) => Some(&**key),
            _ => None,
        };
        let signature = match &scheme.signature {
            SignatureSource::Headers { names, grammar } => {
                super::super::signature::check_grammar(names, grammar, timestamp_key)?;
                let pairs = template.pairs.as_slice();
                Signature::Headers(SignatureHeaders::new(names, grammar, timestamp_key, pairs)?)
            }
            SignatureSource::Json(_) if timestamp_key.is_some() || !template.pairs.is_empty() => {
                return Err(bad("beside a signature in the body there are no pairs"));
            }
            SignatureSource::Json(at) => Signature::Json(one(at)?),
        };
        let timestamp = match &scheme.timestamp {
            None => None,
            Some(format) => {
                let clock = match &format.from {
                    TimestampSource::Header(name) => Clock::Header(header_name(name)?),
                    TimestampSource::Pair(_) => Clock::BesideSignature,
                    TimestampSource::Json(at) => Clock::Json(one(at)?),
                };
                Some((
                    clock,
                    TimeForm::new(format.unit, template.behind_timestamp()),
                ))
            }
        };
        let url = if template.has(&Part::Url) {
            Some(PublicUrl::new(scheme.public_url.as_deref(), scheme.ports)?)
        } else {
            None
        };
        if scheme.body_digest.is_some() && url.is_none() {
            return Err(bad("a digest in the query is signed only with the URL"));
        }
        let keys = secrets.iter();
        Ok(MessageProof {
            keys: keys
                .map(|secret| Key::new(scheme.algorithm, &scheme.key, secret))
                .collect::<Result<_, _>>()?,
            signature,
            spelling: Spelling {
                encoding: scheme.encoding,
                length: signature_length(scheme.algorithm),
            },
            timestamp,
            url,
            missing_json_as_empty: scheme.missing_json_as_empty,
            body_digest: scheme.body_digest.as_deref().map(Box::from),
            id_header: id_header.map(header_name).transpose()?,
            coverage: scheme.coverage(),
            template,
        })
    }

    /// Of several faults the first in the order duplicate, missing, malformed is reported, whichever
    /// header it is in.
    pub(crate) fn begin<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
    ) -> Result<MessageVerification<'h>, Error> {
        let mut faults = Faults::default();
        let mut begun = MessageVerification {
            groups: Vec::new(),
            timestamp: None,
            headers: Vec::new(),
            listed: Vec::new(),
            method: head.method(),
            urls: Vec::new(),
            query: Vec::new(),
            body_digest: None,
            id: None,
        };
        if let Signature::Headers(headers) = &self.signature {
            match headers.read(head, self.spelling) {
                Ok(groups) => begun.groups = groups,
                Err((kind, part)) => faults.add(kind, part),
            }
        }
        match &self.timestamp {
            Some((Clock::Header(name), form)) => match only_value(head, name) {
                Ok(Some(text)) => match form.parse(text) {
                    Some(time) => begun.timestamp = Some((text, time)),
                    None => faults.add(ErrorKind::MalformedHeader, "timestamp"),
                },
                Ok(None) => faults.add(ErrorKind::MissingHeader, "timestamp"),
                Err(kind) => faults.add(kind, "timestamp"),
            },
            Some((Clock::BesideSignature, form)) if !begun.groups.is_empty() => {
                let readable = |group: &Group<'_>| {
                    group
                        .timestamp
                        .is_some_and(|text| form.parse(text).is_some())
                };
                begun.groups.retain(readable);
                if begun.groups.is_empty() {
                    faults.add(ErrorKind::MalformedHeader, "timestamp");
                }
            }
            _ => {}
        }
        for header in &self.template.headers {
            match only_value(head, &header.name) {
                Ok(Some(value)) if is_signed_value(value, header.delimiter) => {
                    begun.headers.push(value);
                    if self.id_header.as_ref() == Some(&header.name) {
                        begun.id = Some(value);
                    }
                }
                Ok(Some(_)) => faults.add(ErrorKind::MalformedHeader, "signed header"),
                Ok(None) => faults.add(ErrorKind::MissingHeader, "signed header"),
                Err(kind) => faults.add(kind, "signed header"),
            }
        }
        self.read_listed(head, &mut begun, &mut faults);
        self.read_target(head, &mut begun, &mut faults);
        match faults.first() {
            None => Ok(begun),
            Some(fault) => Err(fault),
        }
    }

    /// The headers that a list in the signature header names.
    fn read_listed<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
        begun: &mut MessageVerification<'h>,
        faults: &mut Faults,
    ) {
        let lists = self.template.parts.iter().find_map(|part| match part {
            Part::SignedHeaders(at) => Some(*at),
            _ => None,
        });
        let Some(at) = lists else {
            return;
        };
        for group in &begun.groups {
            let list = group.pairs.get(at).copied().unwrap_or_default();
            match listed(head, list, self.id_header.as_ref()) {
                Ok((values, id)) => {
                    begun.listed.push(values);
                    begun.id = begun.id.or(id);
                }
                Err(kind) => {
                    faults.add(kind, "signed header");
                    begun.listed.push(Vec::new());
                }
            }
        }
    }

    /// The URL and what its query says.
    fn read_target<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
        begun: &mut MessageVerification<'h>,
        faults: &mut Faults,
    ) {
        if self.url.is_none() && self.template.query.is_empty() {
            return;
        }
        let target = head.target();
        if let Some(url) = &self.url {
            match url.signed(&target) {
                Some(urls) => begun.urls = urls,
                None => faults.add(ErrorKind::MalformedHeader, "URL"),
            }
        }
        if self.template.query.is_empty() && self.body_digest.is_none() {
            return;
        }
        let Some(fields) = form::fields(query(&target).as_bytes()) else {
            faults.add(ErrorKind::MalformedHeader, "query");
            return;
        };
        for name in &self.template.query {
            match form::only(&fields, name) {
                Ok(value) => begun.query.push(value.map(|value| lower(value.to_vec()))),
                Err(()) => faults.add(ErrorKind::DuplicateHeader, "query"),
            }
        }
        if let Some(name) = &self.body_digest {
            match form::only(&fields, name) {
                Ok(Some(value)) => {
                    let mut digest = [0; 32];
                    match const_hex::decode_to_slice(value, &mut digest) {
                        Ok(()) if value.len() == 64 => begun.body_digest = Some(digest),
                        _ => faults.add(ErrorKind::MalformedHeader, "digest of the body"),
                    }
                }
                Ok(None) => faults.add(ErrorKind::MissingHeader, "digest of the body"),
                Err(()) => faults.add(ErrorKind::DuplicateHeader, "digest of the body"),
            }
        }
    }
}

impl MessageVerification<'_> {
    /// The timestamp of a header of its own.
    pub(crate) fn timestamp(&self) -> Option<UnixTime> {
        self.timestamp.map(|(_, time)| time)
    }

    pub(crate) fn finish(&self, proof: &MessageProof, body: Bytes) -> Result<Proved, Error> {
        let mismatch = Error::new(ErrorKind::SignatureMismatch);
        let contents = proof.contents(&body)?;
        let in_body = proof.in_body(&body)?;
        let json_time = proof.json_time(&body);
        if let Some(sent) = &self.body_digest
            && Sha256::digest(&body).as_slice() != sent
        {
            return Err(mismatch);
        }
        let own = Group {
            signatures: in_body.into_iter().collect(),
            ..Group::default()
        };
        let groups = if matches!(proof.signature, Signature::Json(_)) {
            std::slice::from_ref(&own)
        } else {
            self.groups.as_slice()
        };
        let one = [String::new()];
        let urls = if self.urls.is_empty() {
            &one
        } else {
            self.urls.as_slice()
        };
        let found = proof.keys.iter().enumerate().find_map(|(key_index, key)| {
            let mut spoken = groups
                .iter()
                .enumerate()
                .flat_map(|(at, group)| urls.iter().map(move |url| (at, group, url)));
            let matching = spoken.find(|(at, group, url)| {
                let text = match (&self.timestamp, &json_time) {
                    (Some((text, _)), _) => text,
                    (None, Some(Ok((text, _)))) => text.as_bytes(),
                    (None, _) => group.timestamp.unwrap_or_default(),
                };
                let listed = self.listed.get(*at).map_or(&b""[..], Vec::as_slice);
                let spoken = Spoken {
                    verification: self,
                    contents: &contents,
                    body: &body,
                    timestamp: text,
                    pairs: &group.pairs,
                    listed,
                    url,
                };
                key.verifies(&group.signatures, &|sink| {
                    spoken.say(&proof.template.parts, key.within(), sink);
                })
            })?;
            Some((key_index, matching.1.timestamp))
        });
        let (key_index, beside) = found.ok_or(mismatch)?;
        let timestamp = match (&proof.timestamp, json_time) {
            (_, Some(read)) => Some(read?.1),
            (Some((Clock::BesideSignature, form)), None) => {
                beside.and_then(|text| form.parse(text))
            }
            _ => self.timestamp(),
        };
        // Behind a list of headers only the first character tells where the body begins.
        if !self.listed.is_empty() && !matches!(body.first(), Some(b'{' | b'[')) {
            return Err(Error::of(
                ErrorKind::MalformedPayload,
                "no JSON object or array",
            ));
        }
        Ok(Proved {
            key_index,
            timestamp,
            expires: None,
            id: self.id.map(<[u8]>::to_vec),
            coverage: proof.coverage,
            content: self.content(proof, &contents, &body),
            payload: body,
        })
    }

    /// What tells one event from another, where that is not the body alone: of a form the fields, for
    /// there are many spellings of one; and the URL and the method of a request that may have no body.
    fn content(
        &self,
        proof: &MessageProof,
        contents: &Contents<'_>,
        body: &Bytes,
    ) -> Option<Box<[u8; 32]>> {
        let telling = |part: &&Part| {
            matches!(
                part,
                Part::Method | Part::Url | Part::Query { .. } | Part::SortedForm | Part::Form(_)
            )
        };
        let parts: Vec<Part> = proof
            .template
            .parts
            .iter()
            .filter(telling)
            .cloned()
            .collect();
        if parts.is_empty() {
            return None;
        }
        let form = |part: &Part| matches!(part, Part::SortedForm | Part::Form(_));
        let mut state = Sha256::new();
        let spoken = Spoken {
            verification: self,
            contents,
            body,
            timestamp: b"",
            pairs: &[],
            listed: b"",
            url: self.urls.first().map_or("", String::as_str),
        };
        for part in &parts {
            // Each with its length, so that no two run together.
            let length = Cell::new(0u64);
            let one = std::slice::from_ref(part);
            spoken.say(one, b"", &mut |piece| {
                length.set(length.get() + piece.len() as u64)
            });
            state.update(length.get().to_le_bytes());
            spoken.say(one, b"", &mut |piece| state.update(piece));
        }
        if !parts.iter().any(form) {
            state.update(body);
        }
        Some(Box::new(state.finalize().into()))
    }
}

impl MessageProof {
    /// What is signed of the body's own contents.
    fn contents<'b>(&self, body: &'b Bytes) -> Result<Contents<'b>, Error> {
        let malformed = |part| Error::of(ErrorKind::MalformedPayload, part);
        let mut contents = Contents {
            json: Vec::new(),
            form: Vec::new(),
            sorted_form: Vec::new(),
            crc32: String::new(),
        };
        if !self.template.json.is_empty() {
            let found = self.template.json_targets.find(body);
            let found = found.ok_or(malformed("not JSON"))?;
            for (found, value) in found.into_iter().zip(&self.template.json) {
                let text = text_of(found)
                    .ok_or(malformed("a signed field is there twice, or is no text"))?;
                match text {
                    Some(text) if value.delimiter.is_none_or(|byte| !text.contains(&byte)) => {
                        contents.json.push(text);
                    }
                    Some(_) => return Err(malformed("a signed field holds what parts the fields")),
                    None if self.missing_json_as_empty => contents.json.push(Cow::Borrowed(b"")),
                    None => return Err(malformed("a signed field is missing")),
                }
            }
        }
        if self.template.has(&Part::SortedForm) || !self.template.form.is_empty() {
            let mut fields = form::fields(body).ok_or(malformed("not a form"))?;
            let mut any = false;
            for name in &self.template.form {
                let value =
                    form::only(&fields, name).map_err(|()| malformed("a field is there twice"))?;
                any |= value.is_some();
                contents.form.push(value.unwrap_or_default().to_vec());
            }
            if !self.template.form.is_empty() && !any {
                return Err(malformed("none of the signed fields is there"));
            }
            if self.template.has(&Part::SortedForm) {
                fields.sort();
                // As the provider's own library does it: a set of values for each name.
                fields.dedup();
                let texts = fields.iter().flat_map(|(name, value)| [name, value]);
                contents.sorted_form = texts.flat_map(|text| text.iter().copied()).collect();
            }
        }
        if self.template.has(&Part::BodyCrc32) {
            contents.crc32 = crc32(body).to_string();
        }
        Ok(contents)
    }

    /// The signature, where it is in the body.
    fn in_body(&self, body: &Bytes) -> Result<Option<Vec<u8>>, Error> {
        let Signature::Json(targets) = &self.signature else {
            return Ok(None);
        };
        let fault = |kind| Error::of(kind, "signature in the body");
        match targets
            .find(body)
            .and_then(|found| found.into_iter().next())
        {
            None | Some(Found::Nothing) => Err(fault(ErrorKind::MissingHeader)),
            Some(Found::Twice) => Err(fault(ErrorKind::DuplicateHeader)),
            Some(Found::Value(Value::Text { text, .. })) => {
                let signature = self.spelling.read(text.as_bytes());
                signature.map(Some).ok_or(fault(ErrorKind::MalformedHeader))
            }
            Some(Found::Value(_)) => Err(fault(ErrorKind::MalformedHeader)),
        }
    }

    /// The timestamp, where it is in the body. Whether it is readable counts only once the signature is
    /// known to be right.
    fn json_time(&self, body: &Bytes) -> Option<Result<(String, UnixTime), Error>> {
        let Some((Clock::Json(targets), form)) = &self.timestamp else {
            return None;
        };
        let found = targets
            .find(body)
            .and_then(|found| found.into_iter().next());
        let text = found.as_ref().and_then(Found::scalar);
        let read = text.and_then(|text| Some((text.to_owned(), form.parse(text.as_bytes())?)));
        Some(read.ok_or(Error::of(
            ErrorKind::MalformedPayload,
            "timestamp in the body",
        )))
    }
}

/// Everything that a message is made of.
struct Spoken<'a, 'h> {
    verification: &'a MessageVerification<'h>,
    contents: &'a Contents<'a>,
    body: &'a Bytes,
    timestamp: &'a [u8],
    pairs: &'a [&'a [u8]],
    listed: &'a [u8],
    url: &'a str,
}

impl Spoken<'_, '_> {
    fn say(&self, parts: &[Part], secret: &[u8], sink: &mut Sink<'_>) {
        for part in parts {
            match part {
                Part::Literal(text) => sink(text),
                Part::Body => sink(self.body),
                Part::BodyCrc32 => sink(self.contents.crc32.as_bytes()),
                Part::Timestamp => sink(self.timestamp),
                Part::Method => sink(self.verification.method.as_bytes()),
                Part::Url => sink(self.url.as_bytes()),
                Part::Secret => sink(secret),
                Part::Header(at) => sink(
                    self.verification
                        .headers
                        .get(*at)
                        .copied()
                        .unwrap_or_default(),
                ),
                Part::SignedHeaders(_) => sink(self.listed),
                Part::Pair(at) => sink(self.pairs.get(*at).copied().unwrap_or_default()),
                Part::Json(at) => sink(self.contents.json.get(*at).map_or(b"", |text| text)),
                Part::Form(at) => sink(self.contents.form.get(*at).map_or(b"", Vec::as_slice)),
                Part::SortedForm => sink(&self.contents.sorted_form),
                Part::Query { at, before, after } => {
                    if let Some(Some(value)) = self.verification.query.get(*at) {
                        sink(before);
                        sink(value);
                        sink(after);
                    }
                }
            }
        }
    }
}

/// A pointer on its own.
fn one(at: &str) -> Result<Targets, ConfigError> {
    let mut targets = Targets::default();
    targets.add(&pointer(at)?);
    Ok(targets)
}

/// The text that stands for a signed field: `Some(None)` if it is missing, `None` if it has none.
#[expect(clippy::option_option, reason = "missing and unusable are two things")]
fn text_of(found: Found<'_>) -> Option<Option<Cow<'_, [u8]>>> {
    match found {
        Found::Nothing => Some(None),
        Found::Twice => None,
        Found::Value(Value::Text { text, .. }) => Some(Some(match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        })),
        Found::Value(Value::Number(text)) => Some(Some(Cow::Borrowed(text.as_bytes()))),
        Found::Value(Value::Other(text @ ("true" | "false"))) => {
            Some(Some(Cow::Borrowed(text.as_bytes())))
        }
        Found::Value(Value::Other(_)) => None,
    }
}

/// An id in a query is signed in lower case if it has nothing but letters and digits.
fn lower(mut value: Vec<u8>) -> Vec<u8> {
    if value.iter().all(u8::is_ascii_alphanumeric) {
        value.make_ascii_lowercase();
    }
    value
}

/// The values of the headers that `list` names, joined by `.`, and the id if it is one of them and no
/// other value could pass for it.
///
/// A value may hold a dot. So that the same bytes are not another list of values, and not another body:
/// no value holds what a JSON text begins with, and an id counts only at either end of the list, where
/// nothing but itself can be between it and the next thing that is known.
#[expect(clippy::type_complexity, reason = "two things of one pass")]
fn listed<'h, H: Head + ?Sized>(
    head: &'h H,
    list: &[u8],
    id_header: Option<&HeaderName>,
) -> Result<(Vec<u8>, Option<&'h [u8]>), ErrorKind> {
    let mut joined = Vec::new();
    let mut id = None;
    let names: Vec<&[u8]> = list.split(|byte| *byte == b' ').collect();
    if names.len() > MAX_LISTED || list.contains(&b'.') {
        return Err(ErrorKind::MalformedHeader);
    }
    let mut seen: Vec<HeaderName> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let name = HeaderName::from_bytes(name).map_err(|_| ErrorKind::MalformedHeader)?;
        let value = only_value(head, &name)?.ok_or(ErrorKind::MissingHeader)?;
        let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !b"{[\"".contains(byte);
        if seen.contains(&name) || value.len() > 256 || !value.iter().all(plain) {
            return Err(ErrorKind::MalformedHeader);
        }
        let at_an_end = at == 0 || at + 1 == names.len();
        if id_header == Some(&name) && at_an_end && is_signed_value(value, Some(b'.')) {
            id = Some(value);
        }
        if at > 0 {
            joined.push(b'.');
        }
        joined.extend_from_slice(value);
        seen.push(name);
    }
    Ok((joined, id))
}

const MAX_LISTED: usize = 16;

/// CRC-32 as in zip and PNG.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let mut rest = at as u32;
            let mut bit = 0;
            while bit < 8 {
                rest = if rest & 1 == 1 {
                    rest >> 1 ^ 0xedb8_8320
                } else {
                    rest >> 1
                };
                bit += 1;
            }
            #[expect(clippy::indexing_slicing, reason = "evaluated when it is compiled")]
            {
                table[at] = rest;
            }
            at += 1;
        }
        table
    };
    let step = |sum: u32, byte: &u8| {
        let at = usize::from(sum.to_le_bytes()[0] ^ byte);
        TABLE.get(at).copied().unwrap_or_default() ^ sum >> 8
    };
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_crc32() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
