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


def square(url, body=BODY, key=PLAIN, how="sha256", encode=base64_text, header="X-Square-HmacSha256-Signature"):
    return [[header, encode(mac(key, url.encode() + body, how))]]


def url64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def token(claims, key=PLAIN, alg="HS256"):
    parts = [{"alg": alg, "typ": "JWT"}, {"iat": NOW, **claims}]
    signed = ".".join(url64(json.dumps(part).encode()) for part in parts)
    return signed + "." + url64(mac(key, signed.encode(), alg.replace("HS", "sha")))


def vonage(body, word="Bearer ", header="Authorization", key=PLAIN, alg="HS256", **claims):
    claims = {"payload_hash": hashlib.sha256(body).hexdigest(), **claims}
    return [[header, word + token(claims, key, alg)]]


def messagebird(url, body=BODY):
    hashes = {"url_hash": hashlib.sha256(url.encode()).hexdigest(), "payload_hash": hashlib.sha256(body).hexdigest()}
    return [["MessageBird-Signature-JWT", token(hashes)]]


def twilio(url, fields=(), encode=base64_text):
    signed = url + "".join(name + value for name, value in sorted(fields))
    return [["X-Twilio-Signature", encode(mac(PLAIN, signed.encode(), "sha1"))]]


def slack(body):
    signed = f"v0:{NOW}:".encode() + body
    return [["X-Slack-Request-Timestamp", str(NOW)], ["X-Slack-Signature", "v0=" + mac(PLAIN, signed).hex()]]


def mailgun(at=NOW, key=PLAIN):
    signature = mac(key, f"{at}nonce".encode()).hex()
    return json.dumps({"signature": {"timestamp": str(at), "token": "nonce", "signature": signature}}).encode()


def midtrans(how):
    signed = hashlib.new(how, f"order-1200100.00{PLAIN}".encode()).hexdigest()
    return json.dumps({"order_id": "order-1", "status_code": "200", "gross_amount": "100.00", "signature_key": signed}).encode()


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

# Signed URLs, as the request came and as the provider was given them.
URL = "https://shop.example/hooks/in"
case("TLS ended before it", "wrong_url", "square", PLAIN, square(URL), url=URL.replace("https", "http"))
case("TLS came later", "wrong_url", "square", PLAIN, square(URL.replace("https", "http")), url=URL)
case("the port was not signed", "wrong_url", "square", PLAIN, square(URL), url="https://shop.example:443/hooks/in")
case("another port was", "wrong_url", "square", PLAIN, square("https://shop.example:443/hooks/in"), url=URL)
case("a slash was added", "wrong_url", "square", PLAIN, square(URL), url=URL + "/")
case("a slash was lost", "wrong_url", "square", PLAIN, square(URL + "/"), url=URL)
case("another host, which a proxy names", "wrong_url", "square", PLAIN, [["X-Forwarded-Host", "shop.example"], *square(URL)], url="http://10.0.0.1:8080/hooks/in")
case("the host of the request itself", "wrong_url", "square", PLAIN, square(URL), url=URL, set=["url=https://www.shop.example/hooks/in"])
case("the path of the request itself", "wrong_url", "square", PLAIN, square(URL), url=URL, set=["url=https://shop.example/"])
case("a proxy dropped the query", "wrong_url", "square", PLAIN, [["X-Original-URI", "/hooks/in?shop=1"], *square(URL + "?shop=1")], url=URL)
case("the URL was configured with a query", "wrong_url", "square", PLAIN, square(URL), url=URL, set=[f"url={URL}?shop=1"])
case("the URL of a token", "wrong_url", "jwt-hs-url-payload-hash", PLAIN, messagebird(URL), url=URL + "/")
case("the URL of a token that nobody can guess", "wrong_url", "jwt-hs-url-payload-hash", PLAIN, messagebird("https://elsewhere.example/"), url=URL)

