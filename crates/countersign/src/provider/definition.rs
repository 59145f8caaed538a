//! One provider: its scheme, its envelope, and how it sends.

use std::borrow::Cow;
use std::time::Duration;

use super::BODY_LIMIT;
use super::certainty::Certainty;
use super::sender::Sender;
use super::setting::{self, Setting, SettingName};
use crate::error::{ConfigError, ConfigErrorKind};
use crate::event::{Envelope, IdSource, TypeSource};
use crate::scan::Pointer;
use crate::scheme::{MessageScheme, Scheme};
use crate::secret::Secret;
use crate::window::Tolerance;

/// Everything the receiver should know of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    pub(super) name: Cow<'static, str>,
    pub(super) scheme: Scheme,
    pub(super) envelope: Envelope,
    pub(super) open: Cow<'static, [SettingName]>,
    /// Prefixes of secrets that belong to different modes of the provider.
    pub(super) modes: &'static [&'static str],
    pub(super) retry: Option<Retry>,
    pub(super) answer_within: Option<Duration>,
    pub(super) body_limit: usize,
    pub(super) retention: Option<Duration>,
    pub(super) certainty: Option<Certainty>,
    pub(super) sender: Option<Sender>,
}

/// How a provider retries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// The time from each attempt to the next; empty if it is not known.
    pub gaps: Cow<'static, [Duration]>,
    /// How long after the first attempt the last one may come.
    pub horizon: Duration,
}

impl Provider {
    /// A provider of the merchant's own description: its name in logs and metrics, how it proves a
    /// delivery, and where its payload says what happened. Retries are unknown and the body limit
    /// is 1 MiB until said otherwise.
    pub fn new(name: impl Into<Cow<'static, str>>, scheme: Scheme, envelope: Envelope) -> Self {
        Provider {
            name: name.into(),
            scheme,
            envelope,
            open: Cow::Borrowed(&[]),
            modes: &[],
            retry: None,
            answer_within: None,
            body_limit: BODY_LIMIT,
            retention: None,
            certainty: None,
            sender: None,
        }
    }

    /// Sets how the provider retries.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// Sets the longest body in bytes; exactly that passes.
    #[must_use]
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Replaces how a delivery is proved: for a provider whose scheme is not public, once the
    /// merchant knows it.
    #[must_use]
    pub fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Sets something that the provider leaves open.
    ///
    /// # Errors
    ///
    /// [`NotApplicable`](ConfigErrorKind::NotApplicable) if the provider says itself what it is.
    pub fn with(mut self, setting: Setting) -> Result<Self, ConfigError> {
        let name = setting.name();
        if !self.leaves_open(name) {
            return Err(ConfigError::new(
                ConfigErrorKind::NotApplicable,
                format!("{} does not leave {} open", self.name, name.as_str()),
            ));
        }
        match (setting, &mut self.scheme) {
            (Setting::SignatureHeader(header), Scheme::Hmac(scheme)) => {
                scheme.signature.headers = Cow::Owned(vec![Cow::Owned(header)]);
            }
            (Setting::SignatureEncoding(encoding), Scheme::Hmac(scheme)) => {
                scheme.signature.encoding = encoding;
            }
            (Setting::KeyEncoding(encoding), Scheme::Sealed(scheme)) => {
                scheme.key.encoding = encoding
            }
            (Setting::NonceHeader(header), Scheme::Sealed(scheme)) => scheme.nonce = header.into(),
            (Setting::TagHeader(header), Scheme::Sealed(scheme)) => scheme.tag = header.into(),
            (Setting::ChecksumHeader(header), Scheme::Sealed(scheme)) => {
                scheme.checksum = header.into();
            }
            (Setting::PublicUrl(url), Scheme::Message(scheme)) => {
                scheme.public_url = Some(Cow::Owned(url));
            }
            (Setting::PublicUrl(url), Scheme::Jwt(scheme)) => {
                scheme.public_url = Some(Cow::Owned(url));
            }
            (Setting::Constant(name, value), Scheme::Message(scheme)) => {
                setting::set_constant(scheme, name, value)?;
            }
            (Setting::Id(pointer), _) => self.envelope.id = IdSource::WithType(pointer),
            (Setting::Type(kind), _) => self.envelope.kind = kind,
            (Setting::Time(pointer), _) => self.envelope.time = Some(pointer),
            _ => {
                return Err(ConfigError::new(
                    ConfigErrorKind::NotApplicable,
                    format!("{} has no {}", self.name, name.as_str()),
                ));
            }
        }
        Ok(self)
    }

