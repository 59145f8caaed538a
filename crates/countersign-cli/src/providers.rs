//! `countersign providers`: which there are, and what is known of them.

use std::borrow::Cow;
use std::fmt;

use comfy_table::{ContentArrangement, Table, presets};
use countersign::provider::{SettingName, named, names};
use countersign::scheme::{HmacAlgorithm, HmacScheme, Scheme, SignatureEncoding, TimestampSource};
use countersign::{IdSource, Pointer, Provider, TimeUnit, TypeSource};
use serde::Serialize;

use crate::Ending;
use crate::failure::Failure;
use crate::output;

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
}

/// How wide the table is where there is no terminal.
const WIDTH: u16 = 120;

impl ProvidersArgs {
    pub(crate) fn run(self, json: bool) -> Result<Ending, Failure> {
        let rows = names().filter_map(|name| Some(Row::new(name, &named(name)?)));
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
        let member = envelope
            .members
            .as_ref()
            .map_or(String::new(), |members| format!(" in each of {}", members));
        let or_set = |what: String, setting| match provider.leaves_open(setting) {
            true => format!("{what}, or as set"),
            false => what,
        };
        let id = match &envelope.id {
            IdSource::Digest => "SHA-256 of the body".to_owned(),
            IdSource::SignedHeader(header) => format!("header {header}"),
            IdSource::Pointer(id) => format!("{}{member}", id),
            IdSource::WithType(id) => format!("type and {}{member}", id),
            IdSource::OrParts { id, parts } => {
                let parts: Vec<String> = parts.iter().map(Pointer::to_string).collect();
                format!("{}, else {} together", id, parts.join(", "))
            }
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
            id: Some(or_set(id, SettingName::Id)),
            kind,
            certainty: provider
                .certainty()
                .map_or("unknown".to_owned(), |certainty| certainty.to_string()),
            time: time(provider),
        }
    }
}

fn scheme(provider: &Provider) -> String {
    match provider.scheme() {
        Scheme::Hmac(hmac) => {
            let algorithm = match hmac.algorithm {
                HmacAlgorithm::Sha1 => "HMAC-SHA1",
                HmacAlgorithm::Sha256 => "HMAC-SHA256",
                HmacAlgorithm::Sha512 => "HMAC-SHA512",
                _ => "HMAC",
            };
            let encoding = match hmac.signature.encoding {
                SignatureEncoding::Hex => "hex",
                SignatureEncoding::Base64 => "Base64",
                _ => "hex or Base64",
            };
            format!(
                "{algorithm} of {} as {encoding} in {}",
                hmac.template,
                header(hmac)
            )
        }
        Scheme::Sealed(sealed) => format!(
            "AES-256-GCM of the body, with {}, {} and {}",
            sealed.nonce, sealed.tag, sealed.checksum
        ),
        _ => "another".to_owned(),
    }
}

fn header(hmac: &HmacScheme) -> Cow<'_, str> {
    match hmac.signature.headers.is_empty() {
        true => Cow::Borrowed("a header that has to be set"),
        false => Cow::Owned(hmac.signature.headers.join(" or ")),
    }
}

fn time(provider: &Provider) -> String {
    let signed = match provider.scheme() {
        Scheme::Hmac(hmac) => hmac.timestamp.as_ref(),
        _ => None,
    };
    let Some(signed) = signed else {
        return match &provider.envelope().time {
            Some(time) => format!("not signed; {} in the payload", time),
            None => "none".to_owned(),
        };
    };
    let from = match &signed.from {
        TimestampSource::Header(name) => format!("header {name}"),
        TimestampSource::Pair(key) => format!("{key}= beside the signature"),
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
            .set_header(["name", "scheme", "id", "type", "time", "how sure"]);
        for row in &self.providers {
            table.add_row([
                row.name,
                &row.scheme,
                row.id.as_deref().unwrap_or("none"),
                row.kind.as_deref().unwrap_or("none"),
                &row.time,
                &row.certainty,
            ]);
        }
        writeln!(f, "{table}")
    }
}
