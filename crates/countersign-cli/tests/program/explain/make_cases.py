#!/usr/bin/env python3
"""Makes cases.json: deliveries with one mistake or two each, signed by Python's own hmac.

usage: make_cases.py > cases.json

Nothing in it is random, so that a second run makes the same file.
"""

import base64
import gzip
import hashlib
import hmac
import json
import sys
import zlib

NOW = 1_800_000_000
FEDAPAY = "wh_sandbox_0123456789abcdef"
PLAIN = "a-secret-of-the-merchant"
KEY = bytes(range(32))
WHSEC = "whsec_" + base64.b64encode(KEY).decode()
# Its secret happens to be Base64 of something.
BODY = b'{"id":"evt_1","name":"transaction.approved","entity":{"id":42,"note":"caf\xc3\xa9 </p>"}}'


def mac(key, message, how="sha256"):
    key = key.encode() if isinstance(key, str) else key
    return hmac.new(key, message, how).digest()


def fedapay(key, body, at=NOW, encode=bytes.hex, how="sha256", signed=None):
    signed = str(at).encode() + b"." + body if signed is None else signed
    return [["X-FEDAPAY-SIGNATURE", f"t={at},s={encode(mac(key, signed, how))}"]]


def fourpay(key, body, how="sha256", header="X-Webhook-Signature", encode=bytes.hex):
    return [[header, encode(mac(key, body, how))]]


def standard(key, body, at=NOW):
    signed = f"msg_1.{at}.".encode() + body
    value = "v1," + base64.b64encode(mac(key, signed)).decode()
    return [["webhook-id", "msg_1"], ["webhook-timestamp", str(at)], ["webhook-signature", value]]


def base64_text(tag):
    return base64.b64encode(tag).decode()


def case(name, expect, provider, secret, headers, body=BODY, **more):
    CASES.append(
        {
            "name": name,
            "expect": expect,
            "provider": provider,
            "secrets": [secret] if isinstance(secret, str) else secret,
            "headers": [["Content-Type", "application/json"], *headers],
            "body_b64": base64.b64encode(body).decode(),
            "at": NOW,
            **more,
        }
    )


CASES = []
INDENTED = json.dumps(json.loads(BODY), indent=2, ensure_ascii=False).encode()
LINES = b'{\n  "id": "evt_1",\n  "name": "transaction.approved"\n}'

