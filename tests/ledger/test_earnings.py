"""What instructors earn: to the day and to the cent as the books have it, whatever happens to their sales."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import reduce
from itertools import product
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.earnings.balances import Balances, Day, balances
from ledger.earnings.cash import shortfall
from ledger.earnings.commands import AccrueEarnings
from ledger.earnings.decider import EARNINGS
from ledger.earnings.events import EarningsAccrued, EarningsHeld
from ledger.earnings.following import asked, must_be_told
from ledger.earnings.state import Earnings, evolve
from ledger.earnings.terms import HOLD, Reckoning, available_on
from ledger.effects import FollowEarnings
from ledger.errors import Forbidden
from ledger.journal import postings
from ledger.message import Command, Metadata, Origin, Recorded
from ledger.payments.commands import RecordPaymentSnapshot
from ledger.payments.decider import PAYMENT
from ledger.payments.events import PaymentSettled
from ledger.payments.state import Payment
from ledger.payments.stream import id_of, stream_of
from ledger.permissions import check
from ledger.policies import react
from ledger.split import WHOLE_BP, Part, Sale, by_user, kept
from tests.ledger.examples import DAY, NOON, dispute, initiated, refund, snapshot, txn
from tests.ledger.strategies import OUR_REFUND_MINOR, deliveries, stripe_histories
from tests.ledger.test_sales import IVY, OLA, buying, in_euros, part_back, sale, shared

MARCH_31 = NOON.date() + HOLD
WHOLE = refund(amount_minor=10000, balance_transaction=txn("refund", -10000))
CONTESTED = dispute("needs_response", txn("taken", -10000, 1500), amount_minor=10000)


class Market:
    """Payments for courses, and what their instructors have of them."""

    def __init__(self) -> None:
        self.facts: list[Recorded] = []
        self.streams: dict[tuple[str, str], list[Any]] = {}
        self.done: dict[str, str] = {}

    def payment(self, payment_id: str = "pay_1") -> Payment:
        state: Payment = reduce(PAYMENT.evolve, self._events(payment_id), PAYMENT.initial)
        return state

    def _events(self, payment_id: str) -> list[Any]:
        return [one.event for one in self.facts if one.stream == stream_of(payment_id)]

    def begin(self, payment_id: str = "pay_1", **changes: Any) -> None:
        self._record(payment_id, initiated(**buying(payment_id=payment_id, **changes)), NOON)

    def tell(self, *commands: Command, payment_id: str = "pay_1", at: datetime = NOON) -> None:
        for command in commands:
            told: Any = replace(command, payment_id=payment_id)
            for event in PAYMENT.decide(told, self.payment(payment_id)):
                self._record(payment_id, event, at)

    def _record(self, payment_id: str, event: Any, at: datetime) -> None:
        version = len(self._events(payment_id)) + 1
        metadata = Metadata(actor="stripe", command="test", command_digest="", effective_at=at)
        position = len(self.facts) + 1
        fact = Recorded(position, stream_of(payment_id), version, event, metadata, at, f"cmd_{position}")
        self.facts.append(fact)

    def asking(self) -> list[FollowEarnings]:
        return [one for fact in self.facts for one in react(fact) if isinstance(one, FollowEarnings)]

    def commands(self, effect: FollowEarnings) -> tuple[AccrueEarnings, ...]:
        fact = self.facts[effect.position - 1]
        earlier = [one for one in self.facts[: effect.position] if one.stream == fact.stream]
        payment = self.payment(id_of(fact.stream))
        return asked(fact, payment, earlier if must_be_told(fact, payment) else ())

    def follow(self, effects: Iterable[FollowEarnings] | None = None) -> None:
        """As the store does, each command once."""
        for effect in self.asking() if effects is None else effects:
            for command in self.commands(effect):
                if command.command_id in self.done:
                    assert self.done[command.command_id] == command.digest()
                    continue
                self.done[command.command_id] = command.digest()
                of = (command.user_id, command.currency)
                happened_on = command.effective_at.date()
                for event in EARNINGS.decide(command, self.earnings(*of)):
                    self.streams.setdefault(of, []).append((happened_on, event))

    def earnings(self, user_id: str = IVY, currency: str = "usd") -> Earnings:
        return reduce(evolve, (one for _, one in self.streams.get((user_id, currency), ())), Earnings())

    def on(self, day: date, user_id: str = IVY, currency: str = "usd") -> tuple[int, int, int, int]:
        """Available, pending, held and debt."""
        found = self.earnings(user_id, currency).on(day)
        return found.available_minor, found.pending_minor, found.held_minor, found.debt_minor

    def accrued(self, day: date) -> dict[tuple[str, str], int]:
        total = Counter[tuple[str, str]]()
        for of, facts in self.streams.items():
            total[of] += sum(
                one.amount_minor for on, one in facts if on <= day and isinstance(one, EarningsAccrued)
            )
        return {of: amount for of, amount in total.items() if amount}

    def booked(self, day: date) -> dict[tuple[str, str], int]:
        total = Counter[tuple[str, str]]()
        for fact in self.facts:
            for leg in postings(fact) if fact.metadata.effective_at.date() <= day else ():
                if leg.account == "2100":
                    total[leg.party, leg.currency] -= leg.amount_minor
        return {of: amount for of, amount in total.items() if amount}


@pytest.fixture
def market() -> Market:
    """One course is sold for 100.00 on 1 March, at 70 %."""
    opened = Market()
    opened.begin()
    opened.tell(snapshot())
    opened.follow()
    return opened


# ------------------------------------------------------------------------------------------------- time


def test_what_is_earned_is_pending_for_thirty_days_and_then_available_by_time_alone(market: Market) -> None:
    assert market.on(MARCH_31 - DAY) == (0, 7000, 0, 0)
    assert market.on(MARCH_31) == (7000, 0, 0, 0)


@pytest.mark.parametrize(
    ("captured_at", "day"),
    [("2026-03-01T23:59:59+00:00", "2026-03-31"), ("2026-03-02T00:30:00+01:00", "2026-03-31")],
)
def test_the_day_is_that_of_the_capture_in_utc(captured_at: str, day: str) -> None:
    assert available_on(datetime.fromisoformat(captured_at)) == date.fromisoformat(day)


def test_a_sale_that_settles_days_later_is_available_by_its_capture() -> None:
    market = Market()
    market.begin()
    late = txn("charge", 10000, 320, at=NOON + 5 * DAY)
    market.tell(snapshot(balance_transaction=None), replace(snapshot(), balance_transaction=late))
    market.follow()
    assert market.on(MARCH_31) == (7000, 0, 0, 0)


def test_a_refund_lowers_the_day_of_its_sale_at_once(market: Market) -> None:
    market.tell(snapshot(refunds=(WHOLE,)), at=NOON + 40 * DAY)
    market.begin("pay_2")
    market.tell(snapshot(captured_at=NOON + 40 * DAY), payment_id="pay_2", at=NOON + 40 * DAY)
    market.follow()
    assert market.on(NOON.date() + 40 * DAY) == (0, 7000, 0, 0)
    assert market.on(NOON.date() + 70 * DAY) == (7000, 0, 0, 0)


def test_what_comes_back_keeps_its_date(market: Market) -> None:
    """Refunded on day 10, the refund fails on day 20: available on day 30, and not on day 50."""
    failed = replace(WHOLE, status="failed", failure_balance_transaction=txn("back", 10000))
    market.tell(snapshot(refunds=(WHOLE,)), at=NOON + 10 * DAY)
    market.follow()
    assert market.on(MARCH_31) == (0, 0, 0, 0)
    market.tell(snapshot(refunds=(failed,)), at=NOON + 20 * DAY)
    market.follow()
    assert market.on(MARCH_31 - DAY) == (0, 7000, 0, 0)
    assert market.on(MARCH_31) == (7000, 0, 0, 0)


def test_what_is_taken_back_beyond_what_there_is_becomes_a_debt_and_is_netted_from_what_comes() -> None:
    """Cases, marketplace 1: 70.00 paid out and refunded, then 35.00 and 70.00 mature."""
    days = [Day(MARCH_31, -7000, 0), Day(MARCH_31 + DAY, 3500, 0), Day(MARCH_31 + 2 * DAY, 7000, 0)]
    found = [balances(days, MARCH_31 + number * DAY) for number in range(3)]
    assert [(one.available_minor, one.pending_minor, one.debt_minor) for one in found] == [
        (0, 10500, 7000),
        (0, 7000, 3500),
        (3500, 0, 0),
    ]
    assert {one.owed_minor for one in found} == {3500}


def test_a_refund_that_is_heard_of_before_its_sale_makes_nothing_payable_that_is_not() -> None:
    heard = [Day(MARCH_31, 7000, 0), Day(MARCH_31 + DAY, -4000, 0)]
    assert balances(heard, MARCH_31) == Balances(
        available_minor=3000, pending_minor=0, held_minor=0, debt_minor=0
    )


# --------------------------------------------------------------------------------------------- disputes


def test_what_a_dispute_takes_is_held_and_is_put_back_with_its_date_when_it_is_won(market: Market) -> None:
    market.tell(snapshot(disputes=(CONTESTED,)), at=NOON + 10 * DAY)
    market.follow()
    assert market.on(MARCH_31) == (0, 0, 7000, 0)
    assert dict(market.earnings().holds) == {"pay_1": 7000}

    returned = (*CONTESTED.balance_transactions, txn("returned", 10000))
    market.tell(
        snapshot(disputes=(replace(CONTESTED, status="won", balance_transactions=returned),)),
        at=NOON + 60 * DAY,
    )
    market.follow()
    assert market.on(MARCH_31 - DAY) == (0, 7000, 0, 0)
    assert market.on(MARCH_31) == (7000, 0, 0, 0)
    assert not market.earnings().holds, "what is over is forgotten"


def test_what_is_lost_is_taken_and_held_no_more_in_one_decision(market: Market) -> None:
    market.tell(snapshot(disputes=(CONTESTED,)))
    market.follow()
    market.tell(snapshot(disputes=(replace(CONTESTED, status="lost"),)))
    [command] = market.commands(market.asking()[-1])
    assert (command.kind, command.amount_minor, command.held_change_minor) == ("dispute_lost", -7000, -7000)
    market.follow()
    assert market.on(MARCH_31) == (0, 0, 0, 0)
    assert not market.earnings().holds


def test_a_dispute_holds_what_is_left_alone(market: Market) -> None:
    half = refund(amount_minor=5000, balance_transaction=txn("refund", -5000))
    market.tell(snapshot(refunds=(half,)), snapshot(refunds=(half,), disputes=(CONTESTED,)))
    market.follow()
    assert market.on(MARCH_31) == (0, 0, 3500, 0)


def test_of_a_part_that_is_lost_nothing_is_held_any_more(market: Market) -> None:
    half = dispute("needs_response", txn("taken", -5000), amount_minor=5000)
    market.tell(snapshot(disputes=(half,)))
    market.follow()
    assert market.on(MARCH_31) == (3500, 0, 3500, 0)
    market.tell(snapshot(disputes=(replace(half, status="lost"),)))
    market.follow()
    assert market.on(MARCH_31) == (3500, 0, 0, 0)


def test_an_inquiry_holds_nothing(market: Market) -> None:
    market.tell(snapshot(disputes=(dispute("warning_needs_response"),)))
    market.follow()
    assert market.on(MARCH_31) == (7000, 0, 0, 0)


def test_money_that_a_dispute_took_before_its_charge_settled_is_held_from_then_on() -> None:
    market = Market()
    market.begin()
    early = snapshot(balance_transaction=None, disputes=(CONTESTED,))
    market.tell(early, replace(early, balance_transaction=txn("charge", 10000, 320)))
    market.follow()
    assert market.on(MARCH_31) == (0, 0, 7000, 0)


def test_the_end_of_a_dispute_that_is_heard_of_first_makes_nothing_more_available(market: Market) -> None:
    market.tell(snapshot(disputes=(CONTESTED,)))
    returned = (*CONTESTED.balance_transactions, txn("returned", 10000))
    market.tell(snapshot(disputes=(replace(CONTESTED, status="won", balance_transactions=returned),)))
    effects = market.asking()
    market.follow(reversed(effects[2:]))
    assert market.on(MARCH_31) == (7000, 0, 0, 0)
    market.follow()
    assert market.on(MARCH_31) == (7000, 0, 0, 0)
    assert not market.earnings().holds


# ------------------------------------------------------------------------------------------------ facts


def test_a_fact_says_how_it_was_counted() -> None:
    """6.45 is 4.51 and 1.94; of 2.15 that go back 1.50 are the instructor's."""
    market = Market()
    market.begin(sale=sale(price_minor=645, basis_minor=645), amount_minor=645)
    charge = txn("charge", 645, 49)
    part = refund(amount_minor=215, balance_transaction=txn("refund", -215))
    market.tell(snapshot(balance_transaction=charge), snapshot(balance_transaction=charge, refunds=(part,)))
    sold, back = (command for effect in market.asking() for command in market.commands(effect))
    assert sold.reckoning == Reckoning(
        price_currency="usd",
        charged_minor=645,
        basis_minor=645,
        share_bp=7000,
        part_bp=WHOLE_BP,
        settled_minor=645,
        instructors_minor=451,
        kept_minor=451,
    )
    assert float(sold.reckoning.exact) == 451.5
    assert (back.amount_minor, back.reckoning.kept_minor, back.reckoning.given_back_minor) == (-150, 301, 215)
    assert (sold.payment_id, sold.course_id, sold.kind, back.kind) == ("pay_1", "crs_1", "sale", "refund")
    assert sold.cause_position < back.cause_position
    assert (sold.available_on, back.available_on) == (MARCH_31, MARCH_31)


