//! What a forger, a thief of one delivery, or a careless sender does.

mod forge;

use std::fmt;

use bytes::Bytes;
use countersign::scheme::{Coverage, Scheme, SignatureEncoding};
use countersign::{Provider, Secret, UnixTime};

use self::forge::Forge;
use crate::signer::{SignError, Signed};

/// A fault that a delivery can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// The body was changed: a character in it, its first one so that it is no JSON any more, or white
    /// space behind its end that no parser minds.
    Tampered,
    /// Signed with another secret.
    WrongSecret,
    /// Signed a day ago.
    Stale,
    /// Signed a day from now.
    Future,
    /// Without the signature, and without anything that proves it.
    MissingSignature,
    /// With the beginning of the signature only.
    TruncatedSignature,
    /// With a genuine signature and a forged one, in two headers of one name, in either order.
    TwoSignatureHeaders,
    /// One byte longer than the provider's limit; genuine where that is possible.
    Oversized,
    /// A genuine delivery, sent again by someone who put other ids into the headers.
    ReplayedUnderAnotherId,
    /// A genuine signature in capitals, and the same delivery again as its provider spells it.
    UpperCaseHex,
    /// Signed under the right secret, as another provider does; and where the scheme signs more than
    /// the body, in its own form over the body alone.
    OtherProvidersSignature,
    /// Signed with the secret of the provider's other mode.
    SandboxSecret,
}

/// What a correct server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Deserved {
    /// 2xx, from the handler.
    Genuine,
    /// 200 with `webhook-outcome: duplicate`, and the handler does not run.
    Duplicate,
    /// 401.
    Refused,
    /// 413.
    TooLarge,
}

/// One request of a fault, and what it deserves.
#[derive(Debug, Clone)]
pub struct Shot {
    /// What is sent.
    pub delivery: Signed,
    /// What a correct server answers.
    pub deserves: Deserved,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 12] = [
        Fault::Tampered,
        Fault::WrongSecret,
        Fault::Stale,
        Fault::Future,
        Fault::MissingSignature,
        Fault::TruncatedSignature,
        Fault::TwoSignatureHeaders,
        Fault::Oversized,
        Fault::ReplayedUnderAnotherId,
        Fault::UpperCaseHex,
        Fault::OtherProvidersSignature,
        Fault::SandboxSecret,
    ];

    /// The name, as in reports and the program.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fault::Tampered => "tampered",
            Fault::WrongSecret => "wrong-secret",
            Fault::Stale => "stale",
            Fault::Future => "future",
            Fault::MissingSignature => "missing-signature",
            Fault::TruncatedSignature => "truncated-signature",
            Fault::TwoSignatureHeaders => "two-signature-headers",
            Fault::Oversized => "oversized",
            Fault::ReplayedUnderAnotherId => "replayed-under-another-id",
            Fault::UpperCaseHex => "upper-case-hex",
            Fault::OtherProvidersSignature => "other-providers-signature",
            Fault::SandboxSecret => "sandbox-secret",
        }
    }

    /// The fault of that name.
    pub fn named(name: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.as_str() == name)
    }

    /// Whether a delivery of this provider's can have it: there is no stale one where no time is
    /// signed, and no capitals where no hexadecimal digits are.
    pub fn applies_to(self, provider: &Provider) -> bool {
        let hmac = match provider.scheme() {
            Scheme::Hmac(scheme) => Some(scheme),
            _ => None,
        };
        let timestamp = provider.scheme().timestamp();
        match self {
            // What nothing covers may be changed by anyone.
            Fault::Tampered => provider.scheme().coverage() == Coverage::WholeBody,
            Fault::Stale | Fault::Future => {
                let is_token = matches!(provider.scheme(), Scheme::Jwt(_));
                is_token || timestamp.is_some_and(|timestamp| timestamp.tolerance.is_some())
            }
            Fault::UpperCaseHex => {
                hmac.is_some_and(|scheme| scheme.signature.encoding != SignatureEncoding::Base64)
            }
            // The only one whose secrets say which mode they are of.
            Fault::SandboxSecret => provider.name() == "fedapay",
            _ => true,
        }
    }

    /// The requests to be sent one after the other, made from the `body` of a fresh event; none if
    /// the fault does not apply. `secret` is the right one, and `at` is now.
    ///
    /// # Errors
    ///
    /// If nobody but the provider can sign, or `body` is not in the form that the scheme takes.
    pub fn shots(
        self,
        provider: &Provider,
        secret: &Secret,
        body: impl Into<Bytes>,
        at: UnixTime,
    ) -> Result<Vec<Shot>, SignError> {
        if !self.applies_to(provider) {
            return Ok(Vec::new());
        }
        let forge = Forge::new(provider, secret, body.into(), at)?;
        let refused = |deliveries: Vec<Signed>| {
            let refused = |delivery| Deserved::Refused.by(delivery);
            Ok(deliveries.into_iter().map(refused).collect())
        };
        match self {
            Fault::Tampered => refused(forge.tampered()?),
            Fault::WrongSecret => refused(vec![forge.by_another_secret()?]),
            Fault::Stale => refused(vec![forge.signed_after(-DAY)?]),
            Fault::Future => refused(vec![forge.signed_after(DAY)?]),
            Fault::MissingSignature => refused(forge.without_proof()?),
            Fault::TruncatedSignature => refused(forge.truncated()?),
            Fault::TwoSignatureHeaders => refused(forge.two_signatures()?),
            Fault::Oversized => Ok(vec![Deserved::TooLarge.by(forge.oversized()?)]),
            Fault::ReplayedUnderAnotherId => {
                let (genuine, replay) = forge.replay()?;
                // An id in a signed header cannot be changed by anyone but the sender.
                let deserves = match forge.has_signed_id() {
                    true => Deserved::Refused,
                    false => Deserved::Duplicate,
                };
                Ok(vec![Deserved::Genuine.by(genuine), deserves.by(replay)])
            }
            Fault::UpperCaseHex => {
                let (upper, lower) = forge.both_cases()?;
                Ok(vec![
                    Deserved::Genuine.by(upper),
                    Deserved::Duplicate.by(lower),
                ])
            }
            Fault::OtherProvidersSignature => refused(forge.as_others_sign()?),
            Fault::SandboxSecret => refused(vec![forge.by_the_other_mode()?]),
        }
    }
}

/// Further than any tolerance goes, in milliseconds.
const DAY: i64 = 24 * 3600 * 1000;

impl Deserved {
    fn by(self, delivery: Signed) -> Shot {
        Shot {
            delivery,
            deserves: self,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Deserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Deserved::Genuine => "2xx",
            Deserved::Duplicate => "200 duplicate",
            Deserved::Refused => "401",
            Deserved::TooLarge => "413",
        })
    }
}
