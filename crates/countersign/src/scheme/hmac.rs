//! HMAC recipes: algorithm, key, header grammar and template, prepared once and run many times.

use std::borrow::Cow;

use arrayvec::ArrayVec;
use hmac::{Hmac, KeyInit, Mac};
use http::HeaderName;
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::faults::Faults;
use super::key::KeyFormat;
use super::signature::{
    Candidates, Fault, SignatureFormat, Signatures, TimestampFormat, TimestampSource, only_value,
};
use super::template::{MAX_SIGNED_HEADERS, Part, Template, header_name};
use crate::error::{ConfigError, ConfigErrorKind, Error, ErrorKind};
use crate::head::Head;
use crate::secret::{Secret, Usable};
use crate::time::UnixTime;
use crate::window::{Beside, TimeForm};

/// A recipe for a keyed hash in a header. Data only: it is checked when a
/// [`Verifier`](crate::Verifier) is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HmacScheme {
    /// The algorithm.
    pub algorithm: HmacAlgorithm,
    /// The form of the secret.
    pub key: KeyFormat,
    /// Where the signature stands and how it is spelled.
    pub signature: SignatureFormat,
    /// Where the signed timestamp stands, if there is one.
    pub timestamp: Option<TimestampFormat>,
    /// The signed bytes: literal text and the holes `{body}`, `{ts}` (the text received) and
    /// `{header:NAME}`.
    pub template: Cow<'static, str>,
}

/// The hash function of an [`HmacScheme`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum HmacAlgorithm {
    /// HMAC-SHA1, whose tags have 20 bytes. Collisions of SHA-1 do not break it, but choose it for
    /// a provider that offers nothing else only.
    #[serde(rename = "hmac-sha1")]
    Sha1,
    /// HMAC-SHA256, whose tags have 32 bytes.
    #[serde(rename = "hmac-sha256")]
    Sha256,
    /// HMAC-SHA512, whose tags have 64 bytes.
    #[serde(rename = "hmac-sha512")]
    Sha512,
}

/// The longest signed header value. Longer ones are no ids.
pub(crate) const MAX_SIGNED_VALUE: usize = 256;

/// A recipe with its keys, checked and prepared.
#[derive(Debug)]
pub(crate) struct HmacProof {
    keys: Keys,
    signatures: Signatures,
    timestamp: Option<(Option<HeaderName>, TimeForm)>,
    template: Template,
}

/// One pre-keyed state a secret.
enum Keys {
    Sha1(Vec<Hmac<Sha1>>),
    Sha256(Vec<Hmac<Sha256>>),
    Sha512(Vec<Hmac<Sha512>>),
}

/// The running state a secret, of a body that comes in several chunks.
enum Running {
    Sha1(Vec<Hmac<Sha1>>),
    Sha256(Vec<Hmac<Sha256>>),
    Sha512(Vec<Hmac<Sha512>>),
}

/// One delivery being verified: what its head says, and the hash of the chunks so far.
pub(crate) struct HmacVerification<'h> {
    candidates: Candidates<'h>,
    timestamp: Option<(&'h [u8], UnixTime)>,
    signed: ArrayVec<&'h [u8], MAX_SIGNED_HEADERS>,
    /// Made when a second chunk arrives: a body in one piece is hashed in one go at the end,
    /// without a state a secret to keep.
    running: Option<Running>,
}

impl HmacProof {
    pub(crate) fn new(scheme: &HmacScheme, secrets: &[Secret]) -> Result<Self, ConfigError> {
        let template = Template::parse(&scheme.template)?;
        let timestamp = match &scheme.timestamp {
            None if template.signs_timestamp() => {
                return Err(ConfigError::new(
                    ConfigErrorKind::BadScheme,
                    "the template has {ts}, but the scheme says nothing of a timestamp",
                ));
            }
            Some(_) if !template.signs_timestamp() => {
                return Err(ConfigError::new(
                    ConfigErrorKind::BadScheme,
                    "the scheme has a timestamp that is not signed: the template lacks {ts}",
                ));
            }
            None => None,
            Some(format) => {
                let form = TimeForm::new(format.unit, &template.beside_timestamp());
                Some(match &format.from {
                    TimestampSource::Header(name) => (Some(header_name(name)?), form),
                    TimestampSource::Pair(_) => (None, form),
                    TimestampSource::Json(_) => {
                        return Err(ConfigError::new(
                            ConfigErrorKind::BadScheme,
                            "a timestamp in the body is for a message scheme",
                        ));
                    }
                })
            }
        };
        check_window(scheme.timestamp.as_ref(), &template.beside_timestamp())?;
        let keys = secrets
            .iter()
            .map(|secret| scheme.key.decode_shared(secret));
        let keys = match scheme.algorithm {
            HmacAlgorithm::Sha1 => {
                Keys::Sha1(keys.map(|key| prepare(&key?)).collect::<Result<_, _>>()?)
            }
            HmacAlgorithm::Sha256 => {
                Keys::Sha256(keys.map(|key| prepare(&key?)).collect::<Result<_, _>>()?)
            }
            HmacAlgorithm::Sha512 => {
                Keys::Sha512(keys.map(|key| prepare(&key?)).collect::<Result<_, _>>()?)
            }
        };
        let length = match scheme.algorithm {
            HmacAlgorithm::Sha1 => 20,
            HmacAlgorithm::Sha256 => 32,
            HmacAlgorithm::Sha512 => 64,
        };
        let signatures = Signatures::new(&scheme.signature, scheme.timestamp.as_ref(), length)?;
        Ok(HmacProof {
            keys,
            signatures,
            timestamp,
            template,
        })
    }

