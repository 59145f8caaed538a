//! `countersign providers`: which there are, and what is known of them.

use std::borrow::Cow;
use std::fmt;

use comfy_table::{ContentArrangement, Table, presets};
use countersign::provider::SettingName;
use countersign::scheme::{
    Coverage, HashNeeded, HmacAlgorithm, JwtAlgorithms, MessageAlgorithm, Scheme,
    SignatureEncoding, SignatureSource, TimestampSource,
};
use countersign::{IdSource, Pointer, Provider, TimeUnit, TypeSource};
use serde::Serialize;

use crate::Ending;
use crate::failure::Failure;
use crate::output;
use crate::provider_choice::{all_names, of_name};

/// List the providers, where id and type of an event stand, and how sure that is
///
/// stated: the provider says it. quoted: others quote it. inferred: it is assumed. not public: it is
/// for the merchant to find out and to set.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  countersign providers --json")]
pub(crate) struct ProvidersArgs {}

#[derive(Serialize)]
struct Providers {
    providers: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    scheme: String,
    id: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    certainty: String,
    #[serde(skip)]
    time: String,
    #[serde(skip)]
    sender: String,
}

/// How wide the table is where there is no terminal.
const WIDTH: u16 = 120;

impl ProvidersArgs {
    pub(crate) fn run(self, json: bool) -> Result<Ending, Failure> {
        let rows = all_names().filter_map(|name| Some(Row::new(name, &of_name(name)?)));
        let providers = Providers {
            providers: rows.collect(),
        };
        if json {
            output::json_line(&providers);
        } else {
            output::text(&providers);
        }
        Ok(Ending::Good)
    }
}

impl Row {
    fn new(name: &'static str, provider: &Provider) -> Row {
        let envelope = provider.envelope();
        let member =
            envelope
                .members
                .as_ref()
                .map_or(String::new(), |members| match members.to_string() {
                    root if root.is_empty() => " in each of the body".to_owned(),
                    array => format!(" in each of {array}"),
                });
        let or_set = |what: String, setting| match provider.leaves_open(setting) {
            true => format!("{what}, or as set"),
            false => what,
        };
        let id = match &envelope.id {
            IdSource::Digest => format!("SHA-256 of {}", digested(provider.scheme())),
            IdSource::SignedText => "SHA-256 of what is signed".to_owned(),
            IdSource::SignedHeader(header) => format!("header {header}"),
            IdSource::Pointer(id) => format!("{}{member}", id),
            IdSource::WithType(id) => format!("type and {}{member}", id),
            IdSource::OrParts { id, parts } => {
                format!("{}, else {} together", id, joined(parts))
            }
            IdSource::Parts(parts) => format!("{} together{member}", joined(parts)),
            IdSource::Unsigned => "none".to_owned(),
            _ => "elsewhere".to_owned(),
        };
        let kind = match &envelope.kind {
            TypeSource::None => None,
            TypeSource::Pointers(pointers) => {
                let pointers: Vec<String> = pointers.iter().map(Pointer::to_string).collect();
                Some(format!("{}{member}", pointers.join(", else ")))
            }
            TypeSource::Fixed(name) => Some(format!("always {name}")),
            TypeSource::Shape(_) => Some("told by the shape of the payload".to_owned()),
            _ => Some("elsewhere".to_owned()),
        };
        let kind = match kind {
            None if provider.leaves_open(SettingName::TypePointer) => Some("as set".to_owned()),
            kind => kind.map(|kind| or_set(kind, SettingName::TypeName)),
        };
        Row {
            name,
            scheme: scheme(provider),
            id: match &envelope.id {
                // Nothing that is signed names an event, and the rest is for the merchant to say.
                IdSource::Unsigned => None,
                _ => Some(or_set(id, SettingName::Id)),
            },
            kind,
            certainty: provider
                .certainty()
                .map_or("unknown".to_owned(), |certainty| certainty.to_string()),
            time: time(provider),
            sender: provider
                .sender()
                .map(ToString::to_string)
                .unwrap_or_default(),
        }
    }
}

/// What tells one event from another where nothing names it.
fn digested(scheme: &Scheme) -> &'static str {
    let beside_body = [
        "{method}",
        "{url}",
        "{bare_url}",
        "{query:",
        "{form:",
        "{sorted_form}",
    ];
    match scheme {
        Scheme::Message(message)
            if beside_body
                .iter()
                .any(|hole| message.template.contains(hole)) =>
        {
            "what is signed"
        }
        Scheme::Jwt(jwt) if jwt.url_hash.is_some() => "the URL and the body",
        Scheme::Jwt(jwt) => match &jwt.body_hash {
            None => "the token",
            Some(hash) if hash.needed == HashNeeded::Never => {
                "the body, or of a token without its hash"
            }
            Some(_) => "the body",
        },
        _ => "the body",
    }
}

fn joined(pointers: &[Pointer]) -> String {
    let texts: Vec<String> = pointers.iter().map(Pointer::to_string).collect();
    texts.join(", ")
}

