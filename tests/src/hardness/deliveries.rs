//! Whole deliveries: nothing verifies but what the signer made, however it is cut.

use std::sync::LazyLock;

use bytes::Bytes;
use countersign::scheme::{Coverage, Grammar, MessageScheme, Scheme, SignatureSource};
use countersign::{ErrorKind, Verified};
use http::{HeaderName, HeaderValue, Request};

use super::choice;
use crate::families::{Family, NOW, names};

/// What a delivery's proof looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A signature alone in its header, perhaps behind a prefix.
    Plain,
    /// Pairs of a key and a value.
    Pairs,
    /// Groups of pairs, each with its own time.
    Groups,
    /// Entries with a version.
    List,
    /// The time, and behind it signatures.
    Positional,
    /// A signature in the body.
    InBody,
    /// Signed URLs, forms, fields and plain hashes, in whatever grammar.
    Message,
    /// Ed25519, ECDSA and RSA.
    PublicKey,
    /// JSON Web Tokens.
    Jwt,
    /// Encrypted bodies.
    Sealed,
    /// The secret itself.
    Token,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 11] = [
        Kind::Plain,
        Kind::Pairs,
        Kind::Groups,
        Kind::List,
        Kind::Positional,
        Kind::InBody,
        Kind::Message,
        Kind::PublicKey,
        Kind::Jwt,
        Kind::Sealed,
        Kind::Token,
    ];

    fn holds(self, family: &Family) -> bool {
        let scheme = family.provider.scheme();
        let grammar = match scheme {
            Scheme::Hmac(scheme) => Some(&scheme.signature.grammar),
            Scheme::Message(MessageScheme {
                signature: SignatureSource::Headers { grammar, .. },
                ..
            }) => Some(grammar),
            _ => None,
        };
        match self {
            Kind::Plain => matches!(grammar, Some(Grammar::Plain { .. })),
            Kind::Pairs => matches!(grammar, Some(Grammar::Pairs { .. })),
            Kind::Groups => matches!(grammar, Some(Grammar::Groups { .. })),
            Kind::List => matches!(grammar, Some(Grammar::List { .. })),
            Kind::Positional => matches!(grammar, Some(Grammar::Positional { .. })),
            Kind::InBody => matches!(
                scheme,
                Scheme::Message(MessageScheme {
                    signature: SignatureSource::Json(_),
                    ..
                })
            ),
            Kind::Message => matches!(scheme, Scheme::Message(_)),
            Kind::PublicKey => scheme.has_public_key(),
            Kind::Jwt => matches!(scheme, Scheme::Jwt(_)),
            Kind::Sealed => matches!(scheme, Scheme::Sealed(_)),
            Kind::Token => scheme.is_token_only(),
        }
    }
}

