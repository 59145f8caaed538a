//! How each fault is made from a genuine delivery.

use bytes::Bytes;
use countersign::scheme::Scheme;
use countersign::{IdSource, Provider, Secret, UnixTime, provider};
use http::{HeaderName, HeaderValue};

use crate::signer::{SignError, SignErrorKind, Signed, Signer, header_name};

/// Headers that carry an id somewhere, and are signed nowhere.
const LABELS: [&str; 5] = [
    "idempotency-key",
    "x-delivery-id",
    "x-github-delivery",
    "x-request-id",
    "x-webhook-id",
];

/// The means of a forger: everything but the key, which only the shots that need it are made with.
pub(super) struct Forge<'a> {
    provider: &'a Provider,
    secret: &'a Secret,
    signer: Signer,
    body: Bytes,
    at: UnixTime,
}

impl<'a> Forge<'a> {
    pub(super) fn new(
        provider: &'a Provider,
        secret: &'a Secret,
        body: Bytes,
        at: UnixTime,
    ) -> Result<Self, SignError> {
        Ok(Forge {
            provider,
            secret,
            signer: Signer::new(provider, secret)?,
            body,
            at,
        })
    }

    fn genuine(&self) -> Result<Signed, SignError> {
        self.signer.sign(self.body.clone(), self.at)
    }

    pub(super) fn has_signed_id(&self) -> bool {
        matches!(self.provider.envelope().id, IdSource::SignedHeader(_))
    }

    pub(super) fn tampered(&self) -> Result<Vec<Signed>, SignError> {
        let signed = self.genuine()?;
        let body = signed.body().to_vec();
        // The last letter or digit stands in a value: it is still the same JSON but for that.
        let last = body.iter().rposition(u8::is_ascii_alphanumeric);
        let changed = last.map(|at| with_byte(&body, at, other_digit));
        let broken = with_byte(&body, 0, other_mark);
        // Two: a text in UTF-16 has an even number of bytes.
        let longer = [&body[..], b"\n\n"].concat();
        let bodies = changed.into_iter().chain([broken, longer]);
        let with_body = |body| {
            let mut signed = signed.clone();
            signed.body = Bytes::from(body);
            signed
        };
        Ok(bodies.map(with_body).collect())
    }

    pub(super) fn by_another_secret(&self) -> Result<Signed, SignError> {
        let text = self.secret.expose();
        // In the middle: a prefix and the last digit of Base64 have rules of their own. A digit is
        // one in every encoding of keys.
        let middle = text.len() / 2;
        let near = |at: &usize| at.abs_diff(middle);
        let letters = text.iter().enumerate();
        let letters = letters.filter(|(_, byte)| byte.is_ascii_alphanumeric());
        let other = match letters.map(|(at, _)| at).min_by_key(near) {
            Some(at) => with_byte(text, at, other_digit),
            None => [text, b"1"].concat(),
        };
        self.sign_by(other)
    }

    pub(super) fn by_the_other_mode(&self) -> Result<Signed, SignError> {
        let text = self.secret.expose();
        let (live, sandbox) = (&b"wh_live_"[..], &b"wh_sandbox_"[..]);
        self.sign_by(match text.strip_prefix(live) {
            Some(rest) => [sandbox, rest].concat(),
            None => [live, text.strip_prefix(sandbox).unwrap_or(text)].concat(),
        })
    }

    fn sign_by(&self, secret: Vec<u8>) -> Result<Signed, SignError> {
        let secret = match String::from_utf8(secret) {
            Ok(text) => Secret::new(text),
            Err(bytes) => Secret::from_bytes(bytes.into_bytes()),
        };
        let secret = secret.map_err(|_| wrong_secret())?;
        Signer::new(self.provider, &secret)?.sign(self.body.clone(), self.at)
    }

    pub(super) fn signed_after(&self, millis: i64) -> Result<Signed, SignError> {
        let at = UnixTime::from_millis(self.at.as_millis().saturating_add(millis));
        self.signer.sign(self.body.clone(), at)
    }

    pub(super) fn without_proof(&self) -> Result<Vec<Signed>, SignError> {
        let (mut without, mut bare) = (self.genuine()?, self.genuine()?);
        without.headers.remove(0);
        bare.headers.clear();
        Ok(vec![without, bare])
    }

    pub(super) fn truncated(&self) -> Result<Vec<Signed>, SignError> {
        let mut cut = Vec::new();
        // A byte's digits, and half of the shortest signature that there is: a tag in Base64.
        for less in [2, 12] {
            let mut signed = self.genuine()?;
            let mut value = signature(&signed)?.as_bytes().to_vec();
            value.truncate(value.len().saturating_sub(less));
            set_signature(&mut signed, &value)?;
            cut.push(signed);
        }
        Ok(cut)
    }

