//! A signed message: its recipe with its keys, and one delivery being verified.

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
use crate::event::IdSource;
use crate::head::Head;
use crate::scan::Targets;
use crate::scheme::faults::Faults;
use crate::scheme::grammar::{Grammar, check_grammar};
use crate::scheme::hmac::{check_window, is_signed_value};
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
    /// Whether what names the event, if anything does, is the same however the signed bytes are cut.
    pub(super) id_is_parted: bool,
    /// Whether a window tells one time from another.
    pub(super) is_timed: bool,
    pub(super) coverage: Coverage,
    /// Whether the hash of a message is also the beginning of the hash of longer ones, which anyone can
    /// go on with: a plain hash that does not end with the secret.
    goes_on: bool,
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
        id: &IdSource,
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
                check_grammar(names, grammar, scheme.timestamp.as_ref())?;
                // A list of headers has spaces between their names.
                let (separator, other) = grammar.separators();
                if template.lists_headers() && [separator, other].contains(&Some(b' ')) {
                    return Err(bad(
                        "a space parts the names of {signed_headers:…}, not pairs",
                    ));
                }
                let has_pairs = matches!(grammar, Grammar::Pairs { .. } | Grammar::Groups { .. });
                if !template.pairs.is_empty() && !has_pairs {
                    return Err(bad("a {kv:…} needs the grammar of pairs"));
                }
                let pairs = template.pairs.iter().map(|pair| pair.name.clone());
                let pairs = pairs.collect();
                Signature::Headers(SignatureHeaders::new(names, grammar, timestamp_key, pairs)?)
            }
            SignatureSource::Json(_) if timestamp_key.is_some() || !template.pairs.is_empty() => {
                return Err(bad("beside a signature in the body there are no pairs"));
            }
            // No body holds what is computed of it, and no form is JSON.
            SignatureSource::Json(at)
                if template.is_of_whole_body()
                    || scheme.body_digest.is_some()
                    || scheme.reads_field(at) =>
            {
                return Err(bad(
                    "a signature in the body can be one of fields only, and not of itself",
                ));
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
                    TimeForm::new(format.unit, &template.beside_timestamp()),
                ))
            }
        };
        check_window(scheme.timestamp.as_ref(), &template.beside_timestamp())?;
        let mut url = None;
        if template.has(&Part::Url) {
            let whole = PublicUrl::new(scheme.public_url.as_deref(), scheme.ports)?;
            url = Some(whole.with_query(!template.has_bare_url));
        }
        if scheme.body_digest.is_some() && url.is_none() {
            return Err(bad("a digest in the query is signed only with the URL"));
        }
        let (id_header, id_is_parted) = template.parts_id(id, scheme.timestamp.as_ref())?;
        let keys = secrets.iter();
        Ok(MessageProof {
            keys: keys
                .map(|secret| Key::new(scheme.algorithm, &scheme.key, secret))
                .collect::<Result<_, _>>()?,
            signature,
            spelling: Spelling {
                encoding: scheme.encoding,
                length: signature_length(scheme.algorithm),
                public: scheme.algorithm.is_public_key(),
            },
            timestamp,
            url,
            missing_json_as_empty: scheme.missing_json_as_empty,
            body_digest: scheme.body_digest.as_deref().map(Box::from),
            id_is_parted,
            is_timed: scheme.has_window(),
            id_header,
            coverage: scheme.coverage(),
            goes_on: hashes && template.parts.last() != Some(&Part::Secret),
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
        if !begun.groups.is_empty() {
            begun
                .groups
                .retain(|group| self.template.parts_pairs(&group.pairs));
            if begun.groups.is_empty() {
                faults.add(ErrorKind::MalformedHeader, "signed entry");
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
        let signs_time = proof.template.has(&Part::Timestamp);
        let signed_time = signs_time.then(|| proof.json_time(&body)).flatten();
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
        let whole = Spoken {
            verification: self,
            contents: &contents,
            body: &body,
            timestamp: match (&self.timestamp, &signed_time) {
                (Some((text, _)), _) => text,
                (None, Some(Ok((text, _)))) => text.as_bytes(),
                (None, _) => b"",
            },
            pairs: &[],
            listed: b"",
            url: urls.first().map_or("", String::as_str),
        };
        let found = proof.keys.iter().enumerate().find_map(|(key_index, key)| {
            let mut groups = groups.iter().enumerate();
            let (at, group) = groups.find(|(at, group)| {
                urls.iter().any(|url| {
                    let spoken = whole.of_group(*at, group).of_url(url);
                    key.verifies(&group.signatures, &|sink| {
                        spoken.say(&proof.template.parts, key.within(), sink);
                    })
                })
            })?;
            usable.takes(key_index).then_some((key_index, at, group))
        });
        let (key_index, at, group) = found.ok_or_else(|| usable.mismatch())?;
        let content = proof.content(&whole.of_group(at, group));
        // One that is not spoken is looked for only in a body that is known to be genuine.
        let timestamp = match signed_time.or_else(|| proof.json_time(&body)) {
            Some(read) => Some(read?.1),
            None => match &proof.timestamp {
                Some((Clock::BesideSignature, form)) => {
                    group.timestamp.and_then(|text| form.parse(text))
                }
                _ => self.timestamp(),
            },
        };
        // Behind a list of headers, and behind a URL, only the first character tells where the body
        // begins: neither of them has such a one.
        let is_json = matches!(body.first(), Some(b'{' | b'['));
        let is_parted = match body.is_empty() {
            true => self.listed.is_empty(),
            false => is_json || self.listed.is_empty() && !proof.template.has_body_at_url(),
        };
        if !is_parted {
            return Err(Error::of(
                ErrorKind::MalformedPayload,
                "no JSON object or array",
            ));
        }
        if proof.goes_on && !self.is_text(&contents, &body) {
            return Err(Error::of(ErrorKind::MalformedPayload, "not UTF-8"));
        }
        Ok(Proved {
            key_index,
            timestamp,
            expires: None,
            id: self.id.map(<[u8]>::to_vec),
            coverage: proof.coverage,
            content,
            payload: body,
        })
    }
}

impl MessageVerification<'_> {
    /// Whether every value is UTF-8. What a hash is gone on with begins with the byte 0x80, which stands
    /// in no such text behind a whole character: so that nothing was added to what was signed as text.
    fn is_text(&self, contents: &Contents<'_>, body: &[u8]) -> bool {
        let query = self.query.iter().flatten().map(Vec::as_slice);
        let form = contents.form.iter().map(Vec::as_slice);
        let mut values = query.chain(form).chain([&contents.sorted_form[..], body]);
        values.all(|value| std::str::from_utf8(value).is_ok())
    }
}

/// A pointer on its own.
fn one(at: &str) -> Result<Targets, ConfigError> {
    let mut targets = Targets::default();
    targets.add(&pointer(at)?);
    Ok(targets)
}
