"""The one form of a signed text: `<kind>/<payload>.<signature>`, of which each statement has one spelling.

Payload and signature are base64url without padding. What is signed is the text before the dot, kind included:
no file can be taken for a key. The payload is JSON of printable ASCII in which nothing is escaped, with
sorted members, no white space and whole numbers.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

LONGEST: Final = 8_192
"""Characters of a signed text."""
_TOO_LONG: Final = f"it has more than {LONGEST:,} characters"
_TEXT: Final = re.compile(r"([a-z]+)/([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})")
_NO_FORM: Final = "its payload is no JSON object in the only form that it has"
_PLAIN: Final = re.compile(rb"[ -\[\]-~]*")
"""Printable ASCII but the backslash: so there are no escapes, of which one character can have several."""
_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)
_ORDER: Final = (1 << 252) + 27_742_317_777_372_353_535_851_937_790_883_648_493
"""Of the group of Ed25519: https://www.rfc-editor.org/rfc/rfc8032#section-5.1"""


class NotOneForm(ValueError):
    """It says what is wrong with the text, and nothing of what is in it."""


class Signed(NamedTuple):
    """What a text is made of, before anything of it is believed."""

    kind: str
    payload: Mapping[str, Any]
    signed: bytes
    signature: bytes


def parse(text: str) -> Signed:
    """Raises `NotOneForm` for every text that `written` would not have made."""
    if len(text) > LONGEST:
        raise NotOneForm(_TOO_LONG)
    parts = _TEXT.fullmatch(text)
    if parts is None:
        raise NotOneForm("it is not a kind, a slash, a payload, a dot and a signature of 86 characters")
    signature = decoded(parts[3])
    if int.from_bytes(signature[32:], "little") >= _ORDER:
        raise NotOneForm("its signature is not in the only form that one has")
    return Signed(parts[1], _members(decoded(parts[2])), signed_part(parts[1], parts[2]), signature)


def written(kind: str, payload: str, signature: bytes) -> str:
    """Raises `NotOneForm` for more than can be read again."""
    text = f"{kind}/{payload}.{encoded(signature)}"
    if len(text) > LONGEST:
        raise NotOneForm(_TOO_LONG)
    return text


def signed_part(kind: str, payload: str) -> bytes:
    """The bytes that the signature is made of."""
    return f"{kind}/{payload}".encode("ascii")


def payload_of(members: Mapping[str, Any]) -> str:
    """Raises `NotOneForm` for a value that has no form here, such as a text with other letters."""
    content = _canonical(members)
    if _PLAIN.fullmatch(content) is None:
        raise NotOneForm(_NO_FORM)
    return encoded(content)


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """Raises `NotOneForm` also for padding, for another alphabet, and for bits that lead to no byte."""
    try:
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        content = b""
    if encoded(content) != text:  # the decoder itself is forgiving
        raise NotOneForm("its base64url is not in the only form that it has")
    return content


def _members(content: bytes) -> Mapping[str, Any]:
    """By writing it again: what JSON takes for the same, such as a doubled member, is not the same here."""
    try:
        members = json.loads(content) if _PLAIN.fullmatch(content) else None
        if isinstance(members, dict) and _canonical(members) == content:
            return members
    except (ValueError, RecursionError):  # of digits or brackets without end, too
        pass
    raise NotOneForm(_NO_FORM)


def _canonical(members: Mapping[str, Any]) -> bytes:
    return _JSON.encode(members).encode("ascii")
