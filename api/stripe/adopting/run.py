"""Look at all that Stripe has, and take up what is lacking here, or only say what would be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal, cast

import msgspec
import stripe
import structlog

from api.stripe.adopting import billing, connect, customers, payments
from api.stripe.adopting.candidates import Candidate, Kind, Source, Window
from api.stripe.delivery import Postponed, Tools
from api.stripe.failures import is_missing
from api.stripe.objects import UnexpectedAnswer
from ledger.errors import Refused
from ledger.message import Command, Event, Origin, Outcome
from ledger.store import Store
from ledger.store.rehearsal import Rehearsal

SOURCES: tuple[Source, ...] = (
    customers.customers,
    payments.payments,
    billing.subscriptions,
    billing.invoices,
    customers.cards,
    connect.accounts,
    connect.transfers,
    connect.payouts,
)
"""In this order, as a card is its customer's and an invoice its subscription's."""

NAMES_NO_LEDGER = "names no ledger, as a version made it that told Stripe less, and is not known here"
ASK_ANEW = "leave it to Stripe's dashboard, and book by hand what it moved"
LOOK = "look at it in Stripe's dashboard and in the ledger; nothing of it was recorded"

log = structlog.get_logger()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One object that is lacking here, as a whole or what became of it."""

    kind: Kind
    stripe_id: str
    our_id: str
    user_id: str
    amount_minor: int | None
    currency: str
    made_at: datetime
    result: Literal["lacking", "taken_up", "cannot"]
    facts: tuple[str, ...] = ()
    """What is recorded, or would be."""
    why: str = ""
    """Of what cannot be taken up."""
    remedy: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    since: datetime
    applied: bool
    lines: list[Line]
    seen: int
    """Objects that are this ledger's."""
    of_others: int
    """Objects with ids like ours that name another ledger. They are never taken."""
    ids: frozenset[str]
    """Of all that is this ledger's: what waits for one of them can be tried again."""


class _Noting:
    """A store that remembers what came of it since it was last asked."""

    def __init__(self, store: Store | Rehearsal) -> None:
        self._store = store
        self._facts: list[Event] = []
        self.ledger_id = store.ledger_id
        self.state = store.state
        self.read_stream = store.read_stream
        self.find_command = store.find_command

    async def handle(self, command: Command, origin: Origin) -> Outcome:
        outcome = await self._store.handle(command, origin)
        if not outcome.repeated:
            self._facts += [fact.event for fact in outcome.recorded]
        return outcome

    def facts(self) -> list[Event]:
        noted, self._facts = self._facts, []
        return noted


class _Hands(msgspec.Struct, frozen=True):
    """Tools on a store that notes. It has all of a store that taking up uses."""

    tools: Tools
    noting: _Noting

    @classmethod
    def on(cls, tools: Tools, store: Store | Rehearsal) -> _Hands:
        noting = _Noting(store)
        return cls(msgspec.structs.replace(tools, store=cast("Store", noting)), noting)

    async def take(self, candidate: Candidate) -> list[Event]:
        try:
            await candidate.record(self.tools)
        finally:
            facts = self.noting.facts()
        return facts


async def adopt(
    tools: Tools, since: datetime, *, apply: bool, looked: Callable[[int], None] = lambda _: None
) -> Report:
    """Each object by itself, so that one that cannot be taken up bars no other; run again it goes on where
    it was stopped, as what was taken up is known. `looked` is told how many were looked at.

    Raises what a call to Stripe raises when it does not answer.
    """
    store = tools.store
    showing = _Hands.on(tools, Rehearsal(store))
    lines: list[Line] = []
    ids: set[str] = set()
    seen = of_others = 0
    for source in SOURCES:
        async for candidate in source(tools if apply else showing.tools, Window(since)):
            if candidate.whose == "another's":
                of_others += 1
                continue
            seen += candidate.whose == "ours"
            ids |= candidate.ids
            if apply:
                line = await _line_of(candidate, _Hands.on(tools, Rehearsal(store)), _Hands.on(tools, store))
            else:
                line = await _line_of(candidate, showing)
            lines += [line] if line else []
            looked(seen)
    return Report(since=since, applied=apply, lines=lines, seen=seen, of_others=of_others, ids=frozenset(ids))


async def _line_of(candidate: Candidate, showing: _Hands, doing: _Hands | None = None) -> Line | None:
    """None when nothing is lacking: it is rehearsed first, as a mere look is not to be recorded."""
    if candidate.whose == "nobody's":
        return _line(candidate, "cannot", why=NAMES_NO_LEDGER, remedy=ASK_ANEW)
    try:
        facts = await showing.take(candidate)
        if not any(map(candidate.is_news, facts)):
            return None
        if doing is not None:
            facts = await doing.take(candidate)
    except (Refused, UnexpectedAnswer, Postponed, stripe.StripeError) as error:
        if isinstance(error, stripe.StripeError) and not is_missing(error):
            raise
        log.warning("not_adopted", kind=candidate.kind, stripe_id=candidate.stripe_id)
        return _line(candidate, "cannot", why=_why(error), remedy=_remedy(error))
    types = tuple(fact.TYPE for fact in facts)
    return _line(candidate, "taken_up" if doing else "lacking", facts=types)


def _line(
    candidate: Candidate,
    result: Literal["lacking", "taken_up", "cannot"],
    *,
    facts: tuple[str, ...] = (),
    why: str = "",
    remedy: str = "",
) -> Line:
    return Line(
        kind=candidate.kind,
        stripe_id=candidate.stripe_id,
        our_id=candidate.our_id,
        user_id=candidate.user_id,
        amount_minor=candidate.amount_minor,
        currency=candidate.currency,
        made_at=candidate.made_at,
        result=result,
        facts=facts,
        why=why,
        remedy=remedy,
    )


def _why(error: Exception) -> str:
    match error:
        case Refused():
            return f"{error.code}: {error.detail}"
        case Postponed():
            return error.reason
        case stripe.StripeError():
            return "Stripe lists it and does not show it"
        case _:
            return str(error)


def _remedy(error: Exception) -> str:
    return error.remedy if isinstance(error, Refused) else LOOK
