"""What is given back is given back once: by a credit, a refund, a dispute or a change of plan."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.invoices.commands import (
    CreditSnapshot,
    EndCollection,
    EndService,
    InvoiceCommand,
    RecordCreditFailure,
    RecordInvoiceSnapshot,
    RecordOvergiven,
    RequestInvoiceRetry,
    TakeUnusedTime,
)
from ledger.invoices.decider import decide
from ledger.invoices.events import (
    CollectionEnded,
    CreditRequested,
    CreditUndone,
    InvoiceEvent,
    UnusedTimeTaken,
)
from ledger.invoices.refusals import (
    AlreadyCredited,
    CreditExceedsRemainder,
    InvoiceNotOpen,
    UnusedTimeGone,
)
from ledger.invoices.remainder import taker_of
from ledger.invoices.state import Invoice, evolve
from ledger.subscriptions.changes import less_is_paid, preview_change
from ledger.subscriptions.commands import PendingUpdate
from ledger.subscriptions.events import SubscriptionChangeRequested
from ledger.subscriptions.proration import Preview, boundary, preview, seg
from ledger.subscriptions.refusals import PreviewMismatch
from ledger.subscriptions.worth import (
    PaidTime,
    TakenTime,
    allot,
    paid_time,
    unused,
    up_to,
    what_is_paid,
    with_waiting,
)
from tests.ledger.examples import dispute, names, txn
from tests.ledger.subscription_examples import (
    DAY,
    END,
    START,
    SUB,
    USER,
    ask_invoice,
    attempt,
    bill,
    change,
    close,
    credit_note,
    invoice_snapshot,
    line,
    request_credit,
    snapshot,
    subscribed,
    when,
)
from tests.ledger.test_invariants import balances

MIDDLE = START + 14 * DAY
PAID = invoice_snapshot()
TAKER = taker_of(int(MIDDLE.timestamp()), 0)


def take(amount: int, **more: Any) -> TakeUnusedTime:
    command: TakeUnusedTime = ask_invoice(TakeUnusedTime, taker=TAKER, amount_minor=amount, **more)
    return command


def ended(invoice: Invoice, *commands: InvoiceCommand) -> tuple[Invoice, tuple[InvoiceEvent, ...]]:
    return bill(invoice, ask_invoice(EndCollection, at=MIDDLE), *commands)


# what time to come is worth


@pytest.mark.parametrize(
    ("changes", "worth"),
    [
        ({}, 500),
        ({"credits": (credit_note(999),)}, 0),
        ({"credits": (credit_note(400),)}, 300),
        ({"disputes": (dispute("needs_response", txn("dp", -999)),)}, 0),
        ({"lines": (line(amount=0),), "total_minor": 0, "charged_minor": 0}, 0),
    ],
    ids=["nothing went back", "all of it", "a part", "disputed", "free by a coupon"],
)
def test_unused_time_is_worth_what_is_still_paid_of_it(changes: dict[str, Any], worth: int) -> None:
    invoice, _ = bill(Invoice(), replace(PAID, **changes))
    assert paid_time([invoice], MIDDLE).minor == worth
    assert unused(500, paid_time([invoice], MIDDLE)) == worth


def test_a_credit_that_is_on_its_way_counts_already() -> None:
    invoice, _ = bill(Invoice(), PAID, request_credit(999))
    assert paid_time([invoice], MIDDLE).minor == 0


def test_only_what_is_paid_counts_and_the_price_is_the_most_that_it_is_worth() -> None:
    still_open, _ = bill(Invoice(), invoice_snapshot("open"))
    assert paid_time([still_open], MIDDLE).minor == 0
    assert unused(300, PaidTime(minor=500, lines=1, reduced=False)) == 300
    assert unused(500, PaidTime(minor=499, lines=2, reduced=False)) == 500, "by what lines are rounded"
    assert unused(500, PaidTime(minor=499, lines=2, reduced=True)) == 499
    assert unused(500, None) == 500
    assert unused(500, PaidTime(minor=200, lines=1, reduced=False)) == 200, "the rest was never paid"
    assert unused(500, with_waiting(PaidTime(minor=200, lines=1, reduced=False), 300)) == 500, (
        "it is invoiced with the change"
    )
    assert unused(500, with_waiting(PaidTime(minor=100, lines=1, reduced=True), 300)) == 400


@pytest.mark.parametrize("given", [(), (credit_note(1_110),)], ids=["nothing went back", "a third"])
def test_unused_time_comes_to_whole_steps_of_the_currency(given: tuple[CreditSnapshot, ...]) -> None:
    """0.010 KWD is the least that can be charged."""
    lines = (replace(line(), amount_minor=3_330),)
    paid = replace(PAID, currency="kwd", lines=lines, total_minor=3_330, charged_minor=3_330, credits=given)
    invoice, _ = bill(Invoice(), paid)
    for hours in range(1, 24 * 10):
        at = START + timedelta(hours=hours)
        by_price = seg(3_330, at, START, END, "kwd")
        worth = unused(by_price, paid_time([invoice], at))
        assert worth % 10 == 0
        assert given or worth == by_price


def test_an_upgrade_charges_as_much_more_as_was_given_back() -> None:
    paid = PaidTime(minor=0, lines=1, reduced=True)
    took = TakenTime(stripe_invoice_id="in_1", amount_minor=999)
    asked = change(
        effective_at=START, proration_at=START, expected_minor=9_900, paid=replace(paid, takes=(took,))
    )
    _, (requested,) = when(subscribed(), asked)
    assert isinstance(requested, SubscriptionChangeRequested)
    assert (requested.given_back_minor, requested.takes) == (999, ())
    with pytest.raises(PreviewMismatch, match=r"99\.00"):
        when(subscribed(), change(effective_at=START, proration_at=START, expected_minor=8_901, paid=paid))


def test_what_is_taken_is_said_by_invoice_and_is_no_more_than_what_is_taken_off() -> None:
    took = TakenTime(stripe_invoice_id="in_1", amount_minor=1_500)
    paid = PaidTime(minor=1_500, lines=1, reduced=False, takes=(took,), taker="at_1_0")
    asked = change(effective_at=START, proration_at=START, expected_minor=8_901, paid=paid)
    _, (requested,) = when(subscribed(), asked)
    assert isinstance(requested, SubscriptionChangeRequested)
    assert requested.takes == (TakenTime(stripe_invoice_id="in_1", amount_minor=999),)


def test_a_change_is_called_by_how_many_before_it_took_from_the_same_moment() -> None:
    """Else the second of one second would have what the first took."""
    first, _ = bill(Invoice(), PAID)
    assert what_is_paid([first], MIDDLE).taker == taker_of(int(MIDDLE.timestamp()), 0)
    assert what_is_paid([upgraded(), first], MIDDLE).taker == taker_of(int(MIDDLE.timestamp()), 1)
    assert taker_of(1, 0) != taker_of(1, 1) != taker_of(2, 1)


def test_only_an_invoice_that_is_paid_and_sold_time_to_come_has_any_to_give() -> None:
    paid, _ = bill(Invoice(), PAID)
    unpaid, _ = bill(Invoice(), invoice_snapshot("open", stripe_invoice_id="in_2"))
    taken = TakenTime(stripe_invoice_id="in_1", amount_minor=500)
    assert allot(500, [unpaid, paid], MIDDLE, TAKER) == (taken,)
    assert allot(500, [paid], END, TAKER) == (), "its time is over"


def test_an_upgrade_that_supersedes_one_that_waits_says_so_to_the_invoices() -> None:
    paid = PaidTime(minor=999, lines=1, reduced=False, taker="at_1_0")
    waits, _ = when(
        subscribed(),
        change(effective_at=START, proration_at=START, expected_minor=8_901, paid=paid),
        snapshot(pending_update=PendingUpdate(tier="enterprise", interval="month", expires_at=START + DAY)),
    )
    other = change(
        "enterprise",
        "year",
        99_000,
        change_id="chg_2",
        effective_at=START,
        proration_at=START,
        expected_minor=98_001,
        paid=replace(paid, taker="at_2_0"),
    )
    _, (*_, asked) = when(waits, other)
    assert isinstance(asked, SubscriptionChangeRequested)
    assert (asked.taker, asked.instead_of) == ("at_2_0", "at_1_0")


def test_a_change_just_before_its_period_by_our_clock_is_prorated_from_its_beginning() -> None:
    early = START - timedelta(seconds=2)
    asked = change(effective_at=START, proration_at=early, expected_minor=8_901)
    _, (requested,) = when(subscribed(), asked)
    assert isinstance(requested, SubscriptionChangeRequested)
    assert requested.proration_at == START


# what is left to credit


def test_what_a_change_took_off_cannot_be_credited() -> None:
    invoice, events = bill(Invoice(), PAID, take(500))
    assert names(events)[-1] == "UnusedTimeTaken"
    assert invoice.creditable_minor == 499
    with pytest.raises(
        CreditExceedsRemainder, match=r"4\.99.*5\.00 USD of it was taken off a change of plan"
    ):
        decide(request_credit(999), invoice)
    _, (*_, asked) = bill(invoice, request_credit(None))
    assert isinstance(asked, CreditRequested)
    assert asked.amount_minor == 499
    all_of_it, _ = bill(invoice, take(999))
    with pytest.raises(AlreadyCredited, match="change of plan"):
        decide(request_credit(None), all_of_it)


def test_what_was_credited_cannot_be_taken_off() -> None:
    invoice, _ = bill(Invoice(), PAID, request_credit(600))
    with pytest.raises(UnusedTimeGone, match=r"3\.99"):
        decide(take(500, strictly=True), invoice)
    assert decide(take(500), invoice) == (UnusedTimeTaken(taker=TAKER, amount_minor=399),)


def test_a_change_that_is_not_made_takes_nothing() -> None:
    invoice, _ = bill(Invoice(), PAID, take(500))
    assert decide(take(500), invoice) == ()
    invoice, _ = bill(invoice, take(0))
    assert (invoice.taken_minor, invoice.creditable_minor) == (0, 999)


def upgrade(at: datetime = MIDDLE, **changes: Any) -> RecordInvoiceSnapshot:
    """The invoice of an upgrade to 99.00, in the middle of the period."""
    lines = (
        line("il_back", -500, period_start=at, proration=True),
        line("il_new", 4_950, period_start=at, proration=True),
    )
    fields: dict[str, Any] = {
        "stripe_invoice_id": "in_2",
        "lines": lines,
        "total_minor": 4_450,
        "charged_minor": 4_450,
        "balance_transaction": txn("in_2", 4_450, 159),
    }
    return invoice_snapshot(**{**fields, **changes})


def upgraded(at: datetime = MIDDLE, **changes: Any) -> Invoice:
    return bill(Invoice(), upgrade(at, **changes))[0]


def test_of_an_upgrade_what_was_charged_can_be_credited_and_all_that_it_sold_be_taken_off() -> None:
    invoice = upgraded()
    assert (invoice.takes_minor, invoice.takes_from) == (500, MIDDLE)
    assert (invoice.creditable_minor, invoice.takeable_minor("at_later")) == (4_450, 4_950)


def test_a_correction_is_no_sale() -> None:
    corrected = (
        line("il_back", -500, period_start=MIDDLE, proration=True),
        line("il_less", 500, period_start=MIDDLE, correction=True),
        line("il_new", 4_950, period_start=MIDDLE, proration=True),
    )
    invoice = upgraded(lines=corrected, total_minor=4_950, charged_minor=4_950)
    assert (invoice.takes_minor, invoice.takeable_minor("at_later")) == (0, 4_950)


def test_an_upgrade_that_supersedes_one_that_waits_takes_in_its_place() -> None:
    invoice, _ = bill(Invoice(), PAID, take(999))
    assert (paid_time([invoice], MIDDLE).minor, paid_time([invoice], MIDDLE, but=TAKER).minor) == (0, 500)
    later, events = bill(invoice, replace(take(900, strictly=True, instead_of=TAKER), taker="at_later"))
    assert names(events) == ["UnusedTimeTaken", "UnusedTimeTaken"]
    assert dict(later.taken) == {TAKER: 0, "at_later": 900}


def test_what_is_credited_of_used_time_after_an_upgrade_leaves_the_new_plan_s_time_as_it_is() -> None:
    first, _ = bill(Invoice(), PAID, take(500), request_credit(None))
    assert paid_time([first, upgraded()], MIDDLE).minor == 4_950


def test_an_upgrade_of_an_upgrade_takes_from_the_later_one_and_each_only_once() -> None:
    later = MIDDLE + 7 * DAY
    first, _ = bill(Invoice(), PAID, take(500))
    paid = paid_time([first, upgraded()], later)
    assert paid.minor == 2_475, "half of what the first upgrade sold"
    taken = allot(paid.minor, [upgraded(), first], later, "at_later")
    assert taken == (TakenTime(stripe_invoice_id="in_2", amount_minor=2_475),)


def test_an_upgrade_whose_charge_was_credited_is_worth_what_the_first_invoice_paid_of_it() -> None:
    later = MIDDLE + 7 * DAY
    first, _ = bill(Invoice(), PAID, take(500))
    credited = upgraded(credits=(credit_note(4_450),))
    assert paid_time([first, credited], later).minor == 250


def test_what_the_dashboard_gave_too_much_makes_nothing_less_that_is_to_be_earned() -> None:
    """A downgrade from 99.00 to 9.99 in the middle of a period of which half was credited."""
    lines = (
        line("il_back", -4_950, period_start=MIDDLE, proration=True),
        line("il_new", 500, period_start=MIDDLE, proration=True),
    )
    down = invoice_snapshot(lines=lines, total_minor=-4_450, charged_minor=0)
    invoice, sold = bill(Invoice(), down)
    over = ask_invoice(RecordOvergiven, amount_minor=2_475)
    invoice, given = bill(invoice, over, over)
    assert names(given) == ["UnusedTimeOvergiven"]
    total = balances([*sold, *given])
    assert (total["4900", "usd"], total["2000", "usd"]) == (2_475, 4_450 - 2_475)
    assert invoice.deferred_minor == 2_475 - 4_450
    invoice, _ = bill(invoice, close(40))
    assert invoice.deferred_minor == 0


def test_of_what_was_given_too_much_a_credit_owes_no_more_than_it_gives_back() -> None:
    """An upgrade of which the unused time was not paid, credited in two parts: the gift is none any more."""
    invoice, sold = bill(Invoice(), upgrade())
    invoice, given = bill(invoice, ask_invoice(RecordOvergiven, amount_minor=500))
    notes = (credit_note(2_000, 1), credit_note(2_450, 2))
    invoice, credited = bill(invoice, upgrade(credits=notes))
    total = balances([*sold, *given, *credited])
    assert [total[account, "usd"] for account in ("2000", "2300", "4900")] == [0, 0, 0]
    assert invoice.deferred_minor == 0


@pytest.mark.parametrize("days", [0, 13], ids=["at once", "after half was earned"])
def test_what_is_given_back_twice_is_owed_twice_and_the_second_time_is_our_loss(days: int) -> None:
    """By a credit note to the customer's balance, and by a refund of the charge."""
    to_balance = credit_note(999, 1, stripe_refund_id="", balance_transaction=None)
    refund = replace(credit_note(999, 2), stripe_credit_note_id="re_2", without_note=True)
    _, sold = bill(Invoice(), PAID)
    invoice, earned = bill(bill(Invoice(), PAID)[0], *([close(days)] if days else []))
    invoice, events = bill(invoice, replace(PAID, credits=(to_balance, refund)))
    total = balances([*sold, *earned, *events])
    assert (total["2000", "usd"], total["2300", "usd"]) == (0, -999)
    assert total["4900", "usd"] + total.get(("4010", "usd"), 0) == 999
    back = replace(refund, failure_balance_transaction=txn("back_2", 999))
    invoice, undone = bill(invoice, replace(PAID, credits=(to_balance, back)))
    total = balances([*sold, *earned, *events, *undone])
    assert (total["2000", "usd"], total["2300", "usd"]) == (0, -999), "still owed by the note"
    assert total.get(("4900", "usd"), 0) + total.get(("4010", "usd"), 0) == 0


