"""A ledger with something in it, without Stripe."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from ledger.customers.commands import SavePaymentMethod
from ledger.ids import new_id
from ledger.message import Origin
from ledger.payments.commands import InitiatePayment
from ledger.store import Store

STUDENT = Origin(actor="usr_1", roles=frozenset({"student"}))
SYSTEM = Origin(actor="worker", roles=frozenset({"system"}))
SPRING = datetime(2026, 3, 1, tzinfo=UTC)


async def initiate(url: str, payments: int) -> None:
    async with Store.open(url) as store:
        for number in range(payments):
            command = InitiatePayment(
                command_id=f"cmd_{number}",
                effective_at=SPRING,
                payment_id=new_id("pay"),
                user_id="usr_1",
                amount_minor=1000 + number,
                currency="usd",
                payment_method_id="pm_card_visa",
            )
            await store.handle(command, STUDENT)


async def save_cards(url: str, cards: int) -> None:
    """Of one user and at once, so that they are in one commit."""
    commands = [
        SavePaymentMethod(
            command_id=f"card_{number}",
            effective_at=SPRING,
            user_id="usr_ann",
            payment_method_id=f"pm_{number}",
        )
        for number in range(cards)
    ]
    async with Store.open(url) as store:
        await asyncio.gather(*(store.handle(command, SYSTEM) for command in commands))
