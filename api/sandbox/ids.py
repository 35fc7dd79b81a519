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
_SHORT = {"cus_": 14, "acct_": 16}
_TAIL = 8
"""Digits that each rank has of its own; before them an id names the account that it is of."""


class Ids:
    """`rank` is the number of an object in its sandbox; each rank gives one id."""

    def __init__(self, seed: str) -> None:
        digest = hashlib.blake2b(seed.encode(), digest_size=32).digest()
        number = int.from_bytes(digest, "big")
        self._offset = number % _SPACE
        self.account = _digits(number // _SPACE % _SPACE) + _digits(number // _SPACE**2 % _SPACE)
        self.application = f"ca_3{self.account}"
        """The platform, as its connected accounts know it."""
        self._platform = "3" + self.account[: _LONG - _TAIL - 1]
        self._connected = self.make("acct_", 0)[len("acct_") : -_TAIL]

    def make(self, prefix: str, rank: int, owner: str = "") -> str:
        """`owner` is the connected account that the object is of, "" for the platform's own."""
        room = _SHORT.get(prefix, _LONG) - _TAIL - 1
        account = owner.removeprefix("acct_3") if owner else self.account
        return f"{prefix}3{account[:room]}{_digits((rank * _STRIDE + self._offset) % _SPACE)}"

    def owner(self, object_id: str) -> str:
        """The connected account that an object is of, "" for the platform: as at Stripe, its id tells."""
        account = object_id[-_LONG:-_TAIL]
        if account == self._platform or not account.startswith(self._connected):
            return ""
        return f"acct_{account}"

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