def test_what_an_invoice_sold_and_took_off_itself_was_of_no_other_invoice() -> None:
    """From one Pro to three, which waited, and then to Enterprise: only the first was paid before."""
    later = MIDDLE + DAY
    waited = (
        line("il_one", -500, period_start=MIDDLE, proration=True),
        line("il_three", 1_500, period_start=MIDDLE, proration=True),
        line("il_three_back", -1_393, period_start=later, proration=True),
        line("il_new", 13_790, period_start=later, proration=True),
    )
    total = sum(one.amount_minor for one in waited)
    for lines in (waited, waited[::-1]):
        invoice = upgraded(lines=lines, total_minor=total, charged_minor=total)
        assert (invoice.takes_minor, invoice.takes_without_tax_minor) == (500, 500)
        assert (invoice.takes_from, invoice.takes_since) == (later, MIDDLE), "it is called by the last change"
        assert paid_time([invoice], later).minor == 13_790
        assert invoice.creditable_minor == total
        assert invoice.takeable_minor("at_last") == 1_500 - 1_393 + 13_790, "the day that was used was sold"


@pytest.mark.parametrize("before", [timedelta(seconds=1), timedelta(days=1)])
def test_a_change_that_is_prorated_from_before_what_it_takes_off_is_still_the_last(before: timedelta) -> None:
    """Whoever asked for it has a clock of their own, or chose the moment."""
    given, anew = (round(amount * (END - MIDDLE + before) / (END - MIDDLE)) for amount in (1_500, 14_850))
    waited = (
        line("il_one", -500, period_start=MIDDLE, proration=True),
        line("il_three", 1_500, period_start=MIDDLE, proration=True),
        line("il_three_back", -given, period_start=MIDDLE - before, proration=True),
        line("il_new", anew, period_start=MIDDLE - before, proration=True),
    )
    total = sum(one.amount_minor for one in waited)
    for lines in (waited, waited[::-1]):
        invoice = upgraded(lines=lines, total_minor=total, charged_minor=total)
        assert invoice.takes_minor == 500
        assert (invoice.takes_from, invoice.takes_since) == (MIDDLE - before, MIDDLE)


