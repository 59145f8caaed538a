//! Keyed hashes of the body and a time, most of them with headers beside it.

use super::entries;
use super::entry::{
    ALL_STATED, At, DOCUMENTED, Entry, From, HMAC_SHA256, Id, Key, PUBLISHED, Spelling, names,
};
use crate::provider::{Certainty, Sender, Source};
use crate::scheme::{KeyEncoding, SignatureEncoding};
use crate::window::TimeUnit::{Iso8601, Milliseconds, Seconds};

const BASE64: SignatureEncoding = SignatureEncoding::Base64;
const WHSEC: Key = Key(KeyEncoding::Base64PaddingOptional, names!["whsec_"]);
const UNKNOWN: Sender = Sender::UNKNOWN;
/// Nothing but that any 2xx is success.
const ANY_2XX: Sender = Sender {
    success: "2xx",
    ..UNKNOWN
};
const STATUS_200: Sender = Sender {
    success: "200",
    ..UNKNOWN
};

entries! {
    TIMED;

    /// [Standard Webhooks](https://www.standardwebhooks.com), symmetric (`v1`): HMAC-SHA256 of
    /// `{id}.{timestamp}.{body}` under the Base64 text behind `whsec_`, in `webhook-signature: v1,…`.
    /// The message id is the signed header `webhook-id`. GitLab's signing tokens, OpenAI and many
    /// others send it.
    standard_webhooks = "standard-webhooks" Entry {
        key: WHSEC,
        from: From::Headers(names!["webhook-signature"]),
        spelling: Spelling::List("v1"), encoding: BASE64,
        time: Some((At::Header("webhook-timestamp"), Seconds, Some(300))),
        template: "{header:webhook-id}.{ts}.{body}",
        id: Id::Header("webhook-id"), kind: &["/type"],
        sure: ALL_STATED,
        sender: Sender { signed_anew: Some(true), remark: "a retry keeps webhook-id", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Svix](https://docs.svix.com): Standard Webhooks under header names of its own.
    svix = "svix" Entry {
        key: WHSEC,
        from: From::Headers(names!["svix-signature"]),
        spelling: Spelling::List("v1"), encoding: BASE64,
        time: Some((At::Header("svix-timestamp"), Seconds, Some(300))),
        template: "{header:svix-id}.{ts}.{body}",
        id: Id::Header("svix-id"), kind: &["/type"],
        sure: PUBLISHED,
        sender: Sender { within: 15, retries: "after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h",
            horizon: 28, signed_anew: Some(true), remark: "a retry keeps svix-id", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Finch](https://developer.tryfinch.com): as Standard Webhooks, the secret without a prefix.
    finch = "finch" Entry {
        key: Key(KeyEncoding::Base64, &[]),
        from: From::Headers(names!["finch-signature"]),
        spelling: Spelling::List("v1"), encoding: BASE64,
        time: Some((At::Header("finch-timestamp"), Seconds, Some(300))),
        template: "{header:finch-event-id}.{ts}.{body}",
        id: Id::Header("finch-event-id"), kind: &["/event_type"],
        sure: PUBLISHED, sender: ANY_2XX,
        ..HMAC_SHA256
    };

    /// [Slack](https://docs.slack.dev/authentication/verifying-requests-from-slack): events, commands
    /// and interactions. Its handshake is [`Handshake::slack`](crate::Handshake::slack).
    slack = "slack" Entry {
        from: From::Headers(names!["x-slack-signature"]), spelling: Spelling::Prefix("v0="),
        time: Some((At::Header("x-slack-request-timestamp"), Seconds, Some(300))),
        template: "v0:{ts}:{body}",
        id: Id::Json("/event_id"), kind: &["/event/type", "/type"],
        sure: PUBLISHED,
        sender: Sender { within: 3, retries: "at once, after 1 min and after 5 min", horizon: 1,
            remark: "commands come as forms, and are known by the digest of the body", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Stripe](https://docs.stripe.com/webhooks): HMAC-SHA256 of `{t}.{body}` under the whole text of
    /// the secret, in `Stripe-Signature: t=…,v1=…`. Retries go on for three days in live mode.
    stripe = "stripe" Entry {
        from: From::Headers(names!["stripe-signature"]), spelling: Spelling::Pairs(b',', names!["v1"]),
        time: Some((At::Pair("t"), Seconds, Some(300))), template: "{ts}.{body}",
        id: Id::Json("/id"), kind: &["/type"],
        sure: ALL_STATED,
        sender: Sender { retries: "for 3 days in live mode", horizon: 72, signed_anew: Some(true), ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Paddle](https://developer.paddle.com/webhooks/signature-verification) Billing. It allows 5 s
    /// between signing and receiving.
    paddle = "paddle" Entry {
        from: From::Headers(names!["paddle-signature"]), spelling: Spelling::Pairs(b';', names!["h1"]),
        time: Some((At::Pair("ts"), Seconds, Some(5))), template: "{ts}:{body}",
        id: Id::Json("/event_id"), kind: &["/event_type"],
        sure: PUBLISHED,
        sender: Sender { within: 5, retries: "60 times in 3 days in live mode", horizon: 72, ..STATUS_200 },
        ..HMAC_SHA256
    };

    /// [WorkOS](https://workos.com/docs/events/data-syncing/webhooks).
    workos = "workos" Entry {
        from: From::Headers(names!["workos-signature"]), spelling: Spelling::Pairs(b',', names!["v1"]),
        time: Some((At::Pair("t"), Milliseconds, Some(180))), template: "{ts}.{body}",
        id: Id::Json("/id"), kind: &["/event"], sender: STATUS_200,
        ..HMAC_SHA256
    };

    /// [Orb](https://docs.withorb.com/integrations-and-exports/webhooks): its dates have no offset and
    /// are UTC.
    orb = "orb" Entry {
        from: From::Headers(names!["x-orb-signature"]), spelling: Spelling::Pairs(b',', names!["v1"]),
        time: Some((At::Header("x-orb-timestamp"), Iso8601, Some(300))), template: "v1:{ts}:{body}",
        id: Id::Json("/id"), kind: &["/type"], sure: PUBLISHED, sender: ANY_2XX,
        ..HMAC_SHA256
    };

    /// [Zendesk](https://developer.zendesk.com/documentation/webhooks/verifying/): the time before the
    /// body. Its documentation of 2021 has it behind: [`zendesk_bodyfirst`].
    zendesk = "zendesk" Entry {
        from: From::Headers(names!["x-zendesk-webhook-signature"]), encoding: BASE64,
        time: Some((At::Header("x-zendesk-webhook-signature-timestamp"), Iso8601, Some(300))),
        template: "{ts}{body}",
        id: Id::Label("x-zendesk-webhook-invocation-id"), sender: Sender { within: 12, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// Zendesk as its documentation of 2021 has it: the time behind the body.
    zendesk_bodyfirst = "zendesk-bodyfirst" Entry {
        from: From::Headers(names!["x-zendesk-webhook-signature"]), encoding: BASE64,
        time: Some((At::Header("x-zendesk-webhook-signature-timestamp"), Iso8601, Some(300))),
        template: "{body}{ts}",
        id: Id::Label("x-zendesk-webhook-invocation-id"), sure: PUBLISHED,
        sender: Sender { within: 12, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Box](https://developer.box.com/guides/webhooks/v2/signatures-v2/): two headers for two keys, of
    /// which one is enough while a key is replaced.
    r#box = "box" Entry {
        from: From::Headers(names!["box-signature-primary", "box-signature-secondary"]), encoding: BASE64,
        time: Some((At::Header("box-delivery-timestamp"), Iso8601, Some(600))), template: "{body}{ts}",
        id: Id::Label("box-delivery-id"), kind: &["/trigger"],
        sure: PUBLISHED, sender: Sender { within: 30, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Cashfree](https://www.cashfree.com/docs/payments/online/webhooks/signature-verification).
    cashfree = "cashfree" Entry {
        from: From::Headers(names!["x-webhook-signature"]), encoding: BASE64,
        time: Some((At::Header("x-webhook-timestamp"), Milliseconds, Some(300))), template: "{ts}{body}",
        kind: &["/type"], sender: STATUS_200,
        ..HMAC_SHA256
    };

    /// [Twitch](https://dev.twitch.tv/docs/eventsub/handling-webhook-events/) EventSub. Its handshake is
    /// [`Handshake::twitch`](crate::Handshake::twitch).
    twitch = "twitch" Entry {
        from: From::Headers(names!["twitch-eventsub-message-signature"]), spelling: Spelling::Prefix("sha256="),
        time: Some((At::Header("twitch-eventsub-message-timestamp"), Iso8601, Some(600))),
        template: "{header:twitch-eventsub-message-id}{ts}{body}",
        id: Id::Header("twitch-eventsub-message-id"), kind: &["/subscription/type"],
        sender: Sender { remark: "a retry keeps the message id; a revocation comes as a message", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Zoom](https://developers.zoom.us/docs/api/webhooks/). Its handshake is
    /// [`Handshake::zoom`](crate::Handshake::zoom).
    zoom = "zoom" Entry {
        from: From::Headers(names!["x-zm-signature"]), spelling: Spelling::Prefix("v0="),
        time: Some((At::Header("x-zm-request-timestamp"), Seconds, Some(300))), template: "v0:{ts}:{body}",
        kind: &["/event"],
        sender: Sender { success: "200 or 204", within: 3, retries: "after 5, 20 and 60 min", horizon: 2,
            remark: "asks for its token again every 72 h", ..UNKNOWN },
        ..HMAC_SHA256
    };

    /// [Revolut](https://developer.revolut.com/docs/guides/manage-accounts/webhooks/verify-the-payload-signature).
    revolut = "revolut" Entry {
        from: From::Headers(names!["revolut-signature"]), spelling: Spelling::Pairs(b',', names!["v1"]),
        time: Some((At::Header("revolut-request-timestamp"), Milliseconds, Some(300))),
        template: "v1.{ts}.{body}",
        kind: &["/event"], sure: PUBLISHED,
        sender: Sender { retries: "3 times, 10 min apart", horizon: 1, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Airwallex](https://www.airwallex.com/docs/developer-tools/webhooks).
    airwallex = "airwallex" Entry {
        from: From::Headers(names!["x-signature"]),
        time: Some((At::Header("x-timestamp"), Milliseconds, Some(300))), template: "{ts}{body}",
        id: Id::Json("/id"), kind: &["/name"], sender: STATUS_200,
        ..HMAC_SHA256
    };

    /// [Calendly](https://developer.calendly.com/api-docs/ZG9jOjM2MzE2MDM4-webhook-signatures).
    calendly = "calendly" Entry {
        from: From::Headers(names!["calendly-webhook-signature"]), spelling: Spelling::Pairs(b',', names!["v1"]),
        time: Some((At::Pair("t"), Seconds, Some(180))), template: "{ts}.{body}",
        kind: &["/event"], sender: Sender { retries: "for 24 h", horizon: 24, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Recurly](https://docs.recurly.com/recurly-subscriptions/docs/signature-verification): the time,
    /// and behind it a signature for each key. The body's `id` is the resource's, and stays as the resource
    /// goes on; the notification's stands in a header that is not signed. So an event is known by the digest
    /// of its body, which holds the time of the event: that a retry has the same one is an assumption.
    recurly = "recurly" Entry {
        from: From::Headers(names!["recurly-signature"]), spelling: Spelling::Positional,
        time: Some((At::Pair("0"), Milliseconds, Some(300))), template: "{ts}.{body}",
        id: Id::Label("recurly-notification-id"), kind: &["/event_type"],
        sure: Certainty { id: Source::Inferred, ..DOCUMENTED },
        sender: Sender { within: 5, remark: "the id in the body is the resource's", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Persona](https://docs.withpersona.com/webhooks-best-practices): while a secret is replaced, a
    /// group of time and signature for each.
    persona = "persona" Entry {
        from: From::Headers(names!["persona-signature"]), spelling: Spelling::Groups(b' ', b',', names!["v1"]),
        time: Some((At::Pair("t"), Seconds, Some(300))), template: "{ts}.{body}",
        id: Id::Json("/data/id"), kind: &["/data/attributes/name"], sender: ANY_2XX,
        ..HMAC_SHA256
    };

    /// [Linear](https://linear.app/developers/webhooks): the time stands in the body.
    linear = "linear" Entry {
        from: From::Headers(names!["linear-signature"]),
        time: Some((At::Json("/webhookTimestamp"), Milliseconds, Some(60))),
        id: Id::Label("linear-delivery"), kind: &["/type"],
        sender: Sender { within: 5, retries: "after 1 min, 1 h and 6 h", horizon: 8,
            remark: "if a retry has a new time in its body, it is another event to the digest",
            ..STATUS_200 },
        ..HMAC_SHA256
    };

    /// [Coinbase](https://docs.cdp.coinbase.com/webhooks/verify-signatures) by Hook0: headers that the
    /// signature names are signed with the body. None of them may hold what a JSON text begins with.
    coinbase_hook0 = "coinbase-hook0" Entry {
        from: From::Headers(names!["x-hook0-signature"]), spelling: Spelling::Pairs(b',', names!["v1"]),
        time: Some((At::Pair("t"), Seconds, Some(300))), template: "{ts}.{kv:h}.{signed_headers:h}.{body}",
        id: Id::Header("x-hook0-id"), sender: ANY_2XX,
        ..HMAC_SHA256
    };
}