    /// The index of the signed header `name`; `None` if the signature does not cover it.
    pub(crate) fn signed_header(&self, name: &str) -> Option<usize> {
        self.template
            .headers
            .iter()
            .position(|header| header.name == name)
    }

    /// Reads the head into `begun`, which is empty. Of several faults the first in the order
    /// duplicate, missing, malformed is reported, whichever header it is in.
    #[inline]
    pub(crate) fn begin<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
        begun: &mut HmacVerification<'h>,
    ) -> Result<(), Error> {
        let mut faults = Faults::default();
        match self.signatures.read(head, &mut begun.candidates) {
            Ok(()) => {}
            Err(Fault::Signature(kind)) => faults.add(kind, "signature header"),
            Err(Fault::Timestamp(kind)) => faults.add(kind, "timestamp"),
        }
        if let Some((name, form)) = &self.timestamp {
            let text = match name {
                Some(name) => only_value(head, name).and_then(present).map(Some),
                // That there is none was said above.
                None => Ok(begun.candidates.timestamp()),
            };
            match text.map(|text| text.map(|text| (text, form.parse(text)))) {
                Ok(Some((text, Some(time)))) => begun.timestamp = Some((text, time)),
                Ok(Some((_, None))) => faults.add(ErrorKind::MalformedHeader, "timestamp"),
                Ok(None) => {}
                Err(kind) => faults.add(kind, "timestamp"),
            }
        }
        for header in &self.template.headers {
            match only_value(head, &header.name).and_then(present) {
                Ok(value) if is_signed_value(value, header.delimiter) => {
                    // There are as many places as headers.
                    let _ = begun.signed.try_push(value);
                }
                Ok(_) => faults.add(ErrorKind::MalformedHeader, "signed header"),
                Err(kind) => faults.add(kind, "signed header"),
            }
        }
        match faults.first() {
            None => Ok(()),
            Some(fault) => Err(fault),
        }
    }
}

/// Whether a time that could be taken for a part of its neighbours has a window that tells.
pub(super) fn check_window(
    timestamp: Option<&TimestampFormat>,
    beside: &[(Beside, Beside)],
) -> Result<(), ConfigError> {
    match timestamp {
        Some(format) if format.tolerance.is_none() && TimeForm::slides(format.unit, beside) => {
            Err(ConfigError::new(
                ConfigErrorKind::BadScheme,
                "the timestamp stands right between two values, and needs a tolerance then",
            ))
        }
        _ => Ok(()),
    }
}

fn present(value: Option<&[u8]>) -> Result<&[u8], ErrorKind> {
    value.ok_or(ErrorKind::MissingHeader)
}

/// A signed value is an id: visible ASCII, not too long, and without the byte that ends it in the
/// signed bytes.
pub(super) fn is_signed_value(value: &[u8], delimiter: Option<u8>) -> bool {
    // The distance from the first visible character; without an early end, the greatest of them is
    // found many bytes at a time.
    let farthest = value.iter().map(|byte| byte.wrapping_sub(b'!')).max();
    value.len() <= MAX_SIGNED_VALUE
        && farthest.is_some_and(|farthest| farthest <= b'~' - b'!')
        && delimiter.is_none_or(|delimiter| memchr::memchr(delimiter, value).is_none())
}