def test_what_waits_for_the_invoice_of_a_change_is_paid_with_it() -> None:
    paid = PaidTime(minor=500, lines=1, reduced=False)
    assert (unused(1_500, paid), unused(1_500, with_waiting(paid, 1_000))) == (500, 1_500)
    one = subscribed().subscriptions[SUB]
    whole = replace(paid, minor=999)
    assert less_is_paid(replace(one, quantity=3), START, whole)
    assert not less_is_paid(one, START, whole)


# a refund that bounces


def bounced(amount: int, number: int = 1, **more: Any) -> CreditSnapshot:
    back = txn(f"back_{number}", amount)
    return credit_note(amount, number, failure_balance_transaction=back, **more)


@pytest.mark.parametrize("days", [0, 13], ids=["at once", "after half was earned"])
def test_a_credit_whose_refund_bounced_is_undone_and_can_be_given_again(days: int) -> None:
    _, sold = bill(Invoice(), PAID)
    invoice, earned = bill(bill(Invoice(), PAID)[0], *([close(days)] if days else []))
    before = invoice
    invoice, events = bill(invoice, replace(PAID, credits=(bounced(999),)))
    assert names(events) == ["InvoiceCredited", "CreditSettled", "CreditReversed", "CreditUndone"]
    assert (invoice.creditable_minor, invoice.lines) == (999, before.lines)
    total = balances([*sold, *earned, *events])
    assert (total["2300", "usd"], total.get(("4900", "usd"), 0)) == (0, 0)
    assert -total["2000", "usd"] == invoice.deferred_minor
    assert decide(replace(PAID, credits=(bounced(999),)), invoice) == (), "said again it is no news"


