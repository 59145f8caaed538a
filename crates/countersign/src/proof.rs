//! The schemes as they run: one of them prepared, and one delivery under it.

use crate::error::{ConfigError, Error, ErrorKind};
use crate::head::Head;
use crate::provider::Provider;
use crate::scheme::{
    HmacProof, HmacVerification, JwtProof, JwtVerification, MessageProof, MessageVerification,
    Scheme, SealedProof, SealedVerification, TokenProof,
};
use crate::secret::Secret;

#[derive(Debug)]
pub(crate) enum Proof {
    Hmac(HmacProof),
    Sealed(SealedProof),
    Message(Box<MessageProof>),
    Jwt(Box<JwtProof>),
    Token(TokenProof),
    /// There is none.
    Unsigned,
}

#[expect(
    clippy::large_enum_variant,
    reason = "a box would be an allocation a delivery"
)]
pub(crate) enum State<'h> {
    Hmac(HmacVerification<'h>),
    Sealed(SealedVerification),
    Message(Box<MessageVerification<'h>>),
    Jwt(Box<JwtVerification<'h>>),
    /// Which token was sent.
    Token(Option<usize>),
    /// There is nothing to be verified.
    Unsigned,
}

impl Proof {
    /// The provider's scheme with the secrets, checked and prepared.
    pub(crate) fn new(provider: &Provider, secrets: &[Secret]) -> Result<Proof, ConfigError> {
        Ok(match provider.scheme() {
            Scheme::Hmac(scheme) => Proof::Hmac(HmacProof::new(scheme, secrets)?),
            Scheme::Sealed(scheme) => Proof::Sealed(SealedProof::new(scheme, secrets)?),
            Scheme::Message(scheme) => {
                let id = &provider.envelope().id;
                Proof::Message(Box::new(MessageProof::new(scheme, secrets, id)?))
            }
            Scheme::Jwt(scheme) => Proof::Jwt(Box::new(JwtProof::new(scheme, secrets)?)),
            Scheme::DangerousToken(scheme) => Proof::Token(TokenProof::new(scheme, secrets)?),
            Scheme::DangerousUnsigned => Proof::Unsigned,
        })
    }

    #[cold]
    #[inline(never)]
    /// Begins what is not begun in place.
    pub(crate) fn begin_other<'h, H: Head + ?Sized>(
        &self,
        head: &'h H,
        state: &mut State<'h>,
    ) -> Result<(), Error> {
        *state = match self {
            Proof::Message(proof) => State::Message(Box::new(proof.begin(head)?)),
            Proof::Jwt(proof) => State::Jwt(Box::new(proof.begin(head)?)),
            Proof::Token(proof) => State::Token(proof.begin(head)?),
            Proof::Unsigned => State::Unsigned,
            // These two are begun in place.
            Proof::Hmac(_) | Proof::Sealed(_) => {
                return Err(Error::new(ErrorKind::SignatureMismatch));
            }
        };
        Ok(())
    }
}
