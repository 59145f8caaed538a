//! What stops a command before there is a verdict: exit status 2.

use countersign::{ConfigError, ConfigErrorKind};

/// Why the input cannot be used. The message says what to do, and never holds a secret.
pub(crate) struct Failure {
    reason: Reason,
    message: String,
}

/// A stable name for scripts.
#[derive(Clone, Copy)]
pub(crate) enum Reason {
    Usage,
    UnknownProvider,
    UnreadableFile,
    BadRequest,
    AddressInUse,
    /// What nobody but the provider can make.
    CannotSign,
    /// A store that is not known.
    BadStore,
    /// What the library refuses in a configuration.
    Config(ConfigErrorKind),
}

impl Failure {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Failure {
        Failure {
            reason,
            message: message.into(),
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        self.reason.as_str()
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Failure {
        Failure::new(Reason::Config(error.kind()), error.to_string())
    }
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Reason::Usage => "usage",
            Reason::UnknownProvider => "unknown_provider",
            Reason::UnreadableFile => "unreadable_file",
            Reason::BadRequest => "bad_request",
            Reason::AddressInUse => "address_in_use",
            Reason::CannotSign => "cannot_sign",
            Reason::BadStore => "bad_store",
            // Scripts know a closed list of reasons: the number of options and their limits are how they
            // are used.
            Reason::Config(
                ConfigErrorKind::TooManySecrets
                | ConfigErrorKind::BadEndpoint
                | ConfigErrorKind::BadLimit,
            ) => "usage",
            Reason::Config(kind) => kind.as_str(),
        }
    }
}
