//! What may be wrong about a signed message, and about a token: URLs, algorithms, hashes of the body.

use std::borrow::Cow;

use http::HeaderName;

use super::schemes::{Change, jwt, message, named_change};
use super::urls::spellings;
use super::{Captured, Code};
use crate::provider::{Provider, Setting};
use crate::scheme::{
    JwtAlgorithms, JwtScheme, MessageAlgorithm, MessageScheme, SignatureEncoding, SignatureSource,
};

const OTHER_BODY: &str = "The signature is right, but made for another body: this one was changed on its \
                          way, or somebody put it behind a proof that he had seen. Do not accept it.";

pub(super) fn message_changes(
    all: &mut Vec<Change>,
    scheme: &MessageScheme,
    headers: &[HeaderName],
    delivery: &Captured,
) {
    if let Some(url) = &scheme.public_url {
        other_urls(all, url, delivery);
    }
    message(all, Code::OtherBody, OTHER_BODY, |scheme| {
        scheme.body_digest.take().map(|_| ())
    });
    message(
        all,
        Code::SecondsVsMilliseconds,
        super::schemes::OTHER_UNIT,
        |scheme| {
            let timestamp = scheme.timestamp.as_mut()?;
            timestamp.unit = super::schemes::other_unit(timestamp.unit)?;
            Some(())
        },
    );
    for (encoding, name) in [
        (SignatureEncoding::Hex, "hexadecimal digits"),
        (SignatureEncoding::Base64, "Base64"),
    ] {
        let detail =
            format!("The signature is written in {name}, which the scheme does not expect.");
        message(all, Code::HexVsBase64, &detail, move |scheme| {
            scheme.encoding = encoding;
            Some(())
        });
    }
    let keyed: &[_] = &[
        (MessageAlgorithm::HmacSha256, "HMAC-SHA256"),
        (MessageAlgorithm::HmacSha512, "HMAC-SHA512"),
        (MessageAlgorithm::HmacSha1, "HMAC-SHA1"),
    ];
    let plain: &[_] = &[
        (MessageAlgorithm::Sha256, "SHA-256"),
        (MessageAlgorithm::Sha512, "SHA-512"),
    ];
    // With a public key there is none to mistake it for.
    let others = [keyed, plain].into_iter().find(|kind| {
        let mut kind = kind.iter();
        kind.any(|(algorithm, _)| *algorithm == scheme.algorithm)
    });
    for (algorithm, name) in others.unwrap_or_default() {
        let detail = format!("The signature is {name}, which the scheme does not expect.");
        message(all, Code::WrongAlgorithm, &detail, move |scheme| {
            scheme.algorithm = *algorithm;
            Some(())
        });
    }
    let SignatureSource::Headers { names, .. } = &scheme.signature else {
        return;
    };
    let expected = |name: &&HeaderName| !names.iter().any(|own| *own == name.as_str());
    for name in headers.iter().filter(expected) {
        let detail =
            format!("The signature stands in the header {name}: name it as the signature header.");
        let name = name.as_str().to_owned();
        message(all, Code::OtherSignatureHeader, &detail, move |scheme| {
            let SignatureSource::Headers { names, .. } = &mut scheme.signature else {
                return None;
            };
            *names = Cow::Owned(vec![Cow::Owned(name.clone())]);
            Some(())
        });
    }
}

pub(super) fn jwt_changes(all: &mut Vec<Change>, scheme: &JwtScheme, delivery: &Captured) {
    if let Some(url) = &scheme.public_url {
        other_urls(all, url, delivery);
        let detail = "The token is right, but made for another URL, and for none of the usual \
                      spellings of this one: look up at the provider which it was given.";
        jwt(all, Code::WrongUrl, detail, |scheme| {
            scheme.url_hash.take().map(|_| ())
        });
    }
    jwt(all, Code::OtherBody, OTHER_BODY, |scheme| {
        scheme.body_hash.take().map(|_| ())
    });
    // None of another kind of key: to take a public key for a secret is what forgers hope for.
    let detail = "The token is signed with HS384 or HS512, which the scheme does not expect.";
    jwt(all, Code::WrongAlgorithm, detail, |scheme| {
        let is_hs256 = scheme.algorithms == JwtAlgorithms::Hs256;
        scheme.algorithms = JwtAlgorithms::AnyHs;
        is_hs256.then_some(())
    });
    for (name, value) in &delivery.headers {
        // A word and a token, or a token.
        let words: Vec<&[u8]> = value.splitn(2, |byte| *byte == b' ').collect();
        let (bearer, token) = match words.as_slice() {
            [word, token] => (String::from_utf8(word.to_vec()).ok(), *token),
            _ => (None, value.as_slice()),
        };
        if token.iter().filter(|byte| **byte == b'.').count() != 2 {
            continue;
        }
        let behind = match &bearer {
            Some(_) => "behind a word",
            None => "with no word before it",
        };
        let detail = format!("The token stands in the header {name}, {behind}: describe it so.");
        let name = name.as_str().to_owned();
        jwt(all, Code::OtherSignatureHeader, &detail, move |scheme| {
            scheme.header = Cow::Owned(name.clone());
            scheme.bearer = bearer.clone().map(Cow::Owned);
            Some(())
        });
    }
}

/// The URL that was signed, where it is written otherwise than it is configured.
fn other_urls(all: &mut Vec<Change>, configured: &str, delivery: &Captured) {
    for spelling in spellings(configured, delivery) {
        let detail = format!(
            "The provider signed another spelling of the URL: with {}. Set the public URL as the provider \
             was given it, and not as the request arrives behind a proxy.",
            spelling.how
        );
        all.push(named_change(
            Code::WrongUrl,
            &detail,
            move |provider: &Provider| {
                let url = Setting::PublicUrl(spelling.url.clone());
                provider.clone().with(url).ok()
            },
        ));
    }
}
