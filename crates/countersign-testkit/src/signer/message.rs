//! Signed messages, from the side of the sender: the message is put together a second time.

use std::fmt;

use bytes::Bytes;
use countersign::scheme::SignatureEncoding;
use countersign::scheme::{Grammar, MessageScheme, Prefix, SignatureSource, TimestampSource};
use countersign::{Secret, TimeUnit, UnixTime};
use data_encoding::{BASE64, HEXLOWER};
use http::{HeaderName, HeaderValue};

use super::fields::{self, Body};
use super::key::SigningKey;
use super::signed::{FORM, JSON};
use super::url;
use super::{
    SignError, SignErrorKind, Signed, bad_scheme, header_name, header_value, id_not_applicable,
    random, write_time,
};

#[derive(Clone)]
pub(super) struct MessageSigner {
    scheme: MessageScheme,
    key: SigningKey,
    id_header: Option<HeaderName>,
    id: Option<HeaderValue>,
}

/// What one delivery says, as it is made.
struct Draft {
    time: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    url: Option<String>,
    /// The names of the headers that are signed by a list of them.
    listed: Option<String>,
    body: Body,
}

impl MessageSigner {
    pub(super) fn new(
        scheme: &MessageScheme,
        id_header: Option<HeaderName>,
        secret: &Secret,
    ) -> Result<Self, SignError> {
        if scheme.signs_url() && scheme.public_url.is_none() {
            return Err(SignError::new(
                SignErrorKind::MissingUrl,
                "the provider signs the URL that it was given, which is not set",
            ));
        }
        let optional = |name: &&str| !scheme.template.contains(&format!(" or const:{name}}}"));
        let unset = |name: &&str| !scheme.constants.iter().any(|(known, _)| known == *name);
        if scheme
            .constant_names()
            .filter(optional)
            .any(|name| unset(&name))
        {
            return Err(SignError::new(
                SignErrorKind::MissingSetting,
                "a constant of the scheme is not set, which only the merchant knows",
            ));
        }
        Ok(MessageSigner {
            key: SigningKey::new(scheme.algorithm, &scheme.key, secret)?,
            scheme: scheme.clone(),
            id_header,
            id: None,
        })
    }

    pub(super) fn public_key(&self) -> Option<Vec<u8>> {
        self.key.public_key()
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
        let scheme = &self.scheme;
        let time = match &scheme.timestamp {
            Some(format) => write_time(format.unit, at)?,
            None => String::new(),
        };
        let mut draft = Draft {
            time,
            headers: Vec::new(),
            url: url::url(scheme, &body)?,
            listed: None,
            body: Body::new(body),
        };
        match scheme
            .timestamp
            .as_ref()
            .map(|format| (&format.from, format.unit))
        {
            Some((TimestampSource::Header(name), _)) => {
                let value = header_value(&draft.time)?;
                draft.headers.push((header_name(name)?, value));
            }
            Some((TimestampSource::Json(pointer), unit)) => {
                let time = match unit {
                    TimeUnit::Milliseconds => fields::number(&draft.time)?,
                    _ => draft.time.clone().into(),
                };
                draft.body.set(pointer, time)?;
            }
            _ => {}
        }
        self.fill(&mut draft, at)?;
        let message = self.message(&mut draft)?;
        let signature = self.key.sign(&message)?;
        let encoding = match scheme.encoding {
            SignatureEncoding::Base64 => &BASE64,
            _ => &HEXLOWER,
        };
        let signature = encoding.encode(&signature);
        match &scheme.signature {
            SignatureSource::Json(pointer) => draft.body.set(pointer, signature.into())?,
            SignatureSource::Headers { names, grammar } => {
                let name = names.first().ok_or_else(|| {
                    SignError::new(
                        SignErrorKind::MissingSetting,
                        "the name of the signature header is needed",
                    )
                })?;
                let value = header_value(&self.spell(grammar, &draft, &signature)?)?;
                draft.headers.insert(0, (header_name(name)?, value));
            }
            _ => {
                return Err(bad_scheme(
                    "the scheme's place of the signature is not supported",
                ));
            }
        }
        let form = scheme.template.contains("form");
        let content_type = if form { FORM } else { JSON };
        let mut signed = Signed::new(draft.headers, draft.body.into_bytes()?, content_type);
        signed.url = draft.url;
        Ok(signed)
    }

