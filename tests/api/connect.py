"""Stripe Connect, played: what becomes of an account is its country.

Stripe refuses AR and JP, of AR the country itself; of BR it gives no clear answer. All others are made, and
are onboarded with the next look. One in CA cannot be closed, as there is a balance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from api.stripe.accounts.objects import AccountLink
from api.stripe.gateway import Delivered, Postponed
from ledger.accounts.commands import (
    RecordAccountGone,
    RecordAccountRefusal,
    RecordAccountSnapshot,
    RecordAccountUnknown,
    RecordClosingRefusal,
)
from ledger.accounts.decider import ACCOUNT
from ledger.accounts.payable import can_be_paid
from ledger.accounts.refusals import NoAccount
from ledger.accounts.standing import Standing
from ledger.accounts.state import Account
from ledger.balance import BalanceTransaction
from ledger.earnings.commands import RecordReversal, RecordTransfer, RecordTransferRefusal
from ledger.earnings.decider import EARNINGS
from ledger.earnings.refusals import AccountBelowZero, AccountNotPayable
from ledger.earnings.state import Earnings, Payout
from ledger.earnings.stream import stream_of
from ledger.effects import (
    AccountEffect,
    CloseAccount,
    CreateAccount,
    CreateTransfer,
    PayoutEffect,
    ReverseTransfer,
)
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
        self.platform_available = Counter({"usd": 1_000_000, "eur": 1_000_000})
        self.unclear: set[str] = set()
        self.refuses = False
        self.below_zero: set[str] = set()
        self.away: set[str] = set()

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

    async def account_to_pay(self, user_id: str) -> str:
        if user_id in self.away:
            raise Postponed("Stripe: unclear")
        if user_id in self.below_zero:
            raise AccountBelowZero("The connected account is below zero.")
        payable = can_be_paid(await self._account(user_id))
        if not payable.now:
            raise AccountNotPayable(payable.why_not)
        return (await self._account(user_id)).stripe_account_id

    async def pay(self, effect: PayoutEffect) -> Delivered:
        """Transfers are made and reversed as they are asked for, unless it `refuses` them. Of those of a user
        in `unclear` nothing is heard.
        """
        if not isinstance(effect, CreateTransfer | ReverseTransfer) or effect.user_id in self.unclear:
            return Delivered()
        base = {**self._base(effect.user_id), "currency": effect.currency}
        earnings = await self._store.state(EARNINGS, stream_of(effect.user_id, effect.currency))
        if isinstance(effect, CreateTransfer):
            return Delivered(await self._record(self._transferred(base, earnings.payout)))
        return Delivered(await self._record(self._reversed(base, effect.recall_id, earnings)))

    def _transferred(self, base: dict[str, Any], payout: Payout | None) -> Command:
        assert payout is not None
        about = {"payout_id": payout.payout_id, "attempt": payout.attempt, **base}
        if self.refuses:
            return RecordTransferRefusal(**about, code="balance_insufficient")
        return RecordTransfer(
            **about,
            amount_minor=payout.amount_minor,
            stripe_account_id=payout.stripe_account_id,
            transfer_id=payout.payout_id.replace("ipo_", "tr_"),
            balance_transaction=self._entry(payout.payout_id, -payout.amount_minor, base["currency"]),
        )

    def _reversed(self, base: dict[str, Any], recall_id: str, earnings: Earnings) -> Command:
        recall = earnings.recalls[recall_id]
        return RecordReversal(
            **base,
            payout_id=recall.payout_id,
            transfer_id=recall.transfer_id,
            reversal_id=recall_id.replace("rcl_", "trr_"),
            recall_id=recall_id,
            amount_minor=recall.amount_minor,
            balance_transaction=self._entry(recall_id, recall.amount_minor, base["currency"]),
        )

    def _entry(self, of: str, amount_minor: int, currency: str) -> BalanceTransaction:
        return BalanceTransaction(
            balance_transaction_id=f"txn_{of}",
            amount_minor=amount_minor,
            fee_minor=0,
            net_minor=amount_minor,
            currency=currency,
            available_at=self._now(),
            created_at=self._now(),
        )

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
