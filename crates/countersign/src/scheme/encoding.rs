//! Reading a received signature into bytes of exactly the right length.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

/// How a signature is spelled in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SignatureEncoding {
    /// Two hexadecimal digits a byte, of either case.
    Hex,
    /// Base64 with padding, canonical to the last bit.
    Base64,
    /// Either: they have different lengths, so that no text is both. For a provider that does not
    /// say.
    #[serde(skip)]
    HexOrBase64,
}

/// The largest tag of any supported algorithm: SHA-512's.
const MAX_TAG: usize = 64;

/// A received or computed tag of up to 64 bytes, padded with zeros.
///
/// Held as eight words, because a constant-time comparison a word at a time costs a fifth of one a
/// byte at a time, and less than a block of SHA-256.
#[derive(Clone, Copy)]
pub(crate) struct Tag {
    words: [u64; MAX_TAG / 8],
}

impl Tag {
    /// The tag `bytes`, of at most 64 bytes; what is beyond is a mistake of the caller, cut off.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Tag {
        let mut words = [0; MAX_TAG / 8];
        for (word, chunk) in words.iter_mut().zip(bytes.chunks(8)) {
            let mut padded = [0; 8];
            for (to, from) in padded.iter_mut().zip(chunk) {
                *to = *from;
            }
            *word = u64::from_le_bytes(padded);
        }
        Tag { words }
    }

    /// Whether both tags are the same in their first `length` bytes, in constant time.
    pub(crate) fn matches(&self, other: &Tag, length: usize) -> bool {
        let words = length.div_ceil(8);
        match (self.words.get(..words), other.words.get(..words)) {
            (Some(ours), Some(theirs)) => ours.ct_eq(theirs).into(),
            _ => false,
        }
    }
}

impl SignatureEncoding {
    /// Decodes `text` if it spells exactly `length` bytes. The text is what the sender sent, so
    /// that its decoding need not be constant-time.
    pub(crate) fn decode(self, text: &[u8], length: usize) -> Option<Tag> {
        match self {
            SignatureEncoding::Hex => hex_tag(text, length),
            SignatureEncoding::Base64 => base64_tag(text, length),
            SignatureEncoding::HexOrBase64 if text.len() == 2 * length => hex_tag(text, length),
            SignatureEncoding::HexOrBase64 => base64_tag(text, length),
        }
    }
}

fn hex_tag(text: &[u8], length: usize) -> Option<Tag> {
    let mut bytes = [0; MAX_TAG];
    let into = bytes.get_mut(..length)?;
    // The library strips a leading "0x"; with the length fixed first, two digits are then missing.
    if text.len() != 2 * length || const_hex::decode_to_slice(text, into).is_err() {
        return None;
    }
    Some(Tag::from_bytes(into))
}

fn base64_tag(text: &[u8], length: usize) -> Option<Tag> {
    // Three bytes more than a tag: the decoder wants room for whole quanta.
    let mut bytes = [0; MAX_TAG + 3];
    if text.len() != length.div_ceil(3) * 4 {
        return None;
    }
    let decoded = STANDARD.decode_slice(text, &mut bytes).ok()?;
    if decoded != length {
        return None;
    }
    Some(Tag::from_bytes(bytes.get(..length)?))
}

/// Decodes Base64 of exactly `N` bytes.
pub(crate) fn base64_array<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; MAX_TAG + 3];
    if text.len() != N.div_ceil(3) * 4 {
        return None;
    }
    let decoded = STANDARD.decode_slice(text, &mut bytes).ok()?;
    bytes.get(..decoded)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 32] = [
        0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee,
        0xff, 0x0f, 0x1e, 0x2d, 0x3c, 0x4b, 0x5a, 0x69, 0x78, 0x87, 0x96, 0xa5, 0xb4, 0xc3, 0xd2,
        0xe1, 0xf0,
    ];

    fn accepts(encoding: SignatureEncoding, text: &str) -> bool {
        encoding
            .decode(text.as_bytes(), 32)
            .is_some_and(|tag| tag.matches(&Tag::from_bytes(&MAC), 32))
    }

    #[test]
    fn hex_of_either_case_and_nothing_else() {
        let lower = hex::encode(MAC);
        assert!(accepts(SignatureEncoding::Hex, &lower));
        assert!(accepts(SignatureEncoding::Hex, &lower.to_uppercase()));
        for text in [
            "".to_owned(),
            format!("0x{lower}"),
            format!("0x{}", &lower[2..]),
            format!("0X{}", &lower[2..]),
            format!("{lower}00"),
            lower[..62].to_owned(),
            lower[..63].to_owned(),
            format!(" {}", &lower[1..]),
            format!("g{}", &lower[1..]),
            STANDARD.encode(MAC),
        ] {
            assert!(
                SignatureEncoding::Hex.decode(text.as_bytes(), 32).is_none(),
                "{text:?}"
            );
        }
    }

    #[test]
    fn base64_is_canonical() {
        let text = STANDARD.encode(MAC);
        assert!(accepts(SignatureEncoding::Base64, &text));
        let trailing_bits = format!("{}B=", &text[..42]);
        for text in [
            trailing_bits.as_str(),
            text.trim_end_matches('='),
            &format!("{text}="),
            &text.replace('/', "_"),
            &hex::encode(MAC),
            "",
        ] {
            let decoded = SignatureEncoding::Base64.decode(text.as_bytes(), 32);
            assert!(
                decoded.is_none() || text == STANDARD.encode(MAC),
                "{text:?}"
            );
        }
    }

    #[test]
    fn either_encoding_is_told_apart_by_length() {
        assert!(accepts(SignatureEncoding::HexOrBase64, &hex::encode(MAC)));
        assert!(accepts(
            SignatureEncoding::HexOrBase64,
            &STANDARD.encode(MAC)
        ));
        assert!(!accepts(
            SignatureEncoding::HexOrBase64,
            &hex::encode(&MAC[..22])
        ));
    }

    #[test]
    fn every_bit_of_a_tag_counts() {
        for length in [20, 32, 64] {
            let ours = [0x5a; 64];
            for bit in 0..length * 8 {
                let mut theirs = ours;
                theirs[bit / 8] ^= 1 << (bit % 8);
                let ours = Tag::from_bytes(&ours[..length]);
                assert!(
                    !ours.matches(&Tag::from_bytes(&theirs[..length]), length),
                    "bit {bit}"
                );
            }
        }
    }
}
