"""Payments for a sale: whose the money is in each fact and in the books, and whether the sale stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import reduce
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.balance import BalanceTransaction
from ledger.effects import CancelPaymentIntent
from ledger.errors import Forbidden, NotFound
from ledger.journal import postings
from ledger.message import Event, Origin
from ledger.payments.commands import CancelPayment, RecordPaymentSnapshot, RequestRefund
from ledger.payments.decider import decide
from ledger.payments.events import PaymentCancelRequested, PaymentEvent, RefundFailed, SaleStandingChanged
from ledger.payments.refusals import (
    InvalidSale,
    InvalidText,
    NothingToRevoke,
    PaymentNotCancelable,
    WholeReturnOnly,
)
from ledger.payments.sale import standing
from ledger.payments.state import Payment, evolve
from ledger.permissions import check
from ledger.policies import react
from ledger.split import WHOLE_BP, Part, Sale, kept
from tests.ledger.examples import (
    NOON,
    PAYMENT_ID,
    USER,
    dispute,
    given,
    initiate,
    initiated,
    names,
    recorded,
    refund,
    request_refund,
    snapshot,
    txn,
    when,
)
from tests.ledger.strategies import OUR_REFUND_MINOR, deliveries, stripe_histories

ENROLMENT = "enrolment-crs_1-usr_ann"
IVY, OLA = "usr_ivy", "usr_ola"


def sale(**changes: Any) -> Sale:
    """Of a course for 100.00 at 70 %, Ivy's alone."""
    terms = Sale(
        course_id="crs_1",
        revision=3,
        price_minor=10000,
        basis_minor=10000,
        share_bp=7000,
        instructors=(Part(IVY, WHOLE_BP),),
        catalogue_version="2026-03",
    )
    return replace(terms, **changes)


def buying(**changes: Any) -> dict[str, Any]:
    return {"purpose": "course", "purpose_ref": ENROLMENT, "sale": sale(), **changes}


def begun(**changes: Any) -> Payment:
    return given(initiated(**buying(**changes)))


def sold(**changes: Any) -> Payment:
    payment, _ = when(begun(**changes), snapshot())
    return payment


def part_back(amount: int, **changes: Any) -> RequestRefund:
    """Of a sale, an administrator's to give."""
    return request_refund(amount, by_admin=True, note="Half of it is broken.", **changes)


def booked(events: Iterable[Event]) -> dict[str, int]:
    """By account, an instructor's by the account and the name; without those that are even."""
    total = Counter[str]()
    for event in events:
        for leg in postings(recorded(event)):
            total[f"{leg.account} {leg.party}".strip()] += leg.amount_minor
    return {account: amount for account, amount in total.items() if amount}


def standings(events: Iterable[Event]) -> list[tuple[str, str, str]]:
    changes = [event for event in events if isinstance(event, SaleStandingChanged)]
    return [(one.standing, one.cause, one.cause_id) for one in changes]


# ------------------------------------------------------------------------------------------------ terms


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sale": None}, "has a sale"),
        ({"purpose": "plain"}, "has no sale"),
        ({"amount_minor": 9999}, "comes to 10000, and 9999 is charged"),
        ({"sale": sale(share_bp=12000)}, "basis points"),
    ],
)
def test_a_sale_comes_with_what_it_is_for_and_adds_up(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidSale, match=why):
        decide(initiate(**buying(**changes)), Payment())


def test_a_sale_says_what_was_sold() -> None:
    with pytest.raises(InvalidText, match="purpose_ref"):
        decide(initiate(**buying(purpose_ref="")), Payment())


def test_a_sale_of_the_past_that_does_not_add_up_is_all_the_platforms() -> None:
    odd = replace(initiated(**buying()), amount_minor=9000)
    _, facts = when(given(odd), snapshot())
    assert booked(facts) == {"1010": 9680, "6000": 320, "4030": -10000}