def test_it_bounces_again_and_again_and_is_given_in_the_end() -> None:
    notes = [bounced(999, 1), bounced(999, 2), credit_note(999, 3)]
    invoice, _ = bill(Invoice(), PAID)
    facts: list[InvoiceEvent] = [*bill(Invoice(), PAID)[1]]
    for number, note in enumerate(notes, start=1):
        asked = request_credit(None, credit_id=f"crn_{number}")
        said = replace(PAID, credits=(replace(note, credit_id=f"crn_{number}"),))
        invoice, events = bill(invoice, asked, said)
        facts += events
    assert [one.status for one in invoice.credits.values()] == ["reversed", "reversed", "credited"]
    assert invoice.creditable_minor == 0
    total = balances(facts)
    assert (total["2300", "usd"], total["2000", "usd"], total["1011", "usd"]) == (0, 0, -999)


def test_one_of_several_bounces_after_the_others_were_given() -> None:
    notes = (credit_note(400, 1), credit_note(599, 2))
    invoice, _ = bill(Invoice(), PAID, replace(PAID, credits=notes))
    invoice, (*_, undone) = bill(invoice, replace(PAID, credits=(bounced(400, 1),)))
    assert isinstance(undone, CreditUndone)
    assert (undone.amount_minor, invoice.creditable_minor, invoice.deferred_minor) == (400, 400, 400)