/// Each with a delivery of its own, which is no more signed once a part of it is another.
static FAMILIES: LazyLock<Vec<(Family, Request<Bytes>)>> = LazyLock::new(|| {
    let all = names().map(|name| {
        let family = Family::named(name);
        let genuine = family.sign("genuine", br#"{"id":"genuine"}"#);
        (family, genuine)
    });
    all.collect()
});

/// A choice of the family, then lines: the target's query, the values of the headers, and the body, which
/// is the last and may be of several lines. A header without a line is the genuine one's.
///
/// # Panics
///
/// If it verifies, or another cut of its body has another verdict.
pub fn head(kind: Kind, data: &[u8]) {
    let Some((at, data)) = choice(data) else {
        return;
    };
    let of_kind: Vec<_> = FAMILIES.iter().filter(|(of, _)| kind.holds(of)).collect();
    let (family, genuine) = of_kind[at % of_kind.len()];
    let (lines, body) = match memchr_last_line(data) {
        Some(at) => (&data[..at], &data[at + 1..]),
        None => (&b""[..], data),
    };
    let mut lines = lines.split(|byte| *byte == b'\n');
    let query = lines.next().unwrap_or_default();
    let names: Vec<HeaderName> = genuine.headers().keys().cloned().collect();

    let mut odd = Request::new(Bytes::copy_from_slice(body));
    *odd.method_mut() = genuine.method().clone();
    *odd.uri_mut() = genuine.uri().clone();
    *odd.headers_mut() = genuine.headers().clone();
    let mut same = names.len();
    for (nth, value) in lines.enumerate().take(2 * names.len()) {
        let Ok(value) = HeaderValue::from_bytes(value) else {
            continue;
        };
        let name = &names[nth % names.len()];
        if nth < names.len() {
            same -= usize::from(value != genuine.headers()[name]);
            odd.headers_mut().insert(name, value);
        } else {
            odd.headers_mut().append(name, value);
        }
    }
    if let Ok(query) = std::str::from_utf8(query)
        && !query.is_empty()
        && let Ok(uri) = format!("{}?{query}", genuine.uri().path()).parse()
    {
        *odd.uri_mut() = uri;
    }
    let verdict = verify(family, &odd);
    let whole = family.provider.scheme().coverage() == Coverage::WholeBody;
    let another_body = whole && !family.takes_a_form() && odd.body() != genuine.body();
    // A token may be sent behind any body.
    let nobody_signed = (same == 0 || another_body) && !family.provider.scheme().is_token_only();
    // Vonage's tokens cover a body only if they say so, and then the delivery is not a forger's.
    assert!(
        verdict.is_err() || !nobody_signed,
        "{}: {odd:?}",
        family.provider.name()
    );
    let cut = verify_in(family, &odd, &[1, 3, 64]).map(|verified| verified.key_index());
    let verdict = verdict.map(|verified| verified.key_index());
    assert_eq!(cut, verdict, "{}: {odd:?}", family.provider.name());
    if let Ok(mut verification) = family.verifier.begin(&odd) {
        let _ = verification.expect(u64::try_from(at).unwrap_or_default() << 56);
    }
}

/// Where the last line begins that is no header's: behind the second to last line end at least.
fn memchr_last_line(data: &[u8]) -> Option<usize> {
    data.iter().rposition(|byte| *byte == b'\n')
}

/// A choice of the family, where to change what, and the body.
///
/// # Panics
///
/// If what is signed does not verify, or what is changed does where it is covered.
pub fn whole(data: &[u8]) {
    let Some((family, at, change, body)) = parts(data) else {
        return;
    };
    let name = family.provider.name();
    let text = hex::encode(&body[..body.len().min(8)]) + "x";
    let request = family.sign(&text, body);
    let verified = verify(family, &request).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    assert_eq!(verified.received(), request.body().len(), "{name}");
    for event in family.verifier.identify(&verified) {
        assert!(!event.id().is_empty(), "{name}");
    }
    if verified.covers() != Coverage::WholeBody || family.takes_a_form() {
        return;
    }
    let mut longer = request.body().to_vec();
    longer.push(change);
    let mut changed = vec![longer];
    if !request.body().is_empty() && change != 0 {
        let mut other = request.body().to_vec();
        let at = at % other.len();
        other[at] ^= change;
        changed.extend([other, request.body()[..at].to_vec()]);
    }
    for body in changed {
        let (head, _) = request.clone().into_parts();
        let request = Request::from_parts(head, Bytes::from(body));
        assert!(verify(family, &request).is_err(), "{name}: {request:?}");
    }
}

/// A choice of the family, the sizes of three cuts, and the body.
///
/// # Panics
///
/// If the cut makes a difference.
pub fn cuts(data: &[u8]) {
    let Some((family, first, second, body)) = parts(data) else {
        return;
    };
    let name = family.provider.name();
    let request = family.sign("text", body);
    let whole = verify(family, &request).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let sizes = [first & 0xff, usize::from(second), first >> 8];
    let cut = verify_in(family, &request, &sizes);
    let cut = cut.unwrap_or_else(|error| panic!("{name}: {error:?}, cut by {sizes:?}"));
    assert_eq!(cut.payload(), whole.payload(), "{name}");
    assert_eq!(cut.signed_id(), whole.signed_id(), "{name}");
    assert_eq!(cut.timestamp(), whole.timestamp(), "{name}");
    assert_eq!(cut.covers(), whole.covers(), "{name}");
    assert_eq!(
        family.verifier.identify(&cut),
        family.verifier.identify(&whole),
        "{name}"
    );
}

fn parts(data: &[u8]) -> Option<(&'static Family, usize, u8, &[u8])> {
    let [family, high, low, change, body @ ..] = data else {
        return None;
    };
    let (family, _) = &FAMILIES[usize::from(*family) % FAMILIES.len()];
    let at = usize::from(*high) << 8 | usize::from(*low);
    Some((family, at, *change, body))
}

fn verify(family: &Family, request: &Request<Bytes>) -> Result<Verified, ErrorKind> {
    let verdict = family.verifier.verify(request, request.body().clone(), NOW);
    verdict.map_err(|error| error.kind())
}

/// The same where the body comes in chunks of these sizes, over and over.
fn verify_in(
    family: &Family,
    request: &Request<Bytes>,
    sizes: &[usize],
) -> Result<Verified, ErrorKind> {
    let run = || {
        let mut verification = family.verifier.begin(request)?;
        let mut rest = request.body().clone();
        let mut sizes = sizes.iter().cycle();
        // Empty chunks too, but not only such.
        let mut empty = 0;
        while !rest.is_empty() {
            let size = sizes.next().map_or(1, |size| (*size).min(rest.len()));
            empty += usize::from(size == 0);
            let size = if empty > 8 { rest.len() } else { size };
            verification.update(rest.split_to(size))?;
        }
        verification.finish(NOW)
    };
    run().map_err(|error: countersign::Error| error.kind())
}
