"""One instructor's earnings in one currency, paid and taken back: what tests of payouts say and ask."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from functools import reduce
from typing import Any

from ledger.earnings.commands import (
    AccrueEarnings,
    EarningsCommand,
    RecordRecallRefusal,
    RecordRecallUnknown,
    RecordReversal,
    RecordTransfer,
    RecordTransferRefusal,
    RecordTransferUnknown,
    RequestPayout,
    RequestRecall,
    RetryPayout,
    WithholdPayout,
)
from ledger.earnings.decider import EARNINGS
from ledger.earnings.events import EarningsEvent, RecallRequested
from ledger.earnings.state import Earnings, Payout
from ledger.earnings.terms import HOLD, Reckoning
from ledger.journal import postings
from ledger.message import Metadata, Recorded
from tests.ledger.examples import DAY, NOON, txn

IVY = "usr_ivy"
HER_ACCOUNT = "acct_ivy"
_RECKONING = Reckoning(price_currency="usd", basis_minor=1, share_bp=1, part_bp=1)


class Paid:
    """Of an instructor who sold on 1 March, so that it is available on the 31st; `at` is the time of what is
    said next.
    """

    def __init__(self, currency: str = "usd") -> None:
        self.currency = currency
        self.earnings = Earnings()
        self.facts: list[tuple[datetime, EarningsEvent]] = []
        self.at = NOON + HOLD
        self._accrued = 0

    # ------------------------------------------------------------------------------------------- sales

    def earned(self, amount_minor: int, available_on: date | None = None, **changes: Any) -> None:
        """By default it is available on the day of what is said next."""
        self._accrued += 1
        fields: dict[str, Any] = {
            "command_id": f"accrue_{self._accrued}",
            "effective_at": self.at,
            "user_id": IVY,
            "currency": self.currency,
            "kind": "sale",
            "amount_minor": amount_minor,
            "available_on": available_on or self.at.date(),
            "course_id": "crs_1",
            "payment_id": f"pay_{self._accrued}",
            "cause_position": self._accrued,
            "reckoning": _RECKONING,
        }
        self.tell(AccrueEarnings(**{**fields, **changes}))

    def taken_back(self, amount_minor: int, **changes: Any) -> None:
        """By a refund of what was available on 31 March."""
        self.earned(-amount_minor, (NOON + HOLD).date(), **{"kind": "refund", **changes})

    # ----------------------------------------------------------------------------------------- payouts

    def ask(self, payout_id: str = "po_1") -> None:
        begun = self._begun(f"ask_{payout_id}")
        self.tell(RequestPayout(**begun, payout_id=payout_id, stripe_account_id=HER_ACCOUNT))

    def retry(self, payout_id: str = "po_1") -> None:
        begun = self._begun(f"retry_{payout_id}")
        self.tell(RetryPayout(**begun, payout_id=payout_id, stripe_account_id=HER_ACCOUNT))

    def transferred(self) -> None:
        """Stripe made the transfer of the last payout."""
        self.tell(self.transfer())

    def transfer(self, **changes: Any) -> RecordTransfer:
        payout = self.payout
        return RecordTransfer(
            **{
                **self._begun(f"record_transfer:tr_{payout.payout_id}"),
                "payout_id": payout.payout_id,
                "attempt": payout.attempt,
                "amount_minor": payout.amount_minor,
                "stripe_account_id": HER_ACCOUNT,
                "transfer_id": f"tr_{payout.payout_id}",
                "balance_transaction": txn(payout.payout_id, -payout.amount_minor, 0, self.currency, self.at),
                **changes,
            }
        )

    def refused(self, code: str = "balance_insufficient") -> None:
        self.tell(RecordTransferRefusal(**self._begun("refused"), **self._of_payout(), code=code))

    def unclear(self) -> None:
        self.tell(RecordTransferUnknown(**self._begun("unclear"), **self._of_payout(), cause="timeout"))

    def paid_out(self, payout_id: str = "po_1") -> None:
        self.ask(payout_id)
        self.transferred()

    def withheld(self, reason: str = "balance_below_zero", detail: str = "") -> None:
        self.tell(WithholdPayout(**self._begun("withhold"), reason=reason, detail=detail))

    # ----------------------------------------------------------------------------------------- recalls

    def recall(self) -> None:
        self.tell(RequestRecall(**self._begun("recall")))

    def reversed(self, amount_minor: int, transfer_id: str = "tr_po_1", recall_id: str = "") -> None:
        reversal_id = f"trr_{len(self.facts)}"
        command = RecordReversal(
            **self._begun(f"record_reversal:{reversal_id}"),
            payout_id=transfer_id.removeprefix("tr_"),
            transfer_id=transfer_id,
            reversal_id=reversal_id,
            recall_id=recall_id,
            amount_minor=amount_minor,
            balance_transaction=txn(reversal_id, amount_minor, 0, self.currency, self.at),
        )
        self.tell(command)

    def recall_refused(self, recall_id: str) -> None:
        self.tell(RecordRecallRefusal(**self._begun("no"), recall_id=recall_id, code="balance_insufficient"))

    def recall_unclear(self, recall_id: str) -> None:
        self.tell(RecordRecallUnknown(**self._begun("unclear"), recall_id=recall_id, cause="timeout"))

    def recalled(self) -> list[RecallRequested]:
        return [event for _, event in self.facts if isinstance(event, RecallRequested)]

    # ------------------------------------------------------------------------------------ what came of it

    def tell(self, command: EarningsCommand) -> None:
        for event in EARNINGS.decide(command, self.earnings):
            self.facts.append((command.effective_at, event))
            self.earnings = EARNINGS.evolve(self.earnings, event)
        assert self.earnings == reduce(EARNINGS.evolve, (event for _, event in self.facts), Earnings())

    def next_day(self, days: int = 1) -> None:
        self.at += days * DAY

    @property
    def payout(self) -> Payout:
        assert self.earnings.payout is not None
        return self.earnings.payout

    @property
    def last(self) -> Any:
        return self.facts[-1][1]

    def stands(self) -> dict[str, int]:
        """What is not zero of the balance now."""
        found = self.earnings.on(self.at.date())
        sums = {
            "available": found.available_minor,
            "pending": found.pending_minor,
            "held": found.held_minor,
            "reserved": found.reserved_minor,
            "debt": found.debt_minor,
        }
        return {name: amount for name, amount in sums.items() if amount}

    def booked(self) -> dict[str, int]:
        """By account, as the facts of earnings have it: without sales and refunds, which payments post."""
        total = Counter[str]()
        for at, event in self.facts:
            metadata = Metadata(actor="worker", command="test", command_digest="", effective_at=at)
            legs = postings(Recorded(1, "earnings-usr_ivy-usd", 1, event, metadata, at, "cmd_1"))
            assert sum(leg.amount_minor for leg in legs) == 0
            assert {leg.party for leg in legs if leg.account in {"1210", "2100"}} <= {IVY}
            for leg in legs:
                total[leg.account] += leg.amount_minor
        return {account: amount for account, amount in total.items() if amount}

    def _begun(self, command_id: str) -> dict[str, Any]:
        return {
            "command_id": command_id,
            "effective_at": self.at,
            "user_id": IVY,
            "currency": self.currency,
        }

    def _of_payout(self) -> dict[str, Any]:
        return {"payout_id": self.payout.payout_id, "attempt": self.payout.attempt}


def available(amount_minor: int, currency: str = "usd") -> Paid:
    """An instructor with that much to be paid out, on 31 March."""
    paid = Paid(currency)
    paid.earned(amount_minor)
    return paid
