"""What a comparison with Stripe works with, and what it tells.

Stripe's lists say what differs; only that is looked at closely, and recorded as webhooks do. What the
ledger holds to be open and no list shows is looked at, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec
import stripe
import structlog
from psycopg import AsyncConnection

from api.stripe.billing import lookup as billing_lookup
from api.stripe.delivery import Tools
from api.stripe.failures import is_missing
from api.stripe.objects import UnexpectedAnswer, parse_dict
from api.stripe.payments.lookup import PAGE
from ledger.errors import Refused
from ledger.message import Origin, Outcome

T = TypeVar("T")

log = structlog.get_logger()

Kind = Literal["subscription", "invoice", "payment", "refund", "dispute", "payout"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something at Stripe that the ledger did not know of. `recorded` are the types of the facts that say so
    now; none when nothing was to be recorded.
    """

    kind: Kind
    object_id: str
    """Stripe's."""
    subject: str
    """Ours: a subscription's, an invoice's, a payment's or a payout's id."""
    recorded: tuple[str, ...] = ()


class Pace:
    """So many calls a second at most, so that those of cardholders are not held up by Stripe's limits."""

    def __init__(self, per_second: float) -> None:
        self._gap_s = 1.0 / per_second
        self._next = 0.0

    async def __call__(self) -> None:
        now = time.monotonic()
        wait_s = self._next - now
        self._next = max(now, self._next) + self._gap_s
        if wait_s > 0:
            await asyncio.sleep(wait_s)


class Comparison(msgspec.Struct):
    """One run. What was created before `since` is looked at only as far as it is open here."""

    tools: Tools
    conn: AsyncConnection[Any]
    pace: Pace
    origin: Origin
    since: datetime
    dry: bool = False
    """Tells what differs, and records nothing."""
    compared: int = 0
    """Objects of ours that were held against the ledger."""

    async def listed(self, path: str, kind: type[T], **params: Any) -> AsyncIterator[T]:
        """Page by page, each in its turn."""
        more: dict[str, str] = {}
        while True:
            await self.pace()
            page = await billing_lookup.get(self.tools.stripe, path, _Page, limit=PAGE, **params, **more)
            for item in page.data:
                try:
                    yield parse_dict(item, kind)
                except UnexpectedAnswer as problem:
                    log.warning("sweep_passed_over", about=item.get("id", ""), why=str(problem))
            if not page.has_more or not page.data:
                return
            more = {"starting_after": page.data[-1]["id"]}

    async def found_by(self, look: AsyncIterator[Finding], about: str) -> AsyncIterator[Finding]:
        """What a look at one thing finds. What Stripe does not know, or cannot be read or recorded, is in the
        log and does not hold up the others.
        """
        try:
            async for finding in look:
                yield finding
        except (UnexpectedAnswer, Refused) as problem:
            log.warning("sweep_passed_over", about=about, why=str(problem))
        except stripe.StripeError as error:
            if not is_missing(error):
                raise
            log.warning("sweep_passed_over", about=about, why="Stripe does not know it")

    @property
    def lately(self) -> dict[str, Any]:
        """For lists: what was created since `since`."""
        return {"created": {"gte": int(self.since.timestamp())}}


class _Page(msgspec.Struct, frozen=True):
    data: list[dict[str, Any]]
    has_more: bool = False


def types_of(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """Of the facts that were recorded."""
    return tuple(recorded.event.TYPE for outcome in outcomes for recorded in outcome.recorded)
