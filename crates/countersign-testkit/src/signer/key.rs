//! The signer's own reading of a secret or private key.

use std::sync::Arc;

use countersign::Secret;
use countersign::scheme::{KeyEncoding, KeyFormat, MessageAlgorithm};
use data_encoding::{BASE64, BASE64_NOPAD, HEXLOWER_PERMISSIVE};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair as RsaKeyPair;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use ring::{digest, hmac};
use unicode_normalization::UnicodeNormalization as _;

use super::{SignError, SignErrorKind};

/// The bytes of the key. Whether it is long enough is the verifier's to say.
pub(super) fn decode(format: &KeyFormat, secret: &Secret) -> Result<Vec<u8>, SignError> {
    if !secret.is_text() {
        return Ok(secret.expose().to_vec());
    }
    let mut text = secret.expose();
    for prefix in format.strip_prefix.iter() {
        if let Some(rest) = text.strip_prefix(prefix.as_bytes()) {
            text = rest;
            break;
        }
    }
    let key = match format.encoding {
        KeyEncoding::Text => Some(text.to_vec()),
        KeyEncoding::Hex => HEXLOWER_PERMISSIVE.decode(text).ok(),
        KeyEncoding::Base64 => BASE64.decode(text).ok(),
        KeyEncoding::Base64PaddingOptional if text.ends_with(b"=") => BASE64.decode(text).ok(),
        KeyEncoding::Base64PaddingOptional => BASE64_NOPAD.decode(text).ok(),
        KeyEncoding::TextNfkd => std::str::from_utf8(text)
            .ok()
            .map(|text| text.nfkd().collect::<String>().into_bytes()),
        _ => None,
    };
    key.filter(|key| !key.is_empty())
        .ok_or_else(wrong_form_of_secret)
}

pub(super) fn wrong_form_of_secret() -> SignError {
    SignError::new(
        SignErrorKind::SecretEncoding,
        "the secret is not in the form that the scheme asks for",
    )
}

/// A key that signs.
#[derive(Clone)]
pub(super) enum SigningKey {
    Hmac(hmac::Key),
    /// Of a plain hash, with the secret somewhere in the message.
    Plain(&'static digest::Algorithm, Vec<u8>),
    Ed25519(Arc<Ed25519KeyPair>),
    Ecdsa(Arc<EcdsaKeyPair>),
    Rsa(Arc<RsaKeyPair>),
}

impl SigningKey {
    pub(super) fn new(
        algorithm: MessageAlgorithm,
        format: &KeyFormat,
        secret: &Secret,
    ) -> Result<SigningKey, SignError> {
        let shared = |algorithm| {
            Ok(SigningKey::Hmac(hmac::Key::new(
                algorithm,
                &decode(format, secret)?,
            )))
        };
        match algorithm {
            MessageAlgorithm::HmacSha1 => shared(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY),
            MessageAlgorithm::HmacSha256 => shared(hmac::HMAC_SHA256),
            MessageAlgorithm::HmacSha512 => shared(hmac::HMAC_SHA512),
            MessageAlgorithm::Sha256 => {
                Ok(SigningKey::Plain(&digest::SHA256, decode(format, secret)?))
            }
            MessageAlgorithm::Sha512 => {
                Ok(SigningKey::Plain(&digest::SHA512, decode(format, secret)?))
            }
            MessageAlgorithm::Ed25519 => ed25519(format, secret),
            MessageAlgorithm::EcdsaP256Sha256 => ecdsa(&ECDSA_P256_SHA256_ASN1_SIGNING, secret),
            MessageAlgorithm::RsaSha256 => rsa(secret),
            _ => Err(super::bad_scheme("the scheme's algorithm is not supported")),
        }
    }

    pub(super) fn hs256(format: &KeyFormat, secret: &Secret) -> Result<SigningKey, SignError> {
        SigningKey::new(MessageAlgorithm::HmacSha256, format, secret)
    }

