//! JSON Web Tokens, from the side of the sender.

use std::fmt;

use bytes::Bytes;
use countersign::scheme::{JwtAlgorithms, JwtScheme};
use countersign::{Secret, UnixTime};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use super::key::SigningKey;
use super::signed::JSON;
use super::{SignError, SignErrorKind, Signed, header_name, header_value, random};

#[derive(Clone)]
pub(super) struct JwtSigner {
    scheme: JwtScheme,
    key: SigningKey,
}

impl JwtSigner {
    pub(super) fn new(scheme: &JwtScheme, secret: &Secret) -> Result<Self, SignError> {
        if scheme.url_hash.is_some() && scheme.public_url.is_none() {
            return Err(SignError::new(
                SignErrorKind::MissingUrl,
                "the provider signs the URL that it was given, which is not set",
            ));
        }
        let key = match scheme.algorithms {
            JwtAlgorithms::Es256 => SigningKey::es256(&scheme.key, secret)?,
            _ => SigningKey::hs256(&scheme.key, secret)?,
        };
        Ok(JwtSigner {
            scheme: scheme.clone(),
            key,
        })
    }

    pub(super) fn public_key(&self) -> Option<Vec<u8>> {
        self.key.public_key()
    }

    pub(super) fn sign(&self, body: Bytes, at: UnixTime) -> Result<Signed, SignError> {
        let algorithm = match self.scheme.algorithms {
            JwtAlgorithms::Es256 => "ES256",
            _ => "HS256",
        };
        let hash = |bytes: &[u8]| Value::from(HEXLOWER.encode(digest(&SHA256, bytes).as_ref()));
        let mut claims = Map::new();
        claims.insert("iat".to_owned(), at.as_secs().into());
        claims.insert("jti".to_owned(), HEXLOWER.encode(&random::<16>()?).into());
        if let Some(claim) = &self.scheme.body_hash {
            claims.insert(claim.claim.to_string(), hash(&body));
        }
        let url = self.scheme.public_url.as_deref();
        if let (Some(claim), Some(url)) = (&self.scheme.url_hash, url) {
            claims.insert(claim.to_string(), hash(url.as_bytes()));
        }
        let encode = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let head = encode(json!({"alg": algorithm, "typ": "JWT"}));
        let signed = format!("{head}.{}", encode(Value::Object(claims)));
        let signature = BASE64URL_NOPAD.encode(&self.key.sign(signed.as_bytes())?);
        let bearer = match &self.scheme.bearer {
            Some(word) => format!("{word} "),
            None => String::new(),
        };
        let value = header_value(&format!("{bearer}{signed}.{signature}"))?;
        let headers = vec![(header_name(&self.scheme.header)?, value)];
        let mut delivery = Signed::new(headers, body, JSON);
        delivery.url = url.map(str::to_owned);
        Ok(delivery)
    }
}

impl fmt::Debug for JwtSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtSigner")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}
