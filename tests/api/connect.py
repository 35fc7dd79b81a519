"""Stripe Connect, played: what becomes of an account is its country.

Stripe refuses AR and JP, of AR the country itself; of BR it gives no clear answer. All others are made, and
are onboarded with the next look. One in CA cannot be closed, as there is a balance.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from api.stripe.accounts.objects import AccountLink
from api.stripe.gateway import Delivered
from ledger.accounts.commands import (
    RecordAccountGone,
    RecordAccountRefusal,
    RecordAccountSnapshot,
    RecordAccountUnknown,
    RecordClosingRefusal,
)
from ledger.accounts.decider import ACCOUNT
from ledger.accounts.refusals import NoAccount
from ledger.accounts.standing import Standing
from ledger.accounts.state import Account
from ledger.effects import AccountEffect, CloseAccount, CreateAccount
from ledger.ids import new_id
from ledger.message import Command, Outcome
from ledger.store import Store
from tests.ledger.account_examples import GOOD, NEW

Record = Callable[[Command], Awaitable[Outcome]]
LASTS_S = 300
_REFUSALS = {"AR": ("country_unsupported", "country"), "JP": ("platform_not_enabled", "")}


class FakeConnect:
    def __init__(self, store: Store, record: Record, now: Callable[[], datetime]) -> None:
        self._store, self._record, self._now = store, record, now
        self.links = 0

    async def deliver(self, effect: AccountEffect) -> Delivered:
        account = await self._account(effect.user_id)
        base = self._base(effect.user_id)
        match effect:
            case CreateAccount():
                return Delivered(await self._create(base, account))
            case CloseAccount() if account.country == "CA":
                refusal = RecordClosingRefusal(
                    **base, request_id=effect.request_id, code="balance_not_zero", currencies=("cad", "usd")
                )
                return Delivered(await self._record(refusal))
            case CloseAccount():
                gone = RecordAccountGone(
                    **base, stripe_account_id=account.stripe_account_id, observed_at=self._now()
                )
                return Delivered(await self._record(gone))
            case _:
                return Delivered()

    async def link(self, user_id: str, return_url: str, refresh_url: str) -> AccountLink:
        account = await self._account(user_id)
        if not account.is_open:
            raise NoAccount("There is no connected account to go on with: open one first.")
        self.links += 1
        expires_at = int(self._now().timestamp()) + LASTS_S
        url = f"https://connect.example/{self.links}?to={return_url}&else={refresh_url}"
        return AccountLink(url=url, expires_at=expires_at)

    async def refresh(self, user_id: str) -> None:
        account = await self._account(user_id)
        if account.is_open:
            await self._look(self._base(user_id), account, GOOD)

    async def _create(self, base: dict[str, Any], account: Account) -> Outcome:
        ids: dict[str, Any] = {"account_id": account.account_id}
        if refusal := _REFUSALS.get(account.country):
            code, parameter = refusal
            return await self._record(RecordAccountRefusal(**base, **ids, code=code, parameter=parameter))
        if account.country == "BR":
            return await self._record(RecordAccountUnknown(**base, **ids, cause="time-out"))
        return await self._look(base, account, NEW)

    async def _look(self, base: dict[str, Any], account: Account, seen: Standing) -> Outcome:
        snapshot = RecordAccountSnapshot(
            **base,
            account_id=account.account_id,
            stripe_account_id=account.account_id.replace("acn_", "acct_"),
            observed_at=self._now(),
            standing=seen,
        )
        return await self._record(snapshot)

    async def _account(self, user_id: str) -> Account:
        return await self._store.state(ACCOUNT, f"account-{user_id}")

    def _base(self, user_id: str) -> dict[str, Any]:
        return {"command_id": new_id("cmd"), "effective_at": self._now(), "user_id": user_id}