def test_tax_and_the_platforms_discount_are_not_the_instructors_to_bear() -> None:
    """Cases, marketplace 7, with 3.00 off that the platform bears."""
    market = Market()
    terms = sale(
        price_minor=1200,
        basis_minor=1200,
        tax_minor=240,
        discount_minor=300,
        discount_borne_by="platform",
    )
    market.begin(sale=terms, amount_minor=1140)
    market.tell(snapshot(amount_received_minor=1140, balance_transaction=txn("charge", 1140, 60)))
    market.follow()
    assert market.on(MARCH_31) == (840, 0, 0, 0)


def test_each_instructor_of_a_course_has_a_stream_and_currencies_are_never_added() -> None:
    market = Market()
    both = sale(instructors=(Part(IVY, 6667), Part(OLA, 3333)))
    market.begin("pay_1", sale=both)
    market.begin("pay_2", sale=both)
    market.tell(snapshot(), payment_id="pay_1")
    market.tell(in_euros(snapshot()), payment_id="pay_2")
    market.follow()
    assert market.on(MARCH_31, IVY) == (4667, 0, 0, 0)
    assert market.on(MARCH_31, OLA) == (2333, 0, 0, 0)
    euros = market.on(MARCH_31, IVY, "eur")[0], market.on(MARCH_31, OLA, "eur")[0]
    assert sum(euros) == 90 * 70