def test_what_bounces_when_the_service_has_ended_is_earned() -> None:
    service_ended = ask_invoice(EndService, at=MIDDLE)
    note = replace(PAID, credits=(credit_note(400),))
    invoice, _ = bill(Invoice(), PAID, note, service_ended)
    invoice, (*_, undone) = bill(invoice, replace(PAID, credits=(bounced(400),)))
    assert isinstance(undone, CreditUndone)
    assert (undone.deferred_minor, undone.recognised_minor, invoice.deferred_minor) == (0, 400, 0)


def test_only_what_bounced_of_a_credit_is_undone() -> None:
    """The rest went to the customer's balance."""
    note = credit_note(999, balance_transaction=txn("re_1", -500), failure_balance_transaction=txn("b", 500))
    invoice, (*_, undone) = bill(Invoice(), PAID, replace(PAID, credits=(note,)))
    assert isinstance(undone, CreditUndone)
    assert (undone.amount_minor, invoice.creditable_minor) == (500, 500)
    assert invoice.credits["cn_1"].status == "credited"


def test_a_bounce_that_an_earlier_version_recorded_is_undone_by_the_next_news() -> None:
    invoice, events = bill(Invoice(), PAID, replace(PAID, credits=(bounced(999),)))
    old = bill(Invoice(), PAID)[0]
    for event in events:
        if not isinstance(event, CreditUndone) and event not in bill(Invoice(), PAID)[1]:
            old = evolve(old, event)
    assert (old.creditable_minor, names(decide(replace(PAID, credits=(bounced(999),)), old))) == (
        0,
        ["CreditUndone"],
    )
    assert invoice.creditable_minor == 999