    /// Fixes the type of an endpoint that receives one type only, where the provider leaves it open:
    /// short for [`Setting::Type`].
    ///
    /// # Errors
    ///
    /// [`NotApplicable`](ConfigErrorKind::NotApplicable) if the payload names its type.
    pub fn with_type(self, name: impl Into<Cow<'static, str>>) -> Result<Self, ConfigError> {
        self.with(Setting::Type(TypeSource::Fixed(name.into())))
    }

    /// Whether the provider leaves it to the merchant.
    pub fn leaves_open(&self, name: SettingName) -> bool {
        match name {
            SettingName::PublicUrl => self.scheme.signs_url(),
            SettingName::Constant => self.constants().next().is_some(),
            _ => self.open.contains(&name),
        }
    }

    /// The names of the constants that only the merchant knows: see [`Setting::Constant`].
    pub fn constants(&self) -> impl Iterator<Item = &str> {
        let scheme = match &self.scheme {
            Scheme::Message(scheme) => Some(scheme),
            _ => None,
        };
        scheme.into_iter().flat_map(MessageScheme::constant_names)
    }

    /// The name, as in logs, metrics and the program.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How a delivery is proved.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Where the payload says what happened.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// How the provider retries, if that is known or assumed.
    pub fn retry(&self) -> Option<&Retry> {
        self.retry.as_ref()
    }

    /// How long the provider waits for an answer, if that is known.
    pub fn answer_within(&self) -> Option<Duration> {
        self.answer_within
    }

    /// The longest body in bytes.
    pub fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// Where the facts are from; `None` for a description of the merchant's own.
    pub fn certainty(&self) -> Option<Certainty> {
        self.certainty
    }

    /// How it behaves as a sender, where that is known and said nowhere else.
    pub fn sender(&self) -> Option<&Sender> {
        self.sender.as_ref()
    }

    /// The provider with nothing of it signed, and its events named by what is at `id`, if by anything.
    pub(crate) fn unsigned(mut self, id: Option<Pointer>) -> Self {
        self.scheme = Scheme::DangerousUnsigned;
        self.envelope.id = id.map_or(IdSource::Unsigned, IdSource::WithType);
        self
    }

    /// Whether its events have no dedupe key, for nothing of them is signed.
    pub(crate) fn is_unkeyed(&self) -> bool {
        self.envelope.id == IdSource::Unsigned
    }

    /// How long a committed id has to be remembered, if not as long as the retries suggest.
    pub(crate) fn retention(&self) -> Option<Duration> {
        self.retention
    }

    pub(crate) fn tolerance(&self) -> Option<Tolerance> {
        let seconds = match &self.scheme {
            Scheme::Jwt(scheme) => scheme.tolerance,
            scheme => scheme.timestamp()?.tolerance,
        };
        Some(Tolerance::both(Duration::from_secs(seconds?)))
    }

    pub(crate) fn refuse_mixed_modes(&self, secrets: &[Secret]) -> Result<(), ConfigError> {
        let in_use = |mode: &&&str| {
            secrets
                .iter()
                .any(|s| s.expose().starts_with(mode.as_bytes()))
        };
        if self.modes.iter().filter(in_use).count() > 1 {
            return Err(ConfigError::new(
                ConfigErrorKind::MixedModes,
                format!(
                    "the secrets mix {}'s live and test modes; give each mode an endpoint of its own",
                    self.name
                ),
            ));
        }
        Ok(())
    }
}
