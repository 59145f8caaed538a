//! Signatures in the body, over some of its fields, and plain hashes with the secret in them.
//!
//! What is not signed may have been changed by whoever has seen one delivery:
//! [`Verified::covers`](crate::Verified::covers) says so, and only signed fields name an event.

use super::entries;
use super::entry::{Alg, At, Entry, From, HMAC_SHA256, Id, Key, PUBLISHED, names};
use crate::provider::{Certainty, Sender, Source};
use crate::scheme::{KeyEncoding, MessageAlgorithm, SignatureEncoding};
use crate::window::TimeUnit::Seconds;

const BASE64: SignatureEncoding = SignatureEncoding::Base64;
const SHA512: Alg = Alg::Signs(MessageAlgorithm::Sha512);
const STATUS_200: Sender = Sender {
    success: "200",
    ..Sender::UNKNOWN
};

/// A field of Adyen's one notification.
macro_rules! item {
    ($field:literal) => {
        concat!("/notificationItems/0/NotificationRequestItem/", $field)
    };
}

entries! {
    IN_BODY;

    /// [Adyen](https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures)
    /// payments: eight fields, joined by colons. The reference is the merchant's own and may hold a
    /// colon; in any other field one is refused.
    adyen_body = "adyen-body" Entry {
        key: Key(KeyEncoding::Hex, &[]),
        from: From::Json(item!("additionalData/hmacSignature")), encoding: BASE64,
        missing_json_as_empty: true,
        template: concat!(
            "{json:", item!("pspReference"), "}:{json:", item!("originalReference"),
            "}:{json:", item!("merchantAccountCode"), "}:{free-json:", item!("merchantReference"),
            "}:{json:", item!("amount/value"), "}:{json:", item!("amount/currency"),
            "}:{json:", item!("eventCode"), "}:{json:", item!("success"), "}",
        ),
        id: Id::Parts(&[item!("pspReference"), item!("eventCode"), item!("success")]),
        kind: &[item!("eventCode")], sure: PUBLISHED,
        sender: Sender { success: "2xx, older accounts with the body [accepted]", within: 10,
            retries: "for up to 30 days", horizon: 720, ..Sender::UNKNOWN },
        ..HMAC_SHA256
    };

    /// [Dropbox Sign](https://developers.hellosign.com/docs/events/walkthrough): the time and the type.
    /// Two events of one type in one second have the same hash, so that it names none: an event is
    /// known by the digest of its body.
    ///
    /// **Whoever has seen one delivery can change the rest of the body**, and has another event by it: take
    /// what is new from its API, by the id of the request, and do there once what is to be done once.
    ///
    /// **It sends `multipart/form-data`, with the event in the part `json`**, and no multipart is read here:
    /// what stands in front has to hand on the text of that part as the body. Anything else is refused.
    dropbox_sign = "dropbox-sign" Entry {
        from: From::Json("/event/event_hash"),
        template: "{json:/event/event_time}{json:/event/event_type}",
        // That the event alone is the body is what this asks for, and not what is sent.
        kind: &["/event/event_type"], sure: Certainty { header: Source::Inferred, ..PUBLISHED },
        sender: Sender { success: "200 with the body Hello API Event Received",
            remark: "it sends multipart/form-data: what stands in front has to hand on the part json as the body",
            ..Sender::UNKNOWN },
        ..HMAC_SHA256
    };

    /// [Midtrans](https://docs.midtrans.com/docs/https-notification-webhooks): SHA-512 of order, status
    /// code, amount and secret, with nothing between them. Where one ends is not proved, nor is the
    /// transaction's status, which goes on under one and the same hash: from capture to settlement, and to
    /// a refund. So the hash names no event, and an event is known by the digest of its body.
    ///
    /// **Whoever has seen one delivery can change the rest of the body**, and has another event by it: ask
    /// its API for the transaction's status, and do once for each status what is to be done once.
    midtrans = "midtrans" Entry {
        alg: SHA512, from: From::Json("/signature_key"),
        template: "{json:/order_id}{json:/status_code}{json:/gross_amount}{secret}",
        sender: Sender { success: "2xx", ..Sender::UNKNOWN },
        ..HMAC_SHA256
    };

    /// Midtrans Iris: SHA-512 of the body and the secret.
    midtrans_iris = "midtrans-iris" Entry {
        alg: SHA512, from: From::Headers(names!["iris-signature"]), template: "{body}{secret}",
        ..HMAC_SHA256
    };

    /// [Mailgun](https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks): a
    /// time and a token that is used once. **Nothing else of the body is signed.**
    mailgun = "mailgun" Entry {
        from: From::Json("/signature/signature"),
        time: Some((At::Json("/signature/timestamp"), Seconds, Some(300))),
        template: "{json:/signature/timestamp}{json:/signature/token}",
        id: Id::Json("/signature/token"),
        sender: Sender { success: "200; 406 ends the retries", retries: "for 8 h", horizon: 8, ..STATUS_200 },
        ..HMAC_SHA256
    };

    /// [CinetPay](https://docs.cinetpay.com/api/1.0-en/checkout/hmac): sixteen fields of a form with
    /// nothing between them. Where one ends is not proved: ask its API about amount and status. However
    /// the same signed text is cut into fields, it is the same event.
    cinetpay = "cinetpay" Entry {
        from: From::Headers(names!["x-token"]),
        template: "{form:cpm_site_id}{form:cpm_trans_id}{form:cpm_trans_date}{form:cpm_amount}\
            {form:cpm_currency}{form:signature}{form:payment_method}{form:cel_phone_num}\
            {form:cpm_phone_prefixe}{form:cpm_language}{form:cpm_version}{form:cpm_payment_config}\
            {form:cpm_page_action}{form:cpm_custom}{form:cpm_designation}{form:cpm_error_message}",
        sender: STATUS_200,
        ..HMAC_SHA256
    };
}
