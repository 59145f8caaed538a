//! Public keys: Ed25519, ECDSA on P-256, RSA. The only module that needs the feature `public-key`.

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::MessageAlgorithm;
use super::key::{KeyEncoding, KeyFormat};
use crate::error::{ConfigError, ConfigErrorKind};
use crate::secret::Secret;

/// A public key, in the form that the library takes.
pub(crate) struct PublicKey {
    key: UnparsedPublicKey<Vec<u8>>,
}

impl PublicKey {
    /// The key for an algorithm whose signatures are as X.509 writes them.
    pub(crate) fn new(
        algorithm: MessageAlgorithm,
        format: &KeyFormat,
        secret: &Secret,
    ) -> Result<PublicKey, ConfigError> {
        let (found, algorithm, expected): (_, &dyn VerificationAlgorithm, _) = match algorithm {
            MessageAlgorithm::Ed25519 => (
                read(format, secret, ed25519)?,
                &ED25519,
                "an Ed25519 public key of 32 bytes",
            ),
            MessageAlgorithm::EcdsaP256Sha256 => {
                (read(format, secret, p256)?, &ECDSA_P256_SHA256_ASN1, P256)
            }
            _ => (
                read(format, secret, rsa)?,
                &RSA_PKCS1_2048_8192_SHA256,
                "an RSA public key of 2048 to 8192 bits",
            ),
        };
        Self::of(found, algorithm, expected)
    }

    /// A P-256 key whose signatures are two numbers of 32 bytes, as JWT writes them.
    pub(crate) fn for_es256(format: &KeyFormat, secret: &Secret) -> Result<PublicKey, ConfigError> {
        Self::of(read(format, secret, p256)?, &ECDSA_P256_SHA256_FIXED, P256)
    }

    fn of(
        found: Option<Vec<u8>>,
        algorithm: &'static dyn VerificationAlgorithm,
        expected: &str,
    ) -> Result<PublicKey, ConfigError> {
        let bytes = found.ok_or_else(|| {
            ConfigError::new(
                ConfigErrorKind::SecretEncoding,
                format!("the key is not {expected}, which this scheme verifies with"),
            )
        })?;
        Ok(PublicKey {
            key: UnparsedPublicKey::new(algorithm, bytes),
        })
    }

    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify(message, signature).is_ok()
    }
}

const P256: &str = "a public key on the curve P-256";

/// The key's own bytes.
fn read(
    format: &KeyFormat,
    secret: &Secret,
    key: fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Option<Vec<u8>>, ConfigError> {
    if secret.is_text()
        && secret
            .expose()
            .windows(11)
            .any(|word| word == b"PRIVATE KEY")
    {
        return Err(ConfigError::new(
            ConfigErrorKind::SecretEncoding,
            "this is a private key, which is the provider's alone; the public key is needed",
        ));
    }
    let bytes = format.decode(secret)?;
    let is_spki = matches!(format.encoding, KeyEncoding::SpkiBase64 | KeyEncoding::Pem);
    // What an encoding says is a SubjectPublicKeyInfo has to be one; bytes may be either.
    match key(&bytes) {
        Some(_) if is_spki && secret.is_text() && spki(&bytes).is_none() => Ok(None),
        found => Ok(found),
    }
}

fn ed25519(bytes: &[u8]) -> Option<Vec<u8>> {
    const OID: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];
    let point = match spki(bytes) {
        Some((OID, key)) => key,
        Some(_) => return None,
        None => bytes,
    };
    (point.len() == 32).then(|| point.to_vec())
}

fn p256(bytes: &[u8]) -> Option<Vec<u8>> {
    // id-ecPublicKey and prime256v1.
    const OIDS: &[u8] = &[
        0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
        0x3d, 0x03, 0x01, 0x07,
    ];
    let point = match spki(bytes) {
        Some((OIDS, key)) => key,
        Some(_) => return None,
        None => bytes,
    };
    // Uncompressed: a mark and two coordinates.
    (point.len() == 65 && point.first() == Some(&4)).then(|| point.to_vec())
}

fn rsa(bytes: &[u8]) -> Option<Vec<u8>> {
    // rsaEncryption, and no parameters.
    const OID: &[u8] = &[
        0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let key = match spki(bytes) {
        Some((OID, key)) => key,
        Some(_) => return None,
        None => bytes,
    };
    let (numbers, rest) = element(key, SEQUENCE)?;
    let (modulus, exponent) = element(numbers, INTEGER)?;
    let (_, behind) = element(exponent, INTEGER)?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let whole = rest.is_empty() && behind.is_empty();
    // The library refuses the others when it verifies, which is too late for who configures it.
    (whole && (256..=1024).contains(&modulus.len()) && modulus.first()? & 0x80 != 0)
        .then(|| key.to_vec())
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// Algorithm and key of a SubjectPublicKeyInfo in DER.
fn spki(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (info, rest) = element(bytes, SEQUENCE)?;
    let (algorithm, key) = element(info, SEQUENCE)?;
    let (bits, behind) = element(key, BIT_STRING)?;
    let key = bits.strip_prefix(&[0])?;
    (rest.is_empty() && behind.is_empty()).then_some((algorithm, key))
}

/// The contents of the element that the bytes begin with, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_prefix(&[tag])?;
    let (length, rest) = match rest {
        [short @ 0..=0x7f, rest @ ..] => (usize::from(*short), rest),
        [0x81, length @ 0x80..=0xff, rest @ ..] => (usize::from(*length), rest),
        [0x82, high @ 1..=0xff, low, rest @ ..] => {
            (usize::from(*high) << 8 | usize::from(*low), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PublicKey")
    }
}