@pytest.mark.parametrize(
    ("command", "allowed", "refused"),
    [
        (initiate(**buying()), "system", "admin"),
        (initiate(), "student", "system"),
        (request_refund(by_admin=True, note="paid twice"), "system", "student"),
        (request_refund(revoke_access=True), "admin", "student"),
    ],
)
def test_only_the_system_sends_what_follows_from_a_sale(command: Any, allowed: str, refused: str) -> None:
    check(command, Origin(actor="x", roles=frozenset({allowed})))
    with pytest.raises(Forbidden):
        check(command, Origin(actor="x", roles=frozenset({refused})))


def test_who_bought_a_course_returns_the_whole_of_it_and_an_administrator_gives_parts() -> None:
    """Else nearly all of the price would go back, and the access stay."""
    with pytest.raises(WholeReturnOnly, match=r"all that is left, 100\.00 USD") as refused:
        decide(request_refund(9900), sold())
    assert refused.value.remedy.startswith("Leave `amount_minor` out")
    payment, _ = when(sold(), part_back(4000))
    for rest in (None, 6000):
        assert names(decide(request_refund(rest, refund_id="re_2"), payment)) == ["RefundRequested"]


def test_only_what_gave_access_can_have_it_revoked() -> None:
    plain, _ = when(given(initiated()), snapshot())
    with pytest.raises(NothingToRevoke):
        decide(part_back(100, revoke_access=True), plain)


# ------------------------------------------------------------------------------------------------ books


def test_a_sale_is_shared_when_it_settles_and_the_platform_bears_the_fee() -> None:
    _, facts = when(begun(), snapshot())
    assert booked(facts) == {"1010": 9680, "6000": 320, "2100 usr_ivy": -7000, "4030": -3000}


def test_tax_and_the_platforms_discount_have_their_own_accounts() -> None:
    terms = sale(discount_minor=2000, discount_borne_by="platform", tax_minor=1600)
    _, facts = when(
        begun(sale=terms, amount_minor=9600),
        snapshot(amount_received_minor=9600, balance_transaction=txn("charge", 9600, 300)),
    )
    shares = {"2100 usr_ivy": -7000, "4030": -3000, "2200": -1600, "4920": 2000}
    assert booked(facts) == {"1010": 9300, "6000": 300, **shares}


def test_a_full_refund_takes_from_each_what_it_had() -> None:
    whole = refund(amount_minor=10000, balance_transaction=txn("refund", -10000))
    _, facts = when(sold(), snapshot(refunds=(whole,)))
    assert booked(facts) == {"1011": -10000, "2100 usr_ivy": 7000, "4900": 3000}


def test_refunds_in_parts_are_computed_from_what_remains() -> None:
    """6.45 is 4.51 and 1.94; each refund alone would round twice."""
    terms = {"sale": sale(price_minor=645, basis_minor=645), "amount_minor": 645}
    charge = txn("charge", 645, 49)
    payment, facts = when(begun(**terms), snapshot(amount_received_minor=645, balance_transaction=charge))
    assert booked(facts) == {"1010": 596, "6000": 49, "2100 usr_ivy": -451, "4030": -194}
    parts = [refund(stripe_refund_id=f"re_{i}", refund_id="", amount_minor=215) for i in range(3)]
    parts = [replace(one, balance_transaction=txn(one.stripe_refund_id, -215)) for one in parts]
    so_far = []
    for count in (1, 2, 3):
        payment, facts = when(payment, snapshot(balance_transaction=charge, refunds=tuple(parts[:count])))
        so_far.append(booked(facts))
    assert [one["2100 usr_ivy"] for one in so_far] == [150, 151, 150]
    assert [one["4900"] for one in so_far] == [65, 64, 65]


def test_a_refund_that_fails_gives_each_its_part_again() -> None:
    settled = refund(balance_transaction=txn("refund", -4000))
    failed = replace(settled, status="failed", failure_balance_transaction=txn("back", 4000))
    payment, facts = when(sold(), snapshot(refunds=(settled,)))
    _, later = when(payment, snapshot(refunds=(failed,)))
    assert booked(facts) == {"1011": -4000, "2100 usr_ivy": 2800, "4900": 1200}
    assert booked([*facts, *later]) == {}


