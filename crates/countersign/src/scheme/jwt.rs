//! JSON Web Tokens in a header, whose claims hold hashes of the body and the URL, or neither.
//!
//! The algorithms are the scheme's to name and all of one kind: a token that says `none`, or that it is
//! signed with another kind of key, is refused before anything is computed.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hmac::{Hmac, Mac};
use http::HeaderName;
use sha2::{Digest, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq as _;

use super::faults::Faults;
use super::hmac::prepare;
use super::key::KeyFormat;
use super::message::PublicUrl;
#[cfg(feature = "public-key")]
use super::public_key::PublicKey;
use super::signature::only_value;
use super::template::header_name;
use super::{Coverage, MAX_HEADER, Ports, Proved};
use crate::error::{ConfigError, ConfigErrorKind, Error, ErrorKind};
use crate::head::Head;
use crate::scan::{Found, Pointer, Targets, Value};
use crate::secret::{Secret, Usable};
use crate::time::UnixTime;

/// A recipe for a JSON Web Token. Data only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtScheme {
    /// The header that holds the token.
    pub header: Cow<'static, str>,
    /// What stands before it, such as `Bearer`, case ignored and followed by a space.
    pub bearer: Option<Cow<'static, str>>,
    /// The algorithms that are accepted, all of one kind of key.
    pub algorithms: JwtAlgorithms,
    /// The form of the secret or of the public key.
    pub key: KeyFormat,
    /// The claim that holds the SHA-256 of the body in hexadecimal digits.
    pub body_hash: Option<BodyHash>,
    /// The claim that holds the SHA-256 of the URL, in hexadecimal digits.
    pub url_hash: Option<Cow<'static, str>>,
    /// The URL that the provider was given, as in [`MessageScheme`](super::MessageScheme).
    pub public_url: Option<Cow<'static, str>>,
    /// How many seconds the claim `iat`, or where it is missing `nbf`, may be away from now, each way.
    /// `exp` counts besides.
    pub tolerance: Option<u64>,
}

/// Which algorithms a token may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwtAlgorithms {
    /// HS256 only.
    Hs256,
    /// HS256, HS384 and HS512: one kind of key.
    AnyHs,
    /// ES256 only: a public key. Needs the feature `public-key`.
    Es256,
}

/// The claim with the hash of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyHash {
    /// Its name.
    pub claim: Cow<'static, str>,
    /// When it has to be there.
    pub needed: HashNeeded,
}

/// When the claim with the hash of the body has to be there. Where it is there, it has to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashNeeded {
    /// Always.
    Always,
    /// Unless the body is empty.
    WithBody,
    /// Never: without it the body is not covered.
    Never,
}

/// The recipe with its keys, checked and prepared.
#[derive(Debug)]
pub(crate) struct JwtProof {
    keys: Vec<Key>,
    header: HeaderName,
    bearer: Option<Box<str>>,
    algorithms: JwtAlgorithms,
    body_hash: Option<HashNeeded>,
    url: Option<PublicUrl>,
    head: Targets,
    claims: Targets,
}

enum Key {
    Hs(Box<(Hmac<Sha256>, Hmac<Sha384>, Hmac<Sha512>)>),
    #[cfg(feature = "public-key")]
    Es256(PublicKey),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
    Es256,
}

/// The token of one delivery, taken apart.
pub(crate) struct JwtVerification<'h> {
    algorithm: Algorithm,
    /// Head and claims as they were signed.
    signed: &'h [u8],
    claims: Vec<u8>,
    signature: Vec<u8>,
    urls: Vec<String>,
}

/// What of a head and of the claims is looked at, in this order.
const HEAD: [&str; 2] = ["alg", "crit"];
const TIMES: [&str; 3] = ["iat", "nbf", "exp"];

/// How long after `exp` a token is still taken, in seconds: two clocks are never the same.
const LEEWAY: i64 = 30;

