//! Signed URLs, methods and queries. Each needs [`Setting::PublicUrl`](crate::provider::Setting::PublicUrl),
//! the URL as the provider has it: behind a proxy a request does not tell it.

use super::entries;
use super::entry::{Alg, At, DOCUMENTED, Entry, From, HMAC_SHA256, Id, PUBLISHED, Spelling, names};
use crate::provider::{Certainty, Sender, Source};
use crate::scheme::{MessageAlgorithm, Ports, SignatureEncoding};
use crate::window::TimeUnit::{Iso8601, Milliseconds};

const BASE64: SignatureEncoding = SignatureEncoding::Base64;
const SHA1: Alg = Alg::Signs(MessageAlgorithm::HmacSha1);
const SHA512: Alg = Alg::Signs(MessageAlgorithm::HmacSha512);
const PLAIN: Alg = Alg::Signs(MessageAlgorithm::Sha256);
const ANY_2XX: Sender = Sender {
    success: "2xx",
    ..Sender::UNKNOWN
};
const HUBSPOT: Sender = Sender {
    within: 5,
    retries: "10 times in 24 h",
    horizon: 24,
    remark: "an event without one of the parts of its id is another one in each attempt",
    ..ANY_2XX
};
/// An `eventId` is not promised to be unique; and the digest is another in each attempt, since each counts
/// itself.
const HUBSPOT_ID: Id = Id::Parts(&[
    "/*/eventId",
    "/*/subscriptionId",
    "/*/objectId",
    "/*/occurredAt",
    "/*/subscriptionType",
]);
const ID_INFERRED: Certainty = Certainty {
    id: Source::Inferred,
    ..DOCUMENTED
};

