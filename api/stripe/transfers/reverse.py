"""Reverse a transfer at Stripe, in part or whole, or find out what became of a reversal.

https://docs.stripe.com/connect/separate-charges-and-transfers#reverse-transfers
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import quote

import msgspec

from api.stripe.accounts.record import account_of, look_and_record
from api.stripe.delivery import Delivered, Tools, recorder
from api.stripe.failures import NO_ACCESS, Failure
from api.stripe.objects import parse_dict
from api.stripe.payments.lookup import patiently
from api.stripe.request import Asking, DirectRequest
from api.stripe.transfers import lookup
from api.stripe.transfers.objects import Reversal
from api.stripe.transfers.record import earnings_of, reversal_command
from ledger.earnings.commands import RecordRecallRefusal, RecordRecallUnknown
from ledger.earnings.state import Recall, RecallStatus
from ledger.effects import ResolveReversal, ReverseTransfer
from ledger.message import Origin


async def reverse(tools: Tools, effect: ReverseTransfer, origin: Origin) -> Delivered:
    """The first call for a reversal. An unclear answer is recorded as such, which asks for `resolve`."""
    request = await _request(tools, effect, origin, "requested")
    return await request.first_call() if request else Delivered()


async def resolve(tools: Tools, effect: ResolveReversal, origin: Origin) -> Delivered:
    """What became of a reversal whose call was unclear. Raises Postponed while nobody can tell."""
    request = await _request(tools, effect, origin, "unknown")
    return await request.look_up() if request else Delivered()


async def _request(
    tools: Tools, effect: ReverseTransfer | ResolveReversal, origin: Origin, status: RecallStatus
) -> _ReversalRequest | None:
    """None when it was answered by now."""
    recall = (await earnings_of(tools, effect.user_id, effect.currency)).recalls.get(effect.recall_id)
    if recall is None or recall.status != status:
        return None
    wanted = WantedBack(effect.user_id, effect.currency, effect.recall_id, recall)
    return _ReversalRequest(tools, Asking(wanted, recall.requested_at), origin)


class WantedBack(msgspec.Struct, frozen=True):
    user_id: str
    currency: str
    recall_id: str
    recall: Recall


class _ReversalRequest(DirectRequest[WantedBack, Reversal]):
    absent: ClassVar[str] = "Stripe knows no such reversal"
    unknown_as: ClassVar[str] = "reversal_outcome_unknown"

    @property
    def ids(self) -> Mapping[str, str]:
        return {"recall_id": self.wish.recall_id}

    async def call(self) -> Reversal:
        transfer_id = quote(self.wish.recall.transfer_id, safe="")
        answer = await patiently(
            lambda: self.tools.stripe.raw_request_async(
                "post",
                f"/v1/transfers/{transfer_id}/reversals",
                amount=self.wish.recall.amount_minor,
                metadata={"recall_id": self.wish.recall_id, "ledger_id": self.tools.store.ledger_id},
                expand=lookup.WITH_ENTRY,
                idempotency_key=f"recall:{self.wish.recall_id}",
            )
        )
        return parse_dict(answer.data, Reversal)

    async def look(self) -> Delivered | None:
        """By the list of the transfer's reversals, which is short and complete."""
        transfer_id = self.wish.recall.transfer_id
        found = await lookup.find_reversal(self.tools.stripe, transfer_id, self.wish.recall_id)
        return None if found is None else await self.record(found)

    async def record(self, answer: Reversal, /) -> Delivered:
        recall = self.wish.recall
        command = reversal_command(answer, recall.transfer_id, recall.payout_id, self.wish.user_id)
        return await self.handle(command, answer.id)

    async def is_unknown(self) -> bool:
        recalls = (await earnings_of(self.tools, self.wish.user_id, self.wish.currency)).recalls
        recall = recalls.get(self.wish.recall_id)
        return recall is not None and recall.status == "unknown"

    def unknown(self, cause: str) -> RecordRecallUnknown:
        return RecordRecallUnknown(**self._of_recall(), cause=cause)

    async def refused(self, failure: Failure) -> Delivered:
        """As where the account has not so much, or left: it is netted from then on."""
        if failure.code == NO_ACCESS:
            account = await account_of(self.tools, self.wish.user_id)
            if account.is_open:
                as_stripe = recorder(self.origin, account.stripe_account_id)
                await look_and_record(self.tools, self.wish.user_id, account, as_stripe)
        return await self.failed(failure)

    async def failed(self, failure: Failure) -> Delivered:
        return await self.handle(RecordRecallRefusal(**self._of_recall(), code=failure.code))

    def _of_recall(self) -> dict[str, Any]:
        return {
            **self.begun(),
            "recall_id": self.wish.recall_id,
            "user_id": self.wish.user_id,
            "currency": self.wish.currency,
        }
