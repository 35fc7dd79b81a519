"""Courses that an organisation orders for its members: who has them when, and whose the money is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.errors import NotFound, Refused
from ledger.orders.commands import (
    DropOrderItem,
    PlaceOrder,
    RecordOrderCreditPaidOut,
    RecordOrderPayment,
    WriteOffOrder,
)
from ledger.orders.events import OrderItemCredited, OrderItemGiven, OrderItemRecalled, OrderPlaced
from ledger.orders.refusals import (
    InvalidOrder,
    NothingToOrder,
    OrderAmountTooLarge,
    OrderItemNotWaiting,
    OrderNotOpen,
    OrderPriceChanged,
    SeveralCurrencies,
    TermsNotOffered,
)
from ledger.orders.state import KEPT
from ledger.orders.terms import NoTerms, Terms
from tests.ledger.order_examples import DAY, NEW_YEAR, ORDER, ORG, SHARED, Ordered, line

NO_TERMS: dict[NoTerms, str] = {
    "no_licence": "no licence that is live",
    "in_grace": "is over, and not renewed",
    "overdue": "is overdue",
}
LEARNERS = ("usr_ann", "usr_ben", "usr_cid")


def two_courses(**placed: Any) -> Ordered:
    return Ordered(line("crs_a", *LEARNERS[:2], tax=2_000), line("crs_b", LEARNERS[2], tax=2_000), **placed)


# -------------------------------------------------------------------------------------------- placing


def test_an_order_is_invoiced_with_its_terms_a_number_and_its_tax() -> None:
    placed = two_courses(net_days=30).facts[0]
    assert isinstance(placed, OrderPlaced)
    assert (placed.net_minor, placed.tax_minor, placed.currency) == (30_000, 6_000, "usd")
    assert (placed.number, placed.due_at - placed.issued_at) == ("00000001-0001", 30 * DAY)


def test_on_terms_the_members_have_their_courses_at_once() -> None:
    ordered = two_courses(net_days=14)
    assert ordered.released == ["crs_a usr_ann", "crs_a usr_ben", "crs_b usr_cid"]
    assert ordered.balances == {f"1100 {ORG}": 36_000, f"2000 {ORDER}": -30_000, "2200": -6_000}


def test_without_terms_they_have_them_with_the_last_part_of_what_is_paid() -> None:
    ordered = two_courses()
    ordered.pay(35_999)
    assert ordered.released == []
    assert ordered.balance("2100") == 0, "nobody has anything yet that an instructor could be owed for"
    ordered.pay(1)
    assert len(ordered.released) == 3
    assert ordered.balances == {"1000": 36_000, "2100 usr_ivy": -21_000, "2200": -6_000, "4030": -9_000}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"lines": ()}, NothingToOrder),
        ({"currencies": ("eur", "usd")}, SeveralCurrencies),
        ({"currencies": ()}, SeveralCurrencies),
        ({"expected_minor": 9_999}, OrderPriceChanged),
        ({"net_days": 30, "terms": Terms(most_days=14)}, TermsNotOffered),
        ({"net_days": 31}, InvalidOrder),
        ({"tax_bp": 10_001}, InvalidOrder),
        ({"items_max": 2}, InvalidOrder),
        ({"org_id": ""}, InvalidOrder),
        ({"lines": (line("crs_a", "usr_ann", "usr_ann"),)}, InvalidOrder),
        ({"lines": (line("crs_a", "usr_ann"), line("crs_b"))}, InvalidOrder),
        ({"lines": (line("crs_a", "usr_ann", price=0),)}, InvalidOrder),
        ({"lines": (line("crs_a", "usr_ann", price=10**12 + 1),)}, InvalidOrder),
    ],
)
def test_an_order_that_cannot_be_meant_is_refused(changes: Any, refusal: type[Refused]) -> None:
    with pytest.raises(refusal):
        Ordered(line("crs_a", *LEARNERS), **changes)


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (Terms(most_days=14), "has 14 days to pay"),
        *((Terms(most_days=0, why_none=why), words) for why, words in NO_TERMS.items()),
    ],
)
def test_who_has_no_such_terms_is_told_why(terms: Terms, words: str) -> None:
    with pytest.raises(TermsNotOffered, match=words):
        Ordered(line("crs_a", *LEARNERS), net_days=30, terms=terms)
    assert Ordered(line("crs_a", *LEARNERS), net_days=0, terms=terms).order.order_id, "paid first"


def test_an_order_is_placed_once() -> None:
    ordered = two_courses()
    assert ordered.do(PlaceOrder, lines=(line("crs_a", "usr_ann"),), expected_minor=10_000) == []


# -------------------------------------------------------------------------------------------- paying


def test_what_is_paid_of_an_order_on_terms_is_shared_out_as_it_comes() -> None:
    ordered = two_courses(net_days=30)
    ordered.pay(12_000)
    assert ordered.balance("2100") == -6_999
    assert ordered.balances[f"2000 {ORDER}"] == -19_999, "an instructor is never owed what nobody paid"
    ordered.pay(24_000, NEW_YEAR + DAY)
    assert ordered.balances == {"1000": 36_000, "2100 usr_ivy": -21_000, "2200": -6_000, "4030": -9_000}


def test_more_than_is_open_is_not_recorded_nor_anything_of_another_time() -> None:
    ordered = two_courses(net_days=30)
    with pytest.raises(OrderAmountTooLarge, match=r"360\.00 USD"):
        ordered.pay(36_001)
    for day in (NEW_YEAR - DAY, NEW_YEAR + DAY):
        with pytest.raises(InvalidOrder, match="received_on"):
            ordered.do(RecordOrderPayment, amount_minor=1, received_on=day.date())
    ordered.pay(36_000)
    with pytest.raises(OrderNotOpen):
        ordered.pay(1)


# -------------------------------------------------------------------------------------------- items


def test_an_item_that_cannot_be_given_falls_out_with_a_credit() -> None:
    ordered = two_courses(net_days=30)
    (fact,) = ordered.settle("crs_a", "usr_ann", "declined", "already_enrolled")
    assert isinstance(fact, OrderItemCredited)
    assert (fact.status, fact.reason, fact.number) == ("dropped", "already_enrolled", "00000001-0001-C1")
    assert ordered.balances == {f"1100 {ORG}": 24_000, f"2000 {ORDER}": -20_000, "2200": -4_000}
    assert ordered.settle("crs_a", "usr_ann", "declined", "already_enrolled") == [], "once"


def test_what_was_paid_for_an_item_that_is_returned_pays_what_is_open_and_the_rest_is_owed() -> None:
    ordered = two_courses(net_days=30)
    ordered.pay(30_000)
    (fact,) = ordered.settle("crs_a", "usr_ben", "returned", "By mistake")
    assert (fact.receivable_minor, ordered.order.open_minor, ordered.order.owed_minor) == (6_000, 0, 6_000)
    assert ordered.balances[f"2300 {ORG}"] == -6_000
    assert (ordered.balance("2100"), ordered.balance("2000")) == (-14_000, 0)
    assert ordered.do(RecordOrderCreditPaidOut, amount_minor=6_000)
    assert ordered.balances == {
        "1000": 24_000,
        "2100 usr_ivy": -14_000,
        "2200": -4_000,
        "4030": -8_001,
        "4900": 2_001,
    }
    with pytest.raises(OrderAmountTooLarge):
        ordered.do(RecordOrderCreditPaidOut, amount_minor=1)


def test_a_credit_is_paid_out_on_a_day_on_which_it_was_owed() -> None:
    ordered = two_courses(net_days=30)
    ordered.pay(36_000)
    ordered.settle("crs_a", "usr_ben", "returned", "By mistake")
    later = NEW_YEAR + 9 * DAY
    with pytest.raises(InvalidOrder, match="paid_on"):
        ordered.do(RecordOrderCreditPaidOut, later, amount_minor=1, paid_on=(NEW_YEAR - DAY).date())
    assert ordered.do(RecordOrderCreditPaidOut, later, amount_minor=1, paid_on=(NEW_YEAR + DAY).date())
    ordered.settle("crs_a", "usr_ann", "returned", "By mistake", NEW_YEAR + 5 * DAY)
    with pytest.raises(InvalidOrder, match="paid_on"):  # not all of it was owed on that day
        ordered.do(RecordOrderCreditPaidOut, later, amount_minor=20_000, paid_on=(NEW_YEAR + DAY).date())


def test_dropping_what_nobody_paid_releases_what_is_paid() -> None:
    ordered = two_courses()
    ordered.pay(24_000)
    assert ordered.released == []
    ordered.drop("crs_a", "usr_ben")
    assert ordered.released == ["crs_a usr_ann", "crs_b usr_cid"]
    assert ordered.balances == {"1000": 24_000, "2100 usr_ivy": -14_000, "2200": -4_000, "4030": -6_000}


def test_what_is_being_given_is_not_dropped_but_returned() -> None:
    ordered = two_courses(net_days=14)
    with pytest.raises(OrderItemNotWaiting, match="return it"):
        ordered.drop("crs_a", "usr_ann")
    prepaid = two_courses()
    prepaid.drop("crs_a", "usr_ann")
    with pytest.raises(OrderItemNotWaiting, match="dropped already"):
        prepaid.drop("crs_a", "usr_ann")
    with pytest.raises(NotFound):
        prepaid.do(DropOrderItem, item_id="oit_other")
    with pytest.raises(InvalidOrder):
        prepaid.do(DropOrderItem, item_id="oit_other", reason=" ")


def test_what_was_given_after_it_had_fallen_out_is_taken_again() -> None:
    ordered = two_courses(net_days=14)
    (given,) = ordered.settle("crs_a", "usr_ann")
    assert isinstance(given, OrderItemGiven)
    ordered.settle("crs_b", "usr_cid", "declined", "not_a_member")
    (recalled,) = ordered.settle("crs_b", "usr_cid")
    assert isinstance(recalled, OrderItemRecalled)
    assert ordered.status("crs_b", "usr_cid") == "dropped"
    assert ordered.settle("crs_c", "usr_ann") == [], "of no item"


# -------------------------------------------------------------------------------------------- writing off


def test_what_nobody_pays_was_never_sold_and_the_access_ends() -> None:
    ordered = two_courses(net_days=14)
    (fact,) = ordered.do(WriteOffOrder)
    assert [one.learner_id for one in fact.ended] == list(LEARNERS)
    assert (ordered.balances, ordered.status("crs_b", "usr_cid")) == ({}, "ended")
    with pytest.raises(OrderNotOpen):
        ordered.do(WriteOffOrder)


def test_as_many_as_were_paid_keep_the_course_of_an_order_that_is_written_off() -> None:
    ordered = Ordered(line("crs_a", *LEARNERS, tax=2_000), net_days=14)
    ordered.pay(30_000)
    (fact,) = ordered.do(WriteOffOrder)
    assert [one.learner_id for one in fact.ended] == ["usr_cid"]
    assert ordered.balances == {"1000": 30_000, "2100 usr_ivy": -17_500, "2200": -5_000, "4030": -7_500}


def test_what_was_paid_of_an_order_that_nobody_had_anything_of_is_owed_back() -> None:
    ordered = two_courses()
    ordered.pay(10_000)
    ordered.do(WriteOffOrder)
    assert ordered.balances == {"1000": 10_000, f"2300 {ORG}": -10_000}
    assert (ordered.order.owed_minor, ordered.order.written_off_minor) == (10_000, 26_000)
    assert set(ordered.order.items.values()).isdisjoint(KEPT)


# -------------------------------------------------------------------------------------------- at random

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pay", "given", "declined", "returned", "drop", "write_off"]),
        st.integers(1, 10_000),
    ),
    max_size=14,
)
LINES = st.lists(
    st.tuples(st.integers(1, 20_001), st.integers(0, 4_003), st.integers(1, 3)), min_size=1, max_size=3
)


def step(ordered: Ordered, kind: str, number: int) -> None:
    """Whatever the rules refuse of it is not done."""
    order = ordered.order
    item = list(order.items.values())[number % len(order.items)]
    try:
        match kind:
            case "pay":
                ordered.pay(max(order.open_minor * number // 10_000, 1))
            case "drop":
                ordered.drop(item.course_id, item.learner_id)
            case "write_off" if number % 3 == 0:
                ordered.do(WriteOffOrder)
            case "given" | "declined" | "returned" if order.released:
                ordered.settle(item.course_id, item.learner_id, kind)
            case _:
                pass
    except Refused:
        pass


def check(ordered: Ordered) -> None:
    order = ordered.order
    kept = dict.fromkeys(order.lines, 0)
    for item in order.items.values():
        kept[item.course_id] += item.status in KEPT
    assert ordered.balance("1100") == order.open_minor >= 0
    assert -ordered.balance("2300") == order.owed_minor >= 0
    assert (
        order.open_minor
        + order.paid_minor
        + order.credited_minor
        + order.written_off_minor
        - order.owed_minor
        == (order.net_minor + order.tax_minor)
    )
    assert {f"2100 {one}": -minor for one, minor in ordered.earned.items() if minor} == {
        name: minor for name, minor in ordered.balances.items() if name.startswith("2100")
    }
    for course_id, one in order.lines.items():
        assert min(one.net_minor, one.tax_minor, one.paid_minor, one.open_minor) >= 0
        assert one.shared_minor == (one.paid_minor if order.released else 0)
        assert one.net_minor + one.tax_minor >= kept[course_id] * one.sale.charged_minor


@for_all(LINES, STEPS, st.sampled_from([0, 30]))
def test_whatever_becomes_of_an_order_its_books_tie_and_end_at_zero(
    lines: list[tuple[int, int, int]], steps: list[tuple[str, int]], net_days: int
) -> None:
    ordered = Ordered(
        *(
            line(f"crs_{n}", *LEARNERS[:count], price=price, tax=tax, instructors=SHARED)
            for n, (price, tax, count) in enumerate(lines)
        ),
        net_days=net_days,
    )
    for kind, number in steps:
        step(ordered, kind, number)
        check(ordered)
    if ordered.order.open_minor:
        ordered.pay(ordered.order.open_minor)
        check(ordered)
    assert ordered.balance("2000") == 0
    net = sum(one.net_minor for one in ordered.order.lines.values())
    shared = -sum(ordered.balance(one) for one in ("2100", "4030", "4900"))
    assert shared == net, "instructors and platform have all of it, in whatever parts it came"
    instructors = sum(one.net_minor * 7_000 // 10_000 for one in ordered.order.lines.values())
    assert -ordered.balance("2100") == instructors
