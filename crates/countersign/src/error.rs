//! What can be wrong with a delivery ([`Error`]) and with a configuration ([`ConfigError`]), and
//! the one mapping from the former to an HTTP status.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;

/// Why a delivery was refused.
///
/// It says nothing that the sender sent: no header value, no body, no expected signature. What it
/// holds may be logged; what the sender is told is [`ErrorKind::status`] and an empty body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    part: Option<&'static str>,
}

impl Error {
    pub(crate) const fn new(kind: ErrorKind) -> Self {
        Error { kind, part: None }
    }

    /// `part` names what of the delivery is at fault, in words of the scheme.
    pub(crate) const fn of(kind: ErrorKind, part: &'static str) -> Self {
        Error {
            kind,
            part: Some(part),
        }
    }

    /// What went wrong, to match on.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether its text says more than its kind.
    pub(crate) const fn names_a_part(&self) -> bool {
        self.part.is_some()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Some(part) => write!(f, "{}: {part}", self.kind.describe()),
            None => f.write_str(self.kind.describe()),
        }
    }
}

impl std::error::Error for Error {}

/// The kinds of [`Error`], grouped by who must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    // The sender, or whoever poses as it.
    /// A header of the scheme is absent, or is there without the wanted entry.
    MissingHeader,
    /// A header of the scheme is there, but unreadable or of the wrong length.
    MalformedHeader,
    /// A header of the scheme, or an entry of it that must be unique, is there more than once.
    DuplicateHeader,
    /// The body is longer than the limit.
    BodyTooLarge,
    /// No signature matches under any of the secrets.
    SignatureMismatch,
    /// The body was decrypted, but its checksum or its text encoding is wrong.
    MalformedPayload,
    /// The signed timestamp is further in the past than the tolerance.
    TimestampStale,
    /// The signed timestamp is further in the future than the tolerance.
    TimestampFuture,
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body broke off: the connection, or something before the receiver, such as a limit or a
    /// decompression of the server's own.
    BodyBroken,
    /// The signature matches under a secret that is not valid now: see
    /// [`Secret::valid_until`](crate::Secret::valid_until).
    SecretNotValid,
    /// The request is for nobody that [`Receiver::for_tenants`](crate::Receiver::for_tenants) knows.
    UnknownTenant,
    /// The request is from an address that is not among the allowed ones.
    SourceNotAllowed,
    /// A header that the provider was told to send has another value.
    RequiredHeaderMismatch,

    // The merchant: more load than was planned for, or a part that is down.
    /// Too many bytes of unverified bodies are held already.
    TooManyUnverified,
    /// Too many handlers run already.
    TooManyRuns,
    /// The receiver is shutting down.
    ShuttingDown,
    /// The dedupe store failed, was too slow, or is full.
    StoreUnavailable,
    /// Too many tenants' secrets are being looked up already.
    TooManyLookups,
    /// A tenant's secrets could not be looked up, or cannot be used.
    SecretsUnavailable,
    /// The address that a request is from is not known: the server does not say it.
    SourceUnknown,
}

impl ErrorKind {
    /// The answer the sender sees; the only such mapping there is.
    ///
    /// Every failed verification is the same 401, so that a forger learns nothing from it.
    pub const fn status(self) -> StatusCode {
        match self {
            ErrorKind::MissingHeader
            | ErrorKind::MalformedHeader
            | ErrorKind::DuplicateHeader
            | ErrorKind::SignatureMismatch
            | ErrorKind::MalformedPayload
            | ErrorKind::TimestampStale
            | ErrorKind::TimestampFuture
            | ErrorKind::SecretNotValid
            | ErrorKind::UnknownTenant
            | ErrorKind::SourceNotAllowed
            | ErrorKind::RequiredHeaderMismatch => StatusCode::UNAUTHORIZED,
            ErrorKind::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::BodyBroken => StatusCode::BAD_REQUEST,
            ErrorKind::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            ErrorKind::TooManyUnverified
            | ErrorKind::TooManyRuns
            | ErrorKind::ShuttingDown
            | ErrorKind::StoreUnavailable
            | ErrorKind::TooManyLookups => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::SecretsUnavailable | ErrorKind::SourceUnknown => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// A stable name for logs, metrics and the program's output.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorKind::MissingHeader => "missing_header",
            ErrorKind::MalformedHeader => "malformed_header",
            ErrorKind::DuplicateHeader => "duplicate_header",
            ErrorKind::BodyTooLarge => "body_too_large",
            ErrorKind::SignatureMismatch => "signature_mismatch",
            ErrorKind::MalformedPayload => "malformed_payload",
            ErrorKind::TimestampStale => "timestamp_stale",
            ErrorKind::TimestampFuture => "timestamp_future",
            ErrorKind::BodyBroken => "body_broken",
            ErrorKind::BodyTimeout => "body_timeout",
            ErrorKind::TooManyUnverified => "too_many_unverified",
            ErrorKind::TooManyRuns => "too_many_runs",
            ErrorKind::ShuttingDown => "shutting_down",
            ErrorKind::StoreUnavailable => "store_unavailable",
            ErrorKind::SecretNotValid => "secret_not_valid",
            ErrorKind::UnknownTenant => "unknown_tenant",
            ErrorKind::SourceNotAllowed => "source_not_allowed",
            ErrorKind::RequiredHeaderMismatch => "required_header_mismatch",
            ErrorKind::TooManyLookups => "too_many_lookups",
            ErrorKind::SecretsUnavailable => "secrets_unavailable",
            ErrorKind::SourceUnknown => "source_unknown",
        }
    }