# what is over


OPEN = invoice_snapshot("open", attempts=(attempt(),))


def test_what_is_over_is_not_collected() -> None:
    invoice, events = ended(bill(Invoice(), OPEN)[0])
    assert events == (CollectionEnded(stripe_invoice_id="in_1", at=MIDDLE),)
    retry = ask_invoice(RequestInvoiceRetry, cause="customer", user_id=USER)
    with pytest.raises(InvoiceNotOpen, match="ended before this invoice was paid"):
        decide(retry, invoice)
    voided, _ = bill(invoice, invoice_snapshot("void", attempts=(attempt(),)))
    with pytest.raises(InvoiceNotOpen, match="void"):
        decide(retry, replace(voided, collection_ended=False))


def test_what_is_paid_all_the_same_goes_back_once_it_is_settled() -> None:
    late = invoice_snapshot(attempts=(attempt(),), paid_at=MIDDLE + DAY)
    invoice, events = ended(bill(Invoice(), OPEN)[0], replace(late, balance_transaction=None), late, late)
    assert names(events) == ["CollectionEnded", "InvoicePaid", "InvoiceSettled", "CreditRequested"]
    asked = events[-1]
    assert isinstance(asked, CreditRequested)
    assert (asked.amount_minor, invoice.creditable_minor) == (999, 0)
    seen_late, events = ended(bill(Invoice(), late)[0])
    assert names(events) == ["CollectionEnded", "CreditRequested"], "as when it is seen after the end"
    assert seen_late.creditable_minor == 0


