"""What is found at Stripe, and whose it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Literal

import msgspec

from api.stripe.delivery import Tools
from ledger.message import Event, Origin

Kind = Literal[
    "customer",
    "payment",
    "subscription",
    "invoice",
    "saved card",
    "connected account",
    "transfer",
    "platform payout",
]
Whose = Literal["ours", "nobody's", "another's"]
Record = Callable[[Tools], Awaitable[None]]
"""Records what is new in the object, as a webhook of it would; nothing when nothing is."""

OPERATOR = Origin(actor="operator", roles=frozenset({"system"}), causation_id="adopt")
"""Who takes it up, as the audit shows it."""


def _always(_: Event) -> bool:
    return True


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One object of Stripe that is this ledger's, or could be: `nobody's` has ids like ours, names no ledger,
    and is not known here.
    """

    kind: Kind
    stripe_id: str
    whose: Whose
    made_at: datetime
    record: Record
    is_news: Callable[[Event], bool] = _always
    """Whether a fact of it tells more than that it was looked at."""
    our_id: str = ""
    user_id: str = ""
    amount_minor: int | None = None
    currency: str = ""
    related: tuple[str, ...] = ()
    """Other ids at Stripe, by which effects may wait for it."""

    @property
    def ids(self) -> frozenset[str]:
        return frozenset({self.stripe_id, self.our_id, *self.related} - {""})


class Window(msgspec.Struct, frozen=True):
    """What was made or moved since then is looked at."""

    since: datetime

    @property
    def created(self) -> Mapping[str, int]:
        """As Stripe's lists filter by it."""
        return {"gte": int(self.since.timestamp())}


Source = Callable[[Tools, Window], AsyncIterator[Candidate]]


def whose(metadata: Mapping[str, str] | None, ledger_id: str, *, known: bool) -> Whose:
    """By the ledger that it names. What names none is ours when it is known here, as a version made it that
    told Stripe less; what names another is never ours, whatever ids it has.
    """
    named = (metadata or {}).get("ledger_id", "")
    if named:
        return "ours" if named == ledger_id else "another's"
    return "ours" if known else "nobody's"
