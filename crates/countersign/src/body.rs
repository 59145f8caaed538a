//! A body as it arrives: the first chunk kept as it is, a buffer only from the second one on.

use bytes::{Bytes, BytesMut};

/// The first reservation is never larger: `Content-Length` is a number of the sender's choice.
const FIRST_RESERVATION: usize = 64 * 1024;

/// Behind it, a sender is believed to send so many times what it has sent: forged heads that
/// declare much and send little must not use up the budget for unverified bytes.
const BELIEVED: usize = 16;

#[derive(Debug, Default)]
pub(crate) struct Body {
    first: Bytes,
    buffer: BytesMut,
    /// What the sender said the length is, capped by the limit.
    declared: usize,
}

impl Body {
    pub(crate) fn with_declared(declared: usize) -> Self {
        Body {
            declared,
            ..Body::default()
        }
    }

    pub(crate) fn len(&self) -> usize {
        if self.is_buffered() {
            self.buffer.len()
        } else {
            self.first.len()
        }
    }

    fn is_buffered(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// What came before, if it was one chunk; empty otherwise.
    pub(crate) fn first(&self) -> &[u8] {
        &self.first
    }

    /// Takes a chunk. Whether it joins another one.
    pub(crate) fn joins(&self) -> bool {
        self.len() > 0
    }

    pub(crate) fn push(&mut self, chunk: Bytes) {
        if !self.joins() {
            self.first = chunk;
            return;
        }
        if !self.is_buffered() {
            self.reserve(self.first.len() + chunk.len());
            self.buffer.extend_from_slice(&self.first);
            self.first = Bytes::new();
        } else {
            self.reserve(chunk.len());
        }
        self.buffer.extend_from_slice(&chunk);
    }

    /// Makes room for `more` bytes, so that a buffer is moved once and is no larger than the body.
    fn reserve(&mut self, more: usize) {
        let needed = self.buffer.len() + more;
        if needed > self.buffer.capacity() {
            self.buffer
                .reserve(self.room_for(needed) - self.buffer.len());
        }
    }

    /// How large a buffer is made that has to hold `needed` bytes: the declared length, as far as it
    /// is believed for what has really arrived.
    fn room_for(&self, needed: usize) -> usize {
        let believed = if needed <= FIRST_RESERVATION {
            FIRST_RESERVATION
        } else {
            needed.saturating_mul(BELIEVED)
        };
        self.declared.min(believed).max(needed)
    }

    /// How many bytes are held after another chunk of `more` bytes.
    pub(crate) fn footprint_with(&self, more: usize) -> usize {
        let needed = self.len() + more;
        match self.joins() {
            false => needed,
            true if needed <= self.buffer.capacity() => self.buffer.capacity(),
            true => self.room_for(needed),
        }
    }

    pub(crate) fn finish(self) -> Bytes {
        if self.is_buffered() {
            self.buffer.freeze()
        } else {
            self.first
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(declared: usize, chunks: &[usize]) -> Body {
        let mut body = Body::with_declared(declared);
        for (n, len) in chunks.iter().enumerate() {
            body.push(Bytes::from(vec![n as u8; *len]));
        }
        body
    }

    #[test]
    fn one_chunk_is_never_copied() {
        let chunk = Bytes::from_static(b"chunk");
        let at = chunk.as_ptr();
        let mut body = Body::with_declared(5);
        body.push(Bytes::new());
        body.push(chunk);
        assert_eq!(body.finish().as_ptr(), at);
    }

    #[test]
    fn chunks_are_joined_in_order() {
        let body = filled(0, &[1, 0, 2, 3]);
        assert_eq!(body.len(), 6);
        assert_eq!(body.finish(), [0, 2, 2, 3, 3, 3][..]);
    }

    #[test]
    fn the_declared_length_is_believed_only_once_bytes_came() {
        let body = filled(50_000_000, &[10, 10]);
        assert!(body.buffer.capacity() <= FIRST_RESERVATION);
        let body = filled(50_000_000, &[10, FIRST_RESERVATION]);
        let believed = BELIEVED * (10 + FIRST_RESERVATION);
        assert!((believed..2 * believed).contains(&body.buffer.capacity()));
        let body = filled(50_000_000, &[FIRST_RESERVATION, 4_000_000, 1]);
        assert!((50_000_000..51_000_000).contains(&body.buffer.capacity()));
    }
}
