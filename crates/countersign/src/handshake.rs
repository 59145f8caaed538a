//! Handshakes: what a provider asks before it sends anything, answered in front of the handler.
//!
//! None is answered unless the receiver was [told to](crate::Receiver::with_handshake), and each only
//! when its own proof holds. What is echoed is plain: letters, digits and a few signs, so that an
//! answer is no page, and a signed one no signature of a delivery.

use std::fmt;

use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use crate::error::{ConfigError, ConfigErrorKind};
use crate::head::Head;
use crate::provider::{self, Provider};
use crate::scan::{Pointer, Targets};
use crate::scheme::{Coverage, KeyFormat, form, only_value, prepare};
use crate::secret::Secret;
use crate::verified::Verified;

/// A provider's way of making sure that a URL is the merchant's.
///
/// Some come as a `GET`, which a route for `POST` never sees: the same layer has to stand in front of
/// both. In axum that is `post(on_event).get(on_event).route_layer(layer)`; in actix-web two routes of
/// one resource, each with `.wrap(middleware.clone())`. A `GET` that is no handshake is refused like any
/// forged delivery, and its handler never runs.
///
/// **A handshake keeps the secret it was made with**: [`Receiver::replace_secrets`](crate::Receiver::replace_secrets)
/// does not reach it. Zoom and X are answered under the old one until the receiver is made anew, and then
/// take the URL for somebody else's.
#[derive(Clone)]
pub struct Handshake {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Meta {
        token: [u8; 32],
    },
    Slack,
    Zoom(Box<Hmac<Sha256>>),
    Twitch,
    Dropbox,
    X(Box<Hmac<Sha256>>),
    Braintree {
        public: String,
        key: Box<Hmac<Sha1>>,
    },
}

/// The answer to a handshake: 200, with this body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The value of `Content-Type`. `X-Content-Type-Options: nosniff` belongs beside it.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

impl Handshake {
    /// Meta: a `GET` with `hub.mode=subscribe` and the verify token that the merchant chose is answered
    /// with its `hub.challenge`.
    pub fn meta(verify_token: &Secret) -> Handshake {
        Handshake {
            kind: Kind::Meta {
                token: Sha256::digest(verify_token.expose()).into(),
            },
        }
    }

    /// Slack: a signed `url_verification` is answered with its challenge.
    pub fn slack() -> Handshake {
        Handshake { kind: Kind::Slack }
    }

    /// Zoom: a signed `endpoint.url_validation` is answered with its token and the token's HMAC under
    /// the secret token, this one for good.
    ///
    /// # Errors
    ///
    /// If the secret cannot be a key.
    pub fn zoom(secret: &Secret) -> Result<Handshake, ConfigError> {
        let key = prepare(&KeyFormat::TEXT.decode_shared(secret)?)?;
        Ok(Handshake {
            kind: Kind::Zoom(Box::new(key)),
        })
    }

    /// Twitch: a signed `webhook_callback_verification` is answered with its challenge.
    pub fn twitch() -> Handshake {
        Handshake { kind: Kind::Twitch }
    }

    /// Dropbox: a `GET` with a `challenge` is answered with it. Dropbox proves nothing by it.
    pub fn dropbox() -> Handshake {
        Handshake {
            kind: Kind::Dropbox,
        }
    }

    /// X: a `GET` with a `crc_token`, signed as deliveries are, is answered with the token's HMAC under
    /// the consumer secret, this one for good. Unsigned it is not answered: what is asked for is a signature, and whoever
    /// could ask for any would have deliveries signed.
    ///
    /// # Errors
    ///
    /// If the secret cannot be a key.
    pub fn x(consumer_secret: &Secret) -> Result<Handshake, ConfigError> {
        let key = prepare(&KeyFormat::TEXT.decode_shared(consumer_secret)?)?;
        Ok(Handshake {
            kind: Kind::X(Box::new(key)),
        })
    }

    /// Braintree: a `GET` with a `bt_challenge` of 20 to 32 hexadecimal digits is answered with the
    /// public key and the challenge's HMAC. Braintree proves nothing by it, and its deliveries are not
    /// among what this crate verifies.
    ///
    /// # Errors
    ///
    /// If a key is not plain text.
    pub fn braintree(public_key: &str, private_key: &Secret) -> Result<Handshake, ConfigError> {
        if !is_plain(public_key) {
            return Err(ConfigError::new(
                ConfigErrorKind::SecretEncoding,
                "the public key is not of letters and digits, as Braintree shows it",
            ));
        }
        // Its library signs under the hash of the key.
        let hashed = Sha1::digest(private_key.expose());
        Ok(Handshake {
            kind: Kind::Braintree {
                public: public_key.to_owned(),
                key: Box::new(prepare(&hashed)?),
            },
        })
    }

    /// # Errors
    ///
    /// [`NotApplicable`](ConfigErrorKind::NotApplicable) if it is another provider's.
    pub(crate) fn check(&self, provider: &Provider) -> Result<(), ConfigError> {
        let own = match &self.kind {
            Kind::Meta { .. } => provider::meta(),
            Kind::Slack => provider::slack(),
            Kind::Zoom(_) => provider::zoom(),
            Kind::Twitch => provider::twitch(),
            Kind::Dropbox => provider::dropbox(),
            Kind::X(_) => provider::x_twitter(),
            Kind::Braintree { .. } => return Ok(()),
        };
        // A scheme tells no provider: GitHub's is Meta's. What an answer needs for a proof, it asks for
        // itself.
        if own.name() == provider.name() {
            return Ok(());
        }
        Err(ConfigError::new(
            ConfigErrorKind::NotApplicable,
            format!("{} has no handshake of {}", provider.name(), own.name()),
        ))
    }

