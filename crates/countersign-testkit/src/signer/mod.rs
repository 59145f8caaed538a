//! Signs deliveries as a provider would.
//!
//! Nothing here is shared with the code that verifies: another library computes the hashes and the
//! ciphers, another one spells them, and the template is read a second time. A mistake would have
//! to be made twice to go unseen.

mod fields;
mod hmac;
mod jwt;
mod key;
mod message;
mod sealed;
mod signed;
mod url;

use std::fmt;

use bytes::Bytes;
use countersign::scheme::Scheme;
use countersign::{IdSource, Provider, Secret, TimeUnit, UnixTime};
use http::{HeaderName, HeaderValue};
use ring::rand::{SecureRandom, SystemRandom};

use self::hmac::HmacSigner;
use self::jwt::JwtSigner;
use self::message::MessageSigner;
use self::sealed::SealedSigner;

pub use self::signed::Signed;

/// Signs deliveries as the provider would, for a merchant's tests of their own server.
///
/// Where a scheme allows several spellings, the signature gets the plainest: lower-case digits, no
/// prefix unless it is required, the first of several headers or keys. A message id that stands in
/// a signed header is random and new for each delivery, unless [`with_id`](Signer::with_id) sets
/// it. Where the id is in the body, it is the body's: [`Sample`](crate::Sample) makes one with a fresh id
/// each time.
///
/// ```
/// use countersign::{Secret, UnixTime, Verifier, provider};
/// use countersign_testkit::Signer;
///
/// let secret = Secret::new("wh_sandbox_0123456789")?;
/// let now = UnixTime::from_secs(1_800_000_000);
///
/// let signer = Signer::new(&provider::fedapay(), &secret)?;
/// let request = signer.sign(r#"{"id":"evt_1","name":"customer.created"}"#, now)?.into_request();
///
/// let verifier = Verifier::new(&provider::fedapay(), &[secret])?;
/// assert!(verifier.verify(&request, request.body().clone(), now).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Signer {
    method: SigningMethod,
}

#[derive(Debug, Clone)]
enum SigningMethod {
    Hmac(Box<HmacSigner>),
    Sealed(Box<SealedSigner>),
    Message(Box<MessageSigner>),
    Jwt(Box<JwtSigner>),
    /// A header and its token.
    Token(HeaderName, HeaderValue),
}

impl Signer {
    /// A signer for the provider's scheme under the text of `secret`: where the scheme has a public key,
    /// the private one.
    ///
    /// # Errors
    ///
    /// If the secret is not in the form that the scheme asks for, if the signature header is left
    /// to the merchant and not set, or if the scheme is contradictory or one that nobody but the
    /// provider can sign.
    pub fn new(provider: &Provider, secret: &Secret) -> Result<Signer, SignError> {
        let id_header = match &provider.envelope().id {
            IdSource::SignedHeader(name) => Some(header_name(name)?),
            _ => None,
        };
        let method = match provider.scheme() {
            Scheme::Hmac(scheme) => {
                SigningMethod::Hmac(Box::new(HmacSigner::new(scheme, id_header, secret)?))
            }
            Scheme::Sealed(scheme) => {
                SigningMethod::Sealed(Box::new(SealedSigner::new(scheme, secret)?))
            }
            Scheme::Message(scheme) => {
                SigningMethod::Message(Box::new(MessageSigner::new(scheme, id_header, secret)?))
            }
            Scheme::Jwt(scheme) => SigningMethod::Jwt(Box::new(JwtSigner::new(scheme, secret)?)),
            Scheme::DangerousToken(scheme) => {
                let token = HeaderValue::from_bytes(&key::decode(&scheme.key, secret)?);
                let token = token.map_err(|_| key::wrong_form_of_secret())?;
                SigningMethod::Token(header_name(&scheme.header)?, token)
            }
            _ => {
                return Err(SignError::new(
                    SignErrorKind::CannotSign,
                    "nobody but the provider can sign for this scheme",
                ));
            }
        };
        Ok(Signer { method })
    }

    /// Sets the message id of every delivery from here on.
    ///
    /// Whatever a header can carry is signed, so that a test can send ids that a receiver has to
    /// refuse.
    ///
    /// # Errors
    ///
    /// [`NotApplicable`](SignErrorKind::NotApplicable) where the id does not stand in a signed
    /// header, but in the body or nowhere, and [`BadId`](SignErrorKind::BadId) if a header cannot
    /// carry it.
    pub fn with_id(mut self, id: &str) -> Result<Signer, SignError> {
        match &mut self.method {
            SigningMethod::Hmac(signer) => signer.set_id(id)?,
            SigningMethod::Message(signer) => signer.set_id(id)?,
            SigningMethod::Sealed(_) | SigningMethod::Jwt(_) | SigningMethod::Token(..) => {
                return Err(id_not_applicable());
            }
        }
        Ok(self)
    }

