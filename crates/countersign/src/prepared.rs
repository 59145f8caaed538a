//! A provider and its secrets, made ready: what verifying costs nothing any more for.

use arrayvec::ArrayVec;
use bytes::Bytes;

use crate::error::{ConfigError, ConfigErrorKind, Error, ErrorKind};
use crate::event::Identity;
use crate::head::Head;
use crate::identify::Identifier;
use crate::proof::{Proof, State};
use crate::provider::Provider;
use crate::scheme::{Coverage, HmacVerification, Proved, SealedVerification};
use crate::secret::{Secret, Usable, Validity};
use crate::time::UnixTime;
use crate::verified::{Beside, Verified};
use crate::window::Tolerance;

/// What is made of a provider and its secrets.
#[derive(Debug)]
pub(crate) struct Prepared {
    proof: Proof,
    /// When each secret is valid; nothing if all of them are for ever.
    validity: Box<[Validity]>,
    /// Which of the signed headers is the message id.
    id_header: Option<usize>,
    identifier: Identifier,
}

impl Prepared {
    pub(crate) fn new(provider: &Provider, secrets: &[Secret]) -> Result<Self, ConfigError> {
        let proof = Proof::new(provider, secrets)?;
        let validity = secrets.iter().map(Secret::validity);
        if validity.clone().any(|validity| validity.is_empty()) {
            return Err(ConfigError::new(
                ConfigErrorKind::BadLimit,
                "a secret's `valid_until` is before its `valid_from`, so that it would verify nothing",
            ));
        }
        let validity = match validity
            .clone()
            .all(|validity| validity == Validity::default())
        {
            true => Box::default(),
            false => validity.collect(),
        };
        let id_header = match (&proof, provider.envelope().id_header()) {
            (Proof::Hmac(proof), Some(name)) => proof.signed_header(name),
            _ => None,
        };
        Ok(Prepared {
            proof,
            validity,
            id_header,
            identifier: Identifier::new(provider.envelope()),
        })
    }

    /// The events of a verified delivery.
    pub(crate) fn identify(&self, verified: &Verified) -> Vec<Identity> {
        self.identifier.identify(verified)
    }

    /// Hashes the next chunk of a body where that can be done before the whole is there; `first` is what
    /// has come and was not hashed yet.
    #[inline]
    pub(crate) fn update(&self, state: &mut State<'_>, first: &[u8], chunk: &[u8]) {
        if let (State::Hmac(state), Proof::Hmac(proof)) = (state, &self.proof) {
            state.update(proof, first, chunk);
        }
    }

    /// What [`begin`](Self::begin) fills.
    #[inline]
    pub(crate) fn state<'h>(&self) -> State<'h> {
        match &self.proof {
            Proof::Hmac(_) => State::Hmac(HmacVerification::empty()),
            Proof::Sealed(_) => State::Sealed(SealedVerification::default()),
            Proof::Message(_) | Proof::Jwt(_) | Proof::Token(_) => State::Token(None),
            Proof::Unsigned => State::Unsigned,
        }
    }

    #[inline]
    pub(crate) fn begin<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
        state: &mut State<'h>,
    ) -> Result<(), Error> {
        match (&self.proof, state) {
            (Proof::Hmac(proof), State::Hmac(state)) => proof.begin(head, state),
            (Proof::Sealed(proof), State::Sealed(state)) => {
                *state = proof.begin(head)?;
                Ok(())
            }
            (proof, state) => proof.begin_other(head, state),
        }
    }

    /// The verdict on the whole body.
    #[inline]
    pub(crate) fn conclude(
        &self,
        state: &State<'_>,
        body: Bytes,
        tolerance: Option<Tolerance>,
        now: UnixTime,
    ) -> Result<Verified, Error> {
        let (State::Hmac(state), Proof::Hmac(proof)) = (state, &self.proof) else {
            return self.conclude_other(state, body, tolerance, now);
        };
        let id = self.id_header.and_then(|index| state.signed_value(index));
        let key_index = state.finish(proof, &body, &self.usable(now))?;
        let timestamp = state.timestamp();
        if let (Some(timestamp), Some(tolerance)) = (timestamp, tolerance) {
            tolerance.check(timestamp, now)?;
        }
        let mut verified = Verified {
            received: body.len(),
            payload: body,
            key_index,
            timestamp,
            signed_id: ArrayVec::new(),
            verified_at: now,
            beside: None,
        };
        if let Some(id) = id {
            // It was found to have no more bytes.
            let _ = verified.signed_id.try_extend_from_slice(id);
        }
        Ok(verified)
    }

    #[inline]
    fn usable(&self, now: UnixTime) -> Usable<'_> {
        Usable::new(&self.validity, now)
    }

    /// The verdict under any other scheme. Apart, so that the way of most deliveries stays short.
    #[cold]
    #[inline(never)]
    fn conclude_other(
        &self,
        state: &State<'_>,
        body: Bytes,
        tolerance: Option<Tolerance>,
        now: UnixTime,
    ) -> Result<Verified, Error> {
        let (received, usable) = (body.len(), self.usable(now));
        let proved = match (state, &self.proof) {
            (State::Sealed(state), Proof::Sealed(proof)) => {
                let (key_index, payload) = state.finish(proof, body)?;
                // One tag, and so one key: there is no other to be looked at.
                if !usable.takes(key_index) {
                    return Err(usable.mismatch());
                }
                Proved::of(key_index, payload, Coverage::WholeBody)
            }
            (State::Message(state), Proof::Message(proof)) => state.finish(proof, body, &usable)?,
            (State::Jwt(state), Proof::Jwt(proof)) => {
                let proved = state.finish(proof, body, &usable)?;
                // Where a time is looked at, a token without any would be good for ever.
                if tolerance.is_some() && proved.timestamp.is_none() {
                    return Err(Error::of(
                        ErrorKind::MalformedPayload,
                        "neither iat nor nbf",
                    ));
                }
                proved
            }
            (State::Unsigned, Proof::Unsigned) => Proved::of(0, body, Coverage::Nothing),
            (State::Token(Some(key_index)), Proof::Token(_)) if usable.takes(*key_index) => {
                Proved::of(*key_index, body, Coverage::Nothing)
            }
            // Another token, or two of different schemes.
            _ => return Err(usable.mismatch()),
        };
        if let (Some(timestamp), Some(tolerance)) = (proved.timestamp, tolerance) {
            tolerance.check(timestamp, now)?;
        }
        if proved.expires.is_some_and(|end| now.millis_since(end) > 0) {
            return Err(Error::new(ErrorKind::TimestampStale));
        }
        let mut verified = Verified {
            payload: proved.payload,
            received,
            key_index: proved.key_index,
            timestamp: proved.timestamp,
            signed_id: ArrayVec::new(),
            verified_at: now,
            beside: match (proved.coverage, proved.content) {
                (Coverage::WholeBody, None) => None,
                (coverage, content) => Some(Box::new(Beside { coverage, content })),
            },
        };
        if let Some(id) = proved.id {
            // It was found to have no more bytes.
            let _ = verified.signed_id.try_extend_from_slice(&id);
        }
        Ok(verified)
    }
}
