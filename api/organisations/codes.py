"""Codes of invitations: shown once, and kept as a hash alone.

A code begins with whose it is, so that it is judged by the organisation's own facts; the rest of it,
192 bits, is chance.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

PREFIX = "oic_"
_ORG = "org_"
_ID_BYTES, _CHANCE_BYTES = 16, 24


def new_code(org_id: str) -> str:
    of = bytes.fromhex(org_id.removeprefix(_ORG))
    code = urlsafe_b64encode(of + secrets.token_bytes(_CHANCE_BYTES))
    return PREFIX + code.rstrip(b"=").decode()


def org_of(code: str) -> str:
    """Of one that is spelt as codes are; of a made-up one an id that is nobody's."""
    content = urlsafe_b64decode(code.removeprefix(PREFIX) + "==")
    return _ORG + content[:_ID_BYTES].hex()


def hash_of(code: str) -> str:
    """Of the text, so that another spelling of the same bytes is another code."""
    return sha256(code.encode()).hexdigest()
