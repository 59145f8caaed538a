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

impl SignatureEncoding {
    /// The bytes of a text of any length, read as strictly as a [`Tag`].
    pub(crate) fn decode(self, text: &[u8]) -> Option<Vec<u8>> {
        let hex = || {
            let digits = text.iter().all(u8::is_ascii_hexdigit);
            digits.then(|| const_hex::decode(text).ok()).flatten()
        };
        match self {
            SignatureEncoding::Hex => hex(),
            SignatureEncoding::Base64 => STANDARD.decode(text).ok(),
            SignatureEncoding::HexOrBase64 => hex().or_else(|| STANDARD.decode(text).ok()),
        }
    }
}

/// The largest tag of any supported algorithm: SHA-512's.
const MAX_TAG: usize = 64;

/// A received tag of up to 64 bytes.
pub(crate) struct Tag {
    /// Three more than a tag has: the decoder of Base64 wants room for whole quanta.
    bytes: [u8; MAX_TAG + 3],
}

impl Tag {
    pub(crate) fn empty() -> Tag {
        Tag {
            bytes: [0; MAX_TAG + 3],
        }
    }

    /// Reads `text` if it spells exactly `length` bytes. It is what the sender sent, so that its
    /// decoding need not be constant-time. Read in place: a tag just written in words is slow to
    /// move.
    #[inline]
    pub(crate) fn read(&mut self, text: &[u8], length: usize, encoding: SignatureEncoding) -> bool {
        match encoding {
            SignatureEncoding::Hex => self.read_hex(text, length),
            SignatureEncoding::Base64 => self.read_base64(text, length),
            SignatureEncoding::HexOrBase64 if text.len() == 2 * length => {
                self.read_hex(text, length)
            }
            SignatureEncoding::HexOrBase64 => self.read_base64(text, length),
        }
    }

    #[inline]
    fn read_hex(&mut self, text: &[u8], length: usize) -> bool {
        // The library strips a leading "0x"; with the length fixed first, two digits are then
        // missing.
        text.len() == 2 * length
            && self
                .bytes
                .get_mut(..length)
                .is_some_and(|into| const_hex::decode_to_slice(text, into).is_ok())
    }

    #[inline]
    fn read_base64(&mut self, text: &[u8], length: usize) -> bool {
        text.len() == length.div_ceil(3) * 4
            && STANDARD.decode_slice(text, &mut self.bytes) == Ok(length)
    }

    /// Whether the tag read is `expected`, in constant time. Compared a word at a time, which costs
    /// a fifth of a comparison a byte at a time.
    #[inline]
    pub(crate) fn matches(&self, expected: &[u8]) -> bool {
        let Some(received) = self.bytes.get(..expected.len()) else {
            return false;
        };
        let (ours, our_rest) = received.as_chunks::<8>();
        let (theirs, their_rest) = expected.as_chunks::<8>();
        let words = ours.iter().zip(theirs);
        words
            .fold(our_rest.ct_eq(their_rest), |same, (ours, theirs)| {
                same & u64::from_ne_bytes(*ours).ct_eq(&u64::from_ne_bytes(*theirs))
            })
            .into()
    }
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

    fn read(encoding: SignatureEncoding, text: &str) -> Option<Tag> {
        let mut tag = Tag::empty();
        tag.read(text.as_bytes(), 32, encoding).then_some(tag)
    }

    fn accepts(encoding: SignatureEncoding, text: &str) -> bool {
        read(encoding, text).is_some_and(|tag| tag.matches(&MAC))
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
            assert!(read(SignatureEncoding::Hex, &text).is_none(), "{text:?}");
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
            assert!(
                read(SignatureEncoding::Base64, text).is_none() || text == STANDARD.encode(MAC),
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
            let expected = [0x5a; 64];
            for bit in 0..length * 8 {
                let mut received = expected;
                received[bit / 8] ^= 1 << (bit % 8);
                let mut tag = Tag::empty();
                let text = hex::encode(&received[..length]);
                assert!(tag.read(text.as_bytes(), length, SignatureEncoding::Hex));
                assert!(!tag.matches(&expected[..length]), "bit {bit}");
            }
        }
    }
}
