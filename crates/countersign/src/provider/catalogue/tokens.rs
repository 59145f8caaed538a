//! Tokens: the same text each time. They prove nothing about what is sent, and so are reached by
//! [`dangerously_token_only`](crate::provider::dangerously_token_only) alone.

#![allow(unreachable_pub, reason = "the functions are reached by their list")]

use super::entries;
use super::entry::{Alg, DOCUMENTED, Entry, From, HMAC_SHA256, Id, names};
use crate::provider::Sender;
use crate::scheme::MessageAlgorithm;

const TOKEN: Entry = Entry {
    alg: Alg::Token,
    template: "",
    id: Id::Unsigned,
    sure: DOCUMENTED,
    sender: Sender {
        success: "2xx",
        ..Sender::UNKNOWN
    },
    ..HMAC_SHA256
};

entries! {
    ALL_TOKENS;

    /// GitLab's older way. Its signing tokens are Standard Webhooks.
    gitlab_token = "gitlab-token" Entry {
        from: From::Headers(names!["x-gitlab-token"]),
        sender: Sender { within: 10, remark: "X-Gitlab-Event-UUID is a label", ..TOKEN.sender },
        ..TOKEN
    };

    /// Xendit.
    xendit_token = "xendit-token" Entry {
        from: From::Headers(names!["x-callback-token"]),
        sender: Sender { within: 30, remark: "webhook-id is a label", ..TOKEN.sender },
        ..TOKEN
    };

    /// KkiaPay.
    kkiapay_token = "kkiapay-token" Entry {
        from: From::Headers(names!["x-kkiapay-secret"]),
        ..TOKEN
    };

    /// Flutterwave, version 3.
    flutterwave_v3_token = "flutterwave-v3-token" Entry {
        from: From::Headers(names!["verif-hash"]),
        sender: Sender { success: "200", within: 60, ..TOKEN.sender },
        ..TOKEN
    };

    /// PhonePe, version 2: SHA-256 of the user's name, the constant `username`, and the password.
    phonepe_v2 = "phonepe-v2" Entry {
        alg: Alg::Signs(MessageAlgorithm::Sha256),
        from: From::Headers(names!["authorization"]),
        template: "{const:username}:{secret}",
        kind: &[],
        ..TOKEN
    };
}
