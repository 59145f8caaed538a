//! `--provider` and `--scheme`, and what a merchant adds to either.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{ArgGroup, ValueEnum};
use countersign::provider::{
    Recipe, Setting, SettingName, dangerously_token_only, named, names, token_only_names,
};
use countersign::scheme::{KeyEncoding, Scheme, SignatureEncoding};
use countersign::{ConfigErrorKind, Pointer, Provider, TypeSource};

use crate::failure::{Failure, Reason};
use crate::input::Input;

/// The longest scheme file; a recipe has a few hundred bytes.
const MAX_SCHEME: usize = 1024 * 1024;

#[derive(clap::Args)]
#[command(group(ArgGroup::new("sender").required(true).args(["provider", "scheme"])))]
pub(crate) struct ProviderArgs {
    /// The provider: centralpay, fedapay, banking-circle, zibapay, 4pay, or another one that
    /// `countersign providers` lists
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,

    /// A file that describes an unlisted provider's scheme, in JSON, or in TOML if it ends in .toml
    #[arg(long, value_name = "FILE")]
    scheme: Option<PathBuf>,

    /// The signature header, where the provider leaves it open (centralpay needs it)
    #[arg(long, value_name = "NAME")]
    signature_header: Option<String>,

    /// How the signature is spelled, where the provider leaves it open
    #[arg(long, value_name = "ENCODING")]
    signature_encoding: Option<Encoding>,

    /// Something else the provider leaves open, repeatable: id=POINTER, type=POINTER or type=NAME,
    /// time=POINTER; url=URL as the provider was given it, where it signs it; a constant of the scheme
    /// (such as webhook_id=ID for paypal); for banking-circle key=base64 and nonce, tag or
    /// checksum=HEADER
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Encoding {
    Hex,
    Base64,
}

/// Every name that `--provider` takes.
pub(crate) fn all_names() -> impl Iterator<Item = &'static str> {
    names().chain(token_only_names())
}

/// The provider of that name. Those that sign nothing are asked for by a name that says so, which is
/// enough at a terminal.
pub(crate) fn of_name(name: &str) -> Option<Provider> {
    named(name).or_else(|| dangerously_token_only(name))
}

impl ProviderArgs {
    pub(crate) fn read(self) -> Result<Provider, Failure> {
        let mut provider = match (self.provider, self.scheme) {
            (Some(name), None) => of_name(&name).ok_or_else(|| unknown(&name))?,
            (None, Some(path)) => from_file(&path)?,
            _ => {
                return Err(usage("exactly one of --provider and --scheme is needed"));
            }
        };
        if let Some(name) = self.signature_header {
            check_open(&provider, SettingName::SignatureHeader)?;
            let name = header_name("--signature-header", name)?;
            provider = provider.with(Setting::SignatureHeader(name))?;
        }
        if let Some(encoding) = self.signature_encoding {
            provider = provider.with(Setting::SignatureEncoding(match encoding {
                Encoding::Hex => SignatureEncoding::Hex,
                Encoding::Base64 => SignatureEncoding::Base64,
            }))?;
        }
        let mut seen = BTreeSet::new();
        for given in &self.set {
            let (name, value) = given
                .split_once('=')
                .filter(|(name, value)| !name.is_empty() && !value.is_empty())
                .ok_or_else(|| usage("--set takes NAME=VALUE, both of them not empty"))?;
            if !seen.insert(name) {
                return Err(usage("a name can be --set only once"));
            }
            let setting = setting(&provider, name, value)?;
            provider = provider.with(setting)?;
        }
        Ok(provider)
    }
}

/// The setting behind a name of `--set`. Whether the provider leaves it open comes first: the form
/// of a value that is not wanted at all does not matter.
fn setting(provider: &Provider, name: &str, value: &str) -> Result<Setting, Failure> {
    if provider.constants().any(|known| known == name) {
        return Ok(Setting::Constant(name.to_owned(), value.to_owned()));
    }
    let setting = match name {
        "url" => SettingName::PublicUrl,
        "id" => SettingName::Id,
        "type" if value.starts_with('/') => SettingName::TypePointer,
        "type" => SettingName::TypeName,
        "time" => SettingName::Time,
        "key" => SettingName::KeyEncoding,
        "nonce" => SettingName::NonceHeader,
        "tag" => SettingName::TagHeader,
        "checksum" => SettingName::ChecksumHeader,
        _ => {
            return Err(not_applicable(
                "--set knows id, type, time, url, key, nonce, tag and checksum, and the constants of \
                 a scheme, each where the provider leaves it open",
            ));
        }
    };
    check_open(provider, setting)?;
    let option = format!("--set {name}");
    let pointer = || Pointer::new(value).map_err(|error| usage(format!("{option}: {error}")));
    Ok(match setting {
        SettingName::Id => Setting::Id(pointer()?),
        SettingName::TypePointer | SettingName::TypeName => {
            let kind = TypeSource::parse(value);
            Setting::Type(kind.map_err(|error| usage(format!("{option}: {error}")))?)
        }
        SettingName::Time => Setting::Time(pointer()?),
        SettingName::PublicUrl => Setting::PublicUrl(value.to_owned()),
        SettingName::KeyEncoding if value == "base64" => Setting::KeyEncoding(KeyEncoding::Base64),
        SettingName::KeyEncoding => return Err(usage("--set key takes base64 only")),
        SettingName::NonceHeader => Setting::NonceHeader(header_name(&option, value.to_owned())?),
        SettingName::TagHeader => Setting::TagHeader(header_name(&option, value.to_owned())?),
        _ => Setting::ChecksumHeader(header_name(&option, value.to_owned())?),
    })
}