    pub(super) fn two_signatures(&self) -> Result<Vec<Signed>, SignError> {
        let (genuine, forged) = (self.genuine()?, self.by_another_secret()?);
        let forged = forged.headers.into_iter().next().ok_or_else(no_header)?;
        let (mut before, mut behind) = (genuine.clone(), genuine);
        before.headers.insert(0, forged.clone());
        behind.headers.insert(1, forged);
        Ok(vec![before, behind])
    }

    pub(super) fn oversized(&self) -> Result<Signed, SignError> {
        let length = self.provider.body_limit().saturating_add(1);
        if let Scheme::Sealed(_) = self.provider.scheme() {
            // What is too long is refused before it is deciphered, and sealing it takes long.
            let mut signed = self.genuine()?;
            signed.body = Bytes::from(vec![0; length]);
            return Ok(signed);
        }
        let mut body = self.body.to_vec();
        body.resize(length.max(body.len()), b' ');
        self.signer.sign(body, self.at)
    }

    pub(super) fn replay(&self) -> Result<(Signed, Signed), SignError> {
        let (mut genuine, mut replay) = {
            let signed = self.genuine()?;
            (signed.clone(), signed)
        };
        for label in LABELS {
            for (signed, id) in [(&mut genuine, "delivery-1"), (&mut replay, "delivery-2")] {
                let value = HeaderValue::from_static(id);
                signed.headers.push((HeaderName::from_static(label), value));
            }
        }
        if let IdSource::SignedHeader(name) = &self.provider.envelope().id {
            let name = header_name(name)?;
            for (sent, value) in &mut replay.headers {
                if *sent == name {
                    *value = HeaderValue::from_static("delivery-2");
                }
            }
        }
        Ok((genuine, replay))
    }

    pub(super) fn both_cases(&self) -> Result<(Signed, Signed), SignError> {
        let lower = self.genuine()?;
        let mut upper = lower.clone();
        let mut value = signature(&lower)?.as_bytes().to_vec();
        let digits = value.iter_mut().rev();
        for digit in digits.take_while(|byte| byte.is_ascii_hexdigit()) {
            digit.make_ascii_uppercase();
        }
        set_signature(&mut upper, &value)?;
        Ok((upper, lower))
    }

    pub(super) fn as_others_sign(&self) -> Result<Vec<Signed>, SignError> {
        let mut scheme = match self.provider.scheme() {
            Scheme::Hmac(scheme) => scheme.clone(),
            _ => return Ok(vec![self.by(provider::fourpay())?]),
        };
        if scheme.template == "{body}" {
            return Ok(vec![self.by(provider::fedapay())?]);
        }
        scheme.template = "{body}".into();
        let mut body_alone = self.by(self.provider.clone().with_scheme(Scheme::Hmac(scheme)))?;
        for (name, value) in self.genuine()?.headers {
            if !body_alone.headers.iter().any(|(sent, _)| *sent == name) {
                body_alone.headers.push((name, value));
            }
        }
        Ok(vec![self.by(provider::fourpay())?, body_alone])
    }

    /// The same body, signed under the text of the same secret by the rules of another.
    fn by(&self, other: Provider) -> Result<Signed, SignError> {
        Signer::new(&other, self.secret)?.sign(self.body.clone(), self.at)
    }
}

fn other_digit(byte: u8) -> u8 {
    if byte == b'1' { b'2' } else { b'1' }
}

/// No JSON begins with either; a ciphertext may begin with one of them.
fn other_mark(byte: u8) -> u8 {
    if byte == b'!' { b'?' } else { b'!' }
}

fn with_byte(bytes: &[u8], at: usize, change: impl Fn(u8) -> u8) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    if let Some(byte) = changed.get_mut(at) {
        *byte = change(*byte);
    }
    changed
}

fn signature(signed: &Signed) -> Result<&HeaderValue, SignError> {
    let first = signed.headers.first();
    first.map(|(_, value)| value).ok_or_else(no_header)
}

fn set_signature(signed: &mut Signed, value: &[u8]) -> Result<(), SignError> {
    let first = signed.headers.first_mut().ok_or_else(no_header)?;
    first.1 = HeaderValue::from_bytes(value).map_err(|_| no_header())?;
    Ok(())
}

fn no_header() -> SignError {
    SignError::new(
        SignErrorKind::BadScheme,
        "the scheme puts its signature into no header",
    )
}

fn wrong_secret() -> SignError {
    SignError::new(
        SignErrorKind::SecretEncoding,
        "no other secret of this form could be made",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_changed_is_another() {
        for byte in 0..=255 {
            assert_ne!(other_digit(byte), byte);
            assert_ne!(other_mark(byte), byte);
        }
    }
}
