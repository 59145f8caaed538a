//! JSON Web Tokens. There is no text form of these: each is its own.

use std::borrow::Cow;

use crate::event::{Envelope, IdSource, TypeSource};
use crate::provider::{Certainty, Named, Provider, Sender, SettingName, Source};
use crate::scheme::{
    BodyHash, HashNeeded, JwtAlgorithms, JwtScheme, KeyEncoding, KeyFormat, Scheme,
};

pub(super) const JWTS: &[Named] = &[
    ("jwt-hs256-signature-only", jwt_hs256_signature_only),
    ("jwt-hs-url-payload-hash", jwt_hs_url_payload_hash),
    ("plaid-jwt-es256", plaid_jwt_es256),
];

/// [Vonage](https://developer.vonage.com/en/getting-started/concepts/webhooks): HS256 in `Authorization:
/// Bearer …`. The body is covered where the token has a `payload_hash`, the SHA-256 of the body in
/// hexadecimal digits, which is then checked.
///
/// **Without that claim nothing of the body is signed**: whoever has seen one token can send any body with it
/// until its time is up. So an event is known by the digest of its token then, and of its body else; a retry
/// with a token of its own is another event, and two events under one token are one. Ask its API about what
/// such a delivery says: [`Verified::covers`](crate::Verified::covers) tells which it is.
pub fn jwt_hs256_signature_only() -> Provider {
    preset(
        "jwt-hs256-signature-only",
        JwtScheme {
            header: Cow::Borrowed("authorization"),
            bearer: Some(Cow::Borrowed("Bearer")),
            algorithms: JwtAlgorithms::Hs256,
            key: KeyFormat::TEXT,
            body_hash: Some(BodyHash {
                claim: Cow::Borrowed("payload_hash"),
                needed: HashNeeded::Never,
            }),
            url_hash: None,
            public_url: None,
            tolerance: Some(300),
        },
        Sender {
            success: "2xx",
            remark: "without payload_hash the token is the key, whatever body comes with it",
            ..Sender::UNKNOWN
        },
    )
}

/// [MessageBird](https://developers.messagebird.com/api/#verifying-http-requests): HS256, HS384 or HS512
/// in `MessageBird-Signature-JWT`, with hashes of the URL (`url_hash`) and of the body (`payload_hash`, which
/// may be missing where there is no body), each the SHA-256 in hexadecimal digits. An event is known by the
/// digest of both. It needs
/// [`Setting::PublicUrl`](crate::provider::Setting::PublicUrl).
pub fn jwt_hs_url_payload_hash() -> Provider {
    preset(
        "jwt-hs-url-payload-hash",
        JwtScheme {
            header: Cow::Borrowed("messagebird-signature-jwt"),
            bearer: None,
            algorithms: JwtAlgorithms::AnyHs,
            key: KeyFormat::TEXT,
            body_hash: Some(BodyHash {
                claim: Cow::Borrowed("payload_hash"),
                needed: HashNeeded::WithBody,
            }),
            url_hash: Some(Cow::Borrowed("url_hash")),
            public_url: None,
            tolerance: Some(300),
        },
        Sender {
            success: "2xx",
            signed_anew: Some(true),
            ..Sender::UNKNOWN
        },
    )
}

/// [Plaid](https://plaid.com/docs/api/webhooks/webhook-verification/): ES256 in `Plaid-Verification`, with
/// a hash of the body. The key is the one that its API gives for the token's `kid`
/// (`/webhook_verification_key/get`): the object under `key` as it is, a JSON Web Key, or the same key in PEM.
/// One that says `expired_at` is refused. It needs the crate's feature `public-key`.
pub fn plaid_jwt_es256() -> Provider {
    preset(
        "plaid-jwt-es256",
        JwtScheme {
            header: Cow::Borrowed("plaid-verification"),
            bearer: None,
            algorithms: JwtAlgorithms::Es256,
            key: KeyFormat {
                encoding: KeyEncoding::Pem,
                strip_prefix: Cow::Borrowed(&[]),
            },
            body_hash: Some(BodyHash {
                claim: Cow::Borrowed("request_body_sha256"),
                needed: HashNeeded::Always,
            }),
            url_hash: None,
            public_url: None,
            tolerance: Some(300),
        },
        Sender {
            success: "200",
            within: 10,
            retries: "for 24 h",
            horizon: 24,
            remark: "fetch the key for each kid from its API, and keep it",
            ..Sender::UNKNOWN
        },
    )
}

fn preset(name: &'static str, scheme: JwtScheme, sender: Sender) -> Provider {
    let envelope = Envelope {
        members: None,
        id: IdSource::Digest,
        kind: TypeSource::None,
        time: None,
    };
    let mut provider = Provider::new(name, Scheme::Jwt(scheme), envelope);
    provider.open = Cow::Borrowed(&[
        SettingName::Id,
        SettingName::TypePointer,
        SettingName::TypeName,
        SettingName::Time,
    ]);
    provider.certainty = Some(Certainty {
        proof: Source::Quoted,
        header: Source::Quoted,
        id: Source::Inferred,
        kind: Source::NotPublic,
    });
    provider.answer_within = match sender.within {
        0 => None,
        seconds => Some(std::time::Duration::from_secs(seconds)),
    };
    provider.retry = sender.retry();
    provider.sender = Some(sender);
    provider
}
