"""Callers who pay and refund, and repeat each request with its key until somebody answers."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any, Literal

import httpx
import msgspec

from api.http.auth import mint
from api.settings import Settings

CALLERS = 8
STEPS = 3
DEADLINE_S = 60.0
PAUSE_S = 0.05
"""Before a request is sent again: callers are impatient, and so many of them should not be a flood."""
PAY, REFUND = "/api/payments/process", "/api/payments/refund"
CARDS = ("pm_card_visa", "pm_card_mastercard", "pm_card_visa", "pm_card_visa_chargeDeclined")
GIVES_UP = 0.1
"""The share of requests whose caller is gone after the first failure, and never learns what came of it."""


class Told(msgspec.Struct, kw_only=True):
    """One request and its answer. `status` 0: nobody ever answered."""

    key: str
    kind: Literal["payment", "refund"]
    amount_minor: int
    payment_id: str = ""
    """Of the payment made, or to be refunded."""
    refund_id: str = ""
    status: int = 0
    position: int = 0
    tries: int = 0


class Load:
    """`run` it once; `told` has what all callers were told. Amounts, cards and whims follow from `seed`."""

    def __init__(self, urls: Sequence[str], settings: Settings, seed: int, name: str = "") -> None:
        self.told: list[Told] = []
        self.answered_at: list[float] = []
        """By the monotonic clock."""
        self._urls = urls
        self._settings = settings
        self._seed = seed
        self._name = name or f"{seed}"
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=CALLERS)
        async with (
            httpx.AsyncClient(timeout=10.0, limits=limits, trust_env=False) as client,
            asyncio.TaskGroup() as callers,
        ):
            for number in range(CALLERS):
                callers.create_task(_Caller(self, client, number).run())

    async def reaches(self, answers: int) -> None:
        """Returns when so many requests were answered."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.answered_at) >= answers)

    async def answered(self) -> None:
        self.answered_at.append(time.monotonic())
        async with self._changed:
            self._changed.notify_all()


class _Caller:
    def __init__(self, load: Load, client: httpx.AsyncClient, number: int) -> None:
        self._load = load
        self._client = client
        self._random = random.Random(f"{load._seed} {number}")  # noqa: S311  as everywhere here
        self._user = f"usr_{number}"
        self._base = load._urls[number % len(load._urls)]
        self._credential = f"Bearer {mint(load._settings, self._user, ['student'])}"
        self._name = f"{load._name}-{number}"
        self._paid: list[Told] = []

    async def run(self) -> None:
        for step in range(STEPS):
            paid = await self._pay(f"{self._name}-{step}-pay")
            if paid.status == 201:
                self._paid.append(paid)
            if self._paid and self._random.random() < 0.5:
                # two at once, which together may be more than the payment has left
                await asyncio.gather(*(self._refund(f"{self._name}-{step}-refund-{n}") for n in (1, 2)))

    async def _pay(self, key: str) -> Told:
        told = Told(key=key, kind="payment", amount_minor=self._random.randint(100, 20_000))
        body = {
            "amount_minor": told.amount_minor,
            "currency": self._random.choice(("usd", "eur")),
            "payment_method": self._random.choice(CARDS),
            "description": key,
        }
        answer = await self._until_answered(PAY, told, body)
        told.payment_id = answer.get("payment_id") or answer.get("payment", {}).get("payment_id", "")
        return told

    async def _refund(self, key: str) -> None:
        payment = self._random.choice(self._paid)
        told = Told(
            key=key,
            kind="refund",
            amount_minor=self._random.randint(1, payment.amount_minor),
            payment_id=payment.payment_id,
        )
        body = {"payment_id": told.payment_id, "amount_minor": told.amount_minor, "note": key}
        answer = await self._until_answered(REFUND, told, body)
        told.refund_id = answer.get("refund_id") or answer.get("refund", {}).get("refund_id", "")

    async def _until_answered(self, path: str, told: Told, body: dict[str, Any]) -> dict[str, Any]:
        """The answer, or nothing when the caller gave up."""
        self._load.told.append(told)
        patient = self._random.random() >= GIVES_UP
        deadline = time.monotonic() + DEADLINE_S
        headers = {"Authorization": self._credential, "Idempotency-Key": told.key}
        while told.tries == 0 or patient:
            told.tries += 1
            assert time.monotonic() < deadline, f"{told} was never answered"
            try:
                answer = await self._client.post(self._base + path, json=body, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(PAUSE_S)
                continue
            content: dict[str, Any] = answer.json()
            if answer.status_code < 500 and content.get("code") != "idempotency_in_flight":
                told.status = answer.status_code
                told.position = int(answer.headers.get("Ledger-Position", 0))
                await self._load.answered()
                return content
            await asyncio.sleep(PAUSE_S)
        return {}