@pytest.mark.parametrize("settles_late", [False, True])
def test_facts_of_a_version_that_did_not_say_how_a_sale_stands_are_told_by_the_stream(
    settles_late: Any,
) -> None:
    """Also that a charge settled of which a dispute had taken before."""
    market, charge = Market(), txn("charge", 10000, 320)
    market.begin()
    first = snapshot(balance_transaction=None, disputes=(CONTESTED,)) if settles_late else snapshot()
    market.tell(first, replace(first, balance_transaction=charge, disputes=(CONTESTED,)))
    market.tell(snapshot(disputes=(replace(CONTESTED, status="lost"),)))
    silent = [
        replace(fact, event=replace(fact.event, stakes=None)) if hasattr(fact.event, "stakes") else fact
        for fact in market.facts
    ]
    told = [market.commands(effect) for effect in market.asking()]
    market.facts = silent
    assert [market.commands(effect) for effect in market.asking()] == told
    assert must_be_told(silent[market.asking()[-1].position - 1], market.payment())


def test_the_day_of_a_sale_stays_whatever_is_heard_of_its_capture_later() -> None:
    """Stripe showed the money of a charge before it said that the payment succeeded, a day earlier."""
    market = Market()
    market.begin()
    market.tell(snapshot("processing", balance_transaction=txn("charge", 10000, 320, at=NOON + DAY)))
    first = [market.commands(effect) for effect in market.asking()]
    market.tell(snapshot())
    assert [market.commands(effect) for effect in market.asking()] == first
    market.tell(snapshot(refunds=(WHOLE,)))
    market.follow()
    assert market.earnings().days == (Day(MARCH_31 + DAY, 0, 0),)