impl<'h> HmacVerification<'h> {
    /// Of no delivery yet. It is filled in place: to move it would cost as much as a block of the
    /// hash.
    pub(crate) fn empty() -> Self {
        HmacVerification {
            candidates: Candidates::none(),
            timestamp: None,
            signed: ArrayVec::new(),
            running: None,
        }
    }

    pub(crate) fn timestamp(&self) -> Option<UnixTime> {
        self.timestamp.map(|(_, time)| time)
    }

    /// The value of the signed header `index`.
    pub(crate) fn signed_value(&self, index: usize) -> Option<&'h [u8]> {
        self.signed.get(index).copied()
    }

    /// Hashes a chunk of a body that comes in several. `first` is the chunk that came before the
    /// second one.
    pub(crate) fn update(&mut self, proof: &HmacProof, first: &[u8], chunk: &[u8]) {
        if self.running.is_none() {
            self.running = Some(match &proof.keys {
                Keys::Sha1(keys) => Running::Sha1(self.start(proof, keys, first)),
                Keys::Sha256(keys) => Running::Sha256(self.start(proof, keys, first)),
                Keys::Sha512(keys) => Running::Sha512(self.start(proof, keys, first)),
            });
        }
        match &mut self.running {
            Some(Running::Sha1(states)) => states.iter_mut().for_each(|state| state.update(chunk)),
            Some(Running::Sha256(states)) => {
                states.iter_mut().for_each(|state| state.update(chunk))
            }
            Some(Running::Sha512(states)) => {
                states.iter_mut().for_each(|state| state.update(chunk))
            }
            None => {}
        }
    }

    /// The index of the secret under which one of the signatures matches. `body` is the whole body
    /// if it came in one chunk.
    pub(crate) fn finish(
        &self,
        proof: &HmacProof,
        body: &[u8],
        usable: &Usable<'_>,
    ) -> Result<usize, Error> {
        let matched = match (&proof.keys, &self.running) {
            (Keys::Sha1(keys), None) => self.find(proof, keys, Some(body), usable),
            (Keys::Sha256(keys), None) => self.find(proof, keys, Some(body), usable),
            (Keys::Sha512(keys), None) => self.find(proof, keys, Some(body), usable),
            (_, Some(Running::Sha1(states))) => self.find(proof, states, None, usable),
            (_, Some(Running::Sha256(states))) => self.find(proof, states, None, usable),
            (_, Some(Running::Sha512(states))) => self.find(proof, states, None, usable),
        };
        matched.ok_or_else(|| usable.mismatch())
    }

    /// A state a secret that has hashed the parts before the body and its first chunk.
    fn start<M: Mac + Clone>(&self, proof: &HmacProof, keys: &[M], first: &[u8]) -> Vec<M> {
        let mut states = keys.to_vec();
        for state in &mut states {
            self.feed(state, &proof.template.before);
            state.update(first);
        }
        states
    }

    #[inline]
    fn feed<M: Mac>(&self, state: &mut M, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Literal(text) => state.update(text),
                Part::Timestamp => state.update(self.timestamp.map_or(b"", |(text, _)| text)),
                Part::Header(index) => {
                    state.update(self.signed.get(*index).copied().unwrap_or(b""))
                }
            }
        }
    }

    /// One hash a secret, whatever the number of signatures. The states have hashed all that comes
    /// before the end of the body, or nothing yet but their keys if the `body` is given.
    #[inline]
    fn find<M: Mac + Clone>(
        &self,
        proof: &HmacProof,
        states: &[M],
        body: Option<&[u8]>,
        usable: &Usable<'_>,
    ) -> Option<usize> {
        let mut states = states.iter().enumerate();
        let matching = states.find(|(index, state)| {
            let mut state = M::clone(state);
            if let Some(body) = body {
                self.feed(&mut state, &proof.template.before);
                state.update(body);
            }
            self.feed(&mut state, &proof.template.after);
            let expected = state.finalize().into_bytes();
            proof.signatures.matches(&self.candidates, &expected) && usable.takes(*index)
        });
        matching.map(|(index, _)| index)
    }
}

pub(crate) fn prepare<M: KeyInit>(key: &[u8]) -> Result<M, ConfigError> {
    M::new_from_slice(key).map_err(|_| {
        ConfigError::new(
            ConfigErrorKind::SecretEncoding,
            "the secret has a length HMAC refuses",
        )
    })
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, count) = match self {
            Keys::Sha1(keys) => ("Sha1", keys.len()),
            Keys::Sha256(keys) => ("Sha256", keys.len()),
            Keys::Sha512(keys) => ("Sha512", keys.len()),
        };
        write!(f, "{name}({count} keys)")
    }
}
