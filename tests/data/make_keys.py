"""Makes private-keys.json: a key pair of each kind, made by OpenSSL, for tests alone.

    python3 tests/data/make_keys.py > tests/data/private-keys.json
"""

import base64
import json
import subprocess


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, check=True).stdout


def pair(*options):
    private = openssl("genpkey", *options)
    der = openssl("pkey", "-pubout", "-outform", "DER", data=private)
    raw = der[-32:]
    return {
        "private": private.decode(),
        "pem": openssl("pkey", "-pubout", data=private).decode(),
        "spki": base64.b64encode(der).decode(),
        "base64": base64.b64encode(raw).decode(),
        "hex": raw.hex(),
    }


print(json.dumps({
    "ed25519": pair("-algorithm", "ED25519"),
    "p256": pair("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "rsa": pair("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"),
}, indent=1))
