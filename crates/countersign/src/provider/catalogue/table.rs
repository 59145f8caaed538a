//! Keyed hashes of the body alone.

use super::entries;
use super::entry::{
    ALL_STATED, Alg, Entry, From, HMAC_SHA256, Id, Key, PUBLISHED, Spelling, names,
};
use crate::provider::{Certainty, Sender, Source};
use crate::scheme::{KeyEncoding, MessageAlgorithm, SignatureEncoding};

const BASE64: SignatureEncoding = SignatureEncoding::Base64;
const SHA1: Alg = Alg::Signs(MessageAlgorithm::HmacSha1);
const SHA512: Alg = Alg::Signs(MessageAlgorithm::HmacSha512);
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

/// The topic stands in a header that is not signed.
const ONE_OF_TWO_TOPICS: &str =
    "two topics with the same body are one event: give each topic an endpoint name of its own";

entries! {
    BODIES;

    /// [GitHub](https://docs.github.com/webhooks): HMAC-SHA256 of the body under the secret's text, in
    /// `X-Hub-Signature-256: sha256=…`.
    ///
    /// `X-GitHub-Delivery` and `X-GitHub-Event` are not signed, so that anyone who has seen one delivery
    /// could send it again under another id: the event is known by the digest of its body. GitHub does
    /// not retry by itself.
    github = "github" Entry {
        from: From::Headers(names!["x-hub-signature-256"]), spelling: Spelling::Prefix("sha256="),
        id: Id::Label("x-github-delivery"),
        sure: ALL_STATED,
        sender: Sender { within: 10, retries: "never by itself", signed_anew: Some(false),
            remark: ONE_OF_TWO_TOPICS, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Bitbucket](https://support.atlassian.com/bitbucket-cloud/docs/manage-webhooks/): as GitHub's, in
    /// `X-Hub-Signature`.
    bitbucket = "bitbucket" Entry {
        from: From::Headers(names!["x-hub-signature"]), spelling: Spelling::Prefix("sha256="),
        id: Id::Label("x-request-uuid"),
        sure: PUBLISHED, sender: Sender { within: 10, remark: ONE_OF_TWO_TOPICS, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Meta](https://developers.facebook.com/docs/graph-api/webhooks): Facebook, Instagram, WhatsApp.
    /// Its handshake is [`Handshake::meta`](crate::Handshake::meta).
    meta = "meta" Entry {
        from: From::Headers(names!["x-hub-signature-256"]), spelling: Spelling::Prefix("sha256="),
        sender: Sender { retries: "less and less often for 36 h", horizon: 36,
            remark: "several changes may come in one delivery", ..STATUS_200 },
        ..HMAC_SHA256
    };

    /// [Shopify](https://shopify.dev/docs/apps/build/webhooks). Its ids stand in headers that are not
    /// signed.
    shopify = "shopify" Entry {
        from: From::Headers(names!["x-shopify-hmac-sha256", "shopify-hmac-sha256"]), encoding: BASE64,
        id: Id::Label("x-shopify-webhook-id"),
        sure: PUBLISHED,
        sender: Sender { within: 5, retries: "8 times in 4 h, then the subscription is removed",
            horizon: 4, remark: ONE_OF_TWO_TOPICS, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [X](https://docs.x.com): account activity. Its handshake is
    /// [`Handshake::x`](crate::Handshake::x).
    x_twitter = "x-twitter" Entry {
        from: From::Headers(names!["x-twitter-webhooks-signature"]),
        spelling: Spelling::Prefix("sha256="), encoding: BASE64,
        sure: PUBLISHED, sender: Sender { remark: "asks for its CRC again every hour", ..UNKNOWN },
        ..HMAC_SHA256
    };

    /// [Razorpay](https://razorpay.com/docs/webhooks/). Its ids stand in a header that is not signed.
    razorpay = "razorpay" Entry {
        from: From::Headers(names!["x-razorpay-signature"]),
        id: Id::Label("x-razorpay-event-id"), kind: &["/event"],
        sure: PUBLISHED,
        sender: Sender { within: 5, retries: "for 24 h, then the webhook is disabled", horizon: 24, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [GoCardless](https://developer.gocardless.com/api-reference/#webhooks-overview): several events a
    /// delivery.
    gocardless = "gocardless" Entry {
        from: From::Headers(names!["webhook-signature"]),
        id: Id::Json("/events/*/id"), kind: &["/action"],
        sure: PUBLISHED,
        sender: Sender { within: 10, remark: "the action alone does not tell the type: see resource_type",
            ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Coinbase Commerce](https://docs.cdp.coinbase.com/commerce/docs/webhooks).
    coinbase_commerce = "coinbase-commerce" Entry {
        from: From::Headers(names!["x-cc-webhook-signature"]),
        id: Id::Json("/event/id"), kind: &["/event/type"],
        sure: PUBLISHED, sender: Sender { retries: "for up to 3 days", horizon: 72, ..STATUS_200 },
        ..HMAC_SHA256
    };

    /// [Pusher](https://pusher.com/docs/channels/server_api/webhooks/). `X-Pusher-Key` names the key that
    /// signed; all that are configured are tried.
    pusher = "pusher" Entry {
        from: From::Headers(names!["x-pusher-signature"]),
        sure: PUBLISHED, sender: Sender { retries: "for 5 min", horizon: 1, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Modern Treasury](https://docs.moderntreasury.com/platform/docs/webhooks).
    modern_treasury = "modern-treasury" Entry {
        from: From::Headers(names!["x-signature"]),
        id: Id::Label("x-webhook-id"), kind: &["/event"], sure: PUBLISHED, sender: ANY_2XX,
        ..HMAC_SHA256
    };

    /// [Onfido](https://documentation.onfido.com/api/latest/#webhooks).
    onfido = "onfido" Entry {
        from: From::Headers(names!["x-sha2-signature"]), kind: &["/payload/action"], sure: PUBLISHED,
        sender: ANY_2XX,
        ..HMAC_SHA256
    };

    /// [LINE](https://developers.line.biz/en/docs/messaging-api/verify-webhook-signature/): several
    /// events a delivery.
    line = "line" Entry {
        from: From::Headers(names!["x-line-signature"]), encoding: BASE64,
        id: Id::Json("/events/*/webhookEventId"), kind: &["/type"],
        sure: PUBLISHED,
        sender: Sender { retries: "only if redelivery is switched on",
            remark: "a test from its console has no event", ..STATUS_200 },
        ..HMAC_SHA256
    };

    /// [EasyPost](https://docs.easypost.com/docs/webhooks): the secret is normalised (NFKD) first.
    easypost = "easypost" Entry {
        key: Key(KeyEncoding::TextNfkd, &[]),
        from: From::Headers(names!["x-hmac-signature"]), spelling: Spelling::Prefix("hmac-sha256-hex="),
        id: Id::Json("/id"), kind: &["/description"],
        sender: Sender { within: 7, retries: "6 times", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Adyen](https://docs.adyen.com/development-resources/webhooks) for platforms and classic
    /// notifications with the signature in a header. The payment notifications with the signature in
    /// the body are [`adyen_body`](super::adyen_body).
    adyen_header = "adyen-header" Entry {
        key: Key(KeyEncoding::Hex, &[]),
        from: From::Headers(names!["hmacsignature"]), encoding: BASE64,
        // Whether there is one and names the event differs from product to product.
        id: Id::WithType("/id"), kind: &["/type"],
        sure: PUBLISHED,
        sender: Sender { within: 10, remark: "some products want the body [accepted]", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Convoy](https://docs.getconvoy.io): HMAC-SHA512 in hexadecimal digits, as its tests have it.
    convoy_hex512 = "convoy-hex512" Entry {
        alg: SHA512, from: From::Headers(names!["x-convoy-signature"]), sure: PUBLISHED,
        ..HMAC_SHA256
    };

    /// [Paystack](https://paystack.com/docs/payments/webhooks/).
    paystack = "paystack" Entry {
        alg: SHA512, from: From::Headers(names!["x-paystack-signature"]), kind: &["/event"],
        sender: Sender { retries: "every 3 min at first, then every hour for 72 h", horizon: 73, ..STATUS_200 },
        ..HMAC_SHA256
    };

    /// [Mollie](https://docs.mollie.com/reference/webhooks-new): its webhooks with events.
    mollie = "mollie" Entry {
        from: From::Headers(names!["x-mollie-signature"]), spelling: Spelling::Prefix("sha256="),
        id: Id::Json("/id"), kind: &["/type"],
        sender: Sender { within: 15, retries: "10 times in 26 h", horizon: 26, ..STATUS_200 },
        ..HMAC_SHA256
    };

    /// [Monnify](https://developers.monnify.com/docs/webhooks). Its references are the transaction's: each
    /// partial refund of a payment has the payment's. So an event is known by the digest of its body.
    monnify = "monnify" Entry {
        alg: SHA512, from: From::Headers(names!["monnify-signature"]),
        kind: &["/eventType"], sure: Certainty { id: Source::Inferred, ..PUBLISHED },
        sender: Sender { remark: "transactionReference is the payment's, in its refunds too", ..STATUS_200 },
        ..HMAC_SHA256
    };

    /// [Typeform](https://www.typeform.com/developers/webhooks/secure-your-webhooks/).
    typeform = "typeform" Entry {
        from: From::Headers(names!["typeform-signature"]), spelling: Spelling::Prefix("sha256="), encoding: BASE64,
        id: Id::Json("/event_id"), kind: &["/event_type"], sender: Sender { within: 30, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Intercom](https://developers.intercom.com/docs/webhooks/setting-up-webhooks): HMAC-SHA1.
    intercom = "intercom" Entry {
        alg: SHA1, from: From::Headers(names!["x-hub-signature"]), spelling: Spelling::Prefix("sha1="),
        id: Id::Json("/id"), kind: &["/topic"],
        sender: Sender { within: 5, retries: "once, after 1 min", horizon: 1, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Dropbox](https://www.dropbox.com/developers/reference/webhooks): it says whose files changed, and
    /// not what. Its handshake is [`Handshake::dropbox`](crate::Handshake::dropbox).
    dropbox = "dropbox" Entry {
        from: From::Headers(names!["x-dropbox-signature"]),
        sender: Sender { within: 10,
            remark: "two changes of the same accounts have the same body: run without dedupe", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Lemon Squeezy](https://docs.lemonsqueezy.com/help/webhooks/signing-requests).
    lemon_squeezy = "lemon-squeezy" Entry {
        from: From::Headers(names!["x-signature"]), kind: &["/meta/event_name"],
        sender: Sender { retries: "3 times", ..STATUS_200 },
        ..HMAC_SHA256
    };

    /// [Checkout.com](https://www.checkout.com/docs/developer-resources/webhooks).
    checkout_com = "checkout-com" Entry {
        from: From::Headers(names!["cko-signature"]),
        id: Id::Json("/id"), kind: &["/type"], sender: Sender { within: 10, ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [Flutterwave](https://developer.flutterwave.com/docs/webhooks), version 4. Version 3 sends a
    /// token: `flutterwave-v3-token`.
    flutterwave_v4 = "flutterwave-v4" Entry {
        from: From::Headers(names!["flutterwave-signature"]), encoding: BASE64,
        id: Id::Json("/id"), kind: &["/type"], sender: Sender { within: 60, ..STATUS_200 },
        ..HMAC_SHA256
    };

    /// [Notion](https://developers.notion.com/reference/webhooks).
    notion = "notion" Entry {
        from: From::Headers(names!["x-notion-signature"]), spelling: Spelling::Prefix("sha256="),
        id: Id::Json("/id"), kind: &["/type"],
        sender: Sender { retries: "8 times in 24 h", horizon: 24,
            remark: "the first delivery brings the secret, as verification_token", ..ANY_2XX },
        ..HMAC_SHA256
    };

    /// [DocuSign](https://developers.docusign.com/platform/webhooks/connect/hmac/): a numbered header for
    /// each key, of which one is enough.
    docusign = "docusign" Entry {
        from: From::Headers(names![
            "x-docusign-signature-1", "x-docusign-signature-2", "x-docusign-signature-3",
            "x-docusign-signature-4", "x-docusign-signature-5", "x-docusign-signature-6",
            "x-docusign-signature-7", "x-docusign-signature-8", "x-docusign-signature-9",
            "x-docusign-signature-10"
        ]),
        encoding: BASE64, kind: &["/event"], sender: STATUS_200,
        ..HMAC_SHA256
    };
}
