//! What may be wrong about the scheme.

use std::borrow::Cow;

use http::HeaderName;

use super::messages::{jwt_changes, message_changes};
use super::{Captured, Code};
use crate::provider::{self, Provider, Setting, SettingName};
use crate::scheme::{
    Grammar, HmacAlgorithm, HmacScheme, JwtScheme, MessageScheme, Prefix, Scheme, SealedScheme,
    SignatureEncoding, SignatureSource,
};
use crate::window::TimeUnit;

/// A change of a provider's scheme, so that two of them can be made one after the other.
pub(super) struct Change {
    pub(super) code: Code,
    pub(super) detail: String,
    edit: Box<Edit>,
}

type Edit = dyn Fn(&Provider) -> Option<Provider>;

impl Change {
    pub(super) fn of(&self, provider: &Provider) -> Option<Provider> {
        (self.edit)(provider).filter(|changed| changed != provider)
    }
}

/// The changes to try, likely ones first.
pub(super) fn changes(provider: &Provider, delivery: &Captured) -> Vec<Change> {
    let mut all = Vec::new();
    hmac_changes(&mut all);
    // One whose header is the merchant's to name would be found in every header.
    let known = provider::names().filter(|name| *name != provider.name());
    for other in known.filter_map(provider::named) {
        if other.leaves_open(SettingName::SignatureHeader) || !has_signature_of(&other, delivery) {
            continue;
        }
        // The URL is as it was captured; whatever else only the merchant knows is not guessed.
        let other = match other.scheme().signs_url() {
            true => match other.with(Setting::PublicUrl(delivery.target.clone())) {
                Ok(other) => other,
                Err(_) => continue,
            },
            false => other,
        };
        let detail = format!(
            "The delivery is one of {}: it came to the wrong endpoint, or the endpoint has the wrong \
             provider.",
            other.name()
        );
        all.push(Change {
            code: Code::WrongProvider,
            detail,
            edit: Box::new(move |_| Some(other.clone())),
        });
    }
    let headers = names(delivery);
    match provider.scheme() {
        Scheme::Hmac(scheme) => other_headers(&mut all, scheme, &headers, delivery),
        Scheme::Sealed(scheme) => other_sealed_headers(&mut all, scheme, delivery),
        Scheme::Message(scheme) => message_changes(&mut all, scheme, &headers, delivery),
        Scheme::Jwt(scheme) => jwt_changes(&mut all, scheme, delivery),
        Scheme::DangerousToken(_) | Scheme::DangerousUnsigned => {}
    }
    all
}

/// Whether there is a header that the provider puts its signature into. In a body it is not looked for.
fn has_signature_of(provider: &Provider, delivery: &Captured) -> bool {
    let has = |name: &str| {
        let mut headers = delivery.headers.iter();
        headers.any(|(sent, _)| sent.as_str().eq_ignore_ascii_case(name))
    };
    match provider.scheme() {
        Scheme::Hmac(scheme) => scheme.signature.headers.iter().any(|name| has(name)),
        Scheme::Message(scheme) => match &scheme.signature {
            SignatureSource::Headers { names, .. } => names.iter().any(|name| has(name)),
            SignatureSource::Json(_) => false,
        },
        Scheme::Jwt(scheme) => has(&scheme.header),
        Scheme::Sealed(_) => true,
        Scheme::DangerousToken(_) | Scheme::DangerousUnsigned => false,
    }
}

