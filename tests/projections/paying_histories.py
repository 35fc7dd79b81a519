"""Ledgers in which instructors sell, lose and are paid, by the rules themselves: to be projected and read."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import reduce
from typing import Any

import msgspec

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
from ledger.earnings.events import EarningsEvent, EarningsHeld, PayoutReserved, PayoutTransferred
from ledger.earnings.state import Earnings, day_of, evolve
from ledger.earnings.stream import stream_of
from ledger.earnings.terms import Kind, Reckoning, available_on
from ledger.errors import Refused
from ledger.journal import postings
from ledger.payments.events import PaymentSettled, RefundSettled
from ledger.split import WHOLE_BP, Part, Sale, SettledSplit, by_user, kept
from tests.ledger.examples import NOON
from tests.ledger.test_split import sale
from tests.projections.histories import History, money

Owner = tuple[str, str]
"""An instructor and a currency."""
OWNERS: tuple[Owner, ...] = (("usr_ivy", "usd"), ("usr_ivy", "eur"), ("usr_ola", "usd"))
STEPS = (
    *("sell", "refund", "hold", "deliver", "wait", "wait"),
    *("request", "unknown", "transfer", "block", "retry", "revive", "withhold"),
    *("recall", "lose_recall", "reverse", "refuse_recall", "reverse_outside"),
)
Step = tuple[str, int]
"""What happens, and the dice for it."""
BEGUN: tuple[Step, ...] = (
    *(("sell", 0), ("sell", 3001), ("sell", 2), ("deliver", 0), ("deliver", 0)),
    *(("wait", 24), ("wait", 24), ("request", 0)),
)
"""Without which most histories pay nothing."""


class Sold(msgspec.Struct):
    payment_id: str
    owner: Owner
    terms: Sale
    at: datetime
    given_back_minor: int = 0
    held_minor: int = 0


class Paying:
    """What a fact changes is heard of later, in any order; answers of Stripe come when they come. Where it is
    `settled` all was heard of in the end.
    """

    def __init__(self, steps: Sequence[Step], *, settled: bool = True) -> None:
        self.history = History()
        self.now = NOON
        self.sold: list[Sold] = []
        self.waiting: list[AccrueEarnings] = []
        self.events: defaultdict[Owner, list[tuple[date, EarningsEvent]]] = defaultdict(list)
        for name, dice in steps:
            self.now += timedelta(hours=dice % 7)
            getattr(self, f"_{name}")(dice)
        while settled and self.waiting:
            self._deliver(0)

    @classmethod
    def by_chance(cls, seed: int, steps: int, *, settled: bool = True) -> Paying:
        chance = random.Random(seed)  # noqa: S311  # a test's dice
        more = ((chance.choice(STEPS), chance.randrange(2**16)) for _ in range(steps))
        return cls([*BEGUN, *more], settled=settled)

    def earnings(self, owner: Owner, until: date = date.max) -> Earnings:
        """As the facts of all days up to that one have it."""
        return reduce(evolve, (event for on, event in self.events[owner] if on <= until), Earnings())

    def booked(self, owner: Owner, until: date = date.max) -> int:
        """2100 less 1210."""
        return -sum(
            leg.amount_minor
            for fact in self.history.recorded
            if day_of(fact.metadata.effective_at) <= until
            for leg in postings(fact)
            if leg.account in {"2100", "1210"} and (leg.party, leg.currency) == owner
        )

    def is_heard_in_order(self, owner: Owner, until: date = date.max) -> bool:
        """Whether of no dispute only the end was heard: the rules hold nothing less by that, and sums do."""
        held = Counter[str]()
        for on, event in self.events[owner]:
            if isinstance(event, EarningsHeld) and on <= until:
                held[event.payment_id] += event.change_minor
        return min(held.values(), default=0) >= 0

    @property
    def days(self) -> list[date]:
        """Those on which something happened, and the ones after them."""
        found = {day_of(fact.metadata.effective_at) for fact in self.history.recorded}
        return sorted({*found, *(day + timedelta(days=1) for day in found)})

    # ------------------------------------------------------------------------------------------- sales

    def _wait(self, dice: int) -> None:
        self.now += timedelta(days=dice % 25)

    def _sell(self, dice: int) -> None:
        owner, number = OWNERS[dice % len(OWNERS)], len(self.sold)
        terms = sale(3000 + dice % 9000, instructors=(Part(owner[0], WHOLE_BP),))
        sold = Sold(f"pay_{number}", owner, terms, self.now)
        self.sold.append(sold)
        split = self._left(sold)
        charge = money(sold.payment_id, terms.price_minor, 59, owner[1])
        fact = PaymentSettled(
            charge_id=f"ch_{number}", balance_transaction=charge, purpose="course", split=split
        )
        self.history.add(f"payment-{sold.payment_id}", fact, effective_at=self.now)
        self._follow(sold, "sale", split)

    def _refund(self, dice: int) -> None:
        refundable = [one for one in self.sold if one.given_back_minor < one.terms.price_minor]
        if not refundable:
            return
        sold = refundable[dice % len(refundable)]
        before, left = self._left(sold), sold.terms.price_minor - sold.given_back_minor
        amount = left if dice % 2 else max(left // 2, 1)
        sold.given_back_minor += amount
        refund_id = f"re_{len(self.history.recorded)}"
        fact = RefundSettled(
            refund_id=refund_id,
            stripe_refund_id=refund_id,
            balance_transaction=money(refund_id, -amount, 0, sold.owner[1]),
            purpose="course",
            split=self._left(sold).since(before),
        )
        self.history.add(f"payment-{sold.payment_id}", fact, effective_at=self.now)
        self._follow(sold, "refund", fact.split, recovery=dice)

    def _hold(self, dice: int) -> None:
        """Or hold no more what was held."""
        if not self.sold:
            return
        sold = self.sold[dice % len(self.sold)]
        change = -sold.held_minor or by_user(self._left(sold)).get(sold.owner[0], 0)
        sold.held_minor += change
        self._follow(sold, "dispute_lost", None, held=change)

    def _left(self, sold: Sold) -> SettledSplit:
        return kept(sold.terms, sold.terms.price_minor, sold.owner[1], sold.given_back_minor)

    def _follow(
        self, sold: Sold, kind: Kind, split: SettledSplit | None, *, held: int = 0, recovery: int = 0
    ) -> None:
        command = AccrueEarnings(
            **self._of(sold.owner),
            kind=kind,
            amount_minor=by_user(split).get(sold.owner[0], 0),
            held_change_minor=held,
            available_on=available_on(sold.at),
            course_id="crs_1",
            payment_id=sold.payment_id,
            cause_position=len(self.history.recorded),
            reckoning=Reckoning(price_currency=sold.owner[1], basis_minor=1, share_bp=7000, part_bp=WHOLE_BP),
            recovery="reversal" if recovery % 3 == 0 else "netting",
        )
        self.waiting.append(command)

    def _deliver(self, dice: int) -> None:
        if self.waiting:
            self._tell(self.waiting.pop(dice % len(self.waiting)))

    # ----------------------------------------------------------------------------------------- payouts

    def _request(self, dice: int) -> None:
        payout_id = f"po_{len(self.history.recorded)}"
        of = self._of(OWNERS[dice % len(OWNERS)])
        self._tell(RequestPayout(**of, payout_id=payout_id, stripe_account_id="acct_1"))

    def _retry(self, dice: int) -> None:
        owner = OWNERS[dice % len(OWNERS)]
        if (payout := self.earnings(owner).payout) is not None:
            self._tell(RetryPayout(**self._of(owner), payout_id=payout.payout_id, stripe_account_id="acct_2"))

    def _withhold(self, dice: int) -> None:
        reason = ("platform_short", "account_not_payable")[dice % 2]
        self._tell(WithholdPayout(**self._of(OWNERS[dice % len(OWNERS)]), reason=reason))

    def _unknown(self, dice: int) -> None:
        for of in self._on_its_way(dice):
            self._tell(RecordTransferUnknown(**of, cause="no_answer"))

    def _block(self, dice: int) -> None:
        for of in self._on_its_way(dice):
            self._tell(RecordTransferRefusal(**of, code="balance_insufficient"))

    def _on_its_way(self, dice: int) -> list[dict[str, Any]]:
        owner = OWNERS[dice % len(OWNERS)]
        payout = self.earnings(owner).payout
        if payout is None or not payout.is_on_its_way:
            return []
        return [{**self._of(owner), "payout_id": payout.payout_id, "attempt": payout.attempt}]

    def _transfer(self, dice: int) -> None:
        """Of what is on its way."""
        self._made(dice, [payout for payout in self._reserved(dice) if payout.attempt][-1:])

    def _revive(self, dice: int) -> None:
        """Of any attempt that no transfer is known of, also of one that was taken for refused."""
        reserved = self._reserved(dice)
        self._made(dice, reserved[dice % len(reserved) :][:1] if reserved else [])

    def _reserved(self, dice: int) -> list[PayoutReserved]:
        events = [event for _, event in self.events[OWNERS[dice % len(OWNERS)]]]
        made = {(one.payout_id, one.attempt) for one in events if isinstance(one, PayoutTransferred)}
        return [
            one
            for one in events
            if isinstance(one, PayoutReserved) and (one.payout_id, one.attempt) not in made
        ]

    def _made(self, dice: int, payouts: list[PayoutReserved]) -> None:
        for one in payouts:
            transfer_id = f"tr_{one.payout_id}_{one.attempt}"
            command = RecordTransfer(
                **self._of((one.user_id, one.currency), back=timedelta(hours=dice % 30)),
                payout_id=one.payout_id,
                attempt=one.attempt,
                amount_minor=one.amount_minor,
                stripe_account_id=one.stripe_account_id,
                transfer_id=transfer_id,
                balance_transaction=money(transfer_id, -one.amount_minor, 0, one.currency),
            )
            self._tell(command)

    # ----------------------------------------------------------------------------------------- recalls

    def _recall(self, dice: int) -> None:
        self._tell(RequestRecall(**self._of(OWNERS[dice % len(OWNERS)])))

    def _lose_recall(self, dice: int) -> None:
        owner = OWNERS[dice % len(OWNERS)]
        for recall_id in list(self.earnings(owner).recalls)[:1]:
            self._tell(RecordRecallUnknown(**self._of(owner), recall_id=recall_id, cause="no_answer"))

    def _refuse_recall(self, dice: int) -> None:
        owner = OWNERS[dice % len(OWNERS)]
        for recall_id in list(self.earnings(owner).recalls)[:1]:
            self._tell(RecordRecallRefusal(**self._of(owner), recall_id=recall_id, code="account_invalid"))

    def _reverse(self, dice: int) -> None:
        owner = OWNERS[dice % len(OWNERS)]
        for recall_id, recall in list(self.earnings(owner).recalls.items())[:1]:
            self._came_back(owner, recall.payout_id, recall.transfer_id, recall.amount_minor, recall_id)

    def _reverse_outside(self, dice: int) -> None:
        """By somebody at Stripe, in part or whole."""
        owner = OWNERS[dice % len(OWNERS)]
        for one in self.earnings(owner).transfers[-1:]:
            if one.left_minor > 1:
                amount = one.left_minor // (1 + dice % 2)
                self._came_back(owner, one.payout_id, one.transfer_id, amount, "")

    def _came_back(self, owner: Owner, payout_id: str, transfer_id: str, amount: int, recall_id: str) -> None:
        reversal_id = f"trr_{len(self.history.recorded)}"
        command = RecordReversal(
            **self._of(owner),
            payout_id=payout_id,
            transfer_id=transfer_id,
            reversal_id=reversal_id,
            recall_id=recall_id,
            amount_minor=amount,
            balance_transaction=money(reversal_id, amount, 0, owner[1]),
        )
        self._tell(command)

    def _of(self, owner: Owner, back: timedelta = timedelta(0)) -> dict[str, Any]:
        user_id, currency = owner
        command_id = f"cmd_{len(self.history.recorded)}_{len(self.waiting)}"
        return {
            "command_id": command_id,
            "effective_at": self.now - back,
            "user_id": user_id,
            "currency": currency,
        }

    def _tell(self, command: EarningsCommand) -> None:
        owner = (command.user_id, command.currency)
        try:
            events = EARNINGS.decide(command, self.earnings(owner))
        except Refused:
            return
        self.history.add(stream_of(*owner), *events, effective_at=command.effective_at)
        self.events[owner] += ((day_of(command.effective_at), event) for event in events)
