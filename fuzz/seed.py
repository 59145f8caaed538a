#!/usr/bin/env python3
"""Seeds the corpora of the fuzz targets from the attacks, the vectors, the recipes and the payloads.

usage: python3 fuzz/seed.py

What it writes is not committed: `fuzz/corpus/TARGET/`.
"""

import base64
import hashlib
import json
import pathlib

FUZZ = pathlib.Path(__file__).resolve().parent
DATA = FUZZ.parent / "tests" / "data"
HEADS = [target.stem for target in sorted((FUZZ / "fuzz_targets").glob("head_*.rs"))]


def read(name):
    return json.loads((DATA / name).read_text())


def seed(targets, data):
    for target in targets:
        folder = FUZZ / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


def body_of(case):
    if case.get("body") is not None:
        return case["body"].encode()
    return base64.b64decode(case.get("body_b64") or "")


def head(query, values, body):
    """For a handful of the families of a kind; the fuzzer finds the others."""
    for choice in range(0, 32, 5):
        lines = [query.encode(), *(value.encode("latin-1", "replace") for value in values)]
        yield bytes([choice]) + b"\n".join([*lines, body])


bodies = [path.read_bytes() for path in sorted((DATA / "payloads").glob("*.json"))]
for name in ["five-providers.json", "catalogue.json", "catalogue-extra.json"]:
    for vector in read(name):
        body = body_of(vector)[:4096]
        bodies.append(body)
        query = (vector.get("url") or "").partition("?")[2]
        for data in head(query, vector["headers"].values(), body):
            seed(HEADS, data)
for attack in read("attacks.json"):
    values = [value for _, value in attack["headers"]]
    for data in head("", values, body_of(attack)[:4096]):
        seed(HEADS, data)
for body in bodies:
    seed(["envelope", "typed"], body)
    for start in [b"\0\0\0\0", b"\x20\x01\x07\x11", b"\x40\x00\x03\xff"]:
        seed(["whole", "cuts"], start + body)
for recipe in read("recipes.json"):
    seed(["recipe"], json.dumps(recipe).encode())
