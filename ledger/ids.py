"""Prefixed, opaque ids. What reaches Stripe is derived from the intent; all others are time-ordered, as
random ones cost more per insert (docs/decisions/0010-ids-from-intent.md).
"""

from __future__ import annotations

from hashlib import sha256

import uuid_utils

_DOMAIN = "liberation.id.v1"
_HEX_DIGITS = 32
"""128 bits, as a UUID has."""


def new_id(prefix: str) -> str:
    """Such as `key_0199f3a2…`: the prefix, then a UUIDv7 as 32 hexadecimal digits.

    Never for what is asked of Stripe: a repeat would be another thing there.
    """
    return f"{prefix}_{uuid_utils.uuid7().hex}"


def derived_id(prefix: str, *intent: str) -> str:
    """Such as `pay_5be1…`: the same for the same `intent`, whenever and wherever it is asked.

    The parts are hashed with their lengths, so that no two intents are one; another prefix makes another id
    of the same intent. A second id of one kind takes one more part.
    """
    digest = sha256()
    for part in (_DOMAIN, prefix, *intent):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8))
        digest.update(encoded)
    return f"{prefix}_{digest.hexdigest()[:_HEX_DIGITS]}"
