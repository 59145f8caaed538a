//! Where strings may end, found 64 bytes at a time.
//!
//! Byte by byte, or eight at once, each step has to wait for the one before it to say where it begins. The
//! bits of a block wait for nothing, and a string's end is then the next bit.

use wide::u8x16;

const BLOCK: usize = 64;
const LANES: usize = 16;

/// The bytes of one block of a text that end a string or stand for something else: quotes, backslashes and
/// control characters.
#[derive(Clone, Copy)]
pub(super) struct Ahead {
    /// Which block it is; no text has one of the last number.
    block: usize,
    /// A bit for each byte of the block, the lowest for its first.
    bits: u64,
}

impl Ahead {
    /// Of a text that nothing has been read of.
    pub(super) fn new() -> Ahead {
        Ahead {
            block: usize::MAX,
            bits: 0,
        }
    }

    /// The place of the first such byte at `at` or behind it; `None` if there is none.
    #[inline]
    pub(super) fn seek(&mut self, text: &[u8], mut at: usize) -> Option<usize> {
        loop {
            let block = at / BLOCK;
            if self.block != block {
                self.bits = bits_of(text.get(block * BLOCK..)?);
                self.block = block;
            }
            let left = self.bits >> (at % BLOCK);
            if left != 0 {
                let found = at + left.trailing_zeros() as usize;
                return (found < text.len()).then_some(found);
            }
            at = (block + 1) * BLOCK;
        }
    }
}

/// The bits of the block that `text` begins with, as if zeros stood behind its end.
#[inline(never)]
fn bits_of(text: &[u8]) -> u64 {
    let (lanes, rest) = text.get(..BLOCK).unwrap_or(text).as_chunks::<LANES>();
    let mut bits = 0;
    for (at, sixteen) in lanes.iter().enumerate() {
        bits |= bits_of_lanes(*sixteen) << (at * LANES);
    }
    if lanes.len() < BLOCK / LANES {
        let mut last = [0; LANES];
        if let Some(room) = last.get_mut(..rest.len()) {
            room.copy_from_slice(rest);
        }
        let at = lanes.len() * LANES;
        bits |= bits_of_lanes(last) << at;
    }
    bits
}

#[inline]
fn bits_of_lanes(bytes: [u8; LANES]) -> u64 {
    let bytes = u8x16::new(bytes);
    let quotes = bytes.simd_eq(u8x16::splat(b'"'));
    let escapes = bytes.simd_eq(u8x16::splat(b'\\'));
    let controls = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    u64::from((quotes | escapes | controls).to_bitmask())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each byte, at each place of texts of each length around one block and two.
    #[test]
    fn finds_what_a_look_at_each_byte_finds() {
        for length in [1, 15, 16, 17, 63, 64, 65, 127, 128, 129] {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = vec![b'x'; length];
                    text[at] = byte;
                    let special = byte < 0x20 || byte == b'"' || byte == b'\\';
                    for from in [0, at, at + 1] {
                        let expected = (special && from <= at).then_some(at);
                        let found = Ahead::new().seek(&text, from);
                        assert_eq!(found, expected, "{byte} at {at} of {length}, from {from}");
                    }
                }
            }
        }
    }

    #[test]
    fn goes_on_in_a_block_that_it_knows() {
        let text = [b'"'; 130];
        let mut ahead = Ahead::new();
        for at in 0..130 {
            assert_eq!(ahead.seek(&text, at), Some(at));
        }
        assert_eq!(ahead.seek(&text, 130), None);
        assert_eq!(ahead.seek(&text, 400), None);
    }
}