def test_what_goes_back_by_itself_does_so_once_and_not_while_a_bank_decides() -> None:
    late = invoice_snapshot(attempts=(attempt(),), paid_at=MIDDLE + DAY)
    invoice, events = ended(bill(Invoice(), OPEN)[0], late)
    asked = events[-1]
    assert isinstance(asked, CreditRequested)
    refused = ask_invoice(RecordCreditFailure, credit_id=asked.credit_id, code="charge_already_refunded")
    _, events = bill(invoice, refused, late)
    assert names(events) == ["CreditFailed"], "what Stripe refused is not asked for with each news"
    disputed = replace(late, disputes=(dispute("needs_response", txn("dp", -500)),))
    _, events = ended(bill(Invoice(), OPEN)[0], disputed)
    assert "CreditRequested" not in names(events)


@pytest.mark.parametrize(
    "known",
    [PAID, invoice_snapshot("void"), invoice_snapshot("open", finalized_at=MIDDLE)],
    ids=["paid before", "void", "drawn up at the end"],
)
def test_what_was_paid_before_or_is_billed_at_the_end_stays(known: Any) -> None:
    invoice, _ = bill(Invoice(), known)
    assert ended(invoice)[1] == ()


# in any order


PRICES = {"pro": 999, "enterprise": 9_900}
Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["time", "upgrade", "year", "credit", "part", "bounce", "dashboard", "cancel"]),
        st.integers(0, 3),
        st.integers(1, 12),
    ),
    max_size=12,
)


class Customer:
    """Ann's subscription, what she paid for it, and what she got back."""

    def __init__(self) -> None:
        self.ids = count(1)
        self.invoices: dict[str, Invoice] = {}
        self.said: dict[str, Any] = {}
        self.facts: list[InvoiceEvent] = []
        self.paid: dict[str, int] = {}
        self.back: dict[str, int] = {}
        self.notes: dict[str, tuple[CreditSnapshot, str]] = {}
        self.now, self.start, self.end = START, START, END
        self.tier, self.interval, self.price = "pro", "month", 999
        self.over = self.outside = False
        self.draw_up((line("il_0", 999),))

    def send(self, invoice_id: str, command: Any) -> None:
        known = self.invoices.get(invoice_id, Invoice())
        invoice, events = bill(known, replace(command, stripe_invoice_id=invoice_id))
        self.invoices[invoice_id] = invoice
        self.facts += events

    def draw_up(self, lines: tuple[Any, ...]) -> None:
        number = next(self.ids)
        invoice_id, total = f"in_{number}", sum(one.amount_minor for one in lines)
        self.said[invoice_id] = invoice_snapshot(
            lines=tuple(replace(one, line_id=f"il_{number}_{n}") for n, one in enumerate(lines)),
            total_minor=total,
            charged_minor=total,
            charge_id=f"ch_{number}",
            balance_transaction=txn(invoice_id, total, 0),
            finalized_at=self.now,
            paid_at=self.now,
        )
        self.paid[invoice_id], self.back[invoice_id] = total, 0
        self.send(invoice_id, self.said[invoice_id])

    def change(self, tier: str, interval: str, price: int, *, outside: bool = False) -> None:
        known = list(self.invoices.values())[::-1]
        paid = what_is_paid(known, self.now)
        came_to = preview(
            price_minor=self.price,
            interval=self.interval,
            new_price_minor=price,
            new_interval=interval,
            period_start=self.start,
            period_end=self.end,
            at=self.now,
            currency="usd",
            worth=lambda by_price: by_price if outside else unused(by_price, paid),
        )
        if self.over or came_to.charge_minor <= 0:
            return
        if not outside:
            for one in up_to(came_to.unused_minor, paid.takes):
                strictly = take(one.amount_minor, strictly=True)
                self.send(one.stripe_invoice_id, replace(strictly, taker=paid.taker))
        self.draw_up(self.lines_of(came_to))
        made, *others = list(self.invoices.values())[::-1]
        for one in allot(made.takes_minor, others, self.now, paid.taker):
            self.send(one.stripe_invoice_id, replace(take(one.amount_minor), taker=paid.taker))
        self.tier, self.interval, self.price = tier, interval, price
        self.start, self.end = came_to.period_start, came_to.period_end
        self.outside = self.outside or outside

    def lines_of(self, came_to: Preview) -> tuple[Any, ...]:
        by_price = came_to.unused_minor + came_to.given_back_minor
        rest: dict[str, Any] = {"period_start": self.now, "period_end": self.end}
        new: dict[str, Any] = {"period_start": self.now, "period_end": came_to.period_end}
        found = [
            line(amount=-by_price, **rest),
            line(amount=came_to.given_back_minor, correction=True, **rest),
            line(amount=came_to.used_anew_minor, **new),
        ]
        return tuple(one for one in found if one.amount_minor)

    def credit(self, which: int, amount: int | None) -> None:
        invoice_id = list(self.invoices)[which % len(self.invoices)]
        number = next(self.ids)
        credit_id = f"crn_{number}"
        self.send(invoice_id, request_credit(amount, credit_id=credit_id))
        given = self.invoices[invoice_id].credits[credit_id].amount_minor
        note = credit_note(given, number, credit_id=credit_id, created_at=self.now)
        self.send(invoice_id, replace(self.said[invoice_id], credits=(note,)))
        self.back[invoice_id] += given
        self.notes[credit_id] = note, invoice_id

    def bounce(self, which: int) -> None:
        credit_id = list(self.notes)[which % len(self.notes)]
        note, invoice_id = self.notes.pop(credit_id)
        back = txn(f"back_{credit_id}", note.amount_minor)
        returned = replace(note, failure_balance_transaction=back)
        self.send(invoice_id, replace(self.said[invoice_id], credits=(returned,)))
        self.back[invoice_id] -= note.amount_minor

    def cancel(self) -> None:
        for invoice_id in list(self.invoices):
            self.send(invoice_id, ask_invoice(EndService, at=self.now))
        self.over = True

    def step(self, what: str, which: int, much: int) -> None:
        match what:
            case "time":
                self.now = min(self.now + timedelta(days=much, seconds=which * 7), self.end - DAY / 24)
            case "upgrade" if self.tier == "pro":
                self.change("enterprise", self.interval, 10 * self.price - 90)
            case "year" if self.interval == "month":
                self.change(self.tier, "year", self.price * 10)
            case "dashboard" if self.tier == "pro":
                self.change("enterprise", self.interval, 10 * self.price - 90, outside=True)
            case "credit":
                self.credit(which, None)
            case "part":
                self.credit(which, much * 41)
            case "bounce" if self.notes:
                self.bounce(which)
            case "cancel" if not self.over:
                self.cancel()
            case _:
                pass


