//! One entry of the catalogue, and the provider that it makes.

use std::borrow::Cow;
use std::time::Duration;

use crate::event::{Envelope, IdSource, TypeSource};
use crate::provider::{Certainty, Provider, Sender, SettingName, Source, simplest};
use crate::scan::Pointer;
use crate::scheme::{
    Grammar, KeyEncoding, KeyFormat, MessageAlgorithm, Ports, Prefix, Scheme, SignatureEncoding,
    SignatureSource, TimestampFormat, TimestampSource, TokenScheme,
};
use crate::window::TimeUnit;

/// One scheme, in the words of the text form.
#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) alg: Alg,
    pub(super) key: Key,
    pub(super) from: From,
    pub(super) spelling: Spelling,
    pub(super) encoding: SignatureEncoding,
    pub(super) time: Option<Time>,
    pub(super) template: &'static str,
    pub(super) ports: Ports,
    pub(super) missing_json_as_empty: bool,
    pub(super) body_digest: Option<&'static str>,
    pub(super) id: Id,
    /// Pointers to the type, of which the first that finds something counts.
    pub(super) kind: &'static [&'static str],
    pub(super) sure: Certainty,
    pub(super) sender: Sender,
}

#[derive(Clone, Copy)]
pub(super) enum Alg {
    Signs(MessageAlgorithm),
    Token,
}

#[derive(Clone, Copy)]
pub(super) struct Key(
    pub(super) KeyEncoding,
    pub(super) &'static [Cow<'static, str>],
);

/// Where the signature stands.
#[derive(Clone, Copy)]
pub(super) enum From {
    Headers(&'static [Cow<'static, str>]),
    Json(&'static str),
}

/// What the value of its header looks like.
#[derive(Clone, Copy)]
pub(super) enum Spelling {
    Bare,
    Prefix(&'static str),
    Pairs(u8, &'static [Cow<'static, str>]),
    Groups(u8, u8, &'static [Cow<'static, str>]),
    /// Entries `version,signature` between spaces.
    List(&'static str),
    Positional,
}

/// Where the timestamp stands, its unit, and its tolerance in seconds.
pub(super) type Time = (At, TimeUnit, Option<u64>);

