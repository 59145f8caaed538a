//! A signed message: its recipe with its keys, and one delivery being verified.

use std::cell::Cell;

use bytes::Bytes;
use http::HeaderName;
use sha2::{Digest, Sha256};

use super::candidates::{Group, SignatureHeaders, Spelling};
use super::check::{Key, signature_length};
use super::contents::Contents;
use super::spoken::Spoken;
use super::template::{Part, Template};
use super::{MessageAlgorithm, MessageScheme, PublicUrl, SignatureSource, pointer};
use crate::error::{ConfigError, ConfigErrorKind, Error, ErrorKind};
use crate::head::Head;
use crate::scan::Targets;
use crate::scheme::faults::Faults;
use crate::scheme::hmac::is_signed_value;
use crate::scheme::signature::{TimestampSource, only_value};
use crate::scheme::template::header_name;
use crate::scheme::{Coverage, Proved};
use crate::secret::{Secret, Usable};
use crate::time::UnixTime;
use crate::window::TimeForm;

/// The recipe with its keys, checked and prepared.
#[derive(Debug)]
pub(crate) struct MessageProof {
    keys: Vec<Key>,
    pub(super) signature: Signature,
    pub(super) spelling: Spelling,
    pub(super) timestamp: Option<(Clock, TimeForm)>,
    pub(super) template: Template,
    pub(super) url: Option<PublicUrl>,
    pub(super) missing_json_as_empty: bool,
    pub(super) body_digest: Option<Box<str>>,
    pub(super) id_header: Option<HeaderName>,
    coverage: Coverage,
}

#[derive(Debug)]
pub(super) enum Signature {
    Headers(SignatureHeaders),
    Json(Targets),
}

/// Where the timestamp is.
#[derive(Debug)]
pub(super) enum Clock {
    Header(HeaderName),
    BesideSignature,
    Json(Targets),
}

/// What the head of one delivery says.
pub(crate) struct MessageVerification<'h> {
    pub(super) groups: Vec<Group<'h>>,
    timestamp: Option<(&'h [u8], UnixTime)>,
    pub(super) headers: Vec<&'h [u8]>,
    /// The values of the headers that each group's list names.
    pub(super) listed: Vec<Vec<u8>>,
    pub(super) method: &'h str,
    pub(super) urls: Vec<String>,
    pub(super) query: Vec<Option<Vec<u8>>>,
    pub(super) body_digest: Option<[u8; 32]>,
    pub(super) id: Option<&'h [u8]>,
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
        let hashes = matches!(
            scheme.algorithm,
            MessageAlgorithm::Sha256 | MessageAlgorithm::Sha512
        );
        if hashes != template.has(&Part::Secret) {
            return Err(bad(match hashes {
                true => "a plain hash without {secret} in its template is what anyone can make",
                false => "{secret} is for plain hashes: this algorithm has the key already",
            }));
        }
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
                crate::scheme::grammar::check_grammar(names, grammar, timestamp_key)?;
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
}

impl MessageVerification<'_> {
    /// The timestamp of a header of its own.
    pub(crate) fn timestamp(&self) -> Option<UnixTime> {
        self.timestamp.map(|(_, time)| time)
    }

    pub(crate) fn finish(
        &self,
        proof: &MessageProof,
        body: Bytes,
        usable: &Usable<'_>,
    ) -> Result<Proved, Error> {
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
            usable
                .takes(key_index)
                .then_some((key_index, matching.1.timestamp))
        });
        let (key_index, beside) = found.ok_or_else(|| usable.mismatch())?;
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

/// A pointer on its own.
fn one(at: &str) -> Result<Targets, ConfigError> {
    let mut targets = Targets::default();
    targets.add(&pointer(at)?);
    Ok(targets)
}