/// The names of the delivery's headers, each once.
fn names(delivery: &Captured) -> Vec<HeaderName> {
    let mut names: Vec<HeaderName> = Vec::new();
    for (name, _) in &delivery.headers {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// A function that adds a change of schemes of one kind; another kind has nothing to change.
macro_rules! changes_of {
    ($name:ident: $kind:ident($scheme:ty)) => {
        pub(super) fn $name(
            all: &mut Vec<Change>,
            code: Code,
            detail: &str,
            edit: impl Fn(&mut $scheme) -> Option<()> + 'static,
        ) {
            all.push(named_change(code, detail, move |provider| {
                let Scheme::$kind(scheme) = provider.scheme() else {
                    return None;
                };
                let mut scheme = scheme.clone();
                edit(&mut scheme)?;
                Some(provider.clone().with_scheme(Scheme::$kind(scheme)))
            }));
        }
    };
}

changes_of!(hmac: Hmac(HmacScheme));
changes_of!(message: Message(MessageScheme));
changes_of!(jwt: Jwt(JwtScheme));

pub(super) fn named_change(
    code: Code,
    detail: &str,
    edit: impl Fn(&Provider) -> Option<Provider> + 'static,
) -> Change {
    Change {
        code,
        detail: detail.to_owned(),
        edit: Box::new(edit),
    }
}

pub(super) const OTHER_UNIT: &str = "The signed time is in another unit than the scheme says: seconds in place of \
     milliseconds, or the other way round.";

pub(super) fn other_unit(unit: TimeUnit) -> Option<TimeUnit> {
    match unit {
        TimeUnit::Seconds => Some(TimeUnit::Milliseconds),
        TimeUnit::Milliseconds => Some(TimeUnit::Seconds),
        TimeUnit::Iso8601 => None,
    }
}

fn hmac_changes(all: &mut Vec<Change>) {
    hmac(all, Code::SecondsVsMilliseconds, OTHER_UNIT, |scheme| {
        let timestamp = scheme.timestamp.as_mut()?;
        timestamp.unit = other_unit(timestamp.unit)?;
        Some(())
    });
    let detail = "The signature covers the body alone, and not the time or id before it: whoever signs \
                  like that does not follow the provider, and its deliveries can be replayed. Do not \
                  accept it.";
    hmac(all, Code::BodyOnlySigned, detail, |scheme| {
        scheme.template = Cow::Borrowed("{body}");
        scheme.timestamp = None;
        Some(())
    });
    for (encoding, name) in [
        (SignatureEncoding::Hex, "hexadecimal digits"),
        (SignatureEncoding::Base64, "Base64"),
    ] {
        let detail =
            format!("The signature is written in {name}, which the scheme does not expect.");
        hmac(all, Code::HexVsBase64, &detail, move |scheme| {
            scheme.signature.encoding = encoding;
            Some(())
        });
    }
    for (algorithm, name) in [
        (HmacAlgorithm::Sha256, "HMAC-SHA256"),
        (HmacAlgorithm::Sha512, "HMAC-SHA512"),
        (HmacAlgorithm::Sha1, "HMAC-SHA1"),
    ] {
        let detail = format!("The signature is {name}, which the scheme does not expect.");
        hmac(all, Code::WrongAlgorithm, &detail, move |scheme| {
            scheme.algorithm = algorithm;
            Some(())
        });
    }
}

/// The signature in another header, as the scheme has it or bare behind a prefix.
fn other_headers(
    all: &mut Vec<Change>,
    scheme: &HmacScheme,
    headers: &[HeaderName],
    delivery: &Captured,
) {
    let expected = |name: &&HeaderName| {
        !scheme
            .signature
            .headers
            .iter()
            .any(|own| *own == name.as_str())
    };
    for name in headers.iter().filter(expected) {
        let detail =
            format!("The signature stands in the header {name}: name it as the signature header.");
        let header = name.as_str().to_owned();
        let own = header.clone();
        hmac(all, Code::OtherSignatureHeader, &detail, move |scheme| {
            scheme.signature.headers = Cow::Owned(vec![Cow::Owned(own.clone())]);
            Some(())
        });
        if let Some(prefix) = prefix(delivery, name) {
            let detail = format!(
                "The signature stands in the header {name}, behind {prefix}: describe it so."
            );
            hmac(all, Code::OtherSignatureHeader, &detail, move |scheme| {
                scheme.signature.headers = Cow::Owned(vec![Cow::Owned(header.clone())]);
                scheme.signature.grammar = Grammar::Plain {
                    prefix: Prefix::Required(Cow::Owned(prefix.clone())),
                };
                Some(())
            });
        }
    }
}

/// What a value says before its `=`, if it looks like the name of an algorithm or version.
fn prefix(delivery: &Captured, name: &HeaderName) -> Option<String> {
    let (_, value) = delivery.headers.iter().find(|(other, _)| other == name)?;
    let (prefix, _) = std::str::from_utf8(value).ok()?.split_once('=')?;
    let plausible = (1..=12).contains(&prefix.len())
        && prefix
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-');
    plausible.then(|| format!("{prefix}="))
}

/// Nonce, tag and checksum in other headers: each is known by its length in Base64.
fn other_sealed_headers(all: &mut Vec<Change>, scheme: &SealedScheme, delivery: &Captured) {
    let of_length = |length: usize| -> Vec<Cow<'static, str>> {
        let fitting = delivery
            .headers
            .iter()
            .filter(|(_, value)| value.len() == length);
        fitting
            .map(|(name, _)| Cow::Owned(name.as_str().to_owned()))
            .take(4)
            .collect()
    };
    let current = [&scheme.nonce, &scheme.tag, &scheme.checksum];
    for nonce in of_length(16) {
        for tag in of_length(24) {
            for checksum in of_length(44) {
                let names = [&nonce, &tag, &checksum];
                if names == current {
                    continue;
                }
                let detail = format!(
                    "Nonce, tag and checksum stand in the headers {nonce}, {tag} and {checksum}: name \
                     them so."
                );
                let [nonce, tag, checksum] = names.map(Clone::clone);
                all.push(Change {
                    code: Code::OtherSignatureHeader,
                    detail,
                    edit: Box::new(move |provider| {
                        let Scheme::Sealed(scheme) = provider.scheme() else {
                            return None;
                        };
                        let scheme = SealedScheme {
                            nonce: nonce.clone(),
                            tag: tag.clone(),
                            checksum: checksum.clone(),
                            key: scheme.key.clone(),
                        };
                        Some(provider.clone().with_scheme(Scheme::Sealed(scheme)))
                    }),
                });
            }
        }
    }
}
