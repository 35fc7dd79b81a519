"""Filters whose values are known beforehand: one that nothing can match is a mistake, and no empty page."""

from __future__ import annotations

from difflib import get_close_matches

from api.http.problems import FieldError, Unprocessable
from ledger.chart import (
    CHART,
    CONTRACT_LIABILITY,
    CUSTOMER_CREDIT,
    INSTRUCTOR_PAYABLE,
    RECEIVABLE,
    TOKENS_OUTSTANDING,
)
from ledger.domains import DOMAINS, EVENT_TYPES
from ledger.store.batched_queries import Connection

EVENT_TYPE_NAMES = tuple(sorted(event.TYPE for event in EVENT_TYPES))
STREAMS = tuple(domain.stream.prefix for domain in DOMAINS)
"""What the name of a stream begins with, before the hyphen and the id."""
_SHOWN = 80
"""Characters of what was sent, at most."""


def account_fault(number: str) -> str | None:
    return None if number in CHART else f"there is no account {number}: known are {', '.join(CHART)}"


def stream_fault(name: str) -> str | None:
    """Whether anything stands in the stream is another question: it may be yet to come."""
    kind, _, rest = name.partition("-")
    if kind in STREAMS and rest:
        return None
    known = ", ".join(f"{each}-" for each in STREAMS)
    return f"{name!r:.{_SHOWN}} is no stream: one begins with {known}, then an id"


def event_type_fault(name: str) -> str | None:
    if name in EVENT_TYPE_NAMES:
        return None
    near = get_close_matches(name, EVENT_TYPE_NAMES, n=5, cutoff=0.5)
    known = f"like it are {', '.join(near)}" if near else f"one is written as {EVENT_TYPE_NAMES[0]}"
    return f"there is no type {name!r:.{_SHOWN}}: {known}"


_POSTED = "SELECT EXISTS (SELECT FROM postings WHERE party = %s)"


async def check_party(connection: Connection, party: str | None) -> None:
    """A party is known by what was posted for it: the ledger has no other list of them. The empty one is
    nobody's: what belongs to the platform itself.
    """
    if not party:
        return
    [posted] = await (await connection.execute(_POSTED, (party,))).fetchone() or (False,)
    if not posted:
        raise _unknown(
            "party",
            f"nothing was ever posted for {party!r:.{_SHOWN}}: a party is the id of a subscription, a "
            f"licence or an order on account {CONTRACT_LIABILITY.number}, an instructor's on "
            f"{INSTRUCTOR_PAYABLE.number}, an organisation's on {RECEIVABLE.number}, and a user's or an "
            "organisation's on "
            f"{CUSTOMER_CREDIT.number} and {TOKENS_OUTSTANDING.number}",
        )


def _unknown(parameter: str, detail: str) -> Unprocessable:
    return Unprocessable.at(FieldError(detail=detail, parameter=parameter))
