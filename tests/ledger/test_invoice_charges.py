"""Invoices that are paid otherwise than by one charge: by several, elsewhere, or out of credit."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.errors import Refused
from ledger.invoices.commands import (
    CreditSnapshot,
    InvoiceCharge,
    RecordInvoiceFundsAvailable,
    RecordInvoiceSnapshot,
    RecordOffStripePayment,
)
from ledger.invoices.decider import decide
from ledger.invoices.events import CreditSettled, PartRefunded
from ledger.invoices.refusals import (
    InvalidOffStripePayment,
    InvoiceNotSettled,
    NothingReceivable,
    OffStripePaymentExceedsOpen,
)
from ledger.invoices.state import Invoice
from ledger.journal import postings
from tests.ledger.examples import dispute, names, recorded, txn
from tests.ledger.subscription_examples import (
    DAY,
    START,
    ask_invoice,
    bill,
    close,
    credit_note,
    invoice_snapshot,
    line,
)
from tests.ledger.test_invariants import balances

FIRST = InvoiceCharge(charge_id="ch_1", amount_minor=500, balance_transaction=txn("in_1", 500, 44))
LAST = txn("in_2", 499, 16)
PARTLY = invoice_snapshot(
    "open", charge_id="ch_1", charged_minor=500, balance_transaction=FIRST.balance_transaction, due_minor=999
)
WHOLLY = invoice_snapshot(
    earlier_charges=(FIRST,), charge_id="ch_2", charged_minor=999, balance_transaction=LAST, due_minor=999
)
ELSEWHERE = invoice_snapshot(charge_id="", charged_minor=0, balance_transaction=None, off_stripe_minor=999)


def usd(events: Any) -> dict[str, int]:
    return {account: amount for (account, _), amount in balances(events).items() if amount}


def bare(amount: int, number: int = 1, **changes: Any) -> CreditSnapshot:
    """A refund that was made without a credit note."""
    return credit_note(amount, number, stripe_credit_note_id=f"re_{number}", without_note=True, **changes)


def test_several_charges_are_each_booked_and_only_what_is_paid_is_sold() -> None:
    """5.00 and 4.99, of which 4.56 and 4.83 are left after fees."""
    invoice, events = bill(Invoice(), PARTLY, PARTLY)
    assert names(events) == ["InvoiceFinalized", "InvoicePartSettled"]
    assert usd(events) == {"1010": 456, "6000": 44, "2300": -500}
    assert {leg.party for leg in postings(recorded(events[1])) if leg.account == "2300"} == {"usr_ann"}
    invoice, later = bill(invoice, WHOLLY, WHOLLY)
    assert names(later) == ["InvoicePaid", "InvoiceSettled"]
    assert usd([*events, *later]) == {"1010": 939, "6000": 60, "2000": -999}
    assert invoice.deferred_minor == 999


def test_several_charges_that_are_heard_of_at_once_come_to_the_same() -> None:
    _, events = bill(Invoice(), WHOLLY)
    assert names(events) == ["InvoiceFinalized", "InvoicePaid", "InvoicePartSettled", "InvoiceSettled"]
    assert usd(events) == {"1010": 939, "6000": 60, "2000": -999}


def test_a_charge_of_all_that_is_due_waits_for_the_word_that_it_is_paid() -> None:
    """Stripe says so a moment after; it is no part of anything."""
    whole = replace(PARTLY, charged_minor=999, balance_transaction=txn("in_1", 999, 59))
    assert names(bill(Invoice(), whole)[1]) == ["InvoiceFinalized"]


def test_what_was_charged_for_an_invoice_that_is_void_is_the_customers() -> None:
    invoice, events = bill(Invoice(), PARTLY, replace(PARTLY, status="void"))
    assert usd(events) == {"1010": 456, "6000": 44, "2300": -500}
    _, given_back = bill(invoice, replace(PARTLY, status="void", credits=(bare(500),)))
    assert usd([*events, *given_back]) == {"1010": 456, "1011": -500, "6000": 44}


def test_one_charge_of_a_void_invoice_is_in_the_books_too() -> None:
    late = replace(PARTLY, status="void", charged_minor=999, balance_transaction=txn("in_1", 999, 59))
    assert usd(bill(Invoice(), late)[1]) == {"1010": 940, "6000": 59, "2300": -999}


def test_what_goes_back_before_it_is_paid_is_a_credit_once_it_is() -> None:
    """5.00 are charged and refunded, then the other 4.99 are: 4.99 of service are left."""
    refunded = bare(500, balance_transaction=txn("re_1", -500))
    invoice, events = bill(Invoice(), PARTLY, replace(PARTLY, credits=(refunded,)))
    assert names(events)[-1] == "PartRefunded"
    assert usd(events) == {"1010": 456, "1011": -500, "6000": 44}
    invoice, later = bill(invoice, replace(WHOLLY, credits=(refunded,)))
    assert usd([*events, *later]) == {"1010": 939, "1011": -500, "6000": 60, "2000": -499}
    assert decide(replace(WHOLLY, credits=(refunded,)), invoice) == ()


def test_a_refund_of_a_part_that_bounces_is_the_customers_again() -> None:
    bounced = bare(500, failure_balance_transaction=txn("back", 500))
    _, events = bill(
        Invoice(), PARTLY, replace(PARTLY, credits=(bare(500),)), replace(PARTLY, credits=(bounced,))
    )
    assert names(events)[-2:] == ["PartRefunded", "PartRefunded"]
    assert usd(events) == {"1010": 456, "6000": 44, "2300": -500}


def test_a_refund_of_a_part_across_currencies_gives_back_what_the_part_brought() -> None:
    """5.00 USD that were settled as 4.50 EUR; the rest of what moves is exchange."""
    partly = replace(PARTLY, balance_transaction=txn("in_1", 450, currency="eur"))
    given = bare(500, balance_transaction=txn("re_1", -460, currency="eur"))
    back = replace(given, failure_balance_transaction=txn("back", 455, currency="eur"))
    _, events = bill(Invoice(), partly, replace(partly, credits=(given,)), replace(partly, credits=(back,)))
    assert [one.booked_minor for one in events if isinstance(one, PartRefunded)] == [450, -450]


def test_a_credit_note_of_several_refunds_is_one_credit_and_each_refund_settles_its_part() -> None:
    first = credit_note(999, refunded_minor=500, balance_transaction=txn("re_1", -500))
    second = replace(
        first, refunded_minor=499, stripe_refund_id="re_2", balance_transaction=txn("re_2", -499)
    )
    _, events = bill(Invoice(), WHOLLY, replace(WHOLLY, credits=(first,)), replace(WHOLLY, credits=(second,)))
    assert names(events)[-3:] == ["InvoiceCredited", "CreditSettled", "CreditSettled"]
    assert usd(events) == {"1010": 939, "6000": 60, "1011": -999}


def test_each_refund_of_a_credit_note_settles_its_part_across_currencies() -> None:
    """10.00 USD that were settled as 9.00 EUR, and given back at another rate."""
    charged = invoice_snapshot(
        lines=(line(amount=1_000),),
        total_minor=1_000,
        charged_minor=1_000,
        balance_transaction=txn("ch_1", 900, currency="eur"),
    )
    first = credit_note(1_000, refunded_minor=600, balance_transaction=txn("re_1", -550, currency="eur"))
    second = replace(
        first,
        refunded_minor=400,
        stripe_refund_id="re_2",
        balance_transaction=txn("re_2", -350, currency="eur"),
    )
    _, events = bill(
        Invoice(), charged, replace(charged, credits=(first,)), replace(charged, credits=(second,))
    )
    settled = [one.booked_minor for one in events if isinstance(one, CreditSettled)]
    assert settled == [540, 360]


def test_funds_of_each_charge_become_available_at_their_time() -> None:
    ask = partial(ask_invoice, RecordInvoiceFundsAvailable, effective_at=START + timedelta(days=60))
    _, events = bill(Invoice(), PARTLY, ask(charge_id="ch_1"), ask(charge_id="ch_1"), WHOLLY, ask(), ask())
    assert usd(events) == {"1011": 939, "6000": 60, "2000": -999}
    with pytest.raises(InvoiceNotSettled):
        bill(Invoice(), PARTLY, ask())


def test_a_dispute_is_of_its_own_charge_and_its_rate() -> None:
    """A charge of 5.00 that brought 4.50, one of 4.99 that brought 5.00, and the second is lost for 5.10."""
    eur = partial(txn, currency="eur")
    first = replace(FIRST, balance_transaction=eur("in_1", 450))
    lost = dispute("lost", eur("taken", -510), charge_id="ch_2", amount_minor=499)
    whole = replace(WHOLLY, earlier_charges=(first,), balance_transaction=eur("in_2", 500), disputes=(lost,))
    _, events = bill(Invoice(), whole)
    assert usd(events) == {"1010": 950, "1011": -510, "2000": -950, "4910": 500, "7000": 10}


def test_what_is_paid_elsewhere_is_nobodys_credit_but_a_receivable() -> None:
    invoice, events = bill(Invoice(), ELSEWHERE)
    assert usd(events) == {"1100": 999, "2000": -999}
    assert {leg.party for leg in postings(recorded(events[2])) if leg.account == "1100"} == {"usr_ann"}
    assert invoice.receivable_minor == 999


def test_credit_pays_as_far_as_it_goes_and_a_charge_too_and_the_rest_is_elsewhere() -> None:
    """2.00 out of credit, 5.00 by card, 2.99 in cash, of which 0.50 is tax."""
    mixed = replace(
        ELSEWHERE,
        lines=(line(amount=949),),
        tax_minor=50,
        charge_id="ch_1",
        charged_minor=500,
        balance_transaction=FIRST.balance_transaction,
        off_stripe_minor=299,
    )
    _, events = bill(Invoice(), mixed)
    sold = {"2000": -949, "2200": -50}
    assert usd(events) == {"1010": 456, "6000": 44, "1100": 299, "2300": 200, **sold}


def found(**changes: Any) -> RecordOffStripePayment:
    fields = {
        "payment_id": "osp_1",
        "amount_minor": 999,
        "reference": "statement 7, line 3",
        "received_on": (START + DAY).date(),
        "effective_at": START + 2 * DAY,
    }
    made: RecordOffStripePayment = ask_invoice(RecordOffStripePayment, **{**fields, **changes})
    return made


def test_finance_finds_it_in_the_bank_in_parts_each_once() -> None:
    invoice, events = bill(Invoice(), ELSEWHERE, found(amount_minor=400), found(amount_minor=400))
    assert usd(events) == {"1000": 400, "1100": 599, "2000": -999}
    invoice, later = bill(invoice, found(payment_id="osp_2", amount_minor=599))
    assert usd([*events, *later]) == {"1000": 999, "2000": -999}
    assert decide(found(payment_id="osp_2", amount_minor=599), invoice) == ()


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (found(amount_minor=1000), OffStripePaymentExceedsOpen),
        (found(amount_minor=0), InvalidOffStripePayment),
        (found(reference=" "), InvalidOffStripePayment),
        (found(reference="x" * 256), InvalidOffStripePayment),
        (found(received_on=(START + 3 * DAY).date()), InvalidOffStripePayment),
        (found(received_on=(START - DAY).date()), InvalidOffStripePayment),
    ],
)
def test_what_is_found_says_where_and_when_and_is_no_more_than_is_open(
    command: RecordOffStripePayment, refusal: type[Refused]
) -> None:
    with pytest.raises(refusal):
        bill(Invoice(), ELSEWHERE, command)


def test_nothing_is_found_of_what_was_charged_or_is_not_said_to_be_paid() -> None:
    with pytest.raises(NothingReceivable, match=r"`revenue\.receivable_minor` is 0"):
        bill(Invoice(), WHOLLY, found())
    with pytest.raises(NothingReceivable, match=r"is open\. First mark it as paid outside Stripe"):
        bill(Invoice(), invoice_snapshot("open"), found())


def test_what_is_found_can_have_come_on_the_day_of_the_invoice() -> None:
    assert bill(Invoice(), ELSEWHERE, found(received_on=START.date()))[0].receivable_minor == 0


TAXED = invoice_snapshot(
    lines=(line(amount=10000),),
    total_minor=11000,
    tax_minor=1000,
    charged_minor=11000,
    balance_transaction=txn("in_1", 11000, 349),
)


def test_a_partial_refund_without_a_credit_note_takes_its_part_of_the_tax() -> None:
    """100.00 and 10.00 tax, of which 55.00 go back."""
    _, events = bill(Invoice(), TAXED, replace(TAXED, credits=(bare(5500),)))
    assert usd(events) == {"1010": 10651, "6000": 349, "1011": -5500, "2000": -5000, "2200": -500}


@for_all(st.lists(st.integers(1, 4000), max_size=5), st.integers(0, 3000), st.integers(0, 40))
def test_any_chain_of_partial_refunds_ends_with_the_whole_tax(parts: list[int], tax: int, day: int) -> None:
    lines = (line("il_a", 7001 - tax), line("il_b", 3999))
    whole = replace(TAXED, lines=lines, tax_minor=tax, total_minor=11000)
    while sum(parts) > 11000:
        parts.pop()
    left = [11000 - sum(parts)] if sum(parts) < 11000 else []
    refunds = [bare(amount, number) for number, amount in enumerate([*parts, *left], 1)]
    told = [replace(whole, credits=(one,)) for one in refunds]
    _, events = bill(Invoice(), whole, close(min(day, 27)), *told)
    assert usd(events).get("2200", 0) == usd(events).get("2000", 0) == usd(events).get("2300", 0) == 0


@st.composite
def histories(draw: st.DrawFn) -> list[RecordInvoiceSnapshot]:
    """One invoice of 9.99 that is paid in parts, as Stripe would show it after each, oldest first."""
    now = invoice_snapshot("open", due_minor=999)
    shown, charged = [now], 0
    for number in range(draw(st.integers(0, 3))):
        amount = draw(st.integers(1, 250))
        charge = {"charge_id": f"ch_{number}", "balance_transaction": txn(f"in_{number}", amount, 1)}
        if charged:
            last = InvoiceCharge(
                charge_id=now.charge_id,
                amount_minor=now.charged_minor - sum(one.amount_minor for one in now.earlier_charges),
                balance_transaction=now.balance_transaction,
            )
            now = replace(now, earlier_charges=(*now.earlier_charges, last))
        charged += amount
        now = replace(now, charged_minor=charged, **charge)
        shown.append(now)
        if draw(st.booleans()):
            entry = txn(f"re_{number}", -amount)
            now = replace(now, credits=(*now.credits, bare(amount, number, balance_transaction=entry)))
            shown.append(now)
    end = draw(st.sampled_from(["open", "void", "paid", "paid"]))
    if end == "paid":
        elsewhere = draw(st.integers(0, 999 - charged))
        now = replace(now, off_stripe_minor=elsewhere, paid_at=START + 9 * DAY)
    return [*shown, replace(now, status=end)]


@for_all(st.data())
def test_any_order_repetition_and_loss_of_snapshots_ends_alike(data: st.DataObject) -> None:
    history = data.draw(histories())
    some = data.draw(st.lists(st.sampled_from(history), max_size=2 * len(history)))
    arrived = data.draw(st.permutations([*some, history[-1]]))
    in_order, facts_in_order = bill(Invoice(), *history)
    as_arrived, facts = bill(Invoice(), *arrived)
    assert as_arrived == in_order
    assert balances(facts) == balances(facts_in_order)
    assert decide(history[-1], as_arrived) == ()
