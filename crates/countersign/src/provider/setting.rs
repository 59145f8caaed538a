//! What a provider leaves to the merchant.

use std::borrow::Cow;

use crate::error::{ConfigError, ConfigErrorKind};
use crate::event::TypeSource;
use crate::scan::Pointer;
use crate::scheme::{KeyEncoding, MessageScheme, SignatureEncoding};

/// Something that a provider leaves to the merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// The name of the signature header.
    SignatureHeader(String),
    /// How the signature is spelled.
    SignatureEncoding(SignatureEncoding),
    /// Where the event's id stands in the payload. Since it may turn out to be the resource's id,
    /// an event is its type and id together.
    Id(Pointer),
    /// Where the event's type stands, or the one type the endpoint receives.
    Type(TypeSource),
    /// Where the event's time stands in the payload.
    Time(Pointer),
    /// The form of the key.
    KeyEncoding(KeyEncoding),
    /// The header that holds the nonce.
    NonceHeader(String),
    /// The header that holds the authentication tag.
    TagHeader(String),
    /// The header that holds the checksum.
    ChecksumHeader(String),
    /// The URL that the provider was given, where it signs it. Whole, as the provider has it; where it
    /// has no query, that of each request is put behind it.
    PublicUrl(String),
    /// A constant of the scheme, by its name, that only the merchant knows.
    Constant(String, String),
}

/// The names of [`Setting`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SettingName {
    /// [`Setting::SignatureHeader`]
    SignatureHeader,
    /// [`Setting::SignatureEncoding`]
    SignatureEncoding,
    /// [`Setting::Id`]
    Id,
    /// [`Setting::Type`] with a pointer
    TypePointer,
    /// [`Setting::Type`] with the one type the endpoint receives
    TypeName,
    /// [`Setting::Time`]
    Time,
    /// [`Setting::KeyEncoding`]
    KeyEncoding,
    /// [`Setting::NonceHeader`]
    NonceHeader,
    /// [`Setting::TagHeader`]
    TagHeader,
    /// [`Setting::ChecksumHeader`]
    ChecksumHeader,
    /// [`Setting::PublicUrl`]
    PublicUrl,
    /// [`Setting::Constant`]
    Constant,
}

impl Setting {
    /// The setting's name.
    pub fn name(&self) -> SettingName {
        match self {
            Setting::SignatureHeader(_) => SettingName::SignatureHeader,
            Setting::SignatureEncoding(_) => SettingName::SignatureEncoding,
            Setting::Id(_) => SettingName::Id,
            Setting::Type(TypeSource::Fixed(_)) => SettingName::TypeName,
            Setting::Type(_) => SettingName::TypePointer,
            Setting::Time(_) => SettingName::Time,
            Setting::KeyEncoding(_) => SettingName::KeyEncoding,
            Setting::NonceHeader(_) => SettingName::NonceHeader,
            Setting::TagHeader(_) => SettingName::TagHeader,
            Setting::ChecksumHeader(_) => SettingName::ChecksumHeader,
            Setting::PublicUrl(_) => SettingName::PublicUrl,
            Setting::Constant(..) => SettingName::Constant,
        }
    }
}

impl SettingName {
    /// The name as text.
    pub const fn as_str(self) -> &'static str {
        match self {
            SettingName::SignatureHeader => "the signature header",
            SettingName::SignatureEncoding => "the signature encoding",
            SettingName::Id => "the id",
            SettingName::TypePointer => "where the type stands",
            SettingName::TypeName => "the type",
            SettingName::Time => "the time",
            SettingName::KeyEncoding => "the form of the key",
            SettingName::NonceHeader => "the nonce header",
            SettingName::TagHeader => "the tag header",
            SettingName::ChecksumHeader => "the checksum header",
            SettingName::PublicUrl => "the public URL",
            SettingName::Constant => "a constant",
        }
    }
}

pub(super) fn set_constant(
    scheme: &mut MessageScheme,
    name: String,
    value: String,
) -> Result<(), ConfigError> {
    if !scheme.constant_names().any(|known| known == name) {
        let known: Vec<&str> = scheme.constant_names().collect();
        return Err(ConfigError::new(
            ConfigErrorKind::NotApplicable,
            format!("the scheme has no such constant, but {}", known.join(", ")),
        ));
    }
    let constants = scheme.constants.to_mut();
    constants.retain(|(known, _)| *known != name);
    constants.push((Cow::Owned(name), Cow::Owned(value)));
    Ok(())
}