    const fn describe(self) -> &'static str {
        match self {
            ErrorKind::MissingHeader => "missing header",
            ErrorKind::MalformedHeader => "malformed header",
            ErrorKind::DuplicateHeader => "duplicate header",
            ErrorKind::BodyTooLarge => "body over the limit",
            ErrorKind::SignatureMismatch => "signature does not match",
            ErrorKind::MalformedPayload => "malformed payload",
            ErrorKind::TimestampStale => "timestamp too old",
            ErrorKind::TimestampFuture => "timestamp too far in the future",
            ErrorKind::BodyBroken => "body broke off",
            ErrorKind::BodyTimeout => "body did not arrive in time",
            ErrorKind::TooManyUnverified => "too many unverified bytes held",
            ErrorKind::TooManyRuns => "too many handlers running",
            ErrorKind::ShuttingDown => "shutting down",
            ErrorKind::StoreUnavailable => "dedupe store unavailable",
            ErrorKind::SecretNotValid => "the secret that matches is not valid now",
            ErrorKind::UnknownTenant => "unknown tenant",
            ErrorKind::SourceNotAllowed => "source address not allowed",
            ErrorKind::RequiredHeaderMismatch => "required header does not match",
            ErrorKind::TooManyLookups => "too many lookups of secrets",
            ErrorKind::SecretsUnavailable => "secrets unavailable",
            ErrorKind::SourceUnknown => "source address unknown",
        }
    }
}

/// A fault in the merchant's configuration: raised when a verifier or receiver is built, never
/// while a request is served.
///
/// Its text says what to do and never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    kind: ConfigErrorKind,
    detail: Cow<'static, str>,
}

impl ConfigError {
    pub(crate) fn new(kind: ConfigErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        ConfigError {
            kind,
            detail: detail.into(),
        }
    }

    /// What is wrong, to match on.
    pub fn kind(&self) -> ConfigErrorKind {
        self.kind
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ConfigError {}

/// The kinds of [`ConfigError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// There is no secret at all.
    NoSecret,
    /// A secret is empty, also where an unset variable became an empty entry of a list.
    EmptySecret,
    /// A secret is nothing but white space.
    BlankSecret,
    /// A secret begins or ends with white space, most often a line end from a file.
    SecretWhitespace,
    /// A secret is not in the form that the scheme asks for.
    SecretEncoding,
    /// A secret decodes to fewer than 16 bytes.
    SecretTooShort,
    /// There are more than 8 secrets.
    TooManySecrets,
    /// The secrets belong to a provider's live and its test mode, which are two endpoints.
    MixedModes,
    /// Something that only the merchant can know was not given.
    MissingSetting,
    /// The provider signs its URL, and the URL that it was given is not set, or is none.
    MissingUrl,
    /// A setting was given that this provider does not leave open.
    NotApplicable,
    /// A scheme is contradictory, or needs something that is not supported.
    BadScheme,
    /// An endpoint's name is empty or too long.
    BadEndpoint,
    /// What should be an IP address or a network is none.
    BadNetwork,
    /// A duration or a limit contradicts another, so that events could be lost or doubled.
    BadLimit,
}

impl ConfigErrorKind {
    /// A stable name for the program's output.
    pub const fn as_str(self) -> &'static str {
        match self {
            ConfigErrorKind::NoSecret => "no_secret",
            ConfigErrorKind::EmptySecret => "empty_secret",
            ConfigErrorKind::BlankSecret => "blank_secret",
            ConfigErrorKind::SecretWhitespace => "secret_whitespace",
            ConfigErrorKind::SecretEncoding => "secret_encoding",
            ConfigErrorKind::SecretTooShort => "secret_too_short",
            ConfigErrorKind::TooManySecrets => "too_many_secrets",
            ConfigErrorKind::MixedModes => "mixed_modes",
            ConfigErrorKind::MissingSetting => "missing_setting",
            ConfigErrorKind::MissingUrl => "missing_url",
            ConfigErrorKind::NotApplicable => "not_applicable",
            ConfigErrorKind::BadScheme => "bad_scheme",
            ConfigErrorKind::BadEndpoint => "bad_endpoint",
            ConfigErrorKind::BadNetwork => "bad_network",
            ConfigErrorKind::BadLimit => "bad_limit",
        }
    }
}