#[derive(Clone, Copy)]
pub(super) enum At {
    Header(&'static str),
    Pair(&'static str),
    Json(&'static str),
}

/// What names an event.
#[derive(Clone, Copy)]
pub(super) enum Id {
    /// Nothing that is signed.
    Digest,
    /// Nothing that is signed; this header is a label for logs.
    Label(&'static str),
    /// A signed header.
    Header(&'static str),
    /// A pointer, with a `*` for the members of an array.
    Json(&'static str),
    /// The same where it is not certain that it names the event and not what the event is about.
    WithType(&'static str),
    /// Several pointers, all of them into the members of one array or none.
    Parts(&'static [&'static str]),
    Unsigned,
}

/// A name or several, in the form that a scheme has them.
macro_rules! names {
    ($($name:literal),+) => { &[$(std::borrow::Cow::Borrowed($name)),+] };
}
pub(super) use names;

/// What most entries have in common: HMAC-SHA256 of the body under the secret's text, in hexadecimal
/// digits.
pub(super) const HMAC_SHA256: Entry = Entry {
    alg: Alg::Signs(MessageAlgorithm::HmacSha256),
    key: TEXT,
    from: From::Headers(&[]),
    spelling: Spelling::Bare,
    encoding: SignatureEncoding::Hex,
    time: None,
    template: "{body}",
    ports: Ports::AsConfigured,
    missing_json_as_empty: false,
    body_digest: None,
    id: Id::Digest,
    kind: &[],
    sure: DOCUMENTED,
    sender: Sender::UNKNOWN,
};

pub(super) const TEXT: Key = Key(KeyEncoding::Text, &[]);

/// The proof is checked against a vector that the provider publishes, or its own SDK.
pub(super) const PUBLISHED: Certainty = Certainty {
    proof: Source::Stated,
    header: Source::Stated,
    id: Source::Quoted,
    kind: Source::Inferred,
};

/// The same where a type is documented beside it, or none is signed.
pub(super) const ALL_STATED: Certainty = Certainty {
    proof: Source::Stated,
    header: Source::Stated,
    id: Source::Stated,
    kind: Source::Stated,
};

/// The scheme is as others quote the provider's documentation.
pub(super) const DOCUMENTED: Certainty = Certainty {
    proof: Source::Quoted,
    header: Source::Quoted,
    id: Source::Quoted,
    kind: Source::Inferred,
};

impl Entry {
    pub(super) fn provider(self, id: &'static str) -> Provider {
        let scheme = self.scheme();
        let (members, event) = self.event_id();
        let mut open = Vec::new();
        if matches!(self.id, Id::Digest | Id::Unsigned) {
            open.push(SettingName::Id);
        }
        // One that puts its id into a header without signing it does so with the type.
        if self.kind.is_empty() && !matches!(self.id, Id::Label(_) | Id::Header(_)) {
            open.extend([SettingName::TypePointer, SettingName::TypeName]);
        }
        let kinds = self.kind.iter().map(|at| pointer(at)).collect();
        let envelope = Envelope {
            members,
            id: event,
            kind: match self.kind {
                [] => TypeSource::None,
                _ => TypeSource::Pointers(kinds),
            },
            time: None,
        };
        let mut provider = Provider::new(id, scheme, envelope);
        provider.open = Cow::Owned(open);
        provider.certainty = Some(self.sure);
        provider.answer_within = match self.sender.within {
            0 => None,
            seconds => Some(Duration::from_secs(seconds)),
        };
        provider.retry = self.sender.retry();
        provider.sender = Some(Sender {
            label: match self.id {
                Id::Label(header) => header,
                _ => "",
            },
            ..self.sender
        });
        provider
    }

    fn scheme(self) -> Scheme {
        let key = KeyFormat {
            encoding: self.key.0,
            strip_prefix: Cow::Borrowed(self.key.1),
        };
        let Alg::Signs(algorithm) = self.alg else {
            let header = match self.from {
                From::Headers([header, ..]) => header.clone(),
                _ => Cow::Borrowed(""),
            };
            return Scheme::DangerousToken(TokenScheme { header, key });
        };
        let signature = match self.from {
            From::Json(at) => SignatureSource::Json(Cow::Borrowed(at)),
            From::Headers(names) => SignatureSource::Headers {
                names: Cow::Borrowed(names),
                grammar: self.grammar(),
            },
        };
        let timestamp = self.time.map(|(at, unit, tolerance)| TimestampFormat {
            from: match at {
                At::Header(name) => TimestampSource::Header(Cow::Borrowed(name)),
                At::Pair(key) => TimestampSource::Pair(Cow::Borrowed(key)),
                At::Json(at) => TimestampSource::Json(Cow::Borrowed(at)),
            },
            unit,
            tolerance,
        });
        simplest(crate::scheme::MessageScheme {
            algorithm,
            key,
            signature,
            encoding: self.encoding,
            timestamp,
            template: Cow::Borrowed(self.template),
            constants: Cow::Borrowed(&[]),
            public_url: None,
            ports: self.ports,
            missing_json_as_empty: self.missing_json_as_empty,
            body_digest: self.body_digest.map(Cow::Borrowed),
        })
    }

    fn grammar(self) -> Grammar {
        match self.spelling {
            Spelling::Bare => Grammar::Plain {
                prefix: Prefix::None,
            },
            Spelling::Prefix(prefix) => Grammar::Plain {
                prefix: Prefix::Required(Cow::Borrowed(prefix)),
            },
            Spelling::Pairs(separator, keys) => Grammar::Pairs {
                separator,
                keys: Cow::Borrowed(keys),
            },
            Spelling::Groups(group_separator, separator, keys) => Grammar::Groups {
                group_separator,
                separator,
                keys: Cow::Borrowed(keys),
            },
            Spelling::List(version) => Grammar::List {
                separator: b' ',
                version_separator: b',',
                version: Cow::Borrowed(version),
            },
            Spelling::Positional => Grammar::Positional { separator: b',' },
        }
    }

    fn event_id(self) -> (Option<Pointer>, IdSource) {
        match self.id {
            Id::Digest | Id::Label(_) => (None, IdSource::Digest),
            Id::Unsigned => (None, IdSource::Unsigned),
            Id::Header(name) => (None, IdSource::SignedHeader(Cow::Borrowed(name))),
            Id::Parts(parts) => {
                let (members, parts): (Vec<_>, _) = parts.iter().map(|at| starred(at)).unzip();
                (members.into_iter().next().flatten(), IdSource::Parts(parts))
            }
            Id::Json(at) => {
                let (members, at) = starred(at);
                (members, IdSource::Pointer(at))
            }
            Id::WithType(at) => {
                let (members, at) = starred(at);
                (members, IdSource::WithType(at))
            }
        }
    }
}

/// A pointer of the table, whose names need no escape.
fn pointer(at: &str) -> Pointer {
    let steps: Vec<&str> = at.split('/').skip(1).collect();
    Pointer::of(&steps)
}

fn starred(at: &str) -> (Option<Pointer>, Pointer) {
    match at.split_once("/*/") {
        Some((array, member)) => (Some(pointer(array)), pointer(&format!("/{member}"))),
        None => (None, pointer(at)),
    }
}