def test_a_lost_dispute_takes_the_share_and_a_won_one_gives_it_back() -> None:
    taken, returned = txn("taken", -10000, 1500), txn("returned", 10000)
    payment, facts = when(sold(), snapshot(disputes=(dispute("lost", taken),)))
    assert booked(facts) == {"1011": -11500, "6010": 1500, "2100 usr_ivy": 7000, "4910": 3000}
    _, later = when(payment, snapshot(disputes=(dispute("won", taken, returned),)))
    assert booked([*facts, *later]) == {"1011": -1500, "6010": 1500}


def test_a_dispute_lost_of_what_was_refunded_is_the_platforms_loss() -> None:
    whole = refund(amount_minor=10000, balance_transaction=txn("refund", -10000))
    payment, _ = when(sold(), snapshot(refunds=(whole,)))
    _, facts = when(payment, snapshot(refunds=(whole,), disputes=(dispute("lost", txn("taken", -10000)),)))
    assert booked(facts) == {"1011": -10000, "4910": 10000}


def test_disputes_of_parts_take_what_is_left_of_the_share_and_the_rest_is_the_platforms_loss() -> None:
    """After a refund of half two disputes take 9000 of the 5000 that are left."""
    half = refund(amount_minor=5000, balance_transaction=txn("refund", -5000))
    lost = [
        dispute("lost", txn(f"taken_{number}", -amount), dispute_id=f"dp_{number}", amount_minor=amount)
        for number, amount in enumerate((4000, 5000))
    ]
    payment, _ = when(sold(), snapshot(refunds=(half,)))
    payment, first = when(payment, snapshot(refunds=(half,), disputes=(lost[0],)))
    assert booked(first) == {"1011": -4000, "2100 usr_ivy": 2800, "4910": 1200}
    payment, second = when(payment, snapshot(refunds=(half,), disputes=tuple(lost)))
    assert booked(second) == {"1011": -5000, "2100 usr_ivy": 700, "4910": 4300}
    back = replace(lost[1], status="won", balance_transactions=(txn("taken_1", -5000), txn("back", 5000)))
    _, third = when(payment, snapshot(refunds=(half,), disputes=(lost[0], back)))
    assert booked([*second, *third]) == {}


def test_all_is_in_the_currency_of_settlement_and_another_rate_is_exchange() -> None:
    """Charged at 0.90, refunded in part at 0.95."""
    payment, facts = when(begun(), snapshot(balance_transaction=txn("charge", 9000, 300, "eur")))
    assert booked(facts) == {"1010": 8700, "6000": 300, "2100 usr_ivy": -6300, "4030": -2700}
    part = refund(amount_minor=5000, balance_transaction=txn("refund", -4750, currency="eur"))
    _, facts = when(payment, snapshot(refunds=(part,)))
    assert booked(facts) == {"1011": -4750, "2100 usr_ivy": 3150, "4900": 1350, "7000": 250}


def test_a_refund_out_of_another_balance_meets_the_sale_by_exchange() -> None:
    payment, _ = when(begun(), snapshot(balance_transaction=txn("charge", 9000, 300, "eur")))
    part = refund(amount_minor=5000, balance_transaction=txn("refund", -5000))
    _, facts = when(payment, snapshot(refunds=(part,)))
    legs = [leg for fact in facts for leg in postings(recorded(fact))]
    assert [(leg.account, leg.currency, leg.amount_minor) for leg in legs] == [
        ("1011", "usd", -5000),
        ("2100", "eur", 3150),
        ("4900", "eur", 1350),
        ("7000", "eur", -4500),
        ("7000", "usd", 5000),
    ]


def test_no_refund_is_in_the_books_before_it_is_known_whose_the_money_is() -> None:
    part = refund(balance_transaction=txn("refund", -4000))
    lost = dispute("lost", txn("taken", -6000), amount_minor=6000)
    early = snapshot(balance_transaction=None, refunds=(part,), disputes=(lost,))
    payment, facts = when(begun(), early)
    assert names(facts)[-2:] == ["DisputeLost", "SaleStandingChanged"]
    assert booked(facts) == {"1011": -6000, "1200": 6000}
    _, later = when(payment, replace(early, balance_transaction=txn("charge", 10000, 320)))
    platform = {"4030": -3000, "4900": 1200, "4910": 1800}
    assert booked([*facts, *later]) == {"1010": 9680, "6000": 320, "1011": -10000, **platform}
    assert sum(name == "DisputeLost" for name in names(later)) == 1