# Other signed messages.
case("Square with SHA-1", "wrong_algorithm", "square", PLAIN, square(URL, how="sha1"), url=URL)
case("Square in digits", "hex_vs_base64", "square", PLAIN, square(URL, encode=bytes.hex), url=URL)
case("Square under a decoded key", "wrong_secret_encoding", "square", base64_text(KEY), square(URL, key=KEY), url=URL)
case("Square under a key of digits", "wrong_secret_encoding", "square", KEY.hex(), square(URL, key=KEY), url=URL)
case("Square in another header", "other_signature_header", "square", PLAIN, square(URL, header="X-Forwarded-Signature"), url=URL)
case("Square, printed again", "reserialised_json", "square", PLAIN, square(URL), INDENTED, url=URL)
case("a field in milliseconds", "seconds_vs_milliseconds", "mailgun", PLAIN, [], mailgun(NOW * 1000))
case("fields under a decoded key", "wrong_secret_encoding", "mailgun", base64_text(KEY), [], mailgun(key=KEY))
case("an old field", "clock_skew", "mailgun", PLAIN, [], mailgun(NOW - 4000))
case("a plain hash of another length", "wrong_algorithm", "midtrans", PLAIN, [], midtrans("sha256"))
FIELDS = [("To", "+14158675309"), ("From", "+12349013030"), ("Body", "a b/c")]
ESCAPED = "To=%2B14158675309&From=%2B12349013030&Body=a+b%2Fc"
case("a form whose escapes were undone", "rewritten_form", "twilio-form", PLAIN, twilio(URL, FIELDS[:2]), b"To=+14158675309&From=+12349013030", url=URL)
case("a form escaped twice", "rewritten_form", "twilio-form", PLAIN, twilio(URL, FIELDS), ESCAPED.replace("%", "%25").encode(), url=URL)
case("a form made JSON", "rewritten_form", "twilio-form", PLAIN, twilio(URL, FIELDS), json.dumps(dict(FIELDS)).encode(), url=URL)
case("a form with other escapes", "rewritten_form", "slack", PLAIN, slack(ESCAPED.encode()), ESCAPED.replace("+", "%20").replace("%2F", "/").encode())
case("a form whose fields changed places", "rewritten_form", "slack", PLAIN, slack(b"Body=a+b&To=1"), b"To=1&Body=a+b")
HASHED = URL + "?bodySHA256=" + hashlib.sha256(BODY).hexdigest()
case("a body behind another's hash in the URL", "other_body", "twilio-json", PLAIN, twilio(HASHED), BODY.replace(b"42", b"43"), url=HASHED)

# Tokens.
JWT = "jwt-hs256-signature-only"
case("a token of HS512", "wrong_algorithm", JWT, PLAIN, vonage(BODY, alg="HS512"))
case("a token without its word", "other_signature_header", JWT, PLAIN, vonage(BODY, word=""))
case("a token behind another word", "other_signature_header", JWT, PLAIN, vonage(BODY, word="Token "))
case("a token in another header", "other_signature_header", JWT, PLAIN, vonage(BODY, header="X-Forwarded-Authorization"))
case("a token under a decoded key", "wrong_secret_encoding", JWT, base64_text(KEY), vonage(BODY, key=KEY))
case("a token under a key of digits", "wrong_secret_encoding", JWT, KEY.hex(), vonage(BODY, key=KEY))
case("a token of a body printed again", "reserialised_json", JWT, PLAIN, vonage(BODY), INDENTED)
case("a token of another body", "other_body", JWT, PLAIN, vonage(BODY), BODY.replace(b"42", b"43"))
case("a token that ran out", "clock_skew", JWT, PLAIN, vonage(BODY, iat=NOW - 100, exp=NOW - 40))
case("an old token", "clock_skew", JWT, PLAIN, vonage(BODY, iat=NOW - 4000))

# Two at once.
case("a URL and a body", "trailing_newline_in_body+wrong_url", "square", PLAIN, square(URL), BODY + b"\n", url=URL + "/")
case("line ends behind secret and body", "secret_whitespace+trailing_newline_in_body", "fedapay", FEDAPAY + "\n", fedapay(FEDAPAY, BODY), BODY + b"\n")
case("an unknown header in Base64", "hex_vs_base64+other_signature_header", "centralpay", PLAIN, fourpay(PLAIN, BODY, header="X-Cp-Digest", encode=base64_text))
case("an old delivery, printed again", "reserialised_json+clock_skew", "fedapay", FEDAPAY, fedapay(FEDAPAY, BODY, NOW - 86400), INDENTED)
case("the neighbour's SHA-512", "neighbour_secret+wrong_algorithm", "4pay", "my own secret", fourpay(PLAIN, BODY, how="sha512"), other_secrets=[PLAIN])
case("of two secrets the second, with a space", "secret_whitespace", "4pay", ["another secret", PLAIN + " "], fourpay(PLAIN, BODY))

# Nothing helps.
case("a forged delivery", None, "fedapay", FEDAPAY, fedapay("not the secret of anybody", BODY))
case("another body", None, "4pay", PLAIN, fourpay(PLAIN, BODY), BODY.replace(b"42", b"43"))
case("a token of nobody", None, JWT, PLAIN, vonage(BODY, key="not the secret of anybody"))
case("a token without a signature", None, JWT, PLAIN, [["Authorization", "Bearer " + token({}, alg="HS256").replace(url64(b'{"alg": "HS256", "typ": "JWT"}'), url64(b'{"alg": "none", "typ": "JWT"}')).rpartition(".")[0] + "."]])
case("a forged URL", None, "square", PLAIN, square("https://elsewhere.example/hooks"), url=URL)
case("no signature at all", None, "github", PLAIN, [])

json.dump(CASES, sys.stdout, indent=1)
print()
