//! What stands on standard output, to the letter, and what happens when nobody reads it.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use crate::delivery::{Files, SECRET, fourpay, hmac_hex, request, verify_fourpay};
use crate::run::{program, run};

#[test]
fn json_has_these_keys_in_this_order() {
    let files = Files::new();
    let body = r#"{"id":"evt_1","name":"transaction.approved"}"#;
    let header = |secret| format!("t=17,s={}", hmac_hex(secret, format!("17.{body}")));
    let line = |secret| {
        let headers = json!([["X-FEDAPAY-SIGNATURE", header(secret)]]);
        let file = files.with("request.json", request(headers, body).to_string());
        let args = [
            "verify",
            "--json",
            "--provider=fedapay",
            "--secret=wh_live_1",
            "--at=18",
        ];
        run(args.into_iter().chain(["--request", &file])).stdout
    };
    assert_eq!(
        line("wh_live_1"),
        "{\"verdict\":\"verified\",\"provider\":\"fedapay\",\"key_index\":0,\"timestamp\":17,\
         \"events\":[{\"id\":\"evt_1\",\"type\":\"transaction.approved\"}]}\n"
    );
    assert_eq!(
        line("wh_live_2"),
        "{\"verdict\":\"rejected\",\"provider\":\"fedapay\",\"reason\":\"signature_mismatch\",\
         \"status\":401}\n"
    );
}

#[test]
fn text_is_for_people_and_cannot_be_abused_by_a_sender() {
    let files = Files::new();
    let body = "{\"id\":\"a\\u001b[2J\\nverified: b\",\"type\":\"\u{202e}c\"}";
    let signature = hmac_hex(SECRET, body);
    let file = files.with(
        "request.json",
        request(json!([["X-Signature", signature]]), body).to_string(),
    );
    let args = [
        "verify",
        "--provider=zibapay",
        "--set=id=/id",
        "--secret",
        SECRET,
    ];
    let verified = run(args.into_iter().chain(["--request", &file]));
    assert_eq!(verified.code, 0);
    assert_eq!(
        verified.stdout,
        "verified: zibapay, key_index 0, no signed time\n  \
         event a\\u{1b}[2J\\nverified: b, type \\u{202e}c\n"
    );

    let empty = files.with("empty.json", "{\"headers\":[]}");
    let rejected = run([
        "verify",
        "--provider=4pay",
        "--secret=s",
        "--request",
        &empty,
    ]);
    assert_eq!(rejected.code, 1);
    assert_eq!(
        rejected.stdout,
        "rejected: 4pay, missing header: signature header (missing_header, status 401)\n"
    );
}

#[test]
fn a_batch_is_an_array_in_order() {
    let files = Files::new();
    let scheme = json!({
        "id": "batches", "alg": "hmac-sha256", "key": {"encoding": "utf8"},
        "signature": {"header": "x-sig", "grammar": "plain", "encoding": "hex"},
        "template": "{body}", "id_from": "json:/events/*/id", "type_from": "json:/events/*/type"
    });
    let scheme = files.with("scheme.json", scheme.to_string());
    let body = r#"{"events":[{"id":1e2,"type":"b"},{"id":"1"},{"type":5}]}"#;
    let headers = json!([["X-Sig", hmac_hex(SECRET, body)]]);
    let file = files.with("request.json", request(headers, body).to_string());
    let args = [
        "verify",
        "--json",
        "--scheme",
        &scheme,
        "--secret",
        SECRET,
        "--request",
        &file,
    ];
    let events = run(args).verified()["events"].clone();
    assert_eq!(events[0], json!({"id": "1e2", "type": "b"}));
    assert_eq!(events[1], json!({"id": "1", "type": null}));
    assert_eq!(events[2]["type"], json!(null));
    assert!(
        events[2]["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("sha256:"))
    );
    assert_eq!(events.as_array().map(Vec::len), Some(3));
}

#[test]
fn nobody_reading_changes_nothing() {
    let files = Files::new();
    let request = files.with("request.json", fourpay().to_string());
    let secret = SECRET;
    // Standard input decides when the program goes on, so that the pipes are closed by then.
    for (secret, json, code) in [
        (secret, true, 0),
        (secret, false, 0),
        ("other", true, 1),
        ("other", false, 1),
        ("", true, 2),
        ("", false, 2),
    ] {
        let mut args = verify_fourpay(&request, &["--secret-file", "-"]);
        args.retain(|arg| json || *arg != "--json");
        let mut child = program()
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop((child.stdout.take(), child.stderr.take()));
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(secret.as_bytes()).expect("read");
        drop(stdin);
        assert_eq!(
            child.wait().expect("it ends").code(),
            Some(code),
            "{secret} {json}"
        );
    }
}