def test_a_second_movement_of_a_charge_is_the_platforms() -> None:
    """What was shared is shared once, whatever else Stripe books for the charge."""
    _, facts = when(sold(), snapshot(balance_transaction=txn("charge_again", 500)))
    assert booked(facts) == {"1010": 500, "4030": -500}


@st.composite
def shared(draw: st.DrawFn) -> Sale:
    """Terms of a charge of 100.00."""
    tax = draw(st.integers(0, 5000))
    discount = draw(st.integers(0, 4000))
    price = 10000 - tax + discount
    cut = draw(st.integers(0, WHOLE_BP))
    return sale(
        price_minor=price,
        basis_minor=price,
        tax_minor=tax,
        discount_minor=discount,
        discount_borne_by="platform" if discount else "",
        share_bp=draw(st.integers(0, WHOLE_BP)),
        instructors=(Part(IVY, cut), Part(OLA, WHOLE_BP - cut)),
    )


def elsewhere(entry: BalanceTransaction | None) -> BalanceTransaction | None:
    """Settled in euros, at a rate of its own."""
    if entry is None:
        return None
    rate = 80 + len(entry.balance_transaction_id)
    amount = entry.amount_minor * rate // 100
    return replace(entry, amount_minor=amount, net_minor=amount - entry.fee_minor, currency="eur")


def in_euros(one: RecordPaymentSnapshot) -> RecordPaymentSnapshot:
    return replace(
        one,
        balance_transaction=elsewhere(one.balance_transaction),
        refunds=tuple(
            replace(
                each,
                balance_transaction=elsewhere(each.balance_transaction),
                failure_balance_transaction=elsewhere(each.failure_balance_transaction),
            )
            for each in one.refunds
        ),
        disputes=tuple(
            replace(each, balance_transactions=tuple(map(elsewhere, each.balance_transactions)))
            for each in one.disputes
        ),
    )


def share_in_books(events: Iterable[Event]) -> int:
    return -sum(amount for account, amount in booked(events).items() if account.startswith("2100"))


def merged(events: Iterable[Event]) -> dict[str, int]:
    """With the platform's contra accounts as one: which of them bears a rounding goes by the order."""
    total = Counter[str]()
    for account, amount in booked(events).items():
        total["contra" if account in {"4900", "4910"} else account] += amount
    return {account: amount for account, amount in total.items() if amount}


@for_all(shared(), st.sampled_from(["usd", "eur"]), st.data())
def test_any_order_of_refunds_reversals_and_disputes_ends_with_each_having_what_is_kept(
    terms: Sale, currency: str, data: st.DataObject
) -> None:
    history = data.draw(stripe_histories())
    if currency == "eur":
        history = [in_euros(one) for one in history]
    arrived = data.draw(deliveries(history))
    start = begun(sale=terms)
    if history[-1].refunds:
        captured, _ = when(start, snapshot(balance_transaction=None))
        start, _ = when(captured, part_back(OUR_REFUND_MINOR))

    payment, facts = when(start, *arrived)
    straight, facts_in_order = when(start, *history)

    assert payment == straight
    assert merged(facts) == merged(facts_in_order)
    entry = payment.settlement
    if entry is None:
        assert booked(facts) == {}
        return
    left = kept(terms, entry.amount_minor, entry.currency, payment.given_back_minor)
    assert share_in_books(facts) == sum(one.amount_minor for one in left.instructors)
    in_books = booked(facts)
    assert -in_books.get("2200", 0) == left.tax_minor
    assert in_books.get("4920", 0) == left.discount_minor
    platform = -sum(in_books.get(account, 0) for account in ("4030", "4900", "4910"))
    assert platform == left.platform_minor
    assert currency == "eur" or payment.disputes or not in_books.get("7000")


