"""How the demonstration's instructors come to their money, and its platform to the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from api.demo.callers import ADMIN, CREATED, REFUSED, Api, Json, Stripe
from api.demo.instructors import AccountAction, AskTooLate, Instructor, OpenAccount
from api.demo.plan import PayInstructors, PayOut
from api.payouts.run import pay_instructors
from api.services import Services

PATIENCE_S, POLL_S = 3.0, 0.02
RESERVE_MINOR = 25_000
"""For refunds, disputes and fees until the next Friday, which would take from what is owed."""

PayDay = Callable[[], Awaitable[int]]
"""Answers how many payouts were asked for."""


class Payroll:
    """In the background of an application: the worker's run of payouts, on the days that the history has
    instead of each hour.
    """

    def __init__(self) -> None:
        self._services: Services | None = None

    @asynccontextmanager
    async def opened(self, services: Services) -> AsyncIterator[Payroll]:
        self._services = services
        yield self

    async def run(self) -> int:
        assert self._services is not None, "the application is open"
        of = self._services
        async with of.reading() as connection:
            return await pay_instructors(connection, of.store, of.gateway, of.clock)


class Paying:
    def __init__(self, api: Api, stripe: Stripe, pay_day: PayDay) -> None:
        self._api, self._stripe, self._pay_day = api, stripe, pay_day

    async def act(self, action: PayInstructors | PayOut | AccountAction) -> None:
        match action:
            case PayInstructors():
                if await self._pay_day():
                    await self._transferred()
            case PayOut():
                await self._pay_out(action.currency)
            case OpenAccount():
                await self._open_account(action.instructor)
            case AskTooLate():
                await self._ask_too_late(action.instructor.user_id)

    async def _transferred(self) -> None:
        """Before the clock goes on, so that what is asked for is paid on the same day."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not await self._api.settled():  # noqa: ASYNC110  nothing tells of it
                    await asyncio.sleep(POLL_S)

    async def _pay_out(self, currency: str) -> None:
        """By hand, as a platform has to whose instructors wait for their part: Stripe's schedule would take
        all.
        """
        owed = await self._api.get("/api/earnings/owed", ADMIN)
        payable = sum(
            each["cash"]["payable_minor"] for each in owed["totals"] if each["currency"] == currency
        )
        balance = await self._stripe.get("/v1/balance")
        available = sum(each["amount"] for each in balance["available"] if each["currency"] == currency)
        kept = payable + RESERVE_MINOR if payable else 0
        if available > kept:
            form = {"amount": str(available - kept), "currency": currency}
            await self._stripe.post("/v1/payouts", form)

    async def _open_account(self, instructor: Instructor) -> None:
        body = {"country": instructor.country}
        opened = await self._api.post("/api/instructor/account", instructor.user_id, body, CREATED)
        at_stripe = opened["stripe_account_id"]
        onboarding: Json = {"outcome": instructor.ending}
        if instructor.bank is not None:
            onboarding["bank"] = instructor.bank
        await self._stripe.control(f"/accounts/{at_stripe}/onboard", **onboarding)
        if instructor.owes_minor:
            await self._stripe.control(f"/accounts/{at_stripe}/adjust", amount=-instructor.owes_minor)

    async def _ask_too_late(self, user_id: str) -> None:
        account = await self._api.get("/api/instructor/account", user_id)
        await self._stripe.control("/deliveries/hold")
        try:
            at_stripe = account["stripe_account_id"]
            await self._stripe.control(f"/accounts/{at_stripe}/onboard", outcome="restricted")
            await self._api.post("/api/payouts", user_id, {"currency": "usd"}, REFUSED)
        finally:
            await self._stripe.control("/deliveries/release")