fn check_open(provider: &Provider, setting: SettingName) -> Result<(), Failure> {
    if provider.leaves_open(setting) {
        return Ok(());
    }
    Err(not_applicable(format!(
        "{} does not leave {} open; leave the option out",
        provider.name(),
        setting.as_str()
    )))
}

fn header_name(option: &str, name: String) -> Result<String, Failure> {
    if http::HeaderName::try_from(&name).is_err() {
        return Err(usage(format!("{option} takes the name of a header")));
    }
    Ok(name)
}

fn from_file(path: &Path) -> Result<Provider, Failure> {
    let bad = |why: String| Failure::new(Reason::Config(ConfigErrorKind::BadScheme), why);
    let bytes = Input::File(path.to_owned()).read(MAX_SCHEME + 1)?;
    if bytes.len() > MAX_SCHEME {
        return Err(bad(
            "the scheme is over 1 MiB; is it the right file?".to_owned()
        ));
    }
    let text =
        std::str::from_utf8(&bytes).map_err(|_| bad("the scheme is not UTF-8 text".to_owned()))?;
    let name = path.as_os_str().to_string_lossy().to_ascii_lowercase();
    let recipe: Recipe = if name.ends_with(".toml") {
        toml::from_str(text).map_err(|error| bad(format!("the scheme: {}", error.message())))?
    } else {
        // The parser quotes a text that is no object whole, and it may be a secret's file.
        if !text.trim_start().starts_with('{') {
            return Err(bad("the scheme is not a JSON object".to_owned()));
        }
        serde_json::from_str(text).map_err(|error| bad(format!("the scheme: {error}")))?
    };
    Ok(Provider::try_from(recipe)?)
}

/// What was asked for is not repeated: put in the wrong place, it may be a secret.
fn unknown(name: &str) -> Failure {
    let wanted = name.to_ascii_lowercase();
    let mut near: Vec<&str> = all_names().collect();
    near.sort_by(|a, b| {
        strsim::jaro_winkler(&wanted, b).total_cmp(&strsim::jaro_winkler(&wanted, a))
    });
    near.truncate(3);
    Failure::new(
        Reason::UnknownProvider,
        format!(
            "no provider has that name; the nearest are {}, and --scheme describes one that is \
             not listed",
            near.join(", ")
        ),
    )
}

fn usage(message: impl Into<String>) -> Failure {
    Failure::new(Reason::Usage, message)
}

fn not_applicable(message: impl Into<String>) -> Failure {
    Failure::new(Reason::Config(ConfigErrorKind::NotApplicable), message)
}

/// The provider with the URL that a delivery was sent to, if it signs its URL and none is set.
///
/// # Errors
///
/// `missing_url` if there is none, and `missing_setting` where what is signed of the URL can be set
/// instead.
pub(crate) fn with_url(provider: Provider, url: Option<&str>) -> Result<Provider, Failure> {
    let (own, query) = match provider.scheme() {
        Scheme::Message(scheme) => (scheme.public_url.is_some(), scheme.reads_query()),
        Scheme::Jwt(scheme) => (scheme.public_url.is_some(), false),
        _ => (false, false),
    };
    match url {
        Some(url) if provider.scheme().signs_url() && !own => {
            Ok(provider.with(Setting::PublicUrl(url.to_owned()))?)
        }
        None if provider.scheme().signs_url() && (!own || query) => Err(Failure::new(
            Reason::Config(ConfigErrorKind::MissingUrl),
            format!(
                "{} signs the URL: the delivery needs its \"url\" or --url",
                provider.name()
            ),
        )),
        None if query => Err(Failure::new(
            Reason::Config(ConfigErrorKind::MissingSetting),
            format!(
                "{} signs what the query says: the delivery needs its URL, or --set {}=VALUE",
                provider.name(),
                provider.constants().collect::<Vec<_>>().join(" or "),
            ),
        )),
        _ => Ok(provider),
    }
}
