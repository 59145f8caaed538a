//! The proof: what a verification that succeeded leaves.

use arrayvec::ArrayVec;
use bytes::Bytes;

use crate::scheme::{Coverage, MAX_SIGNED_VALUE};
use crate::time::UnixTime;

/// The proof that a delivery is its provider's, with what it proved.
///
/// There is no other way to one than a successful verification, and no way to a dedupe key but
/// through one.
#[derive(Clone)]
pub struct Verified {
    pub(crate) payload: Bytes,
    pub(crate) received: usize,
    pub(crate) key_index: usize,
    pub(crate) timestamp: Option<UnixTime>,
    /// ASCII; empty if there is none.
    pub(crate) signed_id: ArrayVec<u8, MAX_SIGNED_VALUE>,
    pub(crate) verified_at: UnixTime,
    /// Nothing where the whole body is covered, as by most schemes.
    pub(crate) beside: Option<Box<Beside>>,
}

/// What is said of a delivery whose proof is not simply one of its body.
#[derive(Clone)]
pub(crate) struct Beside {
    pub(crate) coverage: Coverage,
    /// What tells the delivery from another, where it is not the SHA-256 of the body.
    pub(crate) content: Option<Box<[u8; 32]>>,
}

impl Verified {
    /// The body: the very bytes that were received, or the decrypted text where it was sealed.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The length of the body as received, in bytes.
    pub fn received(&self) -> usize {
        self.received
    }

    /// The index of the secret that matched, so that an old one can be dropped knowingly.
    pub fn key_index(&self) -> usize {
        self.key_index
    }

    /// The signed timestamp, where the scheme has one.
    pub fn timestamp(&self) -> Option<UnixTime> {
        self.timestamp
    }

    /// The message id, where it stands in a signed header.
    pub fn signed_id(&self) -> Option<&str> {
        let id = std::str::from_utf8(&self.signed_id).ok()?;
        Some(id).filter(|id| !id.is_empty())
    }

    /// How much of the body the proof covers. Where it is not the whole, a handler may rely on what is
    /// signed only, which the documentation of the provider tells.
    pub fn covers(&self) -> Coverage {
        let beside = self.beside.as_ref();
        beside.map_or(Coverage::WholeBody, |beside| beside.coverage)
    }

    /// What tells the delivery from another, where it is not the SHA-256 of the body.
    pub(crate) fn content(&self) -> Option<&[u8; 32]> {
        self.beside.as_ref()?.content.as_deref()
    }

    /// The wall clock that the timestamp was compared with.
    pub fn verified_at(&self) -> UnixTime {
        self.verified_at
    }
}

impl std::fmt::Debug for Verified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verified")
            .field("received", &self.received)
            .field("key_index", &self.key_index)
            .field("timestamp", &self.timestamp)
            .field("signed_id", &self.signed_id())
            .finish_non_exhaustive()
    }
}