# One mistake each.
case("a line end behind the secret", "secret_whitespace", "fedapay", FEDAPAY + "\n", fedapay(FEDAPAY, BODY))
case("spaces around it", "secret_whitespace", "4pay", f"  {PLAIN}\t", fourpay(PLAIN, BODY))
case("Base64 taken for text", "wrong_secret_encoding", "4pay", base64.b64encode(KEY).decode(), fourpay(KEY, BODY))
case("hexadecimal digits taken for text", "wrong_secret_encoding", "4pay", KEY.hex(), fourpay(KEY, BODY))
case("text taken for Base64", "wrong_secret_encoding", "standard-webhooks", WHSEC, standard(WHSEC, BODY))
case("text that is no Base64", "wrong_secret_encoding", "standard-webhooks", "not!base64!at!all!", standard("not!base64!at!all!", BODY))
case("the prefix was not copied", "secret_prefix", "fedapay", FEDAPAY.removeprefix("wh_sandbox_"), fedapay(FEDAPAY, BODY))
case("a prefix that is none", "secret_prefix", "4pay", "sk_" + PLAIN, fourpay(PLAIN, BODY))
case("the secret of the live endpoint", "neighbour_secret", "fedapay", FEDAPAY, fedapay("wh_live_fedcba9876543210", BODY), other_secrets=["no", "wh_live_fedcba9876543210"])
case("a line end was added", "trailing_newline_in_body", "fedapay", FEDAPAY, fedapay(FEDAPAY, BODY), BODY + b"\n")
case("a line end of Windows was added", "trailing_newline_in_body", "github", PLAIN, [["X-Hub-Signature-256", "sha256=" + mac(PLAIN, BODY).hex()]], BODY + b"\r\n")
case("a line end was lost", "missing_trailing_newline", "4pay", PLAIN, fourpay(PLAIN, BODY + b"\n"))
case("line ends became those of Windows", "crlf_body", "fedapay", FEDAPAY, fedapay(FEDAPAY, LINES), LINES.replace(b"\n", b"\r\n"))
case("line ends of Windows were lost", "crlf_body", "4pay", PLAIN, fourpay(PLAIN, LINES.replace(b"\n", b"\r\n")), LINES)
case("parsed and printed by Python", "reserialised_json", "fedapay", FEDAPAY, fedapay(FEDAPAY, BODY), json.dumps(json.loads(BODY)).encode())
case("indented by an editor", "reserialised_json", "4pay", PLAIN, fourpay(PLAIN, BODY), INDENTED)
case("an indented body made compact", "reserialised_json", "4pay", PLAIN, fourpay(PLAIN, INDENTED), BODY)
case("escapes of PHP undone", "reserialised_json", "4pay", PLAIN, fourpay(PLAIN, json.dumps(json.loads(BODY), separators=(",", ":")).replace("/", "\\/").encode()))
case("the body alone is signed", "body_only_signed", "fedapay", FEDAPAY, fedapay(FEDAPAY, BODY, signed=BODY))
case("the body alone, of Standard Webhooks", "body_only_signed", "standard-webhooks", WHSEC, standard(KEY, BODY)[:2] + [["webhook-signature", "v1," + base64_text(mac(KEY, BODY))]])
case("Base64 in place of digits", "hex_vs_base64", "4pay", PLAIN, fourpay(PLAIN, BODY, encode=base64_text))
case("digits in place of Base64", "hex_vs_base64", "standard-webhooks", WHSEC, standard(KEY, BODY)[:2] + [["webhook-signature", "v1," + mac(KEY, f"msg_1.{NOW}.".encode() + BODY).hex()]])
case("SHA-512", "wrong_algorithm", "4pay", PLAIN, fourpay(PLAIN, BODY, how="sha512"))
case("SHA-1", "wrong_algorithm", "fedapay", FEDAPAY, fedapay(FEDAPAY, BODY, how="sha1"))
case("a delivery of GitHub's", "wrong_provider", "fedapay", PLAIN, [["X-Hub-Signature-256", "sha256=" + mac(PLAIN, BODY).hex()]])
case("a delivery of 4Pay's at ZibaPay's endpoint", "wrong_provider", "zibapay", PLAIN, fourpay(PLAIN, BODY))
case("a header that nobody documented", "other_signature_header", "centralpay", PLAIN, fourpay(PLAIN, BODY, header="X-Cp-Digest"))
case("that header behind a prefix", "other_signature_header", "centralpay", PLAIN, [["X-Cp-Digest", "sha256=" + mac(PLAIN, BODY).hex()]])
case("the header was renamed by a proxy", "other_signature_header", "fedapay", FEDAPAY, [["X-Forwarded-Signature", fedapay(FEDAPAY, BODY)[0][1]]])
case("an old delivery", "clock_skew", "fedapay", FEDAPAY, fedapay(FEDAPAY, BODY, NOW - 4000))
case("a clock that is ahead", "clock_skew", "standard-webhooks", WHSEC, standard(KEY, BODY, NOW + 301))
case("milliseconds", "seconds_vs_milliseconds", "fedapay", FEDAPAY, fedapay(FEDAPAY, BODY, NOW * 1000))
case("a byte order mark was added", "bom", "4pay", PLAIN, fourpay(PLAIN, BODY), b"\xef\xbb\xbf" + BODY)
case("a byte order mark was lost", "bom", "fedapay", FEDAPAY, fedapay(FEDAPAY, b"\xef\xbb\xbf" + BODY))
case("gzip", "compressed_body", "4pay", PLAIN, fourpay(PLAIN, BODY), gzip.compress(BODY, mtime=0))
case("deflate", "compressed_body", "fedapay", FEDAPAY, fedapay(FEDAPAY, BODY), zlib.compress(BODY))

# Two at once.
case("line ends behind secret and body", "secret_whitespace+trailing_newline_in_body", "fedapay", FEDAPAY + "\n", fedapay(FEDAPAY, BODY), BODY + b"\n")
case("an unknown header in Base64", "hex_vs_base64+other_signature_header", "centralpay", PLAIN, fourpay(PLAIN, BODY, header="X-Cp-Digest", encode=base64_text))
case("an old delivery, printed again", "reserialised_json+clock_skew", "fedapay", FEDAPAY, fedapay(FEDAPAY, BODY, NOW - 86400), INDENTED)
case("the neighbour's SHA-512", "neighbour_secret+wrong_algorithm", "4pay", "my own secret", fourpay(PLAIN, BODY, how="sha512"), other_secrets=[PLAIN])
case("of two secrets the second, with a space", "secret_whitespace", "4pay", ["another secret", PLAIN + " "], fourpay(PLAIN, BODY))

# Nothing helps.
case("a forged delivery", None, "fedapay", FEDAPAY, fedapay("not the secret of anybody", BODY))
case("another body", None, "4pay", PLAIN, fourpay(PLAIN, BODY), BODY.replace(b"42", b"43"))
case("no signature at all", None, "github", PLAIN, [])

json.dump(CASES, sys.stdout, indent=1)
print()
