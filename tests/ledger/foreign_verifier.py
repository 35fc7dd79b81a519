"""A second verifier, written from docs/licence-format.md alone: it shares no line and no library with ours.

The arithmetic is that of RFC 8032, slow and plain. https://www.rfc-editor.org/rfc/rfc8032#section-6
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from hashlib import sha256, sha512
from typing import Any

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT = pow(2, (P - 1) // 4, P)
Point = tuple[int, int, int, int]
SOLD = {"licence_id", "org_id", "tier", "features", "seats", "serial", "issued_at", "expires_at", "kid", "v"}
MEMBERS = {
    "key": SOLD,
    "file": SOLD | {"valid_until"},
    "answer": {"nonce", "subject", "feature", "code", "issued_at", "valid_until", "expires_at", "kid", "v"},
}
NAME, ID = r"[a-z][a-z0-9_]{0,99}", r"[A-Za-z0-9_-]{1,100}"
TEXTS = {
    "licence_id": ID,
    "org_id": ID,
    "tier": NAME,
    "nonce": r"[A-Za-z0-9._~-]{1,128}",
    "subject": ID,
    "feature": NAME,
    "code": "[a-z_]{1,50}",
    "kid": "[0-9a-f]{16}",
}
NUMBERS = {
    "seats": (0, 10**9),
    "serial": (1, 10**9),
    **dict.fromkeys(("issued_at", "valid_until", "expires_at"), (0, 253402300799)),
}
NULLABLE = {"key": {"seats"}, "file": {"seats"}, "answer": {"subject", "feature", "expires_at"}}


def code_of(asked: Mapping[str, Any], published: Mapping[str, Any]) -> str:
    """What the page says that it comes to; `asked` is a vector."""
    said = _said(asked["kind"], asked["text"])
    if isinstance(said, str):
        return said
    key = next((each for each in published["keys"] if each["kid"] == said["kid"]), None)
    if key is None:
        return "unknown_kid"
    if key["compromised_at"] is not None:
        return "compromised_kid"
    public_key = urlsafe_b64decode(key["public_key"] + "=")
    assert sha256(public_key).hexdigest()[:16] == key["kid"]
    if not careless(asked["text"], public_key):
        return "bad_signature"
    return _judged(said, asked, key["retired_at"])


def careless(text: str, public_key: bytes) -> bool:
    """By the equation alone."""
    signed, _, signature = text.partition(".")
    return _verifies(public_key, signed.encode(), _bytes(signature))


def _said(kind: str, text: str) -> dict[str, Any] | str:
    """The payload, or a code."""
    found = re.fullmatch(r"([a-z]+)/([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})", text)
    if found is None or found[1] != kind or len(text) > 8192:
        return "malformed"
    signature, said = _bytes(found[3]), _json(_bytes(found[2]))
    if said is None or found[2] != _letters(_written(said).encode()) or found[3] != _letters(signature):
        return "malformed"
    if int.from_bytes(signature[32:], "little") >= L:
        return "malformed"
    if isinstance(said.get("v"), int) and said["v"] != 1:
        return "unknown_version"
    return said if _is_whole(kind, said) else "malformed"


def _json(payload: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(payload) if re.fullmatch(rb"[ -\[\]-~]*", payload) else None
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _is_whole(kind: str, said: Mapping[str, Any]) -> bool:
    if said.keys() != MEMBERS[kind] or not all(_may_be(kind, *each) for each in said.items()):
        return False
    if said.get("code") == "valid" and said["subject"] is None:
        return False
    ends = [said[name] for name in ("valid_until", "expires_at") if name in said]
    if kind == "answer" and said["code"] != "valid":
        ends = ends[:1]
    return None not in ends and ends == sorted(ends) and said["issued_at"] < ends[0]


def _may_be(kind: str, name: str, value: Any) -> bool:
    if value is None:
        return name in NULLABLE[kind]
    if name == "features":
        texts = isinstance(value, list) and all(isinstance(each, str) for each in value)
        return (
            texts
            and value == sorted(set(value))
            and len(value) <= 100
            and all(_is(NAME, each) for each in value)
        )
    if name in TEXTS:
        return isinstance(value, str) and _is(TEXTS[name], value)
    least, most = NUMBERS.get(name, (1, 1))
    return type(value) is int and least <= value <= most


def _is(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None


def _judged(said: Mapping[str, Any], asked: Mapping[str, Any], retired_at: str | None) -> str:
    if retired_at is not None and said["issued_at"] >= datetime.fromisoformat(retired_at).timestamp():
        return "retired_kid"
    for name in ("nonce", "subject", "feature"):
        told = said.get(name)
        if asked.get(name) is not None and told != asked[name] and not (name == "subject" and told is None):
            return f"other_{name}"
    at = asked["at"]
    if at + asked["leeway_s"] < said["issued_at"]:
        return "clock_before_issue"
    if asked["latest_seen"] is not None and at + asked["leeway_s"] < asked["latest_seen"]:
        return "clock_rolled_back"
    code: str = said.get("code", "valid")
    if code == "valid" and at >= said["expires_at"]:
        return "expired"
    return "outdated" if at >= said.get("valid_until", said["expires_at"]) else code


def _written(value: Any) -> str:
    match value:
        case dict():
            return "{" + ",".join(f'"{name}":{_written(value[name])}' for name in sorted(value)) + "}"
        case list():
            return "[" + ",".join(map(_written, value)) + "]"
        case str():
            return f'"{value}"'
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) % 4 != 1 else b""


def _letters(content: bytes) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    bits = "".join(f"{byte:08b}" for byte in content)
    return "".join(alphabet[int(bits[at : at + 6].ljust(6, "0"), 2)] for at in range(0, len(bits), 6))


@cache
def _verifies(public_key: bytes, signed: bytes, signature: bytes) -> bool:
    first, s = signature[:32], int.from_bytes(signature[32:], "little")
    a, r = _point(public_key), _point(first)
    if a is None or r is None:
        return False
    h = int.from_bytes(sha512(first + public_key + signed).digest(), "little") % L
    return _equal(_times(s, _BASE), _sum(r, _times(h, a)))


def _point(content: bytes) -> Point | None:
    y = int.from_bytes(content, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or y >= P:
        return None
    x = P - x if x & 1 != sign else x
    return (x, y, 1, x * y % P)


def _sum(left: Point, right: Point) -> Point:
    a = (left[1] - left[0]) * (right[1] - right[0]) % P
    b = (left[1] + left[0]) * (right[1] + right[0]) % P
    c = 2 * left[3] * right[3] * D % P
    d = 2 * left[2] * right[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(number: int, point: Point) -> Point:
    product: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            product = _sum(product, point)
        point, number = _sum(point, point), number >> 1
    return product


def _equal(left: Sequence[int], right: Sequence[int]) -> bool:
    return not any((left[axis] * right[2] - right[axis] * left[2]) % P for axis in (0, 1))


def _base() -> Point:
    found = _point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    assert found is not None
    return found


_BASE = _base()
