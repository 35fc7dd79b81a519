"""Ids that look like Stripe's and can be repeated: same seed and same calls, same ids."""

from __future__ import annotations

import hashlib
import secrets

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE = len(DIGITS)
_PAIRS = [high + low for high in DIGITS for low in DIGITS]
_SPACE = _BASE**8
# Odd and no multiple of 31, so multiplying permutes 0..62**8-1 and two ranks never share an id.
_STRIDE = 101_863_241_539_867
_LONG = 24
_SHORT = {"cus_": 14}


class Ids:
    """`rank` is the number of an object in its sandbox; each rank gives one id."""

    def __init__(self, seed: str) -> None:
        digest = hashlib.blake2b(seed.encode(), digest_size=32).digest()
        number = int.from_bytes(digest, "big")
        self._offset = number % _SPACE
        self.account = _digits(number // _SPACE % _SPACE) + _digits(number // _SPACE**2 % _SPACE)

    def make(self, prefix: str, rank: int) -> str:
        room = _SHORT.get(prefix, _LONG) - 9
        return f"{prefix}3{self.account[:room]}{_digits((rank * _STRIDE + self._offset) % _SPACE)}"

    def secret(self, object_id: str, rank: int) -> str:
        """A client secret; guessable, as it guards nothing outside a sandbox."""
        return f"{object_id}_secret_{self.account}{_digits((rank + 1) * _STRIDE % _SPACE)}"


def _digits(number: int) -> str:
    pairs = _BASE * _BASE
    number, last = divmod(number, pairs)
    number, third = divmod(number, pairs)
    first, second = divmod(number, pairs)
    return _PAIRS[first] + _PAIRS[second] + _PAIRS[third] + _PAIRS[last]


def request_id() -> str:
    return "req_" + _digits(secrets.randbelow(_SPACE)) + _digits(secrets.randbelow(_SPACE))[:6]


def webhook_secret() -> str:
    return "whsec_" + secrets.token_hex(16)
