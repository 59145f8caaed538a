//! What a request has to have beside its signature: an address it comes from, a header.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::Receiver;
use super::gate::{Answer, Gate};
use super::sources::Sources;
use super::track::Track;
use crate::error::{ConfigError, ConfigErrorKind, ErrorKind};
use crate::head::Head;
use crate::provider::Provider;
use crate::scan::Pointer;
use crate::scheme::{KeyFormat, TokenProof, TokenScheme};
use crate::secret::Secret;
use crate::verifier::Verifier;

/// What an endpoint [without signatures](Receiver::dangerously_unsigned) has in their place.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Guard {
    /// The addresses that the provider sends from.
    Sources(Sources),
    /// A header that the provider was told to send, and the secret in it.
    Header(String, Secret),
}

/// What is looked at before the signature.
#[derive(Clone, Default)]
pub(crate) struct Guards {
    sources: Option<Arc<Sources>>,
    headers: Vec<Required>,
}

/// A header that has to be there, with one of these secrets.
#[derive(Clone)]
struct Required {
    name: String,
    secrets: Vec<Secret>,
    proof: Arc<TokenProof>,
}

impl Required {
    fn new(name: String, secrets: Vec<Secret>) -> Result<Required, ConfigError> {
        let scheme = TokenScheme {
            header: name.clone().into(),
            key: KeyFormat::TEXT,
        };
        let proof = Arc::new(TokenProof::new(&scheme, &secrets)?);
        Ok(Required {
            name,
            secrets,
            proof,
        })
    }

    fn check<H: Head + ?Sized>(&self, head: &H) -> Result<(), Lacking> {
        let name = &self.name;
        let why = match self.proof.begin(head) {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => format!("{name} has another value"),
            // Whether it is missing, or there twice.
            Err(error) => format!("{name}: {error}"),
        };
        Err(Lacking::new(ErrorKind::RequiredHeaderMismatch, why))
    }
}

/// What a request lacks.
#[derive(Debug)]
pub(crate) struct Lacking {
    kind: ErrorKind,
    why: Cow<'static, str>,
}

impl Lacking {
    pub(crate) fn new(kind: ErrorKind, why: impl Into<Cow<'static, str>>) -> Lacking {
        let why = why.into();
        Lacking { kind, why }
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Lacking {}

impl Guards {
    fn check<H: Head + ?Sized>(&self, head: &H) -> Result<(), Lacking> {
        if let Some(sources) = &self.sources {
            sources.check(head)?;
        }
        self.headers
            .iter()
            .try_for_each(|header| header.check(head))
    }

    /// Asks for a header, or takes one more secret in one that is asked for.
    fn require(&mut self, name: String, secret: Secret) -> Result<(), ConfigError> {
        let same = |header: &&mut Required| header.name.eq_ignore_ascii_case(&name);
        match self.headers.iter_mut().find(same) {
            Some(header) => {
                let secrets = header.secrets.iter().cloned().chain([secret]).collect();
                *header = Required::new(name, secrets)?;
            }
            None => self.headers.push(Required::new(name, vec![secret])?),
        }
        Ok(())
    }
}

impl Gate {
    /// Refuses what lacks one of them. Before the body is read, and before a tenant is looked up.
    pub(crate) fn check_guards<H: Head + ?Sized>(
        &self,
        head: &H,
        track: &Track,
    ) -> Result<(), Answer> {
        let checked = self.config.guards.check(head);
        checked.map_err(|lacking| track.refuse_for(lacking.kind(), Some(&lacking), &[]))
    }
}

impl Receiver {
    /// Refuses what comes from other addresses. Beside the signature, never instead of it.
    ///
    /// The server has to say where a connection is from: actix-web does, and in axum it takes
    /// `WebhookLayer::with_peer`. Where it does not, every delivery is refused
    /// with 500 and reported as [`SourceUnknown`](ErrorKind::SourceUnknown).
    #[must_use]
    pub fn with_sources(mut self, sources: Sources) -> Self {
        self.config().guards.sources = Some(Arc::new(sources));
        self
    }

    /// Refuses what lacks the header `name`, or has another value in it than `secret`, compared in constant
    /// time: for a provider that can be told to send headers of the merchant's, as FedaPay can. Beside the
    /// signature, never instead of it. Each call asks for one more header; one with a name that is asked for
    /// already takes another secret in it, so that the provider can be told of a new one while the old one counts.
    ///
    /// # Errors
    ///
    /// [`BadScheme`](crate::ConfigErrorKind::BadScheme) if no header can have that name;
    /// [`NotApplicable`](ConfigErrorKind::NotApplicable) if the secret is bounded in time, which is for those
    /// that verify signatures.
    pub fn require_header(
        mut self,
        name: impl Into<String>,
        secret: Secret,
    ) -> Result<Self, ConfigError> {
        if secret.is_bounded() {
            return Err(ConfigError::new(
                ConfigErrorKind::NotApplicable,
                "the secret in a required header cannot be bounded in time",
            ));
        }
        self.config().guards.require(name.into(), secret)?;
        Ok(self)
    }

    /// A receiver of deliveries that are **not signed at all**. It demands something else of them, and
    /// that proves nothing about what they say: whoever has it, or has seen it, can send anything. A handler
    /// should take such a delivery as a hint, and ask the provider's API what happened.
    ///
    /// Of `provider` all but the scheme is used. Events have no dedupe key, so that each delivery runs,
    /// unless the merchant chooses to believe the text at `id` in the payload.
    ///
    /// It is reported once, when the receiver is opened, as [`Unsigned`](crate::Outcome::Unsigned).
    ///
    /// # Errors
    ///
    /// As [`Receiver::new`], but for secrets, and [`require_header`](Receiver::require_header).
    pub fn dangerously_unsigned(
        endpoint: impl Into<String>,
        provider: Provider,
        guard: Guard,
        id: Option<Pointer>,
    ) -> Result<Self, ConfigError> {
        let provider = provider.unsigned(id);
        let verifier = Verifier::unsigned(&provider)?;
        let receiver = Receiver::with_verifier(endpoint.into(), provider, verifier)?;
        match guard {
            Guard::Sources(sources) => Ok(receiver.with_sources(sources)),
            Guard::Header(name, secret) => receiver.require_header(name, secret),
        }
    }
}