# ----------------------------------------------------------------------------------------------- standing


def test_a_sale_is_paid_when_its_money_is_captured_and_unpaid_when_that_is_over() -> None:
    _, paid = when(begun(), snapshot("requires_action"), snapshot())
    _, declined = when(begun(), snapshot("requires_payment_method", failure_code="card_declined"))
    _, canceled = when(begun(), snapshot("requires_action"), snapshot("canceled"))
    assert standings(paid) == [("paid", "captured", "")]
    assert standings(declined) == [("unpaid", "failed", "")]
    assert standings(canceled) == [("unpaid", "canceled", "")]
    [changed] = [one for one in paid if isinstance(one, SaleStandingChanged)]
    assert (changed.purpose_ref, changed.user_id, changed.revision) == (ENROLMENT, USER, 3)


def test_the_last_part_gives_it_back_and_any_part_that_fails_restores_it() -> None:
    parts = [
        refund(stripe_refund_id="re_a", refund_id="", amount_minor=4000),
        refund(stripe_refund_id="re_b", refund_id="", amount_minor=6000),
    ]
    payment, facts = when(sold(), snapshot(refunds=(parts[0],)))
    assert standings(facts) == []
    payment, facts = when(payment, snapshot(refunds=tuple(parts)))
    assert standings(facts) == [("given_back", "refunded", "re_b")]
    first_fails = (replace(parts[0], status="failed"), parts[1])
    payment, facts = when(payment, snapshot(refunds=first_fails))
    assert standings(facts) == [("paid", "refund_failed", "re_a")]
    [failed] = [one for one in facts if isinstance(one, RefundFailed)]
    assert failed.purpose_ref == ENROLMENT


def test_a_refund_that_is_to_take_the_access_does_so_however_small() -> None:
    payment, _ = when(sold(), part_back(100, revoke_access=True))
    part = refund(amount_minor=100, revoke_access=True)
    payment, facts = when(payment, snapshot(refunds=(part,)))
    assert standings(facts) == [("given_back", "refunded", "re_1")]
    _, facts = when(payment, snapshot(refunds=(replace(part, status="failed"),)))
    assert standings(facts) == [("paid", "refund_failed", "re_1")]


def returned(payment: Payment, refund_id: str = "re_back") -> Payment:
    """As its enrolment asks for it."""
    return when(payment, request_refund(None, refund_id=refund_id, revoke_access=True))[0]


def told_of(amount: int, refund_id: str, status: str = "succeeded") -> Any:
    return refund(stripe_refund_id=f"st_{refund_id}", refund_id=refund_id, amount_minor=amount, status=status)


def test_a_return_gives_it_back_until_any_part_of_what_was_given_back_bounces() -> None:
    part = told_of(9900, "re_part")
    payment, _ = when(sold(), part_back(9900, refund_id="re_part"), snapshot(refunds=(part,)))
    rest = told_of(100, "re_back")
    payment, facts = when(returned(payment), snapshot(refunds=(part, rest)))
    assert standings(facts) == [("given_back", "refunded", "re_back")]
    bounced = replace(part, status="failed")
    payment, facts = when(payment, snapshot(refunds=(bounced, rest)))
    assert standings(facts) == [("paid", "refund_failed", "re_part")]
    payment, facts = when(payment, part_back(9900, refund_id="re_again"))
    assert standings(facts) == [], "what is on its way takes nothing by what was returned before"
    assert standing(payment) == "paid"


def test_a_return_that_is_done_is_told_whatever_it_changes() -> None:
    """Its enrolment waits for that, be the access gone before or kept as a part bounced meanwhile."""
    part, rest = told_of(9900, "re_part", "pending"), told_of(100, "re_back")
    payment, _ = when(sold(), part_back(9900, refund_id="re_part"), snapshot(refunds=(part,)))
    bounced = replace(part, status="failed")
    _, facts = when(returned(payment), snapshot(refunds=(bounced,)), snapshot(refunds=(bounced, rest)))
    assert standings(facts) == [("paid", "refund_failed", "re_part"), ("paid", "refunded", "re_back")]

    taken = replace(told_of(100, "re_part"), revoke_access=True)
    payment, _ = when(
        sold(), part_back(100, refund_id="re_part", revoke_access=True), snapshot(refunds=(taken,))
    )
    _, facts = when(returned(payment), snapshot(refunds=(taken, told_of(9900, "re_back"))))
    assert standings(facts) == [("given_back", "refunded", "re_back")]


