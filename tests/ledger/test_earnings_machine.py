"""Sales of several instructors in several currencies, refunded and disputed in parts, and heard of in any
order: what is earned is what the books owe, and what the rule says, counted here in another way.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec.structs import replace

from ledger.balance import BalanceTransaction
from ledger.earnings.balances import balances
from ledger.earnings.terms import HOLD
from ledger.effects import FollowEarnings
from ledger.payments.commands import DisputeSnapshot, RecordPaymentSnapshot, RefundSnapshot
from ledger.split import WHOLE_BP, Part, Sale
from tests.ledger.examples import DAY, NOON, dispute, refund, snapshot, txn
from tests.ledger.test_earnings import Market
from tests.ledger.test_sales import sale

PEOPLE = ("usr_ivy", "usr_ola", "usr_zoe")
RATES = st.sampled_from([Fraction(1), Fraction(9, 10), Fraction(87, 100), Fraction(15_713, 100)])
AMOUNTS = st.sampled_from([1, 3, 50, 333, 4999, 10_000, 99_999])


class Charge(msgspec.Struct, kw_only=True):
    """What Stripe has of one sale."""

    payment_id: str
    sale: Sale
    currency: str
    settles_in: str
    at: datetime
    entry: BalanceTransaction | None = None
    refunds: dict[str, RefundSnapshot] = {}
    disputes: dict[str, DisputeSnapshot] = {}

    @property
    def amount(self) -> int:
        return self.sale.charged_minor

    def shows(self) -> RecordPaymentSnapshot:
        return snapshot(
            payment_id=self.payment_id,
            amount_minor=self.amount,
            amount_received_minor=self.amount,
            currency=self.currency,
            captured_at=self.at,
            balance_transaction=self.entry,
            refunds=tuple(self.refunds.values()),
            disputes=tuple(self.disputes.values()),
        )

    @property
    def given_back(self) -> int:
        """By refunds that stand, and by lost disputes."""
        refunded = sum(
            one.amount_minor
            for one in self.refunds.values()
            if one.balance_transaction is not None and one.failure_balance_transaction is None
        )
        lost = sum(
            one.amount_minor
            for one in self.disputes.values()
            if one.status == "lost" and one.balance_transactions
        )
        return refunded + lost

    @property
    def contested(self) -> int:
        """What banks hold of it, or have won and not seen yet."""
        return sum(
            one.amount_minor
            for one in self.disputes.values()
            if one.balance_transactions and one.status != "lost" and len(one.balance_transactions) == 1
        )

    def instructors(self, given_back: int) -> int:
        """Theirs together of what is left of the charge."""
        assert self.entry is not None
        left = Fraction(max(self.amount - given_back, 0), self.amount)
        basis = Fraction(self.entry.amount_minor * self.sale.basis_minor, self.amount)
        return int(basis * left * self.sale.share_bp / WHOLE_BP)


@st.composite
def terms(draw: st.DrawFn) -> Sale:
    """Of any price, with a discount and tax of any kind, and one to three instructors."""
    price = draw(st.sampled_from([60, 100, 645, 10_000, 99_999, 1_234_567]))
    borne_by = draw(st.sampled_from(["", "instructor", "platform"]))
    discount = draw(st.integers(1, price - 50)) if borne_by and price > 60 else 0
    included = draw(st.booleans())
    rest = price - discount
    tax = draw(st.integers(0, rest // 3)) if included else draw(st.integers(0, price // 3))
    shared = price - (discount if borne_by == "instructor" else 0) - (tax if included else 0)
    cuts = sorted(draw(st.lists(st.integers(0, WHOLE_BP), max_size=2)))
    bounds = [0, *cuts, WHOLE_BP]
    parts = tuple(
        Part(user_id, end - start) for user_id, start, end in zip(PEOPLE, bounds, bounds[1:], strict=False)
    )
    return sale(
        price_minor=price,
        discount_minor=discount,
        discount_borne_by=borne_by if discount else "",
        tax_minor=tax,
        tax_included=included,
        basis_minor=shared,
        share_bp=draw(st.sampled_from([0, 1, 3333, 7000, 7500, WHOLE_BP])),
        instructors=parts,
    )


class Earning(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.market = Market()
        self.charges: list[Charge] = []
        self.news: list[tuple[datetime, RecordPaymentSnapshot]] = []
        self.heard = 0
        self.effects: list[FollowEarnings] = []
        self.now = NOON
        self.count = 0

    # ------------------------------------------------------------------------------------------- Stripe

    @initialize(of=terms(), settles_in=st.sampled_from(["usd", "eur"]), rate=RATES)
    def a_course_is_sold(self, of: Sale, settles_in: str, rate: Fraction) -> None:
        self._sell(of, settles_in, rate)

    @precondition(lambda self: len(self.charges) < 3)
    @rule(of=terms(), settles_in=st.sampled_from(["usd", "eur"]), rate=RATES, late=st.booleans())
    def another_is_sold(self, of: Sale, settles_in: str, rate: Fraction, late: Any) -> None:
        self._sell(of, settles_in, None if late else rate)

    def _sell(self, of: Sale, settles_in: str, rate: Fraction | None) -> None:
        charge = Charge(
            payment_id=f"pay_{len(self.charges)}",
            sale=of,
            currency="usd",
            settles_in=settles_in,
            at=self.now,
        )
        self.market.begin(charge.payment_id, sale=of, amount_minor=charge.amount)
        self.charges.append(charge)
        if rate is not None:
            charge.entry = self._booked(charge, charge.amount, rate, 30)
        self._tell(charge)

    @rule(rate=RATES)
    def what_was_sold_settles(self, rate: Fraction) -> None:
        for charge in self.charges:
            if charge.entry is None:
                charge.entry = self._booked(charge, charge.amount, rate, 30)
                self._tell(charge)

    @rule(data=st.data(), amount=AMOUNTS, at_once=st.booleans(), rate=RATES)
    def a_part_goes_back(self, data: st.DataObject, amount: int, at_once: Any, rate: Fraction) -> None:
        charge = self._charge(data)
        gone = sum(one.amount_minor for one in charge.refunds.values() if one.status not in _NOTHING)
        amount = min(amount, charge.amount - gone - charge.contested)
        if amount <= 0:
            return
        self.count += 1
        name = f"re_{self.count:03}"
        entry = self._booked(charge, -amount, rate) if at_once else None
        charge.refunds = {
            **charge.refunds,
            name: refund(
                "succeeded" if at_once else "pending",
                stripe_refund_id=name,
                refund_id="",
                amount_minor=amount,
                balance_transaction=entry,
            ),
        }
        self._tell(charge)

    @rule(data=st.data(), ends=st.sampled_from(["succeeded", "failed", "canceled"]), rate=RATES)
    def a_refund_goes_on(self, data: st.DataObject, ends: Any, rate: Fraction) -> None:
        charge = self._charge(data)
        if not charge.refunds:
            return
        name = data.draw(st.sampled_from(sorted(charge.refunds)))
        one = charge.refunds[name]
        entry, amount = one.balance_transaction, one.amount_minor
        if one.status == "pending" and ends == "succeeded":
            booked = entry or self._booked(charge, -amount, rate)
            one = replace(one, status="succeeded", balance_transaction=booked)
        elif one.status == "pending" and ends == "canceled":
            one = replace(one, status="canceled")
        elif one.status in {"pending", "succeeded"} and ends == "failed":
            back = self._booked(charge, amount, rate) if entry else None
            one = replace(one, status="failed", failure_balance_transaction=back)
        charge.refunds = {**charge.refunds, name: one}
        self._tell(charge)

    @rule(data=st.data(), amount=AMOUNTS, inquiry=st.booleans(), rate=RATES)
    def a_bank_disputes(self, data: st.DataObject, amount: int, inquiry: Any, rate: Fraction) -> None:
        charge = self._charge(data)
        amount = min(amount, charge.amount)
        self.count += 1
        name = f"dp_{self.count:03}"
        entries = () if inquiry else (self._booked(charge, -amount, rate, 1500),)
        status = "warning_needs_response" if inquiry else "needs_response"
        made = dispute(status, *entries, dispute_id=name, amount_minor=amount, opened_at=self.now)
        charge.disputes = {**charge.disputes, name: made}
        self._tell(charge)

    @rule(
        data=st.data(),
        to=st.sampled_from(["warning_closed", "needs_response", "under_review", "lost", "won", "won unpaid"]),
        rate=RATES,
    )
    def a_dispute_goes_on(self, data: st.DataObject, to: str, rate: Fraction) -> None:
        charge = self._charge(data)
        if not charge.disputes:
            return
        name = data.draw(st.sampled_from(sorted(charge.disputes)))
        one = charge.disputes[name]
        status, entries = to.split(maxsplit=1)[0], one.balance_transactions
        if _ORDER[status] <= _ORDER[one.status] and not (status == one.status == "won"):
            return
        if not entries and status in {"needs_response", "under_review", "lost", "won"}:
            entries = (self._booked(charge, -one.amount_minor, rate, 1500),)
        if to == "won" and len(entries) == 1:
            entries = (*entries, self._booked(charge, one.amount_minor, rate, -1500))
        charge.disputes = {**charge.disputes, name: replace(one, status=status, balance_transactions=entries)}
        self._tell(charge)

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    # ------------------------------------------------------------------------------------------- ledger

    @precondition(lambda self: self.news)
    @rule(data=st.data(), again=st.booleans())
    def some_news_arrive(self, data: st.DataObject, again: Any) -> None:
        index = data.draw(st.integers(0, len(self.news) - 1))
        self._hear(*(self.news[index] if again else self.news.pop(index)))

    @precondition(lambda self: self.effects)
    @rule(data=st.data(), again=st.booleans())
    def some_earnings_follow(self, data: st.DataObject, again: Any) -> None:
        index = data.draw(st.integers(0, len(self.effects) - 1))
        self.market.follow([self.effects[index] if again else self.effects.pop(index)])

    @rule()
    def all_is_at_rest(self) -> None:
        for at, one in self.news:
            self._hear(at, one)
        for charge in self.charges:
            self._hear(self.now, charge.shows())
        self.market.follow()
        self.news, self.effects = [], []
        self._check()

    def teardown(self) -> None:
        if self.charges:
            self.what_was_sold_settles(Fraction(1))
            self.all_is_at_rest()

    def _tell(self, charge: Charge) -> None:
        """All at once, or each thing by itself; of these the last ones may be late."""
        whole = charge.shows()
        bare = replace(whole, refunds=(), disputes=())
        parts = [bare, *(replace(bare, refunds=(one,)) for one in whole.refunds)]
        parts += (replace(bare, disputes=(one,)) for one in whole.disputes)
        self.news += ((self.now, one) for one in (whole, *parts))

    def _hear(self, at: datetime, one: RecordPaymentSnapshot) -> None:
        before = len(self.market.asking())
        self.market.tell(one, payment_id=one.payment_id, at=at)
        self.effects += self.market.asking()[before:]

    def _booked(self, charge: Charge, amount: int, rate: Fraction, fee: int = 0) -> BalanceTransaction:
        self.count += 1
        settled = amount if charge.settles_in == charge.currency else floor(amount * rate) or 1
        return txn(f"{self.count:03}", settled, fee, charge.settles_in, self.now)

    def _charge(self, data: st.DataObject) -> Charge:
        return self.charges[data.draw(st.integers(0, len(self.charges) - 1))]

    def _check(self) -> None:
        market = self.market
        for number in range((self.now.date() - NOON.date()).days + 2):
            day = NOON.date() + number * DAY
            assert market.accrued(day) == market.booked(day)
        kept, held = Counter[str](), Counter[str]()
        people = Counter[str]()
        for charge in self.charges:
            if charge.entry is None:
                continue
            back = charge.given_back
            kept[charge.settles_in] += charge.instructors(back)
            left = charge.instructors(back) - charge.instructors(back + charge.contested)
            held[charge.settles_in] += left
            people[charge.settles_in] += len(charge.sale.instructors) - 1
        for currency in ("usd", "eur"):
            sums = [market.earnings(one, currency) for one in PEOPLE]
            days = [day for each in sums for day in (each.past, *each.days)]
            found = balances(days, self.now.date() + 2 * HOLD)
            assert found.owed_minor == kept[currency]
            assert 0 <= found.held_minor - held[currency] <= people[currency], "a unit each by rounding"
            assert all(day.amount_minor >= day.held_minor >= 0 for day in days)


_NOTHING = frozenset({"failed", "canceled"})
_ORDER = {
    "warning_needs_response": 0,
    "warning_under_review": 1,
    "warning_closed": 2,
    "needs_response": 3,
    "under_review": 4,
    "lost": 5,
    "won": 6,
}
TestEarning = Earning.TestCase