fn scheme(provider: &Provider) -> String {
    let scheme = match provider.scheme() {
        Scheme::Hmac(hmac) => {
            let algorithm = match hmac.algorithm {
                HmacAlgorithm::Sha1 => "HMAC-SHA1",
                HmacAlgorithm::Sha256 => "HMAC-SHA256",
                HmacAlgorithm::Sha512 => "HMAC-SHA512",
                _ => "HMAC",
            };
            format!(
                "{algorithm} of {} as {} in {}",
                hmac.template,
                encoding(hmac.signature.encoding),
                header(&hmac.signature.headers)
            )
        }
        Scheme::Sealed(sealed) => format!(
            "AES-256-GCM of the body, with {}, {} and {}",
            sealed.nonce, sealed.tag, sealed.checksum
        ),
        Scheme::Message(message) => {
            let algorithm = match message.algorithm {
                MessageAlgorithm::HmacSha1 => "HMAC-SHA1",
                MessageAlgorithm::HmacSha256 => "HMAC-SHA256",
                MessageAlgorithm::HmacSha512 => "HMAC-SHA512",
                MessageAlgorithm::Sha256 => "SHA-256",
                MessageAlgorithm::Sha512 => "SHA-512",
                MessageAlgorithm::Ed25519 => "Ed25519",
                MessageAlgorithm::EcdsaP256Sha256 => "ECDSA on P-256",
                MessageAlgorithm::RsaSha256 => "RSA with SHA-256",
                _ => "a signature",
            };
            let place = match &message.signature {
                SignatureSource::Headers { names, .. } => header(names).into_owned(),
                SignatureSource::Json(pointer) => format!("the body at {pointer}"),
                _ => "another place".to_owned(),
            };
            format!(
                "{algorithm} of {} as {} in {place}",
                message.template,
                encoding(message.encoding)
            )
        }
        Scheme::Jwt(jwt) => {
            let algorithms = match jwt.algorithms {
                JwtAlgorithms::Hs256 => "HS256",
                JwtAlgorithms::AnyHs => "HS256, HS384 or HS512",
                JwtAlgorithms::Es256 => "ES256",
                _ => "another algorithm",
            };
            let covers = match &jwt.body_hash {
                Some(hash) if hash.needed == HashNeeded::Never => {
                    format!("; covers the body only with its {}", hash.claim)
                }
                _ => String::new(),
            };
            format!("JSON Web Token ({algorithms}) in {}{covers}", jwt.header)
        }
        Scheme::DangerousToken(token) => format!("the token itself in {}", token.header),
        _ => "another".to_owned(),
    };
    match provider.scheme().coverage() {
        Coverage::PartOfBody => format!("{scheme}; covers part of the body"),
        Coverage::Nothing => format!("{scheme}; covers nothing of the body"),
        _ => scheme,
    }
}

fn encoding(encoding: SignatureEncoding) -> &'static str {
    match encoding {
        SignatureEncoding::Hex => "hex",
        SignatureEncoding::Base64 => "Base64",
        _ => "hex or Base64",
    }
}

fn header<'a>(names: &'a [Cow<'static, str>]) -> Cow<'a, str> {
    match names {
        [] => Cow::Borrowed("a header that has to be set"),
        [first, .., last] if names.len() > 2 => Cow::Owned(format!("{first} to {last}")),
        _ => Cow::Owned(names.join(" or ")),
    }
}

fn time(provider: &Provider) -> String {
    if let Scheme::Jwt(jwt) = provider.scheme() {
        let tolerance = jwt.tolerance.unwrap_or_default();
        return format!("iat or nbf in the token, {tolerance} s, and exp");
    }
    let Some(signed) = provider.scheme().timestamp() else {
        return match &provider.envelope().time {
            Some(time) => format!("not signed; {} in the payload", time),
            None => "none".to_owned(),
        };
    };
    let from = match &signed.from {
        TimestampSource::Header(name) => format!("header {name}"),
        TimestampSource::Pair(key) if key == "0" => "before the signature".to_owned(),
        TimestampSource::Pair(key) => format!("{key}= beside the signature"),
        TimestampSource::Json(pointer) => format!("{pointer} in the body"),
        _ => "elsewhere".to_owned(),
    };
    let unit = match signed.unit {
        TimeUnit::Seconds => "s",
        TimeUnit::Milliseconds => "ms",
        TimeUnit::Iso8601 => "ISO 8601",
    };
    match signed.tolerance {
        Some(tolerance) => format!("{from}, in {unit}, {tolerance} s"),
        None => format!("{from}, in {unit}, no window"),
    }
}

impl fmt::Display for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table
            .load_preset(presets::UTF8_HORIZONTAL_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(terminal_size::terminal_size().map_or(WIDTH, |(width, _)| width.0))
            .set_header(["name", "scheme", "id", "type", "time", "how sure", "sender"]);
        for row in &self.providers {
            table.add_row([
                row.name,
                &row.scheme,
                row.id.as_deref().unwrap_or("none"),
                row.kind.as_deref().unwrap_or("none"),
                &row.time,
                &row.certainty,
                &row.sender,
            ]);
        }
        writeln!(f, "{table}")
    }
}
