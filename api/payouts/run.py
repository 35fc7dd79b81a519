"""A run of payouts: all that instructors have to have, each of it whole, in order, and once a day.

Any number of times, and by several processes at once: ids are made of the day, so that a payout that another
one asked for is the same one. What cannot be paid is recorded once for each reason.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date
from typing import Any, Literal

import msgspec
import structlog
from msgspec.structs import replace
from psycopg import AsyncConnection

from api.clock import Clock
from api.payouts.cash import Short, shortfalls
from api.payouts.looks import Funds, Looking, funds, payable
from api.stripe.delivery import Postponed
from ledger.earnings.commands import RequestPayout, WithholdPayout
from ledger.earnings.decider import EARNINGS
from ledger.earnings.paying import below_minimum
from ledger.earnings.refusals import AccountBelowZero, AccountNotPayable, PayoutMadeToday, PlatformShort
from ledger.earnings.state import day_of
from ledger.earnings.stream import stream_of
from ledger.earnings.terms import MINIMUM_PAYOUT_MINOR
from ledger.errors import Refused
from ledger.ids import derived_id, new_id
from ledger.message import Origin
from ledger.store import Store
from projections.queries.payouts import Payee, cash, payees

STRIPE_UNAVAILABLE = "stripe_unavailable"
_ORIGIN = Origin(actor="worker", roles=frozenset({"system"}), causation_id="payouts")
_WITHHELD = (AccountNotPayable, AccountBelowZero, PlatformShort)

log = structlog.get_logger()


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one instructor in one currency. `asked`: it is reserved, and its transfer follows."""

    user_id: str
    currency: str
    amount_minor: int
    """Of the payout, or what is available; below zero for what is owed back."""
    result: Literal["asked", "waits"]
    payout_id: str = ""
    reason: str = ""
    """The code of the refusal."""
    detail: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    on: date
    lines: list[Line]
    short: list[Short]

    @property
    def asked(self) -> int:
        return sum(line.result == "asked" for line in self.lines)


class Run:
    def __init__(
        self, store: Store, looking: Looking, clock: Clock, *, origin: Origin = _ORIGIN, dry: bool = False
    ) -> None:
        """`dry` looks, and asks for nothing. What a look finds at Stripe is recorded all the same."""
        self._store, self._looking, self._clock = store, looking, clock
        self._origin, self._dry = origin, dry

    async def __call__(self, conn: AsyncConnection[Any]) -> Report:
        """Raises Postponed when Stripe does not answer at all."""
        on = day_of(self._clock.now())
        short = shortfalls(await cash(conn))
        for one in short:
            log.warning("platform_short_of_what_it_owes", **msgspec.structs.asdict(one))
        free = await funds(conn, self._looking)
        lines = [line async for line in self._lines(await payees(conn, on), free)]
        return Report(on=on, lines=lines, short=short)

    async def _lines(self, found: list[Payee], free: Funds) -> AsyncIterator[Line]:
        for payee in found:
            try:
                yield await self._pay(payee, free)
            except _WITHHELD as refusal:
                await self._withhold(payee, refusal)
                yield _waits(payee, refusal.code, refusal.detail)
            except Refused as refusal:
                yield _waits(payee, refusal.code, refusal.detail)
            except Postponed as why:
                log.warning("payout_not_looked_at", user_id=payee.user_id, why=why.reason)
                yield _waits(payee, STRIPE_UNAVAILABLE, "Stripe did not say whether the account can be paid.")

    async def _pay(self, payee: Payee, free: Funds) -> Line:
        """Raises what keeps it from being paid. The rules come first, as they ask nobody."""
        if payee.available_minor < MINIMUM_PAYOUT_MINOR:
            raise below_minimum(payee.available_minor, payee.currency)
        command = self._command(payee)
        if await self._store.find_command(command.command_id):
            raise PayoutMadeToday(f"Today's payout was asked for: {command.payout_id}.")
        amount = await self._payable(command)
        try:
            account = await self._looking.account_to_pay(payee.user_id, payee.currency, self._origin)
        except Postponed:
            with suppress(PlatformShort):  # its turn is kept: nobody behind it is given what it waits for
                free.take(amount, payee.currency)
            raise
        amount = await self._payable(command)  # as the look may have found what was forgotten
        free.take(amount, payee.currency)
        if not self._dry:
            await self._store.handle(replace(command, stripe_account_id=account), self._origin)
        return Line(
            user_id=payee.user_id,
            currency=payee.currency,
            amount_minor=amount,
            result="asked",
            payout_id=command.payout_id,
        )

    async def _payable(self, command: RequestPayout) -> int:
        """Raises the refusals of the rules, and `PayoutMadeToday` for one that Stripe has made already,
        should a restored ledger have forgotten that it asked for it.
        """
        earnings = await self._store.state(EARNINGS, stream_of(command.user_id, command.currency))
        amount = payable(command, earnings)
        if not amount:
            raise PayoutMadeToday(f"Today's payout is made: {command.payout_id}.")
        return amount

    def _command(self, payee: Payee) -> RequestPayout:
        now = self._clock.now()
        of = (f"{day_of(now)}", payee.user_id, payee.currency)
        return RequestPayout(
            command_id=f"payout_run:{':'.join(of)}",
            effective_at=now,
            payout_id=derived_id("ipo", self._store.ledger_id, "payout_run", *of),
            user_id=payee.user_id,
            currency=payee.currency,
            stripe_account_id="",
        )

    async def _withhold(self, payee: Payee, refusal: Refused) -> None:
        if self._dry:
            return
        command = WithholdPayout(
            command_id=new_id("cmd"),  # the same reason is no news, and may come again
            effective_at=self._clock.now(),
            user_id=payee.user_id,
            currency=payee.currency,
            reason=refusal.code,
            detail=refusal.detail,
        )
        await self._store.handle(command, self._origin)


def _waits(payee: Payee, reason: str, detail: str) -> Line:
    return Line(
        user_id=payee.user_id,
        currency=payee.currency,
        amount_minor=payee.available_minor,
        result="waits",
        reason=reason,
        detail=detail,
    )


async def pay_instructors(conn: AsyncConnection[Any], store: Store, looking: Looking, clock: Clock) -> int:
    """For the worker; answers how many payouts were asked for."""
    return (await Run(store, looking, clock)(conn)).asked
