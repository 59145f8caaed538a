"""Makes catalogue-extra.json: vectors for the schemes of the catalogue that have none elsewhere, and for
what published ones leave out. Python's own hmac and hashlib, and `cryptography` for the public keys;
nothing of this repository.

    python3 tests/data/make_catalogue.py > tests/data/catalogue-extra.json
"""

import base64
import hashlib
import hmac
import json
import unicodedata

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

NOW = 1700000000
SECRET = "test_secret_0123456789"
BODY = '{"id":"evt_1","type":"payment.succeeded","amount":4200}'
URL = "https://merchant.example/hooks/in"

vectors = []


def b64(data):
    return base64.b64encode(data).decode()


def mac(key, text, algorithm="sha256"):
    return hmac.new(key.encode(), text.encode(), algorithm).digest()


def add(scheme, headers, body, expect="valid", reason="", url=None, now=NOW, secret=SECRET, config=None):
    vector = {
        "scheme": scheme, "provider": scheme, "kind": "self-generated",
        "source": "made by make_catalogue.py from the documented scheme", "method": "POST", "url": url,
        "headers": headers, "body": body, "secrets_b64": [b64(secret.encode())], "now_unix": now,
        "expect": expect, "reason": reason,
    }
    if config:
        vector["config"] = config
    vectors.append(vector)


def both(scheme, headers, body, altered, reason="body altered", **more):
    add(scheme, headers, body, **more)
    add(scheme, headers, altered, "invalid", reason, **more)


# Plivo signs the URL without its query, and the nonce, as its own SDK has it (plivo-python,
# utils/__init__.py): another nonce or URL is refused, another body or query is not.
nonce = "05429567804466091622"
plivo = {"X-Plivo-Signature-V2": b64(mac(SECRET, URL + nonce)), "X-Plivo-Signature-V2-Nonce": nonce}
add("plivo-v2", plivo, BODY, url=URL, now=None)
add("plivo-v2", plivo, BODY, "invalid", "another URL", url=URL + "/else", now=None)
add("plivo-v2", plivo | {"X-Plivo-Signature-V2-Nonce": "1" + nonce}, BODY, "invalid", "another nonce",
    url=URL, now=None)
add("plivo-v2", plivo, BODY, url=URL + "?From=15551234567&To=15557654321", now=None)
queried = plivo | {"X-Plivo-Signature-V2": b64(mac(SECRET, URL + "?From=1" + nonce))}
add("plivo-v2", queried, BODY, "invalid", "the query is signed", url=URL + "?From=1", now=None)

# EasyPost: a secret beyond ASCII, composed; decomposed it is the same key, and ligatures come apart.
for secret in ["s\u00e9cret", "se\u0301cret", "\ufb01x\u00e9-\u2460"]:
    tag = mac(unicodedata.normalize("NFKD", secret), BODY).hex()
    both("easypost", {"X-Hmac-Signature": "hmac-sha256-hex=" + tag}, BODY, BODY + " ", secret=secret, now=None)
add("easypost", {"X-Hmac-Signature": "hmac-sha256-hex=" + mac("s\u00e9cret", BODY).hex()}, BODY, "invalid",
    "the secret was not normalised", secret="s\u00e9cret", now=None)

v1 = hashlib.sha256((SECRET + BODY).encode()).hexdigest()
both("hubspot-v1", {"X-HubSpot-Signature": v1}, BODY, BODY + " ", now=None)
add("hubspot-v1", {"X-HubSpot-Signature": mac(SECRET, BODY).hex()}, BODY, "invalid", "an HMAC", now=None)

order = {"order_id": "order-101", "status_code": "200", "gross_amount": "10000.00",
         "transaction_id": "9aed5972", "transaction_status": "settlement"}
signed = order["order_id"] + order["status_code"] + order["gross_amount"] + SECRET
order["signature_key"] = hashlib.sha512(signed.encode()).hexdigest()
both("midtrans", {}, json.dumps(order), json.dumps(order | {"gross_amount": "99999.00"}), now=None,
     reason="amount altered")
add("midtrans", {}, json.dumps({k: v for k, v in order.items() if k != "order_id"}), "invalid",
    "a signed field is missing", now=None)