    pub(super) fn es256(_: &KeyFormat, secret: &Secret) -> Result<SigningKey, SignError> {
        ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, secret)
    }

    /// The secret's bytes, where they are part of the message.
    pub(super) fn plain(&self) -> &[u8] {
        match self {
            SigningKey::Plain(_, secret) => secret,
            _ => b"",
        }
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let random = SystemRandom::new();
        let failed = |_| SignError::new(SignErrorKind::NoRandomness, "the key could not sign");
        Ok(match self {
            SigningKey::Hmac(key) => hmac::sign(key, message).as_ref().to_vec(),
            SigningKey::Plain(algorithm, _) => digest::digest(algorithm, message).as_ref().to_vec(),
            SigningKey::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            SigningKey::Ecdsa(pair) => {
                let signature = pair.sign(&random, message).map_err(failed)?;
                signature.as_ref().to_vec()
            }
            SigningKey::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(failed)?;
                signature
            }
        })
    }

    /// The public half, as bytes that a verifier takes.
    pub(super) fn public_key(&self) -> Option<Vec<u8>> {
        match self {
            SigningKey::Ed25519(pair) => Some(pair.public_key().as_ref().to_vec()),
            SigningKey::Ecdsa(pair) => Some(pair.public_key().as_ref().to_vec()),
            SigningKey::Rsa(pair) => Some(pair.public().as_ref().to_vec()),
            _ => None,
        }
    }
}

fn ed25519(format: &KeyFormat, secret: &Secret) -> Result<SigningKey, SignError> {
    let pair = match pem(secret, "PRIVATE KEY") {
        Some(pkcs8) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).ok(),
        None => {
            let mut format = format.clone();
            // As Svix writes its private keys.
            format.strip_prefix.to_mut().push("whsk_".into());
            let bytes = decode(&format, secret)?;
            match bytes.split_at_checked(32) {
                Some((seed, [])) => Ed25519KeyPair::from_seed_unchecked(seed).ok(),
                Some((seed, public)) => Ed25519KeyPair::from_seed_and_public_key(seed, public).ok(),
                None => None,
            }
        }
    };
    pair.map(|pair| SigningKey::Ed25519(Arc::new(pair)))
        .ok_or_else(|| private_key("an Ed25519 private key: its 32 bytes as the public key is written, or PKCS #8 in PEM"))
}

fn ecdsa(
    algorithm: &'static EcdsaSigningAlgorithm,
    secret: &Secret,
) -> Result<SigningKey, SignError> {
    let pair = pem(secret, "PRIVATE KEY")
        .and_then(|pkcs8| EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8, &SystemRandom::new()).ok());
    pair.map(|pair| SigningKey::Ecdsa(Arc::new(pair)))
        .ok_or_else(|| private_key("a private key on P-256, PKCS #8 in PEM"))
}

fn rsa(secret: &Secret) -> Result<SigningKey, SignError> {
    let pair = match pem(secret, "PRIVATE KEY") {
        Some(pkcs8) => RsaKeyPair::from_pkcs8(&pkcs8).ok(),
        None => pem(secret, "RSA PRIVATE KEY").and_then(|der| RsaKeyPair::from_der(&der).ok()),
    };
    pair.map(|pair| SigningKey::Rsa(Arc::new(pair)))
        .ok_or_else(|| private_key("an RSA private key of 2048 to 4096 bits in PEM"))
}

/// What a block of PEM of that kind holds.
fn pem(secret: &Secret, kind: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(secret.expose()).ok()?.trim();
    let inside = text
        .strip_prefix(&format!("-----BEGIN {kind}-----"))?
        .strip_suffix(&format!("-----END {kind}-----"))?;
    let joined: String = inside.split_whitespace().collect();
    BASE64.decode(joined.as_bytes()).ok()
}

fn private_key(expected: &'static str) -> SignError {
    SignError::new(SignErrorKind::SecretEncoding, expected)
}