def test_a_return_of_what_a_dispute_left_is_undone_when_that_is_won() -> None:
    taken = txn("taken", -4000)
    payment, _ = when(sold(), snapshot(disputes=(dispute("lost", taken, amount_minor=4000),)))
    rest = told_of(6000, "re_back")
    payment, facts = when(returned(payment), snapshot(refunds=(rest,)))
    assert standings(facts) == [("given_back", "refunded", "re_back")]
    won = dispute("won", taken, txn("won", 4000), amount_minor=4000)
    payment, facts = when(payment, snapshot(refunds=(rest,), disputes=(won,)))
    assert standings(facts) == [("paid", "dispute_won", "dp_1")]
    assert payment.refundable_minor == 4000


def test_a_return_that_a_restored_ledger_has_lost_is_taken_up_as_one() -> None:
    lost = replace(told_of(10000, "re_back"), revoke_access=True, is_return=True)
    payment, _ = when(sold(), snapshot(refunds=(lost,)))
    assert (payment.returned, payment.revoking) == (True, 0)


def test_a_lost_dispute_gives_it_back_until_it_is_won_and_a_refund_beside_it_counts_too() -> None:
    taken = txn("taken", -10000)
    payment, facts = when(sold(), snapshot(disputes=(dispute("needs_response", taken),)))
    assert standings(facts) == []
    payment, facts = when(payment, snapshot(disputes=(dispute("lost", taken),)))
    assert standings(facts) == [("given_back", "dispute_lost", "dp_1")]
    won = dispute("won", taken, txn("returned", 10000))
    whole = refund(amount_minor=10000, refund_id="", balance_transaction=txn("refund", -10000))
    _, facts = when(payment, snapshot(disputes=(won,), refunds=(whole,)))
    assert standings(facts) == []
    _, facts = when(payment, snapshot(disputes=(won,)))
    assert standings(facts) == [("paid", "dispute_won", "dp_1")]


@for_all(stripe_histories(), st.data())
def test_what_is_told_of_the_standing_ends_in_how_it_stands(
    history: list[RecordPaymentSnapshot], data: st.DataObject
) -> None:
    payment, facts = when(begun(), *data.draw(deliveries(history)))
    told = [one for one in facts if isinstance(one, SaleStandingChanged)]
    again = {after.cause for before, after in pairwise(told) if before.standing == after.standing}
    assert again <= {"refund_failed", "refund_canceled"}
    assert (told[-1].standing if told else "open") == standing(payment)


def test_a_part_that_bounces_is_told_as_there_is_more_to_give_back() -> None:
    """What was paid twice goes back whole: while the part was under way, only the rest was asked for."""
    part = refund(amount_minor=1, refund_id="")
    payment, facts = when(sold(), snapshot(refunds=(part,)))
    assert standings(facts) == []
    _, facts = when(payment, snapshot(refunds=(replace(part, status="failed"),)))
    assert [(standing, cause) for standing, cause, _ in standings(facts)] == [("paid", "refund_failed")]


def test_nothing_is_told_of_what_is_no_sale() -> None:
    _, facts = when(given(initiated()), snapshot(), request_refund())
    assert standings(facts) == []
    assert all(getattr(one, "split", None) is None for one in facts)


# ------------------------------------------------------------------------------------------------ cancel


def cancel(**changes: Any) -> CancelPayment:
    fields = {"command_id": "cmd_cancel", "effective_at": NOON, "payment_id": PAYMENT_ID, "user_id": USER}
    return CancelPayment(**{**fields, **changes})


