"""Disputes of a charge, each and all together. `evolve_dispute` takes any history and never fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, assert_never, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeOpened,
    DisputeStatusChanged,
    DisputeWon,
)
from ledger.persistent import PersistentMap

DisputeStatus = Literal[
    "warning_needs_response",
    "warning_under_review",
    "warning_closed",
    "needs_response",
    "under_review",
    "won",
    "lost",
]


OPEN_DISPUTE = frozenset({"needs_response", "under_review"})
"""Chargebacks that wait for an answer. An inquiry (`warning_…`) moves no money and can be refunded:
https://docs.stripe.com/disputes/how-disputes-work"""
_DISPUTE_STATUSES: Mapping[str, DisputeStatus] = {status: status for status in get_args(DisputeStatus)}
"""By the text of a fact. Another text comes from another version's history, and changes nothing."""
DisputeEvent = (
    DisputeOpened
    | DisputeFundsWithdrawn
    | DisputeFundsReinstated
    | DisputeStatusChanged
    | DisputeWon
    | DisputeLost
)


class Dispute(Struct, frozen=True, gc=False):
    status: DisputeStatus = "needs_response"
    amount_minor: int = 0
    """In the currency of the charge; the two below are in that of settlement."""
    outstanding_minor: int = 0
    """Withdrawn and not reinstated."""
    written_off_minor: int = 0
    """How much of it the books have closed, as a loss or as a difference of exchange."""
    lost_minor: int = 0
    """How much of what is written off is a loss."""
    reinstated: bool = False
    settlement_currency: str = ""

    def withheld_minor(self, currency: str) -> int:
        """What the cardholder's bank holds, in the charge's `currency`."""
        if self.outstanding_minor <= 0 or (self.status == "won" and self.reinstated):
            return 0
        return self.outstanding_minor if self.settlement_currency == currency else self.amount_minor

    def lost_in(self, currency: str) -> int:
        """What the books have as lost, in the charge's `currency`."""
        if self.settlement_currency == currency:
            return self.lost_minor
        return self.amount_minor if self.lost_minor > 0 else 0

    @property
    def difference_minor(self) -> int:
        """What a reinstatement still misses of the withdrawal and the books have not closed."""
        missing = self.outstanding_minor if self.reinstated else 0
        return missing - (self.written_off_minor - self.lost_minor)


class DisputeTally(Struct, frozen=True, gc=False):
    """What all disputes of one charge come to, kept so that a decision need not look at each."""

    open: int = 0
    lost: int = 0
    withheld_minor: int = 0
    """In the charge's currency, as the next one."""
    lost_minor: int = 0

    def exchange(self, before: Dispute | None, after: Dispute, currency: str) -> DisputeTally:
        """These sums with `after` counted in place of `before`."""
        added, removed = _tally(after, currency), _tally(before, currency)
        return DisputeTally(
            self.open + added.open - removed.open,
            self.lost + added.lost - removed.lost,
            self.withheld_minor + added.withheld_minor - removed.withheld_minor,
            self.lost_minor + added.lost_minor - removed.lost_minor,
        )

    def exchange_currency(self, disputes: PersistentMap[Dispute], before: str, after: str) -> DisputeTally:
        """Counted again when the charge turns out to be in another currency than was thought."""
        if before == after:
            return self
        return replace(
            self,
            withheld_minor=sum(one.withheld_minor(after) for one in disputes.values()),
            lost_minor=sum(one.lost_in(after) for one in disputes.values()),
        )


def _tally(dispute: Dispute | None, currency: str) -> DisputeTally:
    if dispute is None:
        return DisputeTally()
    is_open, is_lost = dispute.status in OPEN_DISPUTE, dispute.status == "lost"
    withheld, lost = dispute.withheld_minor(currency), dispute.lost_in(currency)
    return DisputeTally(int(is_open), int(is_lost), withheld, lost)


def _gives_back(event: DisputeFundsWithdrawn | DisputeFundsReinstated) -> bool:
    """Not where a fee alone comes back."""
    return isinstance(event, DisputeFundsReinstated) and event.balance_transaction.amount_minor != 0


def evolve_dispute(dispute: Dispute, event: DisputeEvent) -> Dispute:
    match event:
        case DisputeOpened():
            status = "warning_needs_response" if event.inquiry else "needs_response"
            return replace(dispute, status=status, amount_minor=event.amount_minor)
        case (
            DisputeFundsWithdrawn(balance_transaction=entry)
            | DisputeFundsReinstated(balance_transaction=entry)
        ):
            return replace(
                dispute,
                outstanding_minor=dispute.outstanding_minor - entry.amount_minor,
                reinstated=dispute.reinstated or _gives_back(event),
                settlement_currency=entry.currency,
            )
        case DisputeStatusChanged():
            return replace(dispute, status=_DISPUTE_STATUSES.get(event.status, dispute.status))
        case DisputeWon():
            inquiry = dispute.status.startswith("warning_")
            return replace(
                dispute,
                status="warning_closed" if inquiry else "won",
                written_off_minor=dispute.written_off_minor - event.recovered_minor + event.difference_minor,
                lost_minor=dispute.lost_minor - event.recovered_minor,
            )
        case DisputeLost():
            return replace(
                dispute,
                status="lost",
                written_off_minor=dispute.written_off_minor + event.withdrawn_minor,
                lost_minor=dispute.lost_minor + event.withdrawn_minor,
            )
        case _:
            assert_never(event)


def captured_status(disputed: DisputeTally) -> Literal["disputed", "charged_back", "succeeded"]:
    """The status of a captured payment: an open dispute weighs more than a lost one, that more than none."""
    if disputed.open:
        return "disputed"
    return "charged_back" if disputed.lost else "succeeded"
