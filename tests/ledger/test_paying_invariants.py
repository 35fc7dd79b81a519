"""Sales, refunds, disputes, payouts, reversals, in any order and with any delay: nothing is paid twice or
early, and earnings are what the books owe, on every day.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from functools import reduce
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import Struct
from msgspec.structs import replace

from ledger.earnings.commands import (
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
)
from ledger.earnings.decider import EARNINGS
from ledger.earnings.events import EarningsAccrued, EarningsHeld, PayoutReserved, TransferReversed
from ledger.earnings.state import Earnings
from ledger.earnings.terms import MINIMUM_PAYOUT_MINOR, Recovery
from ledger.effects import (
    CreateTransfer,
    Effect,
    FollowEarnings,
    ResolveReversal,
    ResolveTransfer,
    ReverseTransfer,
)
from ledger.errors import Refused
from ledger.journal import postings
from ledger.message import Metadata, Recorded
from ledger.payments.commands import RecordPaymentSnapshot
from ledger.policies import react
from tests.ledger.examples import DAY, NOON, snapshot, txn
from tests.ledger.strategies import deliveries, stripe_histories
from tests.ledger.test_earnings import CONTESTED, WHOLE, Market
from tests.ledger.test_sales import in_euros, sale, shared

Owner = tuple[str, str]
"""Of an earnings stream: instructor and currency."""
STRIPE = ("1010", "1011", "1012")
ANSWERS = st.sampled_from(["done", "done", "lost", "never came", "refused"])


class Sent(Struct):
    """A transfer as Stripe has it."""

    transfer: RecordTransfer
    left_minor: int


_FAILED = replace(WHOLE, status="failed", failure_balance_transaction=txn("back", 10000))
REFUNDED = [snapshot(refunds=(WHOLE,)), snapshot(refunds=(_FAILED,))]
"""Whole, and then not after all."""
CHARGED_BACK = [
    snapshot(disputes=(CONTESTED,)),
    snapshot(disputes=(replace(CONTESTED, status="lost"),)),
]


def _sold() -> st.SearchStrategy[list[RecordPaymentSnapshot]]:
    """A sale that is paid, and what Stripe shows of it then."""
    whatever = stripe_histories().flatmap(deliveries).map(_captured)
    return st.one_of(whatever, st.just(REFUNDED), st.just(CHARGED_BACK)).map(lambda one: [snapshot(), *one])


def _captured(history: list[RecordPaymentSnapshot]) -> list[RecordPaymentSnapshot]:
    return [one for one in history if one.balance_transaction is not None and (one.refunds or one.disputes)]


class Paying(RuleBasedStateMachine):
    """Stripe does what it is asked, or not, and its answer may be lost. What follows from a fact is done at
    any time later, more than once, and in any order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.market = Market()
        self.now = NOON
        self.histories: dict[str, list[RecordPaymentSnapshot]] = {}
        self.waiting: list[Effect] = []
        """What facts of earnings ask for."""
        self.following: list[FollowEarnings] = []
        """What facts of payments ask for, of those that were `looked_at`."""
        self.looked_at = 0
        self.streams: dict[Owner, Earnings] = {}
        self.sent: dict[str, Sent] = {}
        """By the key of the request."""
        self.reversals: dict[str, RecordReversal] = {}
        self.asked = 0
        self.recovery: Recovery = "netting"

    @initialize(recovery=st.sampled_from(["netting", "reversal"]), history=_sold(), answer=ANSWERS)
    def begin(self, recovery: Recovery, history: list[RecordPaymentSnapshot], answer: str) -> None:
        """With a sale that has waited out its days, and whose payout is asked for."""
        self.recovery = recovery
        self.sell(sale(), history, abroad=False, later=False)
        self.now += 31 * DAY
        [owner] = self.market.streams
        self.tell(RequestPayout(**self.begun(owner), payout_id="po_0", stripe_account_id="acct_1"))
        self.stripe_does(self.waiting.pop(), answer)

    # ---------------------------------------------------------------------------------------- the market

    @rule(terms=shared(), history=_sold(), abroad=st.booleans(), later=st.booleans())
    def sell(self, terms: Any, history: list[RecordPaymentSnapshot], abroad: bool, later: bool) -> None:  # noqa: FBT001
        payment_id = f"pay_{len(self.histories)}"
        self.market.begin(payment_id, sale=terms)
        at_capture = [replace(one, captured_at=self.now) for one in history]
        self.histories[payment_id] = [in_euros(one) for one in at_capture] if abroad else at_capture
        self.hear(payment_id)
        if not later:
            self.all_is_followed()

    def hear(self, payment_id: str) -> None:
        self.market.tell(self.histories[payment_id].pop(0), payment_id=payment_id, at=self.now)

    @precondition(lambda self: any(self.histories.values()))
    @rule(data=st.data())
    def something_happens_to_a_sale(self, data: st.DataObject) -> None:
        going_on = sorted(name for name, history in self.histories.items() if history)
        self.hear(data.draw(st.sampled_from(going_on)))

    @precondition(lambda self: self.not_followed())
    @rule(data=st.data(), one_alone=st.booleans())
    def facts_are_followed(self, data: st.DataObject, one_alone: bool) -> None:  # noqa: FBT001
        if one_alone:
            self.follow(data.draw(st.sampled_from(self.not_followed())))
        else:
            self.all_is_followed()

    def all_is_followed(self) -> None:
        for effect in [*self.not_followed()]:
            self.follow(effect)

    def not_followed(self) -> list[FollowEarnings]:
        new = self.market.facts[self.looked_at :]
        self.looked_at += len(new)
        self.following += [one for fact in new for one in react(fact) if isinstance(one, FollowEarnings)]
        return self.following

    def follow(self, effect: FollowEarnings) -> None:
        self.following.remove(effect)
        for command in self.market.commands(effect):
            self.tell(replace(command, recovery=self.recovery))

    # ------------------------------------------------------------------------------------------- payouts

    @precondition(lambda self: self.market.streams)
    @rule(data=st.data(), again=st.booleans(), days=st.sampled_from([0, 1, 31, 31]))
    def a_payout_is_asked_for(self, data: st.DataObject, again: bool, days: int) -> None:  # noqa: FBT001
        self.now += days * DAY
        owner = data.draw(st.sampled_from(sorted(self.market.streams)))
        earnings = self.earnings(owner)
        payable = self.payable(owner)
        last = earnings.payout
        if again and last is not None:
            command: EarningsCommand = RetryPayout(
                **self.begun(owner), payout_id=last.payout_id, stripe_account_id="acct_1"
            )
        else:
            self.asked += 1
            command = RequestPayout(
                **self.begun(owner), payout_id=f"po_{self.asked}", stripe_account_id="acct_1"
            )
        try:
            events = self.tell(command)
        except Refused:
            assert self.earnings(owner) == earnings
            return
        [reserved] = events
        assert isinstance(reserved, PayoutReserved)
        assert MINIMUM_PAYOUT_MINOR <= reserved.amount_minor == payable
        if data.draw(st.booleans()):
            self.stripe_does(self.waiting.pop(), "done")

    def payable(self, owner: Owner) -> int:
        """By looking at each fact; what waited out its days less what left and what is held of it."""
        today, mature, coming = self.now.date(), 0, 0
        holds = Counter[tuple[str, date]]()
        for _, event in self.market.streams.get(owner, ()):
            if isinstance(event, EarningsAccrued):
                if event.available_on <= today:
                    mature += event.amount_minor
                else:
                    coming += event.amount_minor
            if isinstance(event, EarningsHeld):
                holds[event.payment_id, event.available_on] += event.change_minor
        for (_, available_on), held in holds.items():
            if available_on <= today:
                mature -= max(held, 0)
            else:
                coming -= max(held, 0)
        return mature + min(coming, 0) - self.left(owner, or_not_known_of=True)

    def left(self, owner: Owner, *, or_not_known_of: bool = False) -> int:
        """Transfers that Stripe made, and told us of, less what we know to have come back."""
        known = {id_ for id_ in self.market.done if id_.startswith("record_")}
        paid = sum(
            one.transfer.amount_minor
            for one in self.sent.values()
            if owner == (one.transfer.user_id, one.transfer.currency)
            and (or_not_known_of or one.transfer.command_id in known)
        )
        back = sum(
            one.amount_minor
            for one in self.reversals.values()
            if one.command_id in known and owner == (one.user_id, one.currency)
        )
        return paid - back

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), outcome=ANSWERS)
    def stripe_is_asked(self, data: st.DataObject, outcome: str) -> None:
        self.stripe_does(self.waiting.pop(data.draw(st.integers(0, len(self.waiting) - 1))), outcome)

    def stripe_does(self, effect: Effect, outcome: str) -> None:
        if isinstance(effect, CreateTransfer | ResolveTransfer):
            self.for_a_transfer(effect, outcome)
        elif isinstance(effect, ReverseTransfer | ResolveReversal):
            self.for_a_reversal(effect, outcome)

    def for_a_transfer(self, effect: CreateTransfer | ResolveTransfer, outcome: str) -> None:
        payout = self.earnings((effect.user_id, effect.currency)).payout
        of = {"payout_id": effect.payout_id, "attempt": effect.attempt}
        begun = self.begun((effect.user_id, effect.currency))
        if (
            payout is None
            or not payout.is_on_its_way
            or (payout.payout_id, payout.attempt) != tuple(of.values())
        ):
            return
        key = f"payout:{effect.payout_id}:{effect.attempt}"
        if outcome in {"done", "lost"} and key not in self.sent:
            self.sent[key] = Sent(self.made(effect, payout.amount_minor), payout.amount_minor)
        if key in self.sent and outcome != "lost":
            self.tell(self.sent[key].transfer)
        elif outcome in {"lost", "never came"}:
            self.tell(RecordTransferUnknown(**begun, **of, cause="timeout"))  # type: ignore[arg-type]
            if payout.status == "unknown":
                self.waiting.append(effect)
        else:
            self.tell(RecordTransferRefusal(**begun, **of, code="balance_insufficient"))  # type: ignore[arg-type]

    def made(self, effect: CreateTransfer | ResolveTransfer, amount_minor: int) -> RecordTransfer:
        transfer_id = f"tr_{len(self.sent)}"
        return RecordTransfer(
            command_id=f"record_transfer:{transfer_id}",
            effective_at=self.now,
            payout_id=effect.payout_id,
            attempt=effect.attempt,
            user_id=effect.user_id,
            currency=effect.currency,
            amount_minor=amount_minor,
            stripe_account_id="acct_1",
            transfer_id=transfer_id,
            balance_transaction=txn(transfer_id, -amount_minor, 0, effect.currency, self.now),
        )

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def a_webhook_tells_of_a_transfer(self, data: st.DataObject) -> None:
        """With its reversals, and any number of times."""
        sent = self.sent[data.draw(st.sampled_from(sorted(self.sent)))]
        self.tell(sent.transfer)
        for one in self.reversals.values():
            if one.transfer_id == sent.transfer.transfer_id:
                self.tell(one)

    # ------------------------------------------------------------------------------------------- recalls

    @precondition(lambda self: self.market.streams)
    @rule(data=st.data())
    def an_admin_recalls(self, data: st.DataObject) -> None:
        owner = data.draw(st.sampled_from(sorted(self.market.streams)))
        debt = self.earnings(owner).on(self.now.date()).debt_minor
        try:
            asked = self.tell(RequestRecall(**self.begun(owner)))
        except Refused:
            return
        assert 0 < sum(one.amount_minor for one in asked) <= debt

    def for_a_reversal(self, effect: ReverseTransfer | ResolveReversal, outcome: str) -> None:
        owner = effect.user_id, effect.currency
        recall = self.earnings(owner).recalls.get(effect.recall_id)
        if recall is None:
            return
        sent = next(one for one in self.sent.values() if one.transfer.transfer_id == recall.transfer_id)
        key = f"recall:{effect.recall_id}"
        if key not in self.reversals and sent.left_minor < recall.amount_minor:
            outcome = "refused"  # somebody at Stripe was faster
        if outcome in {"done", "lost"} and key not in self.reversals:
            self.reverse(key, sent, recall.amount_minor, effect.recall_id)
        if key in self.reversals and outcome != "lost":
            self.tell(sent.transfer)
            self.tell(self.reversals[key])
        elif outcome in {"lost", "never came"}:
            self.tell(RecordRecallUnknown(**self.begun(owner), recall_id=effect.recall_id, cause="timeout"))
            if recall.status == "unknown":
                self.waiting.append(effect)
        else:
            self.tell(RecordRecallRefusal(**self.begun(owner), recall_id=effect.recall_id, code="no"))

    @precondition(lambda self: any(one.left_minor for one in self.sent.values()))
    @rule(data=st.data(), part=st.integers(1, 4))
    def somebody_reverses_at_stripe(self, data: st.DataObject, part: int) -> None:
        some = sorted(key for key, one in self.sent.items() if one.left_minor)
        sent = self.sent[data.draw(st.sampled_from(some))]
        self.reverse(f"dashboard:{len(self.reversals)}", sent, -(-sent.left_minor // part))

    def reverse(self, key: str, sent: Sent, amount_minor: int, recall_id: str = "") -> None:
        sent.left_minor -= amount_minor
        assert sent.left_minor >= 0, "Stripe reverses no more than there is"
        reversal_id, of = f"trr_{len(self.reversals)}", sent.transfer
        self.reversals[key] = RecordReversal(
            command_id=f"record_reversal:{reversal_id}",
            effective_at=self.now,
            user_id=of.user_id,
            currency=of.currency,
            payout_id=of.payout_id,
            transfer_id=of.transfer_id,
            reversal_id=reversal_id,
            recall_id=recall_id,
            amount_minor=amount_minor,
            balance_transaction=txn(reversal_id, amount_minor, 0, of.currency, self.now),
        )

    # ------------------------------------------------------------------------------------ what is recorded

    def earnings(self, owner: Owner) -> Earnings:
        return self.streams.get(owner, Earnings())

    def begun(self, owner: Owner) -> dict[str, Any]:
        number = sum(map(len, self.market.streams.values()))
        return {
            "command_id": f"cmd_{number}_{self.asked}",
            "effective_at": self.now,
            "user_id": owner[0],
            "currency": owner[1],
        }

    def tell(self, command: EarningsCommand) -> list[Any]:
        """As the store does, each command once."""
        done = self.market.done
        if command.command_id in done and command.command_id.startswith(
            ("record_transfer:", "record_rev", "acc")
        ):
            assert done[command.command_id] == command.digest()
            return []
        owner = command.user_id, command.currency
        events = EARNINGS.decide(command, self.earnings(owner))
        self.streams[owner] = reduce(EARNINGS.evolve, events, self.earnings(owner))
        done[command.command_id] = command.digest()
        for event in events:
            self.market.streams.setdefault(owner, []).append((command.effective_at.date(), event))
            self.waiting += react(_recorded(event, command.effective_at))
        return list(events)

    # ----------------------------------------------------------------------------------------- invariants

    @invariant()
    def nothing_is_created_or_lost(self) -> None:
        for owner, facts in self.market.streams.items():
            earned = sum(one.amount_minor for _, one in facts if isinstance(one, EarningsAccrued))
            found = self.earnings(owner).on(self.now.date())
            standing = found.available_minor + found.pending_minor + found.held_minor - found.debt_minor
            assert self.left(owner) + found.reserved_minor + standing == earned
            assert min(found.available_minor, found.pending_minor, found.held_minor, found.debt_minor) >= 0
            assert found.available_minor == 0 or found.debt_minor == 0
            assert found.owed_minor == self.earnings(owner).owed_minor

    @invariant()
    def each_payout_is_transferred_once(self) -> None:
        of_attempts = Counter(
            (one.payout_id, one.attempt) for _, one in self.facts() if hasattr(one, "was_reserved")
        )
        assert set(of_attempts.values()) <= {1}
        by_payout = Counter(one.transfer.payout_id for one in self.sent.values())
        assert set(by_payout.values()) <= {1}, "no second attempt while the first may have come through"

    @invariant()
    def what_is_owed_back_is_no_more_than_was_paid(self) -> None:
        for owner in self.market.streams:
            earnings = self.earnings(owner)
            assert 0 <= earnings.receivable_minor <= max(self.left(owner), 0)

    def facts(self) -> Iterator[tuple[date, Any]]:
        for facts in self.market.streams.values():
            yield from facts

    def teardown(self) -> None:
        """Once all is said that there is to be said, the books agree on each day."""
        for name, history in self.histories.items():
            for _ in range(len(history)):
                self.hear(name)
        self.all_is_followed()
        for sent in self.sent.values():
            self.tell(sent.transfer)
        for one in self.reversals.values():
            self.tell(one)
        days = {fact.metadata.effective_at.date() for fact in self.market.facts} | {
            on for on, _ in self.facts()
        }
        for day in sorted(days):
            assert self.owed(day) == self.booked(day)
        self.cash_is_stripes()

    def owed(self, day: date) -> dict[Owner, int]:
        total = Counter[Owner]()
        for owner, facts in self.market.streams.items():
            for on, event in facts:
                if on > day:
                    continue
                if isinstance(event, EarningsAccrued | TransferReversed):
                    total[owner] += event.amount_minor
                elif hasattr(event, "was_reserved"):
                    total[owner] -= event.amount_minor
        return {owner: amount for owner, amount in total.items() if amount}

    def booked(self, day: date) -> dict[Owner, int]:
        total = Counter[Owner]()
        for leg in self.legs(day):
            if leg.account in {"2100", "1210"}:
                total[leg.party, leg.currency] -= leg.amount_minor
        return {owner: amount for owner, amount in total.items() if amount}

    def legs(self, day: date) -> Iterator[Any]:
        for fact in self.market.facts:
            if fact.metadata.effective_at.date() <= day:
                yield from postings(fact)
        for on, event in self.facts():
            if on <= day:
                yield from postings(_recorded(event, datetime.combine(on, NOON.timetz())))

    def cash_is_stripes(self) -> None:
        booked, stripe = Counter[str](), Counter[str]()
        for leg in self.legs(date.max):
            if leg.account in STRIPE:
                booked[leg.currency] += leg.amount_minor
        for fact in self.market.facts:
            entry = getattr(fact.event, "balance_transaction", None)
            if entry is not None:
                stripe[entry.currency] += entry.net_minor
        for sent in self.sent.values():
            stripe[sent.transfer.currency] -= sent.transfer.amount_minor
        for one in self.reversals.values():
            stripe[one.currency] += one.amount_minor
        assert {of: amount for of, amount in booked.items() if amount} == {
            of: amount for of, amount in stripe.items() if amount
        }


def _recorded(event: Any, at: datetime) -> Recorded:
    metadata = Metadata(actor="worker", command="test", command_digest="", effective_at=at)
    return Recorded(1, "earnings-x-usd", 1, event, metadata, at, "cmd_1")


Paying.TestCase.settings = settings(max_examples=80, stateful_step_count=40)
TestPaying = Paying.TestCase