@for_all(STEPS)
def test_what_is_given_back_is_given_back_once_in_any_order(steps: list[Step]) -> None:
    ann = Customer()
    for step in steps:
        with suppress(AlreadyCredited, CreditExceedsRemainder):
            ann.step(*step)
        check(ann)


def check(ann: Customer) -> None:
    for invoice_id, invoice in ann.invoices.items():
        assert 0 <= ann.back[invoice_id] == invoice.given_minor <= ann.paid[invoice_id]
        assert ann.back[invoice_id] + invoice.taken_minor <= invoice.sold_minor
    total = balances(ann.facts)
    deferred = sum(invoice.deferred_minor for invoice in ann.invoices.values())
    assert (total["2000", "usd"], total["2300", "usd"]) == (-deferred, 0)
    left = sum(ann.paid.values()) - sum(ann.back.values())
    assert left >= 0
    if not ann.outside:  # else Stripe gave by the price, whatever was given before
        paid = paid_time(ann.invoices.values(), ann.now)
        assert paid.minor <= left + paid.lines, "nobody has time that was paid back"
        assert ann.over or deferred >= -paid.lines


def test_the_preview_and_the_rules_come_to_the_same() -> None:
    row = subscribed().subscriptions[SUB]
    invoice, _ = bill(Invoice(), replace(PAID, credits=(credit_note(400),)))
    found = preview_change(row, "enterprise", 9_900, "month", MIDDLE, paid_time([invoice], MIDDLE))
    assert (found.unused_minor, found.given_back_minor, found.charge_minor) == (300, 200, 4_650)
    assert boundary(START, "month", 1) == END