    /// What a body that is to be signed has to have: a sample does not, of what is the sender's to say.
    fn fill(&self, draft: &mut Draft, at: UnixTime) -> Result<(), SignError> {
        if self.scheme.missing_json_as_empty {
            return Ok(());
        }
        for hole in holes(&self.scheme.template) {
            if let Some(pointer) = hole.strip_prefix("json:")
                && draft.body.get(pointer)?.is_none()
            {
                let value = match pointer.ends_with("time") {
                    true => at.as_secs().to_string(),
                    false => HEXLOWER.encode(&random::<16>()?),
                };
                draft.body.set(pointer, value.into())?;
            }
        }
        Ok(())
    }

    /// The signed bytes. Headers that are signed are made on the way.
    fn message(&self, draft: &mut Draft) -> Result<Vec<u8>, SignError> {
        let mut message = Vec::new();
        let mut rest = &*self.scheme.template;
        while let Some(at) = rest.find(['{', '[']) {
            let (literal, hole) = rest.split_at(at);
            message.extend_from_slice(literal.as_bytes());
            rest = if let Some(optional) = hole.strip_prefix('[') {
                let (inside, behind) = closed(optional, ']')?;
                self.optional(inside, draft, &mut message)?;
                behind
            } else {
                let (name, behind) = closed(hole.get(1..).unwrap_or_default(), '}')?;
                self.hole(name, draft, &mut message)?;
                behind
            };
        }
        message.extend_from_slice(rest.as_bytes());
        Ok(message)
    }

    fn hole(&self, name: &str, draft: &mut Draft, message: &mut Vec<u8>) -> Result<(), SignError> {
        match name.split_once(':') {
            None => match name {
                "body" => message.extend_from_slice(&draft.body.bytes()?),
                "body_crc32" => {
                    let sum = fields::crc32(&draft.body.bytes()?).to_string();
                    message.extend_from_slice(sum.as_bytes());
                }
                "ts" => message.extend_from_slice(draft.time.as_bytes()),
                "method" => message.extend_from_slice(b"POST"),
                "url" | "bare_url" => {
                    let url = draft.url.as_deref().unwrap_or_default();
                    let bare = url.split('?').next().filter(|_| name == "bare_url");
                    message.extend_from_slice(bare.unwrap_or(url).as_bytes());
                }
                "secret" => message.extend_from_slice(self.key.plain()),
                "sorted_form" => {
                    let mut fields = fields::form(&draft.body.bytes()?)?;
                    fields.sort();
                    fields.dedup();
                    for (name, value) in fields {
                        message.extend_from_slice(&name);
                        message.extend_from_slice(&value);
                    }
                }
                _ => return Err(not_supported()),
            },
            Some(("const", name)) => {
                message.extend_from_slice(self.constant(name).unwrap_or_default().as_bytes())
            }
            Some(("header", name)) => {
                let name = header_name(name)?;
                let value = self.header(&name, draft)?;
                message.extend_from_slice(value.as_bytes());
            }
            Some(("json" | "free-json", pointer)) => {
                if let Some(text) = draft.body.get(pointer)? {
                    message.extend_from_slice(text.as_bytes());
                }
            }
            Some(("form", name)) => {
                let fields = fields::form(&draft.body.bytes()?)?;
                let field = fields
                    .into_iter()
                    .find(|(known, _)| known == name.as_bytes());
                message.extend_from_slice(&field.unwrap_or_default().1);
            }
            Some(("kv", _)) => {
                let list = self.list(draft)?;
                message.extend_from_slice(list.as_bytes());
                draft.listed = Some(list);
            }
            Some(("signed_headers", _)) => {
                let list = self.list(draft)?;
                for (at, name) in list.split(' ').enumerate() {
                    let value = self.header(&header_name(name)?, draft)?;
                    message.extend_from_slice(if at == 0 { b"" } else { b"." });
                    message.extend_from_slice(value.as_bytes());
                }
            }
            _ => return Err(not_supported()),
        }
        Ok(())
    }

