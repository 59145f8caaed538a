//! Public keys: Ed25519, ECDSA on P-256, RSA. The only module that needs the feature `public-key`.

use ring::agreement::{
    ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey as UnparsedPoint, agree_ephemeral,
};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::MessageAlgorithm;
use super::jwk;
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
                "an Ed25519 public key of 32 bytes, which are a point's one spelling",
            ),
            MessageAlgorithm::EcdsaP256Sha256 => {
                (read_p256(format, secret)?, &ECDSA_P256_SHA256_ASN1, P256)
            }
            _ => (
                read(format, secret, rsa)?,
                &RSA_PKCS1_2048_8192_SHA256,
                "an RSA public key of 2048 to 8192 bits, with an odd modulus and exponent",
            ),
        };
        Self::of(found, algorithm, expected)
    }

    /// A P-256 key whose signatures are two numbers of 32 bytes, as JWT writes them.
    pub(crate) fn for_es256(format: &KeyFormat, secret: &Secret) -> Result<PublicKey, ConfigError> {
        Self::of(read_p256(format, secret)?, &ECDSA_P256_SHA256_FIXED, P256)
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

const P256: &str = "a public key on the curve P-256: a point of it, not compressed";

/// A point on P-256, which is in a JSON Web Key what it is in PEM.
fn read_p256(format: &KeyFormat, secret: &Secret) -> Result<Option<Vec<u8>>, ConfigError> {
    let is_jwk = secret.is_text() && secret.expose().starts_with(b"{");
    if is_jwk && format.encoding == KeyEncoding::Pem {
        return jwk::p256_point(secret.expose()).map(|point| p256(&point));
    }
    read(format, secret, p256)
}

pub(super) const IS_PRIVATE: &str =
    "this is a private key, which is the provider's alone; the public key is needed";

const IS_CERTIFICATE: &str = "this is a certificate, and nothing here would see who issued it, to whom, \
                              and until when; once you have, give its public key: openssl x509 -in FILE \
                              -noout -pubkey";

/// The key's own bytes.
fn read(
    format: &KeyFormat,
    secret: &Secret,
    key: fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<Option<Vec<u8>>, ConfigError> {
    let text = if secret.is_text() {
        secret.expose()
    } else {
        b""
    };
    let says = |word: &[u8]| memchr::memmem::find(text, word).is_some();
    let refused = |why| Err(ConfigError::new(ConfigErrorKind::SecretEncoding, why));
    if says(b"PRIVATE KEY") {
        return refused(IS_PRIVATE);
    }
    if says(b"BEGIN CERTIFICATE") {
        return refused(IS_CERTIFICATE);
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
    is_of_ed25519(point).then(|| point.to_vec())
}

/// Whether these bytes are a number below the field's prime, as the one spelling of a point has it, and
/// no point of small order: under such a key anyone can sign. Half of such numbers are no point at all, and
/// a key that is none refuses every delivery, so that it lets nothing through. The library tells so before
/// the first delivery to nobody, and to find out here would take a second library for the curve.
fn is_of_ed25519(bytes: &[u8]) -> bool {
    let Ok(mut y) = <[u8; 32]>::try_from(bytes) else {
        return false;
    };
    // The sign of the other coordinate.
    y[31] &= 0x7f;
    y.reverse();
    y < ED25519_PRIME && !ED25519_SMALL.contains(&y)
}

/// 2²⁵⁵ - 19, the highest byte first.
const ED25519_PRIME: [u8; 32] = prime_less(0);

/// The points whose order divides 8, but for the sign of the other coordinate: 1, -1 and 0, and the two
/// solutions of `d·y⁴ + 2·y² = 1`, whose double is 0.
const ED25519_SMALL: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[31] = 1;
        one
    },
    prime_less(1),
    [
        0x05, 0xfc, 0x53, 0x6d, 0x88, 0x02, 0x38, 0xb1, 0x39, 0x33, 0xc6, 0xd3, 0x05, 0xac, 0xdf,
        0xd5, 0xf0, 0x98, 0xef, 0xf2, 0x89, 0xf4, 0xc3, 0x45, 0xb0, 0x27, 0xb2, 0xc2, 0x8f, 0x95,
        0xe8, 0x26,
    ],
    [
        0x7a, 0x03, 0xac, 0x92, 0x77, 0xfd, 0xc7, 0x4e, 0xc6, 0xcc, 0x39, 0x2c, 0xfa, 0x53, 0x20,
        0x2a, 0x0f, 0x67, 0x10, 0x0d, 0x76, 0x0b, 0x3c, 0xba, 0x4f, 0xd8, 0x4d, 0x3d, 0x70, 0x6a,
        0x17, 0xc7,
    ],
];

/// The prime less a small number.
const fn prime_less(less: u8) -> [u8; 32] {
    let mut prime = [0xff; 32];
    prime[0] = 0x7f;
    prime[31] = 0xed - less;
    prime
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
    is_on_p256(point).then(|| point.to_vec())
}

/// Whether this is a point of the curve, uncompressed: a mark and two coordinates. The library says so
/// only to who agrees on a key with it; as a key that verifies, it would refuse every delivery instead.
fn is_on_p256(point: &[u8]) -> bool {
    let random = SystemRandom::new();
    let point = UnparsedPoint::new(&ECDH_P256, point);
    EphemeralPrivateKey::generate(&ECDH_P256, &random)
        .and_then(|own| agree_ephemeral(own, &point, |_| ()))
        .is_ok()
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
    let (exponent, behind) = element(exponent, INTEGER)?;
    let (modulus, exponent) = (positive(modulus)?, positive(exponent)?);
    let is_odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    // An exponent of 1 signs nothing, and one of more than 33 bits is nobody's.
    let is_exponent = exponent != [1]
        && match exponent {
            [top, rest @ ..] if rest.len() == 4 => *top <= 1,
            _ => exponent.len() <= 4,
        };
    // The library refuses the others when it verifies, which is too late for who configures it.
    let is_modulus = (256..=1024).contains(&modulus.len()) && modulus.first()? & 0x80 != 0;
    let whole = rest.is_empty() && behind.is_empty();
    (whole && is_modulus && is_odd(modulus) && is_exponent && is_odd(exponent))
        .then(|| key.to_vec())
}

/// The bytes of a positive number in DER, which has one spelling: a zero in front where it would else be
/// negative, and nowhere else.
fn positive(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0, rest @ ..] if matches!(rest, [0x80..=0xff, ..]) => Some(rest),
        [1..=0x7f, ..] => Some(bytes),
        _ => None,
    }
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
