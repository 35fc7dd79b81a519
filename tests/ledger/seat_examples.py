"""Builders for tests of seats and usage."""

from __future__ import annotations

from functools import reduce
from typing import Any

from msgspec.structs import replace

from ledger.seats.commands import ActivateSeat, DeactivateSeat, ReleaseSeat, SeatTerms
from ledger.seats.decider import decide
from ledger.seats.state import Seats, evolve
from ledger.usage.commands import Item, RecordUsage, UsageTerms
from ledger.usage.decider import decide as decide_usage
from ledger.usage.state import Usage
from ledger.usage.state import evolve as evolve_usage
from ledger.usage.verdicts import verdicts
from tests.ledger.licence_examples import LICENCE, NEW_YEAR, ORG

TEN = SeatTerms(as_of=3, status="active", limit=10, floating=False, transfers=None)
FLOATING = replace(TEN, floating=True)
HARD = UsageTerms(as_of=3, status="active", granted=True, limit=10_000)
SOFT = replace(HARD, soft=True)
FREE = replace(HARD, limit=None)


class Room:
    """The seats of one licence."""

    def __init__(self, terms: SeatTerms = TEN) -> None:
        self.seats, self.terms, self.claims = Seats(), terms, 0

    def claim(
        self, device: str, *, user_id: str = "", lapsed: tuple[str, ...] = (), **terms: Any
    ) -> list[Any]:
        """The facts; the seat of the n-th claim is `sea_n`."""
        self.claims += 1
        command = ActivateSeat(
            command_id="cmd",
            effective_at=NEW_YEAR,
            licence_id=LICENCE,
            org_id=ORG,
            seat_id=f"sea_{self.claims}",
            device=device,
            user_id=user_id or f"usr_{device}",
            terms=replace(self.terms, **terms),
            lapsed=lapsed,
        )
        return self.do(command)

    def release(self, device: str, *, user_id: str = "", **changes: Any) -> list[Any]:
        fields = {
            "command_id": "cmd",
            "effective_at": NEW_YEAR,
            "licence_id": LICENCE,
            "transfers": self.terms.transfers,
        }
        return self.do(
            ReleaseSeat(**{**fields, **changes}, device=device, user_id=user_id or f"usr_{device}")
        )

    def deactivate(self, seat_id: str, transfers: int | None = None) -> list[Any]:
        return self.do(
            DeactivateSeat(
                command_id="cmd",
                effective_at=NEW_YEAR,
                licence_id=LICENCE,
                seat_id=seat_id,
                transfers=transfers,
            )
        )

    def do(self, command: Any) -> list[Any]:
        facts = decide(command, self.seats)
        self.seats = reduce(evolve, facts, self.seats)
        return list(facts)

    @property
    def taken(self) -> list[str]:
        return list(self.seats.held)


def count(sequence: int, quantity: int = 1) -> Item:
    return Item(sequence=sequence, quantity=quantity)


def seen(user_id: str) -> Item:
    return Item(user_id=user_id)


class Meter:
    """The usage of one metric in one stream."""

    def __init__(self, metric: str = "api_calls", terms: UsageTerms = HARD) -> None:
        self.metric, self.terms, self.usage = metric, terms, Usage()
        self.facts: list[Any] = []

    def say(self, *items: Item, source: str = "eu-1", **changes: Any) -> list[str]:
        """What becomes of each item."""
        fields = {
            "command_id": "cmd",
            "effective_at": NEW_YEAR,
            "licence_id": LICENCE,
            "org_id": ORG,
            "metric": self.metric,
            "month": "2026-01",
            "source": source,
            "terms": self.terms,
        }
        command = RecordUsage(**{**fields, **changes}, items=items)
        facts = decide_usage(command, self.usage)
        self.usage = reduce(evolve_usage, facts, self.usage)
        self.facts += facts
        return list(verdicts(command, facts, self.usage))

    def alerts(self) -> list[int]:
        return [one.percent for one in self.facts if hasattr(one, "percent")]
