"""Filters whose values are known beforehand: one that nothing can match is a mistake, and no empty page."""

from __future__ import annotations

from difflib import get_close_matches

from api.http.problems import FieldError, Unprocessable
from ledger.chart import CHART, CONTRACT_LIABILITY, CUSTOMER_CREDIT
from ledger.domains import DOMAINS, EVENT_TYPES
from ledger.store.lane import Connection

EVENT_TYPE_NAMES = tuple(sorted(event.TYPE for event in EVENT_TYPES))
STREAMS = tuple(domain.stream.prefix for domain in DOMAINS)
"""What the name of a stream begins with, before the hyphen and the id."""
_SHOWN = 80
"""Characters of what was sent, at most."""


def check_account(number: str | None) -> None:
    if number is not None and number not in CHART:
        raise _unknown("account", f"there is no account {number}: known are {', '.join(CHART)}")


def check_stream(name: str | None) -> None:
    """Whether anything stands in the stream is another question: it may be yet to come."""
    if name is None:
        return
    kind, _, rest = name.partition("-")
    if kind not in STREAMS or not rest:
        known = ", ".join(f"{each}-" for each in STREAMS)
        raise _unknown("stream", f"{name!r:.{_SHOWN}} is no stream: one begins with {known}, then an id")


def check_event_type(name: str | None) -> None:
    if name is None or name in EVENT_TYPE_NAMES:
        return
    near = get_close_matches(name, EVENT_TYPE_NAMES, n=5, cutoff=0.5)
    known = f"like it are {', '.join(near)}" if near else f"one is written as {EVENT_TYPE_NAMES[0]}"
    raise _unknown("type", f"there is no type {name!r:.{_SHOWN}}: {known}")


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
            f"nothing was ever posted for {party!r:.{_SHOWN}}: a party is a subscription's id on account "
            f"{CONTRACT_LIABILITY.number}, and a user's on {CUSTOMER_CREDIT.number}",
        )


def _unknown(parameter: str, detail: str) -> Unprocessable:
    return Unprocessable.at(FieldError(detail=detail, parameter=parameter))