def test_only_the_ledger_itself_sends_what_is_earned(market: Market) -> None:
    [command] = market.commands(market.asking()[0])
    check(command, Origin(actor="worker", roles=frozenset({"system"})))
    for role in ("instructor", "admin", "service"):
        with pytest.raises(Forbidden):
            check(command, Origin(actor="x", roles=frozenset({role})))


def test_what_is_no_sale_is_nobodys_earnings() -> None:
    market = Market()
    market.begin(purpose="plain", purpose_ref="", sale=None)
    whole = snapshot(refunds=(WHOLE,), disputes=(CONTESTED,))
    market.tell(snapshot(), whole)
    assert any(isinstance(fact.event, PaymentSettled) for fact in market.facts)
    assert market.asking() == []


# ------------------------------------------------------------------------------------------ long streams


def test_days_that_are_long_past_are_one_sum_and_nothing_of_it_is_lost() -> None:
    days = [NOON.date() + number * DAY for number in range(400)]
    earnings = reduce(evolve, (_accrued(day, 100) for day in days), Earnings())
    assert len(earnings.days) == 2 * HOLD.days
    late = evolve(earnings, _accrued(days[0], -30))
    assert late.days == earnings.days
    for day in (days[-1] - HOLD, days[-1]):
        plain = balances([Day(one, 100, 0) for one in days] + [Day(days[0], -30, 0)], day)
        assert late.on(day) == plain


