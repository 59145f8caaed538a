//! Sample events in the form of each provider, to be signed and sent.

mod embedded;
mod shaped;

use std::time::SystemTime;

use bytes::Bytes;
use countersign::{IdSource, Provider, UnixTime};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};

use self::embedded::Embedded;
use crate::signer::{SignError, SignErrorKind, random};

/// The body of one event, such as its provider would send: new each time, by its id and its time.
///
/// FedaPay's, Banking Circle's and 4Pay's follow the examples that they publish. CentralPay and
/// ZibaPay publish none, nor does anybody for a scheme that many senders share: theirs are made up,
/// with id, type and time at the places that the [`Provider`] names.
///
/// ```
/// use countersign::provider;
/// use countersign_testkit::Sample;
///
/// let paid = Sample::of(&provider::fedapay(), "transaction.approved")?;
/// assert!(paid.id().starts_with("evt_"));
/// assert!(Sample::kinds(&provider::fedapay()).contains(&paid.kind()));
/// # Ok::<(), countersign_testkit::SignError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sample {
    kind: &'static str,
    id: String,
    body: Bytes,
    synthetic: bool,
}

/// What is new in each sample.
struct Fresh {
    bytes: [u8; 16],
    at: jiff::Timestamp,
}

impl Sample {
    /// The types of which there are samples. Where no type is known to exist, it is one that was made
    /// up.
    pub fn kinds(provider: &Provider) -> Vec<&'static str> {
        let embedded = embedded::of(provider.name()).map(|sample| sample.kind);
        let shaped = shaped::kinds(provider.name()).iter().copied();
        embedded.chain(shaped).collect()
    }

    /// A sample of an event that happens now.
    ///
    /// # Errors
    ///
    /// [`NoSample`](SignErrorKind::NoSample) if `kind` is none of [`kinds`](Self::kinds), and
    /// [`NoRandomness`](SignErrorKind::NoRandomness) if the system has none for an id.
    pub fn of(provider: &Provider, kind: &str) -> Result<Sample, SignError> {
        Sample::at(provider, kind, SystemTime::now().into())
    }

    /// A sample of an event that happens `at` this moment.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of), and [`BadTime`](SignErrorKind::BadTime) if no date can express the
    /// moment.
    pub fn at(provider: &Provider, kind: &str, at: UnixTime) -> Result<Sample, SignError> {
        let fresh = Fresh::new(at)?;
        if let Some(embedded) = embedded::of(provider.name()).find(|sample| sample.kind == kind) {
            return Ok(Sample::filled(provider, embedded, &fresh));
        }
        let mut shaped = shaped::kinds(provider.name()).iter();
        let Some(kind) = shaped.find(|known| **known == kind) else {
            return Err(SignError::new(
                SignErrorKind::NoSample,
                "there is no sample of that type; `Sample::kinds` lists those that there are",
            ));
        };
        let shaped = shaped::sample(provider.envelope(), kind, &fresh);
        Ok(Sample {
            kind,
            id: shaped.id.unwrap_or_else(|| digest_id(&shaped.event)),
            body: shaped.body.into(),
            synthetic: true,
        })
    }

    fn filled(provider: &Provider, embedded: &'static Embedded, fresh: &Fresh) -> Sample {
        let (id, body) = embedded.fill(fresh);
        let id = match provider.envelope().id {
            IdSource::Digest => digest_id(&body),
            _ => id,
        };
        Sample {
            kind: embedded.kind,
            id,
            body: body.into(),
            synthetic: !embedded.published,
        }
    }

    /// The type.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The event's id as a receiver shows it. Where it stands in a signed header, it is to be given to
    /// [`Signer::with_id`](crate::Signer::with_id).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The body, before it is sealed.
    pub fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Whether it was made up, or made from an example of another type.
    pub fn is_synthetic(&self) -> bool {
        self.synthetic
    }
}

impl From<&Sample> for Bytes {
    fn from(sample: &Sample) -> Bytes {
        sample.body()
    }
}

fn digest_id(event: &str) -> String {
    let digest = digest(&SHA256, event.as_bytes());
    format!("sha256:{}", HEXLOWER.encode(digest.as_ref()))
}

impl Fresh {
    fn new(at: UnixTime) -> Result<Fresh, SignError> {
        let at = jiff::Timestamp::from_millisecond(at.as_millis()).map_err(|_| {
            SignError::new(
                SignErrorKind::BadTime,
                "the time is beyond what a date can express",
            )
        })?;
        Ok(Fresh {
            bytes: random()?,
            at,
        })
    }

    fn hex(&self) -> String {
        HEXLOWER.encode(&self.bytes)
    }

    /// As a random UUID.
    fn uuid(&self) -> String {
        let bits = u128::from_be_bytes(self.bytes);
        let bits = bits & !(0xf << 76) & !(0b11 << 62) | (0x4 << 76) | (0b10 << 62);
        let (a, b, c) = (bits >> 96, bits >> 80 & 0xffff, bits >> 64 & 0xffff);
        let (d, e) = (bits >> 48 & 0xffff, bits & 0xffff_ffff_ffff);
        format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_says_that_it_is_random() {
        let fresh = |byte| Fresh {
            bytes: [byte; 16],
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        assert_eq!(fresh(0).uuid(), "00000000-0000-4000-8000-000000000000");
        assert_eq!(fresh(0xff).uuid(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