WAITING: list[tuple[RecordPaymentSnapshot, ...]] = [
    (),
    (snapshot("requires_action"),),
    (snapshot("processing"),),
    (snapshot("requires_payment_method", failure_code="card_declined"),),
]


@pytest.mark.parametrize("news", WAITING)
def test_a_payment_that_may_still_be_captured_is_canceled_once_and_by_stripe(
    news: tuple[RecordPaymentSnapshot, ...],
) -> None:
    waiting, _ = when(given(initiated()), *news)
    payment, facts = when(waiting, cancel(), cancel(), cancel(by_system=True, reason="abandoned"))
    assert facts == (PaymentCancelRequested(payment_id=PAYMENT_ID, reason="requested_by_customer"),)
    assert payment.status == waiting.status
    assert react(recorded(facts[0])) == (CancelPaymentIntent(payment_id=PAYMENT_ID),)
    assert when(payment, snapshot("canceled"))[0].status == "canceled"
    assert when(payment, snapshot())[0].status == "succeeded"


def test_what_is_captured_is_refunded_and_not_canceled() -> None:
    with pytest.raises(PaymentNotCancelable, match="ask for a refund"):
        decide(cancel(), sold())
    assert decide(cancel(by_system=True), sold()) == ()


def test_nothing_is_to_cancel_of_what_is_over() -> None:
    canceled, _ = when(given(initiated()), snapshot("canceled"))
    assert decide(cancel(), canceled) == ()


def test_what_expires_is_only_what_still_waits_for_its_cardholder() -> None:
    expire = cancel(by_system=True, reason="expired")
    waiting, _ = when(given(initiated()), snapshot("requires_action"))
    assert decide(expire, waiting) == (PaymentCancelRequested(payment_id=PAYMENT_ID, reason="expired"),)
    for moved_on in (given(initiated()), when(waiting, snapshot("processing"))[0], sold()):
        assert decide(expire, moved_on) == ()


def test_only_its_owner_an_admin_and_the_system_cancel_a_payment() -> None:
    for payment in (Payment(), given(initiated())):
        with pytest.raises(NotFound):
            decide(cancel(user_id="usr_eve"), payment)
    check(cancel(), Origin(actor=USER, roles=frozenset({"student"})))
    check(cancel(by_system=True), Origin(actor="worker", roles=frozenset({"system"})))
    theirs = cancel(user_id="usr_root", by_admin=True)
    assert decide(theirs, given(initiated()))
    check(theirs, Origin(actor="usr_root", roles=frozenset({"admin"})))
    with pytest.raises(Forbidden):
        check(theirs, Origin(actor="usr_root", roles=frozenset({"student"})))
    for by_system, role in ((True, "admin"), (False, "system"), (False, "service")):
        with pytest.raises(Forbidden):
            check(cancel(by_system=by_system), Origin(actor="x", roles=frozenset({role})))


@for_all(st.lists(st.sampled_from(["a", "b", "c"]), max_size=8), st.lists(st.booleans(), max_size=8))
def test_any_partition_of_refunds_and_their_failures_leaves_what_one_alone_would(
    which: list[str], fails: list[bool]
) -> None:
    """Each of three refunds of a third comes and may fail; what is left is a function of the sum alone."""
    amounts = {"a": 3333, "b": 3333, "c": 3334}
    states: dict[str, Any] = {}
    payment, facts = when(begun(sale=sale(share_bp=6667)), snapshot())
    told: list[PaymentEvent] = [*facts]
    for name, failing in zip(which, fails, strict=False):
        one = refund(
            stripe_refund_id=f"re_{name}",
            refund_id="",
            amount_minor=amounts[name],
            balance_transaction=txn(name, -amounts[name]),
        )
        back = txn(f"{name}_back", amounts[name])
        states[name] = replace(one, status="failed", failure_balance_transaction=back) if failing else one
        payment, facts = when(payment, snapshot(refunds=tuple(states.values())))
        told += facts
    assert share_in_books(told) == 10000 * 6667 * (10000 - payment.given_back_minor) // (WHOLE_BP * 10000)
    assert reduce(evolve, told, begun(sale=sale(share_bp=6667))) == payment