impl JwtProof {
    pub(crate) fn new(scheme: &JwtScheme, secrets: &[Secret]) -> Result<Self, ConfigError> {
        let targets = |names: &[&str]| {
            let mut targets = Targets::default();
            for name in names {
                targets.add(&Pointer::of(&[name]));
            }
            targets
        };
        let mut claims = targets(&TIMES);
        let body_claim = scheme.body_hash.as_ref().map_or("", |hash| &hash.claim);
        claims.add(&Pointer::of(&[body_claim]));
        claims.add(&Pointer::of(&[scheme
            .url_hash
            .as_deref()
            .unwrap_or_default()]));
        let url = match &scheme.url_hash {
            None => None,
            Some(_) => Some(PublicUrl::new(
                scheme.public_url.as_deref(),
                Ports::AsConfigured,
            )?),
        };
        let keys = secrets.iter();
        Ok(JwtProof {
            keys: keys
                .map(|secret| Key::new(scheme, secret))
                .collect::<Result<_, _>>()?,
            header: header_name(&scheme.header)?,
            bearer: scheme.bearer.as_deref().map(Box::from),
            algorithms: scheme.algorithms,
            body_hash: scheme.body_hash.as_ref().map(|hash| hash.needed),
            url,
            head: targets(&HEAD),
            claims,
        })
    }

    pub(crate) fn begin<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
    ) -> Result<JwtVerification<'h>, Error> {
        let fault = |kind| Error::of(kind, "token header");
        let sent = only_value(head, &self.header).map_err(fault)?;
        let sent = sent.ok_or(fault(ErrorKind::MissingHeader))?;
        let malformed = fault(ErrorKind::MalformedHeader);
        let mut begun = self.read(sent).ok_or(malformed)?;
        let mut faults = Faults::default();
        if let Some(url) = &self.url {
            match url.signed(&head.target()) {
                Some(urls) => begun.urls = urls,
                None => faults.add(ErrorKind::MalformedHeader, "URL"),
            }
        }
        match faults.first() {
            None => Ok(begun),
            Some(fault) => Err(fault),
        }
    }

    /// Takes a token apart; `None` for what is none of this scheme's.
    fn read<'h>(&self, sent: &'h [u8]) -> Option<JwtVerification<'h>> {
        if sent.len() > MAX_HEADER {
            return None;
        }
        let token = match &self.bearer {
            None => sent,
            Some(bearer) => {
                let (word, rest) = sent.split_at_checked(bearer.len())?;
                let is_word = word.eq_ignore_ascii_case(bearer.as_bytes());
                rest.strip_prefix(b" ").filter(|_| is_word)?
            }
        };
        let at = memchr::memrchr(b'.', token)?;
        let (signed, signature) = (token.get(..at)?, token.get(at + 1..)?);
        let mut parts = signed.split(|byte| *byte == b'.');
        let (head, claims) = (parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let head = URL_SAFE_NO_PAD.decode(head).ok()?;
        let found = self.head.find(&head)?;
        let [algorithm, critical] = found.as_slice() else {
            return None;
        };
        // What a token says has to be understood, and nothing of it is.
        if *critical != Found::Nothing {
            return None;
        }
        let algorithm = match (algorithm.scalar()?, self.algorithms) {
            ("HS256", JwtAlgorithms::Hs256 | JwtAlgorithms::AnyHs) => Algorithm::Hs256,
            ("HS384", JwtAlgorithms::AnyHs) => Algorithm::Hs384,
            ("HS512", JwtAlgorithms::AnyHs) => Algorithm::Hs512,
            ("ES256", JwtAlgorithms::Es256) => Algorithm::Es256,
            _ => return None,
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        let length = match algorithm {
            Algorithm::Hs256 => 32,
            Algorithm::Hs384 => 48,
            Algorithm::Hs512 | Algorithm::Es256 => 64,
        };
        (signature.len() == length).then_some(JwtVerification {
            algorithm,
            signed,
            claims: URL_SAFE_NO_PAD.decode(claims).ok()?,
            signature,
            urls: Vec::new(),
        })
    }
}

