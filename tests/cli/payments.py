"""A ledger with something in it, without Stripe."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger.ids import new_id
from ledger.message import Origin
from ledger.payments.commands import InitiatePayment
from ledger.store import Store

STUDENT = Origin(actor="usr_1", roles=frozenset({"student"}))


async def initiate(url: str, payments: int) -> None:
    async with Store.open(url) as store:
        for number in range(payments):
            command = InitiatePayment(
                command_id=f"cmd_{number}",
                effective_at=datetime(2026, 3, 1, tzinfo=UTC),
                payment_id=new_id("pay"),
                user_id="usr_1",
                amount_minor=1000 + number,
                currency="usd",
                payment_method_id="pm_card_visa",
            )
            await store.handle(command, STUDENT)
