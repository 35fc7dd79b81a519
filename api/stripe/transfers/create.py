"""Make a payout's transfer at Stripe, or find out what became of one.

What is wanted, and since when, is in the state of the earnings: their stream may be long.
https://docs.stripe.com/connect/separate-charges-and-transfers
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from api.stripe.accounts.record import account_of, look_and_record
from api.stripe.delivery import Delivered, Tools, recorder
from api.stripe.failures import NO_ACCESS, Failure
from api.stripe.objects import UnexpectedAnswer, parse_dict
from api.stripe.payments.lookup import is_replay, patiently
from api.stripe.request import Asking, DirectRequest
from api.stripe.transfers import lookup
from api.stripe.transfers.objects import Transfer
from api.stripe.transfers.payable import account_to_pay
from api.stripe.transfers.record import earnings_of, named, record_present
from ledger.earnings.commands import RecordTransferRefusal, RecordTransferUnknown
from ledger.earnings.refusals import AccountBelowZero, AccountNotPayable
from ledger.earnings.state import Payout, PayoutStatus
from ledger.effects import CreateTransfer, ResolveTransfer
from ledger.message import Origin

EARLIER_ATTEMPT_PAID = "earlier_attempt_paid"
"""One that was taken for refused had been made after all: what it paid is not paid again."""
OTHER_ACCOUNT = "account_changed"
"""The account that it was reserved for is not its owner's any more."""

_ABOUT_ACCOUNT = frozenset({"resource_missing", "insufficient_capabilities_for_transfer", NO_ACCESS})
"""Refusals that say something of the account which a look at it tells better."""


async def create(tools: Tools, effect: CreateTransfer, origin: Origin) -> Delivered:
    """The first call for a transfer. An unclear answer is recorded as such, which asks for `resolve`."""
    request = await _request(tools, effect, origin, "reserved")
    return await request.first_call() if request else Delivered()


async def resolve(tools: Tools, effect: ResolveTransfer, origin: Origin) -> Delivered:
    """What became of a transfer whose call was unclear. Raises Postponed while nobody can tell."""
    request = await _request(tools, effect, origin, "unknown")
    return await request.look_up() if request else Delivered()


async def _request(
    tools: Tools, effect: CreateTransfer | ResolveTransfer, origin: Origin, status: PayoutStatus
) -> _TransferRequest | None:
    """None when it stands otherwise by now."""
    payout = (await earnings_of(tools, effect.user_id, effect.currency)).payout
    if payout is None or not payout.is_that(effect) or payout.status != status:
        return None
    wanted = Wanted(effect.user_id, effect.currency, payout)
    return _TransferRequest(tools, Asking(wanted, payout.reserved_at), origin)


class Wanted(msgspec.Struct, frozen=True):
    user_id: str
    currency: str
    payout: Payout


class _TransferRequest(DirectRequest[Wanted, Transfer]):
    absent: ClassVar[str] = "Stripe knows no such transfer"
    unknown_as: ClassVar[str] = "transfer_outcome_unknown"

    @property
    def ids(self) -> Mapping[str, str]:
        return {"payout_id": self.wish.payout.payout_id}

    async def first_call(self) -> Delivered:
        """Where an earlier attempt was taken for refused, Stripe has the last word on that."""
        if self.wish.payout.attempt > 1:
            return await self.look_up()
        return await super().first_call()

    async def call_now(self) -> Delivered:
        """Unless the account cannot be paid just now. An earlier call may have come before that."""
        refusal = await self._refusal()
        if not refusal:
            return await super().call_now()
        found = await self.look()
        return await self.failed(Failure(kind="refused", code=refusal)) if found is None else found

    async def _refusal(self) -> str:
        try:
            at_stripe = await account_to_pay(self.tools, self.wish.user_id, self.wish.currency, self.origin)
        except (AccountNotPayable, AccountBelowZero) as why:
            return why.code
        return "" if at_stripe == self.wish.payout.stripe_account_id else OTHER_ACCOUNT

    async def call(self) -> Transfer:
        """As it is now, when Stripe repeats an earlier answer to the same key."""
        payout = self.wish.payout
        answer = await patiently(
            lambda: self.tools.stripe.raw_request_async(
                "post",
                "/v1/transfers",
                **parameters(self.wish, self.tools.store.ledger_id),
                idempotency_key=f"payout:{payout.payout_id}:{payout.attempt}",
            )
        )
        made = parse_dict(answer.data, Transfer)
        return await lookup.transfer(self.tools.stripe, made.id) if is_replay(answer.headers) else made

    async def look(self) -> Delivered | None:
        """By the list of the payout's group, which is short and complete."""
        found = await lookup.of_payout(self.tools.stripe, self.wish.payout.payout_id)
        made, other = None, False
        for transfer in found:
            of = named(transfer, self.tools.store.ledger_id)
            if of is None or of.payout_id != self.wish.payout.payout_id:
                continue
            recorded = await self.record(transfer)
            if of.attempt == self.wish.payout.attempt:
                made = recorded
            else:
                other = True
        if made is None and other:
            return await self.failed(Failure(kind="refused", code=EARLIER_ATTEMPT_PAID))
        return made

    async def record(self, answer: Transfer, /) -> Delivered:
        of = named(answer, self.tools.store.ledger_id)
        if of is None:
            raise UnexpectedAnswer(f"{answer.id} came without its metadata")
        outcomes = await record_present(self.tools, answer, of, recorder(self.origin, answer.id))
        return Delivered(outcomes[0])

    async def is_unknown(self) -> bool:
        payout = (await earnings_of(self.tools, self.wish.user_id, self.wish.currency)).payout
        return payout is not None and payout.is_that(self.wish.payout) and payout.status == "unknown"

    def unknown(self, cause: str) -> RecordTransferUnknown:
        return RecordTransferUnknown(**self._of_payout(), cause=cause)

    async def refused(self, failure: Failure) -> Delivered:
        if failure.code in _ABOUT_ACCOUNT:
            account = await account_of(self.tools, self.wish.user_id)
            as_stripe = recorder(self.origin, account.stripe_account_id)
            await look_and_record(self.tools, self.wish.user_id, account, as_stripe)
        return await self.failed(failure)

    async def failed(self, failure: Failure) -> Delivered:
        return await self.handle(RecordTransferRefusal(**self._of_payout(), code=failure.code))

    def _of_payout(self) -> dict[str, Any]:
        return {
            **self.begun(),
            "payout_id": self.wish.payout.payout_id,
            "attempt": self.wish.payout.attempt,
            "user_id": self.wish.user_id,
            "currency": self.wish.currency,
        }


def parameters(wanted: Wanted, ledger_id: str) -> dict[str, Any]:
    """The same for the same attempt at any time, as Stripe demands of a repeated idempotency key. It comes
    from what is available and not of one charge, so that it has no `source_transaction`.
    """
    payout = wanted.payout
    metadata = {
        "payout_id": payout.payout_id,
        "attempt": str(payout.attempt),
        "user_id": wanted.user_id,
        "ledger_id": ledger_id,
    }
    return {
        "amount": payout.amount_minor,
        "currency": wanted.currency,
        "destination": payout.stripe_account_id,
        "transfer_group": payout.payout_id,
        "metadata": metadata,
        "expand": lookup.WITH_ENTRY,
    }