    /// The public half of the key, where the scheme has one: what a verifier of these deliveries takes.
    pub fn public_key(&self) -> Option<Secret> {
        let bytes = match &self.method {
            SigningMethod::Message(signer) => signer.public_key()?,
            SigningMethod::Jwt(signer) => signer.public_key()?,
            _ => return None,
        };
        Secret::from_bytes(bytes).ok()
    }

    /// Signs a delivery of `body`, sent `at` this moment.
    ///
    /// Where a field of the body is signed, or holds the time or the signature, the body is JSON and
    /// written anew with them; what is missing of it is made up.
    ///
    /// For Banking Circle `body` is the JSON text in UTF-8: it is sent as UTF-16LE, encrypted under
    /// a fresh nonce, with its checksum beside it.
    ///
    /// # Errors
    ///
    /// [`NotText`](SignErrorKind::NotText) if the body of a sealed delivery is not UTF-8, or one whose
    /// fields are signed is not JSON or a form,
    /// [`BadTime`](SignErrorKind::BadTime) if the scheme cannot write `at`, and
    /// [`NoRandomness`](SignErrorKind::NoRandomness) if the system has none for an id or a nonce.
    pub fn sign(&self, body: impl Into<Bytes>, at: UnixTime) -> Result<Signed, SignError> {
        match &self.method {
            SigningMethod::Hmac(signer) => signer.sign(body.into(), at),
            SigningMethod::Sealed(signer) => signer.sign(&body.into()),
            SigningMethod::Message(signer) => signer.sign(body.into(), at),
            SigningMethod::Jwt(signer) => signer.sign(body.into(), at),
            SigningMethod::Token(header, token) => {
                let headers = vec![(header.clone(), token.clone())];
                Ok(Signed::new(headers, body.into(), signed::JSON))
            }
        }
    }
}

/// Why a delivery cannot be made. Its text never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignError {
    kind: SignErrorKind,
    detail: &'static str,
}

/// The kinds of [`SignError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignErrorKind {
    /// The secret is not in the form that the scheme asks for.
    SecretEncoding,
    /// The signature header is left to the merchant and not set.
    MissingSetting,
    /// The scheme is contradictory, or needs something that is not supported.
    BadScheme,
    /// Nobody but the provider can sign for this scheme.
    CannotSign,
    /// An id was given that does not stand in a signed header.
    NotApplicable,
    /// A header cannot carry the id.
    BadId,
    /// The URL that the provider was given is signed, and not set.
    MissingUrl,
    /// The body of a sealed delivery is not UTF-8 text, or one whose fields are signed is not JSON or a
    /// form.
    NotText,
    /// The scheme's form of a timestamp cannot express the time.
    BadTime,
    /// The system gave no random bytes.
    NoRandomness,
    /// There is no sample of an event of that type.
    NoSample,
}

impl SignError {
    pub(crate) fn new(kind: SignErrorKind, detail: &'static str) -> Self {
        SignError { kind, detail }
    }

    /// What went wrong, to match on.
    pub fn kind(&self) -> SignErrorKind {
        self.kind
    }
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail)
    }
}

impl std::error::Error for SignError {}

/// A time as the provider writes it.
fn write_time(unit: TimeUnit, at: UnixTime) -> Result<String, SignError> {
    match unit {
        TimeUnit::Seconds => Ok(at.as_secs().to_string()),
        TimeUnit::Milliseconds => Ok(at.as_millis().to_string()),
        TimeUnit::Iso8601 => jiff::Timestamp::from_millisecond(at.as_millis())
            .map(|time| time.to_string())
            .map_err(|_| {
                SignError::new(
                    SignErrorKind::BadTime,
                    "the time is beyond what a date can express",
                )
            }),
    }
}

fn bad_scheme(detail: &'static str) -> SignError {
    SignError::new(SignErrorKind::BadScheme, detail)
}

fn id_not_applicable() -> SignError {
    SignError::new(
        SignErrorKind::NotApplicable,
        "this provider's id does not stand in a signed header; if it has one, it is in the body",
    )
}

pub(crate) fn header_name(name: &str) -> Result<HeaderName, SignError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
        SignError::new(
            SignErrorKind::BadScheme,
            "the scheme names a header that is none",
        )
    })
}

fn header_value(text: &str) -> Result<HeaderValue, SignError> {
    HeaderValue::from_str(text).map_err(|_| {
        SignError::new(
            SignErrorKind::BadScheme,
            "the scheme spells something that a header cannot carry",
        )
    })
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], SignError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| {
        SignError::new(
            SignErrorKind::NoRandomness,
            "the system gave no random bytes",
        )
    })?;
    Ok(bytes)
}
