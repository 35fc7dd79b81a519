"""The terms of a sale as Stripe keeps them with its payment, for a ledger that was restored to a time before.

Ids, amounts and shares, and no word about anybody. https://docs.stripe.com/metadata: at most 50 keys, and 500
characters a value, so that long terms are in several.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ledger.split import Sale

LONGEST = 500
"""Characters of a value."""
MOST = 40
"""Keys; what else a payment names needs some, too."""


def written(sale: Sale | None) -> dict[str, str]:
    """`sale_0`, `sale_1` …; nothing of terms that do not fit, whose money would be the platform's then."""
    if sale is None:
        return {}
    text = msgspec.json.encode(sale).decode()
    parts = [text[start : start + LONGEST] for start in range(0, len(text), LONGEST)]
    return {f"sale_{number}": part for number, part in enumerate(parts)} if len(parts) <= MOST else {}


def read(metadata: Mapping[str, str]) -> Sale | None:
    """None where there are none, or they are not as this version writes them."""
    parts: list[str] = []
    while (part := metadata.get(f"sale_{len(parts)}")) is not None:
        parts.append(part)
    try:
        return msgspec.json.decode("".join(parts), type=Sale)
    except msgspec.DecodeError:
        return None