def _accrued(day: date, amount: int) -> EarningsAccrued:
    return EarningsAccrued(
        user_id=IVY,
        currency="usd",
        kind="sale",
        amount_minor=amount,
        available_on=day,
        course_id="crs_1",
        cause_position=1,
        reckoning=Reckoning(price_currency="usd", basis_minor=1, share_bp=1, part_bp=1),
    )


def test_disputes_that_are_over_do_not_pile_up() -> None:
    earnings = Earnings()
    for number in range(500):
        for change in (100, -100):
            held = EarningsHeld(
                user_id=IVY,
                currency="usd",
                change_minor=change,
                available_on=MARCH_31 + number * DAY,
                course_id="crs_1",
                payment_id=f"pay_{number}",
                cause_position=1,
            )
            earnings = evolve(earnings, held)
    assert not earnings.holds
    assert earnings.on(date.max) == balances((), date.max)


# ------------------------------------------------------------------------------------------- any history


@st.composite
def sold_courses(draw: st.DrawFn) -> Market:
    """Up to three sales on days of their own, with all that can happen to them at Stripe, in any order."""
    market, waiting = Market(), list[tuple[str, list[RecordPaymentSnapshot]]]()
    for number in range(draw(st.integers(1, 3))):
        payment_id, terms = f"pay_{number}", draw(shared())
        captured_at = NOON + draw(st.integers(0, 3)) * DAY
        history = draw(deliveries(draw(stripe_histories())))
        if draw(st.booleans()):
            history = [in_euros(one) for one in history]
        market.begin(payment_id, sale=terms)
        at_capture = [replace(one, captured_at=one.captured_at and captured_at) for one in history]
        waiting.append((payment_id, at_capture))
    now = NOON + 4 * DAY
    for payment_id, history in waiting:
        asked_back = False
        for one in history:
            now += draw(st.integers(0, 2)) * timedelta(hours=15)
            market.tell(one, payment_id=payment_id, at=now)
            refundable = market.payment(payment_id).refundable_minor
            if (
                not asked_back
                and refundable >= OUR_REFUND_MINOR
                and not market.payment(payment_id).dispute_open
            ):
                asked_back = True
                market.tell(part_back(OUR_REFUND_MINOR), payment_id=payment_id, at=now)
    return market