iris = hashlib.sha512((BODY + SECRET).encode()).hexdigest()
both("midtrans-iris", {"Iris-Signature": iris}, BODY, BODY + " ", now=None)

zoom = '{"event":"meeting.started","event_ts":1700000000123,"payload":{"object":{"id":"1"}}}'
tag = "v0=" + mac(SECRET, f"v0:{NOW}:{zoom}").hex()
both("zoom", {"x-zm-signature": tag, "x-zm-request-timestamp": str(NOW)}, zoom, zoom + " ")
add("zoom", {"x-zm-signature": tag, "x-zm-request-timestamp": str(NOW)}, zoom, "invalid",
    "stale by a second", now=NOW + 301)

form = '{"event_id":"LtWXD3crgy","event_type":"form_response","form_response":{"form_id":"lT4Z3j"}}'
both("typeform", {"Typeform-Signature": "sha256=" + b64(mac(SECRET, form))}, form, form + " ", now=None)

phonepe = hashlib.sha256(f"merchant:{SECRET}".encode()).hexdigest()
add("phonepe-v2", {"Authorization": phonepe}, BODY, now=None, config={"username": "merchant"})
add("phonepe-v2", {"Authorization": phonepe}, BODY, "invalid", "another user", now=None,
    config={"username": "somebody"})

moov = {"X-Timestamp": "2023-11-14T22:13:20Z", "X-Nonce": "b1f4b7", "X-Webhook-ID": "5ad1f9c4"}
tag = mac(SECRET, "|".join(moov.values()), "sha512").hex()
add("moov", moov | {"X-Signature": tag}, BODY)
add("moov", moov | {"X-Signature": tag, "X-Webhook-ID": "5ad1f9c5"}, BODY, "invalid", "another id")
add("moov", moov | {"X-Signature": tag, "X-Nonce": "b1f4b7|5", "X-Webhook-ID": "ad1f9c4"}, BODY, "invalid",
    "cut elsewhere")

# Where the catalogue's vectors have nothing that is valid.
recurly = f"1700000000123,{'0' * 64},{mac(SECRET, f'1700000000123.{BODY}').hex()}"
both("recurly", {"recurly-signature": recurly}, BODY, BODY + " ")
both("lemon-squeezy", {"X-Signature": mac(SECRET, BODY).hex()}, BODY, BODY + " ", now=None)
both("line", {"X-Line-Signature": b64(mac(SECRET, BODY))}, BODY, BODY + " ", now=None)
both("zendesk", {"X-Zendesk-Webhook-Signature": b64(mac(SECRET, "2023-11-14T22:13:20Z" + BODY)),
     "X-Zendesk-Webhook-Signature-Timestamp": "2023-11-14T22:13:20Z"}, BODY, BODY + " ")
hubspot = b64(mac(SECRET, f"POST{URL}{BODY}1700000000123"))
both("hubspot-v3", {"X-HubSpot-Signature-v3": hubspot, "X-HubSpot-Request-Timestamp": "1700000000123"}, BODY,
     BODY + " ", url=URL)

# Persona: groups, of which one is whole.
other = mac("another_secret_0123456", f"1699999990.{BODY}").hex()
good = mac(SECRET, f"{NOW}.{BODY}").hex()
add("persona", {"Persona-Signature": f"t=1699999990,v1={other} t={NOW},v1={good}"}, BODY)
add("persona", {"Persona-Signature": f"t={NOW},v1={good},t={NOW}"}, BODY, "invalid", "two times in a group")

# Public keys. Keys are fixed where the algorithm lets them be; signatures are fresh.
seed = bytes(range(32))
key = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
public = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
both("telnyx", {"telnyx-signature-ed25519": b64(key.sign(f"{NOW}|{BODY}".encode())),
     "telnyx-timestamp": str(NOW)}, BODY, BODY + " ", secret=b64(public))
both("discord", {"X-Signature-Ed25519": key.sign(f"{NOW}{BODY}".encode()).hex(),
     "X-Signature-Timestamp": str(NOW)}, BODY, BODY + " ", secret=public.hex())

curve = ec.derive_private_key(int.from_bytes(hashlib.sha256(b"countersign").digest()), ec.SECP256R1())


def spki(key):
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