    /// A query parameter is left out, since a signer sends to no particular one, but for a constant that
    /// stands for it.
    fn optional(
        &self,
        inside: &str,
        draft: &mut Draft,
        message: &mut Vec<u8>,
    ) -> Result<(), SignError> {
        let Some((before, rest)) = inside.split_once('{') else {
            return Err(not_supported());
        };
        let (hole, after) = closed(rest, '}')?;
        let constant = hole
            .split_once(" or const:")
            .and_then(|(_, name)| self.constant(name));
        let value = match (constant, &draft.url, hole.strip_prefix("query:")) {
            (Some(value), ..) => Some(value.to_owned()),
            (None, Some(url), Some(name)) => {
                let name = name.split(" or ").next().unwrap_or_default();
                let query = url.split_once('?').map_or("", |(_, query)| query);
                let fields = fields::form(query.as_bytes())?;
                let field = fields
                    .into_iter()
                    .find(|(known, _)| known == name.as_bytes());
                field
                    .and_then(|(_, value)| String::from_utf8(value).ok())
                    .map(
                        |value| match value.chars().all(|c| c.is_ascii_alphanumeric()) {
                            true => value.to_ascii_lowercase(),
                            false => value,
                        },
                    )
            }
            _ => None,
        };
        if let Some(value) = value {
            for text in [before, &value, after] {
                message.extend_from_slice(text.as_bytes());
            }
        }
        Ok(())
    }

    fn constant(&self, name: &str) -> Option<&str> {
        let mut known = self.scheme.constants.iter();
        known
            .find(|(known, _)| known == name)
            .map(|(_, value)| &**value)
    }

    /// The list of headers that are signed: the type of the body, and the id last.
    fn list(&self, draft: &mut Draft) -> Result<String, SignError> {
        if let Some(list) = &draft.listed {
            return Ok(list.clone());
        }
        let content_type = HeaderName::from_static("content-type");
        draft.headers.push((content_type, JSON));
        Ok(match &self.id_header {
            Some(id) => format!("content-type {id}"),
            None => "content-type".to_owned(),
        })
    }

    /// The value of a signed header: the id if it is set, else something new.
    fn header(&self, name: &HeaderName, draft: &mut Draft) -> Result<HeaderValue, SignError> {
        if let Some((_, value)) = draft.headers.iter().find(|(sent, _)| sent == name) {
            return Ok(value.clone());
        }
        let value = match &self.id {
            Some(id) if self.id_header.as_ref() == Some(name) => id.clone(),
            _ => header_value(&HEXLOWER.encode(&random::<16>()?))?,
        };
        draft.headers.push((name.clone(), value.clone()));
        Ok(value)
    }

    /// The value of the signature header.
    fn spell(
        &self,
        grammar: &Grammar,
        draft: &Draft,
        signature: &str,
    ) -> Result<String, SignError> {
        let pair_key = match self.scheme.timestamp.as_ref().map(|format| &format.from) {
            Some(TimestampSource::Pair(key)) => Some(key),
            _ => None,
        };
        Ok(match grammar {
            Grammar::Plain { prefix } => match prefix {
                Prefix::Required(prefix) => format!("{prefix}{signature}"),
                _ => signature.to_owned(),
            },
            Grammar::Pairs { separator, keys }
            | Grammar::Groups {
                separator, keys, ..
            } => {
                let key = keys
                    .first()
                    .ok_or_else(|| bad_scheme("the scheme names no key of the signatures"))?;
                let mut pairs = Vec::new();
                if let Some(key) = pair_key {
                    pairs.push(format!("{key}={}", draft.time));
                }
                if let Some(list) = &draft.listed {
                    let name =
                        holes(&self.scheme.template).find_map(|hole| hole.strip_prefix("kv:"));
                    pairs.push(format!("{}={list}", name.unwrap_or_default()));
                }
                pairs.push(format!("{key}={signature}"));
                pairs.join(&char::from(*separator).to_string())
            }
            Grammar::List {
                version,
                version_separator,
                ..
            } => format!("{version}{}{signature}", char::from(*version_separator)),
            Grammar::Positional { separator } => {
                format!("{}{}{signature}", draft.time, char::from(*separator))
            }
            _ => return Err(bad_scheme("the scheme's grammar is not supported")),
        })
    }
}

fn holes(template: &str) -> impl Iterator<Item = &str> {
    let pieces = template.split('{').skip(1);
    pieces.filter_map(|piece| piece.split_once('}').map(|(hole, _)| hole))
}

fn closed(text: &str, end: char) -> Result<(&str, &str), SignError> {
    text.split_once(end)
        .ok_or_else(|| bad_scheme("a hole of the template is not closed"))
}

fn not_supported() -> SignError {
    bad_scheme("a hole of the template is not supported")
}

impl fmt::Debug for MessageSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSigner")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}