def payments_of(market: Market) -> list[Payment]:
    names = {id_of(fact.stream) for fact in market.facts}
    found = [market.payment(name) for name in sorted(names)]
    return [one for one in found if one.settlement is not None and one.sale is not None]


def shares(payment: Payment) -> dict[str, int]:
    sale_, entry = payment.sale, payment.settlement
    assert isinstance(sale_, Sale)
    assert entry is not None
    return by_user(kept(sale_, entry.amount_minor, entry.currency, payment.given_back_minor))


@for_all(sold_courses(), st.data())
def test_whatever_happens_in_any_order_earnings_are_what_the_books_owe(market: Market, data: Any) -> None:
    effects = market.asking()
    again = data.draw(st.lists(st.sampled_from(effects), max_size=5)) if effects else []
    for effect in data.draw(st.permutations([*effects, *again])):
        market.follow([effect])
        for of, facts in market.streams.items():
            earned = sum(one.amount_minor for _, one in facts if isinstance(one, EarningsAccrued))
            assert market.earnings(*of).on(MARCH_31).owed_minor == earned

    last = market.facts[-1].metadata.effective_at.date()
    for number in range((last - NOON.date()).days + 1):
        day = NOON.date() + number * DAY
        assert market.accrued(day) == market.booked(day)

    of_days = Counter[tuple[str, str, date]]()
    contested = Counter[tuple[str, str]]()
    for payment in payments_of(market):
        assert payment.settlement is not None
        assert payment.captured_at is not None
        for user_id, amount in shares(payment).items():
            of = user_id, payment.settlement.currency
            of_days[*of, payment.captured_at.astimezone(UTC).date() + HOLD] += amount
            contested[of] += payment.withheld_minor > payment.disputed.lost_minor
    for user_id, currency in product((IVY, OLA), ("usd", "eur")):
        earnings = market.earnings(user_id, currency)
        for sums in earnings.days:
            assert sums.amount_minor == of_days[user_id, currency, sums.available_on]
            assert 0 <= sums.held_minor <= sums.amount_minor
        assert bool(earnings.holds) <= bool(contested[user_id, currency])
        assert earnings.on(last).debt_minor == 0


@for_all(shared(), st.lists(st.integers(1, 4000), max_size=4))
def test_any_partition_of_refunds_leaves_what_one_of_them_all_leaves(
    terms: Sale, parts: Sequence[int]
) -> None:
    left, given = 10000, []
    for part in parts:
        given.append(min(part, left))
        left -= given[-1]
    ends = []
    for amounts in (given, [sum(given)]):
        market = Market()
        market.begin(sale=terms)
        back = [
            refund(
                stripe_refund_id=f"re_{number}",
                refund_id="",
                amount_minor=amount,
                balance_transaction=txn(f"back_{number}", -amount),
            )
            for number, amount in enumerate(amounts)
            if amount
        ]
        for count in range(len(back) + 1):
            market.tell(snapshot(refunds=tuple(back[:count])))
        market.follow()
        ends.append(market.accrued(NOON.date()))
        assert market.accrued(NOON.date()) == market.booked(NOON.date())
    assert ends[0] == ends[1]


@for_all(shared())
def test_instructors_and_platform_have_the_basis(terms: Sale) -> None:
    market = Market()
    market.begin(sale=terms)
    market.tell(snapshot())
    market.follow()
    [split] = [fact.event.split for fact in market.facts if isinstance(fact.event, PaymentSettled)]
    assert split is not None
    assert sum(market.accrued(NOON.date()).values()) + split.platform_minor == terms.basis_minor


def test_what_fees_took_of_an_empty_balance_is_no_shortfall_while_nothing_is_owed() -> None:
    assert shortfall(-53, 0) == 0
    assert shortfall(-53, 100) == 153
    assert shortfall(40, 100) == 60
    assert shortfall(100, 100) == shortfall(100, -20) == shortfall(-53, -20) == 0
