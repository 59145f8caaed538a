//! What a request has to have beside its signature: an address it comes from, a header.

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
    headers: Vec<Arc<TokenProof>>,
}

impl Guards {
    fn check<H: Head + ?Sized>(&self, head: &H) -> Result<(), ErrorKind> {
        if let Some(sources) = &self.sources {
            sources.check(head)?;
        }
        for header in &self.headers {
            if header.begin(head).map_err(|error| error.kind())?.is_none() {
                return Err(ErrorKind::RequiredHeaderMismatch);
            }
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
        checked.map_err(|kind| track.refuse(kind, &[]))
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
    /// signature, never instead of it. Each call asks for one more header.
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
        let name: String = name.into();
        let scheme = TokenScheme {
            header: name.into(),
            key: KeyFormat::TEXT,
        };
        let header = TokenProof::new(&scheme, &[secret])?;
        self.config().guards.headers.push(Arc::new(header));
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