impl JwtVerification<'_> {
    pub(crate) fn finish(
        &self,
        proof: &JwtProof,
        body: Bytes,
        usable: &Usable<'_>,
    ) -> Result<Proved, Error> {
        let malformed = |part| Error::of(ErrorKind::MalformedPayload, part);
        let mut keys = proof.keys.iter().enumerate();
        let matching = keys.find(|(index, key)| key.verifies(self) && usable.takes(*index));
        let (key_index, _) = matching.ok_or_else(|| usable.mismatch())?;

        let found = proof.claims.find(&self.claims);
        let found = found.ok_or(malformed("the claims are not JSON"))?;
        let [iat, nbf, exp, body_hash, url_hash] = found.as_slice() else {
            return Err(malformed("the claims are not JSON"));
        };
        let (iat, nbf, exp) = (time(iat)?, time(nbf)?, time(exp)?);
        if proof.url.is_some() {
            let url = self.urls.first().map_or("", String::as_str);
            if !is_hash_of(url_hash, url.as_bytes()) {
                return Err(Error::of(ErrorKind::SignatureMismatch, "hash of the URL"));
            }
        }
        let coverage = match (proof.body_hash, body_hash) {
            (None, _) | (Some(HashNeeded::Never), Found::Nothing) => Coverage::Nothing,
            // There is nothing to cover.
            (Some(HashNeeded::WithBody), Found::Nothing) if body.is_empty() => Coverage::WholeBody,
            (Some(_), hash) if is_hash_of(hash, &body) => Coverage::WholeBody,
            _ => return Err(Error::of(ErrorKind::SignatureMismatch, "hash of the body")),
        };
        Ok(Proved {
            key_index,
            timestamp: iat.or(nbf),
            expires: exp.map(|time| UnixTime::from_secs(time.as_secs().saturating_add(LEEWAY))),
            id: None,
            coverage,
            content: self.content(coverage, &body),
            payload: body,
        })
    }

    /// A request without a body is told from another by its URL, and one whose body is not covered by its
    /// token: whatever body comes with it, it is the same event.
    fn content(&self, coverage: Coverage, body: &Bytes) -> Option<Box<[u8; 32]>> {
        if coverage == Coverage::Nothing {
            return Some(Box::new(Sha256::digest(self.signed).into()));
        }
        let url = self.urls.first()?;
        let mut state = Sha256::new();
        state.update((url.len() as u64).to_le_bytes());
        state.update(url);
        state.update(body);
        Some(Box::new(state.finalize().into()))
    }
}

impl Key {
    fn new(scheme: &JwtScheme, secret: &Secret) -> Result<Key, ConfigError> {
        if scheme.algorithms == JwtAlgorithms::Es256 {
            #[cfg(feature = "public-key")]
            return PublicKey::for_es256(&scheme.key, secret).map(Key::Es256);
            #[cfg(not(feature = "public-key"))]
            return Err(super::without_public_keys());
        }
        // A public key is known to everyone; as a secret it would let everyone sign.
        if secret.is_text() && secret.expose().starts_with(b"-----BEGIN ") {
            return Err(ConfigError::new(
                ConfigErrorKind::SecretEncoding,
                "this scheme has a shared secret, and no key in PEM",
            ));
        }
        let key = scheme.key.decode_shared(secret)?;
        Ok(Key::Hs(Box::new((
            prepare(&key)?,
            prepare(&key)?,
            prepare(&key)?,
        ))))
    }

    fn verifies(&self, token: &JwtVerification<'_>) -> bool {
        match (self, token.algorithm) {
            (Key::Hs(states), Algorithm::Hs256) => matches(states.0.clone(), token),
            (Key::Hs(states), Algorithm::Hs384) => matches(states.1.clone(), token),
            (Key::Hs(states), Algorithm::Hs512) => matches(states.2.clone(), token),
            #[cfg(feature = "public-key")]
            (Key::Es256(key), Algorithm::Es256) => key.verifies(token.signed, &token.signature),
            _ => false,
        }
    }
}

fn matches<M: Mac>(mut state: M, token: &JwtVerification<'_>) -> bool {
    state.update(token.signed);
    let expected = state.finalize().into_bytes();
    expected.as_slice().ct_eq(&token.signature).into()
}

/// A time in the claims: whole seconds, with or without a fraction.
fn time(found: &Found<'_>) -> Result<Option<UnixTime>, Error> {
    let malformed = Error::of(ErrorKind::MalformedPayload, "a time in the claims");
    match found {
        Found::Nothing => Ok(None),
        Found::Value(Value::Number(text)) => {
            let whole = text.split_once('.').map_or(*text, |(whole, _)| whole);
            let seconds = whole.parse().map_err(|_| malformed)?;
            Ok(Some(UnixTime::from_secs(seconds)))
        }
        _ => Err(malformed),
    }
}

/// Whether a claim is the SHA-256 of `bytes`, in hexadecimal digits.
fn is_hash_of(claim: &Found<'_>, bytes: &[u8]) -> bool {
    let mut sent = [0; 32];
    let Some(text) = claim.scalar().filter(|text| text.len() == 64) else {
        return false;
    };
    const_hex::decode_to_slice(text, &mut sent).is_ok()
        && bool::from(Sha256::digest(bytes).as_slice().ct_eq(&sent))
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(redacted)")
    }
}