    /// The answer to a head alone.
    pub(crate) fn greet<H: Head + ?Sized>(&self, head: &H) -> Option<Greeting> {
        let by_head = matches!(
            self.kind,
            Kind::Meta { .. } | Kind::Dropbox | Kind::X(_) | Kind::Braintree { .. }
        );
        if !by_head || head.method() != "GET" {
            return None;
        }
        let target = head.target();
        let (_, query) = target.split_once('?')?;
        if query.len() > MAX_QUERY {
            return None;
        }
        let fields = form::fields(query.as_bytes())?;
        let field = |name: &str| form::only(&fields, name).ok().flatten();
        let plain = |name: &str| {
            let text = std::str::from_utf8(field(name)?).ok()?;
            is_plain(text).then(|| text.to_owned())
        };
        match &self.kind {
            Kind::Meta { token } => {
                let sent: [u8; 32] = Sha256::digest(field("hub.verify_token")?).into();
                let known = bool::from(sent.ct_eq(token));
                let asked = field("hub.mode")? == b"subscribe";
                (known && asked).then_some(())?;
                Some(text(plain("hub.challenge")?))
            }
            Kind::Dropbox => Some(text(plain("challenge")?)),
            Kind::X(key) => {
                let name = http::HeaderName::from_static("x-twitter-webhooks-signature");
                let sent = only_value(head, &name).ok()??;
                let signature = base64(sent.strip_prefix(b"sha256=")?)?;
                let mut expected = (**key).clone();
                expected.update(query.as_bytes());
                expected.verify_slice(&signature).ok()?;
                let mut answer = (**key).clone();
                answer.update(plain("crc_token")?.as_bytes());
                Some(Greeting {
                    content_type: JSON,
                    body: format!(
                        r#"{{"response_token":"sha256={}"}}"#,
                        to_base64(&answer.finalize().into_bytes())
                    ),
                })
            }
            Kind::Braintree { public, key } => {
                let challenge = plain("bt_challenge")?;
                let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
                ((20..=32).contains(&challenge.len()) && challenge.bytes().all(hex))
                    .then_some(())?;
                let mut mac = (**key).clone();
                mac.update(challenge.as_bytes());
                Some(text(format!(
                    "{public}|{}",
                    hex::encode(mac.finalize().into_bytes())
                )))
            }
            _ => None,
        }
    }

    /// The answer to a delivery that was verified.
    pub(crate) fn answer(&self, verified: &Verified) -> Option<Greeting> {
        // What it is, what it says if it is a handshake, and what is asked.
        let (kind, wanted, challenge): (&[&str], _, &[&str]) = match &self.kind {
            Kind::Slack => (&["type"], "url_verification", &["challenge"]),
            Kind::Zoom(_) => (
                &["event"],
                "endpoint.url_validation",
                &["payload", "plainToken"],
            ),
            Kind::Twitch => (
                &["subscription", "status"],
                "webhook_callback_verification_pending",
                &["challenge"],
            ),
            _ => return None,
        };
        // Under a provider's name may stand another scheme than its own.
        if verified.covers() != Coverage::WholeBody {
            return None;
        }
        let mut targets = Targets::default();
        targets.add(&Pointer::of(kind));
        targets.add(&Pointer::of(challenge));
        let found = targets.find(verified.payload())?;
        let [kind, challenge] = found.as_slice() else {
            return None;
        };
        let challenge = challenge.scalar().filter(|text| is_plain(text))?;
        (kind.scalar()? == wanted).then_some(())?;
        match &self.kind {
            Kind::Zoom(key) => {
                let mut mac = (**key).clone();
                mac.update(challenge.as_bytes());
                Some(Greeting {
                    content_type: JSON,
                    body: format!(
                        r#"{{"plainToken":"{challenge}","encryptedToken":"{}"}}"#,
                        hex::encode(mac.finalize().into_bytes())
                    ),
                })
            }
            _ => Some(text(challenge.to_owned())),
        }
    }
}

const MAX_QUERY: usize = 4096;

/// What may be echoed: nothing that a browser takes for a page, nor a provider for a body or a head.
fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~+/=".contains(&byte);
    (1..=512).contains(&text.len()) && text.bytes().all(plain)
}

fn text(body: String) -> Greeting {
    Greeting {
        content_type: TEXT,
        body,
    }
}

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    crate::scheme::SignatureEncoding::Base64.decode(text)
}

fn to_base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.kind {
            Kind::Meta { .. } => "meta",
            Kind::Slack => "slack",
            Kind::Zoom(_) => "zoom",
            Kind::Twitch => "twitch",
            Kind::Dropbox => "dropbox",
            Kind::X(_) => "x",
            Kind::Braintree { .. } => "braintree",
        };
        write!(f, "Handshake({name})")
    }
}