batch = '[{"event":"bounce","sg_event_id":"a"},{"event":"open","sg_event_id":"b"}]'
signature = curve.sign(f"{NOW}{batch}".encode(), ec.ECDSA(hashes.SHA256()))
both("sendgrid", {"X-Twilio-Email-Event-Webhook-Signature": b64(signature),
     "X-Twilio-Email-Event-Webhook-Timestamp": str(NOW)}, batch, batch + " ", secret=b64(spki(curve)))

big = rsa.generate_private_key(65537, 2048)
signature = big.sign(BODY.encode(), padding.PKCS1v15(), hashes.SHA256())
both("wise", {"X-Signature-SHA256": b64(signature)}, BODY, BODY + " ", secret=pem(big), now=None)
import zlib  # noqa: E402
crc = zlib.crc32(BODY.encode())
text = f"dfb3be50-fd74-11e4|2023-11-14T22:13:20Z|WH-1|{crc}"
paypal = {"PAYPAL-TRANSMISSION-ID": "dfb3be50-fd74-11e4", "PAYPAL-TRANSMISSION-TIME": "2023-11-14T22:13:20Z",
          "PAYPAL-TRANSMISSION-SIG": b64(big.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}
both("paypal", paypal, BODY, BODY + " ", secret=pem(big), config={"webhook_id": "WH-1"})
add("paypal", paypal, BODY, "invalid", "another webhook", secret=pem(big), config={"webhook_id": "WH-2"})


def url64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(head, claims, sign):
    text = url64(json.dumps(head).encode()) + "." + url64(json.dumps(claims).encode())
    return text + "." + url64(sign(text.encode()))


def hs(key, algorithm="sha256"):
    return lambda text: hmac.new(key.encode(), text, algorithm).digest()


def es256(text):
    r, s = utils.decode_dss_signature(curve.sign(text, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32) + s.to_bytes(32)


sha = hashlib.sha256(BODY.encode()).hexdigest()
vonage = {"iat": NOW, "jti": "1", "iss": "Vonage"}


def bearer(token):
    return {"Authorization": "Bearer " + token}


add("jwt-hs256-signature-only", bearer(jwt({"alg": "HS256"}, vonage, hs(SECRET))), BODY)
hashed = bearer(jwt({"alg": "HS256"}, vonage | {"payload_hash": sha}, hs(SECRET)))
both("jwt-hs256-signature-only", hashed, BODY, BODY + " ")
for reason, head, sign in [
    ("alg none", {"alg": "none"}, lambda text: b""),
    ("alg none with a signature", {"alg": "none"}, hs(SECRET)),
    ("HS512, which is not allowed", {"alg": "HS512"}, hs(SECRET, "sha512")),
    ("lower case", {"alg": "hs256"}, hs(SECRET)),
    ("critical claims", {"alg": "HS256", "crit": ["b64"], "b64": False}, hs(SECRET)),
    ("ES256, another kind of key", {"alg": "ES256"}, es256),
]:
    add("jwt-hs256-signature-only", bearer(jwt(head, vonage, sign)), BODY, "invalid", reason)
for reason, claims in [
    ("stale", vonage | {"iat": NOW - 301}), ("future", vonage | {"iat": NOW + 301}),
    ("expired", vonage | {"exp": NOW - 31}), ("no time", vonage | {"iat": "now"}),
]:
    add("jwt-hs256-signature-only", bearer(jwt({"alg": "HS256"}, claims, hs(SECRET))), BODY, "invalid", reason)

plaid = {"iat": NOW, "request_body_sha256": sha}
both("plaid-jwt-es256", {"Plaid-Verification": jwt({"alg": "ES256", "kid": "k"}, plaid, es256)}, BODY, BODY + " ",
     secret=pem(curve))
add("plaid-jwt-es256", {"Plaid-Verification": jwt({"alg": "ES256"}, {"iat": NOW}, es256)}, BODY, "invalid",
    "no hash of the body", secret=pem(curve))
add("plaid-jwt-es256", {"Plaid-Verification": jwt({"alg": "HS256"}, plaid, hs(pem(curve)))}, BODY, "invalid",
    "the public key as a secret", secret=pem(curve))

print(json.dumps(vectors, indent=1, ensure_ascii=False))
