//! HMAC recipes, read from the side of the sender.

use std::fmt;

use bytes::Bytes;
use countersign::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, Prefix, SignatureEncoding, TimestampSource,
};
use countersign::{Secret, TimeUnit, UnixTime};
use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderName, HeaderValue};
use ring::hmac;

use super::signed::JSON;
use super::{
    SignError, SignErrorKind, Signed, bad_scheme, header_name, header_value, id_not_applicable,
    key, random, write_time,
};

#[derive(Clone)]
pub(super) struct HmacSigner {
    key: hmac::Key,
    header: HeaderName,
    /// What stands before the signature in its header, but for a timestamp.
    lead: String,
    base64: bool,
    timestamp: Option<(Place, TimeUnit)>,
    template: Vec<Part>,
    id_header: Option<HeaderName>,
    id: Option<HeaderValue>,
}

/// Where the timestamp is sent.
#[derive(Debug, Clone)]
enum Place {
    Header(HeaderName),
    /// Before the signature, as `key=…` and the separator.
    Pair {
        key: String,
        separator: char,
    },
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Literal(String),
    Body,
    Timestamp,
    Header(HeaderName),
}

impl HmacSigner {
    pub(super) fn new(
        scheme: &HmacScheme,
        id_header: Option<HeaderName>,
        secret: &Secret,
    ) -> Result<Self, SignError> {
        let algorithm = match scheme.algorithm {
            HmacAlgorithm::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            HmacAlgorithm::Sha256 => hmac::HMAC_SHA256,
            HmacAlgorithm::Sha512 => hmac::HMAC_SHA512,
            _ => return Err(bad_scheme("the scheme's algorithm is not supported")),
        };
        let format = &scheme.signature;
        let header = format.headers.first().ok_or_else(|| {
            SignError::new(
                SignErrorKind::MissingSetting,
                "the name of the signature header is needed",
            )
        })?;
        let header = header_name(header)?;
        let template = parse(&scheme.template)?;
        if template.contains(&Part::Header(header.clone())) {
            return Err(bad_scheme("a signature cannot sign its own header"));
        }
        let (lead, separator) = match &format.grammar {
            Grammar::Plain { prefix } => match prefix {
                Prefix::Required(prefix) => (prefix.to_string(), None),
                Prefix::None | Prefix::Optional(_) => (String::new(), None),
                _ => return Err(bad_scheme("the scheme's prefix is not supported")),
            },
            Grammar::Pairs { separator, keys } => match keys.first() {
                Some(key) => (format!("{key}="), Some(char::from(*separator))),
                None => return Err(bad_scheme("the scheme names no key of the signatures")),
            },
            Grammar::List {
                version,
                version_separator,
                ..
            } => (format!("{version}{}", char::from(*version_separator)), None),
            _ => return Err(bad_scheme("the scheme's grammar is not supported")),
        };
        let timestamp = match &scheme.timestamp {
            None if template.contains(&Part::Timestamp) => {
                return Err(bad_scheme(
                    "the template has {ts}, but there is no timestamp",
                ));
            }
            None => None,
            Some(format) => {
                let place = match (&format.from, separator) {
                    (TimestampSource::Header(name), _) => Place::Header(header_name(name)?),
                    (TimestampSource::Pair(key), Some(separator)) => Place::Pair {
                        key: key.to_string(),
                        separator,
                    },
                    _ => return Err(bad_scheme("there is no place for the timestamp")),
                };
                Some((place, format.unit))
            }
        };
        // An id header that the template lacks is a label that proves nothing, and is not sent.
        let id_header = id_header.filter(|name| template.contains(&Part::Header(name.clone())));
        Ok(HmacSigner {
            key: hmac::Key::new(algorithm, &key::decode(&scheme.key, secret)?),
            header,
            lead,
            base64: format.encoding == SignatureEncoding::Base64,
            timestamp,
            template,
            id_header,
            id: None,
        })
    }

    pub(super) fn set_id(&mut self, id: &str) -> Result<(), SignError> {
        if self.id_header.is_none() {
            return Err(id_not_applicable());
        }
        let id = HeaderValue::from_str(id)
            .map_err(|_| SignError::new(SignErrorKind::BadId, "a header cannot carry the id"))?;
        self.id = Some(id);
        Ok(())
    }

    pub(super) fn sign(&self, body: Bytes, at: UnixTime) -> Result<Signed, SignError> {
        let timestamp = match &self.timestamp {
            Some((_, unit)) => write_time(*unit, at)?,
            None => String::new(),
        };
        let mut headers = Vec::new();
        if let Some((Place::Header(name), _)) = &self.timestamp {
            headers.push((name.clone(), header_value(&timestamp)?));
        }

        let mut mac = hmac::Context::with_key(&self.key);
        for part in &self.template {
            match part {
                Part::Literal(text) => mac.update(text.as_bytes()),
                Part::Body => mac.update(&body),
                Part::Timestamp => mac.update(timestamp.as_bytes()),
                Part::Header(name) => {
                    let value = match headers.iter().find(|(sent, _)| sent == name) {
                        Some((_, value)) => value.clone(),
                        None => {
                            let value = self.value_of(name)?;
                            headers.push((name.clone(), value.clone()));
                            value
                        }
                    };
                    mac.update(value.as_bytes());
                }
            }
        }
        let tag = mac.sign();

        let mut signature = String::new();
        if let Some((Place::Pair { key, separator }, _)) = &self.timestamp {
            signature.push_str(&format!("{key}={timestamp}{separator}"));
        }
        signature.push_str(&self.lead);
        let encoding = if self.base64 { &BASE64 } else { &HEXLOWER };
        encoding.encode_append(tag.as_ref(), &mut signature);
        headers.insert(0, (self.header.clone(), header_value(&signature)?));
        Ok(Signed::new(headers, body, JSON))
    }

    /// The value of a signed header: the id if it is set, else something new.
    fn value_of(&self, name: &HeaderName) -> Result<HeaderValue, SignError> {
        match &self.id {
            Some(id) if self.id_header.as_ref() == Some(name) => Ok(id.clone()),
            _ => header_value(&HEXLOWER.encode(&random::<16>()?)),
        }
    }
}

/// Splits a template at its holes.
fn parse(template: &str) -> Result<Vec<Part>, SignError> {
    let mut parts = Vec::new();
    for (nth, piece) in template.split('{').enumerate() {
        let literal = if nth == 0 {
            piece
        } else {
            let (hole, literal) = piece
                .split_once('}')
                .ok_or_else(|| bad_scheme("a hole of the template is not closed"))?;
            parts.push(match (hole, hole.strip_prefix("header:")) {
                ("body", _) => Part::Body,
                ("ts", _) => Part::Timestamp,
                (_, Some(name)) => Part::Header(header_name(name)?),
                _ => return Err(bad_scheme("a hole of the template is not supported")),
            });
            literal
        };
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
    }
    Ok(parts)
}

impl fmt::Debug for HmacSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacSigner")
            .field("header", &self.header)
            .field("template", &self.template)
            .finish_non_exhaustive()
    }
}