entries! {
    URLS;

    /// [Square](https://developer.squareup.com/docs/webhooks/step3validate): the URL before the body,
    /// which has to begin as JSON does, for nothing else tells where the URL ends.
    square = "square" Entry {
        from: From::Headers(names!["x-square-hmacsha256-signature"]), encoding: BASE64,
        template: "{url}{body}",
        id: Id::Json("/event_id"), kind: &["/type"], sure: PUBLISHED,
        sender: Sender { within: 10, retries: "for 24 h", horizon: 24, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Trello](https://developer.atlassian.com/cloud/trello/guides/rest-api/webhooks/): the URL behind
    /// the body, HMAC-SHA1. It asks the URL with `HEAD` first, which needs a route of its own.
    trello = "trello" Entry {
        alg: SHA1, from: From::Headers(names!["x-trello-webhook"]), encoding: BASE64,
        template: "{body}{url}",
        id: Id::Json("/action/id"), kind: &["/action/type"], sure: PUBLISHED,
        sender: Sender { success: "200", retries: "after 30, 60 and 120 s", horizon: 1,
            remark: "a HEAD request comes first and wants a 200", ..Sender::UNKNOWN },
        ..HMAC_SHA256
    };

    /// [Twilio](https://www.twilio.com/docs/usage/security) with a form: the URL and all fields of the
    /// form by name, HMAC-SHA1. It signs the port now and now not, so that both are tried.
    ///
    /// URL, names and values are signed with nothing between them: where one ends is not proved. However
    /// the same signed text is cut into fields, it is the same event. The public URL needs a path.
    twilio_form = "twilio-form" Entry {
        alg: SHA1, from: From::Headers(names!["x-twilio-signature"]), encoding: BASE64,
        template: "{url}{sorted_form}", ports: Ports::WithAndWithout,
        id: Id::Label("i-twilio-idempotency-token"), sure: PUBLISHED,
        sender: Sender { within: 15, retries: "none unless configured", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// Twilio with JSON: the URL, which holds the SHA-256 of the body as `bodySHA256`.
    twilio_json = "twilio-json" Entry {
        alg: SHA1, from: From::Headers(names!["x-twilio-signature"]), encoding: BASE64,
        template: "{url}", ports: Ports::WithAndWithout, body_digest: Some("bodySHA256"),
        id: Id::Label("i-twilio-idempotency-token"), sure: PUBLISHED,
        sender: Sender { within: 15, retries: "none unless configured", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Plivo](https://www.plivo.com/docs/messaging/concepts/signature-validation), version 2: the URL
    /// without its query, as its own SDK has it, and a nonce. **Nothing of the body is signed, nor of the
    /// query**: ask its API about what they say.
    ///
    /// An event is known by the URL and the nonce together, as they were signed, so that a signature is
    /// good for one run, whatever body comes with it. Nothing proves where the URL ends and the nonce
    /// begins: the nonce alone is a label. A retry with a nonce of its own is another event.
    plivo_v2 = "plivo-v2" Entry {
        from: From::Headers(names!["x-plivo-signature-v2"]), encoding: BASE64,
        template: "{bare_url}{header:x-plivo-signature-v2-nonce}",
        id: Id::Header("x-plivo-signature-v2-nonce"),
        sure: Certainty { id: Source::Inferred, ..PUBLISHED },
        sender: Sender { remark: "the key is the URL and the nonce together, as they are signed",
            ..Sender::UNKNOWN },
        ..HMAC_SHA256
    };

    /// [HubSpot](https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests),
    /// version 1: a plain hash of the secret and the body. Such a hash can be gone on with: whoever has
    /// seen one delivery knows the hash of the same body with more behind it. What is added is never
    /// UTF-8, so that a body that is not is refused. Prefer [`hubspot_v3`].
    ///
    /// An event is known by its `eventId`, subscription, object, time and type together: the first alone is
    /// not promised to be unique, and the rest of an event counts the attempts.
    hubspot_v1 = "hubspot-v1" Entry {
        alg: PLAIN, from: From::Headers(names!["x-hubspot-signature"]), template: "{secret}{body}",
        id: HUBSPOT_ID, kind: &["/subscriptionType"], sure: ID_INFERRED, sender: HUBSPOT,
        ..HMAC_SHA256
    };

    /// HubSpot, version 2: a plain hash of the secret, the method, the URL and the body, as in
    /// [`hubspot_v1`]. The body has to begin as JSON does, for nothing else tells where the URL ends.
    hubspot_v2 = "hubspot-v2" Entry {
        alg: PLAIN, from: From::Headers(names!["x-hubspot-signature"]),
        template: "{secret}{method}{url}{body}",
        id: HUBSPOT_ID, kind: &["/subscriptionType"],
        sure: Certainty { id: Source::Inferred, ..PUBLISHED }, sender: HUBSPOT,
        ..HMAC_SHA256
    };

    /// HubSpot, version 3: HMAC-SHA256 of the method, the URL, the body and the time. The body has to begin
    /// as JSON does, as in [`hubspot_v2`].
    hubspot_v3 = "hubspot-v3" Entry {
        from: From::Headers(names!["x-hubspot-signature-v3"]), encoding: BASE64,
        time: Some((At::Header("x-hubspot-request-timestamp"), Milliseconds, Some(300))),
        template: "{method}{url}{body}{ts}",
        id: HUBSPOT_ID, kind: &["/subscriptionType"], sure: ID_INFERRED, sender: HUBSPOT,
        ..HMAC_SHA256
    };

    /// [Mercado Pago](https://www.mercadopago.com/developers/en/docs/your-integrations/notifications/webhooks):
    /// the id in the query, a request id and the time. **Nothing of the body is signed**: ask its API
    /// about the id, which is the constant `data_id` where the query does not hold it.
    mercadopago = "mercadopago" Entry {
        from: From::Headers(names!["x-signature"]), spelling: Spelling::Pairs(b',', names!["v1"]),
        time: Some((At::Pair("ts"), Milliseconds, None)),
        template: "[id:{query:data.id or const:data_id};]request-id:{header:x-request-id};ts:{ts};",
        id: Id::Header("x-request-id"),
        sender: Sender { success: "200 or 201", within: 22, retries: "every 15 min", ..Sender::UNKNOWN },
        ..HMAC_SHA256
    };

    /// [Moov](https://docs.moov.io/guides/webhooks/): a time, a nonce and an id. **Nothing of the body is
    /// signed**: ask its API about what it says.
    moov = "moov" Entry {
        alg: SHA512, from: From::Headers(names!["x-signature"]),
        time: Some((At::Header("x-timestamp"), Iso8601, None)),
        template: "{ts}|{header:x-nonce}|{header:x-webhook-id}",
        id: Id::Header("x-webhook-id"), sender: ANY_2XX,
        ..HMAC_SHA256
    };
}
