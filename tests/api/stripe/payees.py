"""An instructor who has earned something and is onboarded at Stripe, and a platform that has the funds."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from api.sandbox.money import add_balance_transaction
from api.sandbox.resources.connect import accounts, onboarding, transfer_reversals
from api.sandbox.transaction import Transaction
from ledger.accounts.commands import RequestAccount
from ledger.accounts.decider import ACCOUNT
from ledger.accounts.state import Account
from ledger.earnings.commands import AccrueEarnings, RequestPayout, RequestRecall, RetryPayout
from ledger.earnings.decider import EARNINGS
from ledger.earnings.state import Earnings
from ledger.earnings.terms import Kind, Reckoning, Recovery
from ledger.ids import new_id
from ledger.message import Command, Origin, Recorded
from tests.api.stripe.world import WORKER, Bench, World

OWNER = Origin(actor="usr_ivy", roles=frozenset({"instructor"}))
RECKONING = Reckoning(price_currency="usd", basis_minor=0, share_bp=7_000, part_bp=10_000)


class Payee:
    def __init__(self, world: World, bench: Bench, user_id: str = "usr_ivy", currency: str = "usd") -> None:
        self.world, self.bench = world, bench
        self.user_id, self.currency = user_id, currency

    async def open(self, outcome: onboarding.Outcome = "complete") -> str:
        """The account's id at Stripe, by which payouts are made."""
        request = RequestAccount(
            **self._base(),
            account_id=new_id("acn"),
            user_id=self.user_id,
            country="US",
            platform_country="US",
        )
        await self.world.store.handle(request, OWNER)
        await self.world.settle()
        self.onboard(outcome, (await self.account()).stripe_account_id)
        await self.look()
        return (await self.account()).stripe_account_id

    def onboard(self, outcome: onboarding.Outcome, at_stripe: str) -> None:
        self.bench.does(lambda tx: onboarding.finish(tx, tx.get("account", at_stripe), outcome))

    def leave(self, at_stripe: str) -> None:
        self.bench.does(lambda tx: accounts.deauthorize(tx, at_stripe))

    def adjust(self, at_stripe: str, amount: int) -> None:
        """What else moves the account's balance."""

        def book(tx: Transaction) -> Any:
            with tx.acting_for(at_stripe):
                return add_balance_transaction(
                    tx,
                    kind="adjustment",
                    category="other_adjustment",
                    amount=amount,
                    currency=self.currency,
                    source=None,
                )

        self.bench.does(book)

    async def look(self) -> None:
        await self.world.gateway.refresh_account(self.user_id, WORKER)

    async def earn(self, amount: int, *, kind: Kind = "sale", recovery: Recovery = "netting") -> None:
        """Available for long. Below zero for what is taken back of it."""
        command = AccrueEarnings(
            **self._base(),
            user_id=self.user_id,
            currency=self.currency,
            kind=kind,
            amount_minor=amount,
            available_on=self._today() - timedelta(days=2),
            course_id="crs_1",
            payment_id=new_id("pay"),
            cause_position=1,
            reckoning=RECKONING,
            recovery=recovery,
        )
        await self.world.store.handle(command, WORKER)

    async def fund(self, amount: int = 100_000) -> None:
        """Of the platform, available at once."""
        await self.world.pay("pm_card_bypassPending", amount, self.currency)

    async def ask(self, payout_id: str = "") -> str:
        """Reserved; Stripe has not heard of it."""
        payout_id = payout_id or new_id("ipo")
        command = RequestPayout(
            **self._base(),
            payout_id=payout_id,
            user_id=self.user_id,
            currency=self.currency,
            stripe_account_id=(await self.account()).stripe_account_id,
        )
        await self.world.store.handle(command, WORKER)
        return payout_id

    async def retry(self, payout_id: str) -> None:
        command = RetryPayout(
            **self._base(),
            payout_id=payout_id,
            user_id=self.user_id,
            currency=self.currency,
            stripe_account_id=(await self.account()).stripe_account_id,
        )
        await self.world.store.handle(command, WORKER)

    async def paid(self, amount: int) -> str:
        """Earned, asked for and transferred; the transfer's id."""
        await self.earn(amount)
        await self.ask()
        await self.world.settle()
        return str((await self.transfers())[0]["id"])

    async def recall(self) -> None:
        command = RequestRecall(**self._base(), user_id=self.user_id, currency=self.currency)
        await self.world.store.handle(command, WORKER)

    def reverse_outside(self, transfer_id: str, amount: int) -> None:
        """As somebody does in the dashboard."""
        create = transfer_reversals.Create(amount=amount)
        self.bench.does(lambda tx: transfer_reversals.create(tx, transfer_id, create))

    async def earnings(self) -> Earnings:
        return await self.world.store.state(EARNINGS, self._stream)

    async def available(self) -> int:
        return (await self.earnings()).on(self._today()).available_minor

    async def status(self) -> str:
        payout = (await self.earnings()).payout
        return payout.status if payout else ""

    async def facts(self, kind: str = "") -> list[Recorded]:
        found = await self.world.store.read_stream(self._stream)
        return [one for one in found if kind in one.event.TYPE]

    async def told(self) -> list[str]:
        """All but what was earned, as facts are called."""
        names = [one.event.TYPE.removeprefix("earnings.").removesuffix(".v1") for one in await self.facts()]
        return [name for name in names if name != "accrued"]

    async def transfers(self) -> list[dict[str, Any]]:
        """At Stripe, newest first."""
        listed = await self.world.client.v1.transfers.list_async({"limit": 100})
        return [one.to_dict() for one in listed.data]

    async def account(self) -> Account:
        return await self.world.store.state(ACCOUNT, f"account-{self.user_id}")

    async def send(self, command: Command) -> None:
        await self.world.store.handle(command, WORKER)

    @property
    def _stream(self) -> str:
        return f"earnings-{self.user_id}-{self.currency}"

    def _today(self) -> date:
        return self.world.clock.now().date()

    def _base(self) -> dict[str, Any]:
        return {"command_id": new_id("cmd"), "effective_at": self.world.clock.now()}
