//! Each scheme's own vectors, with one byte of them another: of the signature, of the body, of the secret.

use bytes::Bytes;
use countersign::scheme::{Coverage, MessageScheme, Scheme, SignatureSource};
use countersign::{Provider, Secret, Verifier};
use countersign_tests::vectors::{Vector, catalogue, catalogue_extra, five_providers};
use http::{HeaderName, HeaderValue, Request};

use crate::delivery::{verifier, with_body};

/// Those that pass.
fn valid() -> impl Iterator<Item = Vector> {
    let all = [five_providers(), catalogue(), catalogue_extra()];
    all.into_iter().flatten().filter(Vector::is_valid)
}

fn passes(verifier: &Verifier, request: &Request<Bytes>, vector: &Vector) -> bool {
    let verdict = verifier.verify(request, request.body().clone(), vector.now());
    verdict.is_ok()
}

/// The headers in which the proof stands; none if it stands in the body.
fn proof_headers(provider: &Provider) -> Vec<String> {
    let names = match provider.scheme() {
        Scheme::Hmac(scheme) => scheme.signature.headers.to_vec(),
        Scheme::Message(MessageScheme {
            signature: SignatureSource::Headers { names, .. },
            ..
        }) => names.to_vec(),
        Scheme::Jwt(scheme) => vec![scheme.header.clone()],
        Scheme::DangerousToken(scheme) => vec![scheme.header.clone()],
        Scheme::Sealed(scheme) => {
            vec![
                scheme.tag.clone(),
                scheme.nonce.clone(),
                scheme.checksum.clone(),
            ]
        }
        _ => Vec::new(),
    };
    names
        .into_iter()
        .map(|name| name.to_ascii_lowercase())
        .collect()
}

/// A character of the same kind, so that what is altered still decodes.
fn another(byte: u8) -> u8 {
    match byte {
        b'0'..=b'8' | b'a'..=b'e' | b'A'..=b'E' | b'g'..=b'y' | b'G'..=b'Y' => byte + 1,
        b'9' => b'0',
        b'f' => b'a',
        b'F' => b'A',
        b'z' => b'g',
        b'Z' => b'G',
        _ => byte ^ 1,
    }
}

/// Of several signatures one is enough: those in other headers are taken away, and where one header holds
/// several entries it is enough that something of it counts.
#[test]
fn one_character_of_the_signature() {
    let mut seen = 0;
    for vector in valid() {
        let provider = vector.provider();
        let (own, request) = (verifier(&provider, &vector.secrets()), vector.request());
        assert!(passes(&own, &request, &vector), "{}", vector.scheme);
        let names = proof_headers(&provider);
        for name in &names {
            let mut request = request.clone();
            if !matches!(provider.scheme(), Scheme::Sealed(_)) {
                for other in names.iter().filter(|other| *other != name) {
                    request.headers_mut().remove(other);
                }
            }
            // Not there, or a signature under a secret that is not at hand.
            let Some(value) = request.headers().get(name).cloned() else {
                continue;
            };
            if !passes(&own, &request, &vector) {
                continue;
            }
            let value = value.as_bytes();
            let refused = (0..value.len()).filter(|at| {
                let mut altered = value.to_vec();
                altered[*at] = another(altered[*at]);
                let altered = HeaderValue::from_bytes(&altered).expect("a character");
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                let mut other = request.clone();
                other.headers_mut().insert(name, altered);
                !passes(&own, &other, &vector)
            });
            let refused = refused.count();
            let shown = format!("{} {name}: {refused} of {}", vector.scheme, value.len());
            match value.split(|byte| b" ,;".contains(byte)).count() > 2 {
                true => assert!(refused > 0, "{shown}"),
                false => assert_eq!(refused, value.len(), "{shown}"),
            }
            seen += 1;
        }
    }
    assert!(seen > 70, "{seen}");
}

#[test]
fn one_byte_of_the_body() {
    for vector in valid() {
        let provider = vector.provider();
        let (own, request) = (verifier(&provider, &vector.secrets()), vector.request());
        let verified = own.verify(&request, request.body().clone(), vector.now());
        let covers = verified.expect("verified").covers();
        let length = request.body().len();
        let refused = (0..length).filter(|at| {
            let mut body = request.body().to_vec();
            body[*at] = another(body[*at]);
            !passes(&own, &with_body(&request, body), &vector)
        });
        let refused = refused.count();
        let name = format!("{}: {refused} of {length}", vector.scheme);
        let is_form = ["twilio-form", "cinetpay"].contains(&&*vector.scheme);
        match covers {
            Coverage::WholeBody if !is_form => assert_eq!(refused, length, "{name}"),
            Coverage::Nothing => assert_eq!(refused, 0, "{name}"),
            _ => assert!(refused > 0, "{name}"),
        }
    }
}

/// A public key that is altered is none, or another.
#[test]
fn one_character_of_the_secret() {
    for vector in valid() {
        let provider = vector.provider();
        let request = vector.request();
        let altered = vector.secret_texts().map(|text| {
            // Behind a prefix and in front of padding, so that it decodes to another key.
            let at = text.len() / 2;
            let mut bytes = text.into_bytes();
            bytes[at] = another(bytes[at]);
            Secret::new(String::from_utf8(bytes).expect("text")).expect("a secret")
        });
        let altered: Vec<Secret> = altered.collect();
        if let Ok(other) = Verifier::new(&provider, &altered) {
            assert!(!passes(&other, &request, &vector), "{}", vector.scheme);
        } else {
            assert!(provider.scheme().has_public_key(), "{}", vector.scheme);
        }
    }
}
