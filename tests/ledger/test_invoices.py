"""One invoice: its attempts, its money, what is given back, and what is earned."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.effects import CreateCreditNote, ResolveCreditNote, ResolveInvoice, RetryInvoice
from ledger.errors import Forbidden, NotFound, Refused
from ledger.invoices.commands import (
    CloseDay,
    EndCollection,
    EndService,
    InvoiceCommand,
    RecordCreditFailure,
    RecordCreditUnknown,
    RecordInvoiceFundsAvailable,
    RecordInvoiceRetryFailure,
    RecordInvoiceRetryUnknown,
    RecordInvoiceSnapshot,
    RecordOffStripePayment,
    RecordOvergiven,
    RequestCredit,
    RequestInvoiceRetry,
    TakeUnusedTime,
)
from ledger.invoices.decider import INVOICE, decide
from ledger.invoices.events import (
    CreditFailed,
    InvoiceCredited,
    InvoiceEvent,
    InvoicePaymentFailed,
    InvoiceRecognised,
    InvoiceRetryRequested,
    InvoiceSettled,
    ServiceEnded,
)
from ledger.invoices.refusals import (
    AlreadyCredited,
    CreditExceedsRemainder,
    CreditExists,
    DayNotOver,
    InvalidCredit,
    InvoiceDisputed,
    InvoiceFundsNotAvailable,
    InvoiceNotOpen,
    InvoiceNotSettled,
    NewCardRequired,
    RetryInProgress,
    RetryNotDue,
)
from ledger.invoices.state import Invoice
from ledger.journal import balance_transaction, postings
from ledger.message import Origin
from ledger.permissions import check
from ledger.policies import react
from tests.ledger.examples import dispute, names, recorded, txn
from tests.ledger.subscription_examples import (
    DAY,
    END,
    START,
    USER,
    ask_invoice,
    attempt,
    bill,
    close,
    credit_note,
    invoice_snapshot,
    line,
    request_credit,
)
from tests.ledger.test_invariants import balances, booked

PAID = invoice_snapshot()
UPGRADE = (
    line("il_unused", -499, period_start=START + 14 * DAY, proration=True),
    line("il_new", 4950, period_start=START + 14 * DAY, proration=True),
)
"""From 9.99 to 99.00 in the middle of February."""


def settled(**changes: Any) -> Invoice:
    return bill(Invoice(), invoice_snapshot(**changes))[0]


def failed(*attempts: Any, **changes: Any) -> Invoice:
    return bill(Invoice(), invoice_snapshot("open", attempts=attempts or (attempt(),), **changes))[0]


def retry(cause: str = "schedule", days: float = 2, **changes: Any) -> RequestInvoiceRetry:
    fields = {"cause": cause, "effective_at": START + days * DAY, "user_id": USER, **changes}
    made: RequestInvoiceRetry = ask_invoice(RequestInvoiceRetry, **fields)
    return made


def deferred(events: Any) -> int:
    return -balances(events)["2000", "usd"]


def test_a_paid_invoice_is_finalized_paid_and_settled() -> None:
    invoice, events = bill(Invoice(), invoice_snapshot("draft"), invoice_snapshot("open"), PAID, PAID)
    assert names(events) == ["InvoiceFinalized", "InvoicePaid", "InvoiceSettled"]
    assert (invoice.status, invoice.deferred_minor) == ("paid", 999)
    assert balances(events) == {("1010", "usd"): 940, ("6000", "usd"): 59, ("2000", "usd"): -999}
    parties = {leg.account: leg.party for leg in postings(recorded(events[2]))}
    assert parties["2000"] == "sub_1"


def test_tax_is_owed_and_credit_of_the_customers_pays_its_part() -> None:
    taxed = replace(
        PAID, total_minor=1189, tax_minor=190, charged_minor=1000, balance_transaction=txn("in_1", 1000, 59)
    )
    _, events = bill(Invoice(), taxed)
    assert balances(events) == {
        ("1010", "usd"): 941,
        ("6000", "usd"): 59,
        ("2000", "usd"): -999,
        ("2200", "usd"): -190,
        ("2300", "usd"): 189,
    }


def test_a_settlement_in_another_currency_defers_in_that_one_to_the_unit() -> None:
    lines = (line("il_a", 333), line("il_b", 333), line("il_c", 333))
    entry = txn("in_1", 904, 50, currency="eur")
    invoice, events = bill(Invoice(), replace(PAID, lines=lines, balance_transaction=entry))
    assert [one.booked_minor for one in invoice.lines.values()] == [301, 302, 301]
    assert balances(events)["2000", "eur"] == -904


def test_a_trials_invoice_is_paid_by_nothing() -> None:
    nothing = replace(PAID, lines=(line(amount=0),), total_minor=0, charged_minor=0, balance_transaction=None)
    _, events = bill(Invoice(), nothing)
    assert names(events) == ["InvoiceFinalized", "InvoicePaid", "InvoiceSettledWithoutCharge"]
    assert balances(events) == {}


def test_each_failed_attempt_is_known_by_its_charge_and_says_when_the_next_one_is() -> None:
    first, second = attempt(), attempt(2, after=2 * DAY)
    _, events = bill(
        Invoice(),
        invoice_snapshot("open", attempts=(first,)),
        invoice_snapshot("open", attempts=(second, first)),
    )
    retries = [one.retry_at for one in events if isinstance(one, InvoicePaymentFailed)]
    assert retries == [START + 2 * DAY, START + 7 * DAY]


def test_after_a_hard_decline_there_is_no_next_attempt_without_a_new_card() -> None:
    invoice = failed(attempt(code="lost_card"))
    with pytest.raises(RetryNotDue, match="new card"):
        decide(retry(), invoice)
    with pytest.raises(NewCardRequired, match="change the payment method"):
        decide(retry("customer"), invoice)
    assert names(decide(retry("new_card"), invoice)) == ["InvoiceRetryRequested"]


def test_a_bank_that_wants_its_cardholder_is_asked_again_only_while_they_are_there() -> None:
    invoice = failed(attempt(code="authentication_required"))
    with pytest.raises(RetryNotDue, match="new card"):
        decide(retry(), invoice)
    assert names(decide(retry("customer"), invoice)) == ["InvoiceRetryRequested"]


def test_a_retry_waits_for_its_time() -> None:
    with pytest.raises(RetryNotDue, match="2026-02-02T12"):
        decide(retry(days=1.9), failed())
    assert names(decide(retry(days=2), failed())) == ["InvoiceRetryRequested"]
    assert names(decide(retry("customer", days=1), failed())) == ["InvoiceRetryRequested"]


def test_there_is_no_second_attempt_while_one_is_unknown() -> None:
    unknown = ask_invoice(RecordInvoiceRetryUnknown, attempt=2, cause="timeout")
    invoice, events = bill(failed(), retry(), unknown, unknown)
    assert names(events) == ["InvoiceRetryRequested", "InvoiceRetryUnknown"]
    for cause in ("schedule", "new_card", "customer"):
        with pytest.raises(RetryInProgress, match="when it is known"):
            decide(retry(cause, days=9), invoice)
    told = invoice_snapshot("open", attempts=(attempt(), attempt(2, after=2 * DAY)))
    assert names(bill(invoice, told, retry(days=7))[1]) == ["InvoicePaymentFailed", "InvoiceRetryRequested"]


def test_a_retry_that_stripe_refused_is_made_anew_under_another_number() -> None:
    refused = ask_invoice(RecordInvoiceRetryFailure, attempt=2, code="x", effective_at=START + 2 * DAY)
    _, events = bill(failed(), retry(), refused, refused, retry(days=7))
    requests = [one.attempt for one in events if isinstance(one, InvoiceRetryRequested)]
    assert requests == [2, 3]


def test_what_an_invoice_asks_of_stripe() -> None:
    unknown = ask_invoice(RecordInvoiceRetryUnknown, attempt=2, cause="timeout")
    _, events = bill(failed(), retry(), unknown)
    _, given_back = bill(
        settled(), request_credit(), ask_invoice(RecordCreditUnknown, credit_id="crn_1", cause="timeout")
    )
    told = [one for event in (*events, *given_back) for one in react(recorded(event, stream="invoice-in_1"))]
    assert told == [
        RetryInvoice("in_1", 2),
        ResolveInvoice("in_1", 2),
        CreateCreditNote("in_1", "crn_1"),
        ResolveCreditNote("in_1", "crn_1"),
    ]


def test_only_dunning_retries_by_its_schedule_and_only_an_administrator_gives_back() -> None:
    student, admin, system = (
        Origin(actor=USER, roles=frozenset({role})) for role in ("student", "admin", "system")
    )
    check(retry("customer"), student)
    check(retry("schedule"), system)
    check(request_credit(), admin)
    for command in (retry("schedule"), retry("new_card"), request_credit(), close(1)):
        with pytest.raises(Forbidden):
            check(command, student)


def test_nothing_is_retried_that_is_paid_or_not_the_callers() -> None:
    with pytest.raises(InvoiceNotOpen):
        decide(retry(), settled())
    with pytest.raises(NotFound):
        decide(retry("customer", user_id="usr_bob"), failed())
    with pytest.raises(NotFound):
        decide(retry(), Invoice())


def test_funds_become_available_at_their_time_once() -> None:
    early, due = (
        ask_invoice(RecordInvoiceFundsAvailable, effective_at=START + days * DAY) for days in (1, 2)
    )
    with pytest.raises(InvoiceFundsNotAvailable):
        decide(early, settled())
    with pytest.raises(InvoiceNotSettled):
        decide(due, failed())
    assert names(bill(settled(), due, due)[1]) == ["InvoiceFundsAvailable"]


def test_a_day_is_closed_when_it_is_over_once() -> None:
    with pytest.raises(DayNotOver, match="2026-02-01T00:00"):
        decide(close(0, effective_at=START), settled())
    invoice, events = bill(settled(), close(0), close(0), close(2), close(1))
    (first, third) = (one for one in events if isinstance(one, InvoiceRecognised))
    assert first.total_minor == 18, "half of the 28 days' first: 999 · 12 h / 672 h"
    assert first.total_minor + third.total_minor == 89
    assert invoice.deferred_minor == 999 - 89


def test_nothing_is_earned_of_what_is_not_settled() -> None:
    assert decide(close(5), failed()) == ()


def test_when_the_service_ends_early_the_rest_is_earned() -> None:
    end = ask_invoice(EndService, at=START + DAY)
    invoice, events = bill(settled(), close(0), end, end, close(40))
    ended = [one for one in events if isinstance(one, ServiceEnded)]
    assert [one.remaining_minor for one in ended] == [999 - 18]
    assert invoice.deferred_minor == 0
    with pytest.raises(InvoiceNotSettled):
        decide(end, settled(balance_transaction=None))


def test_a_credit_takes_from_what_is_deferred_and_what_is_earned_and_its_refund_settles_it() -> None:
    _, sold = bill(Invoice(), PAID)
    invoice, asked = bill(settled(), close(13), request_credit(500))
    answer = replace(PAID, credits=(credit_note(500, credit_id="crn_1"),))
    invoice, answered = bill(invoice, answer, answer)
    assert names(asked) == ["InvoiceRecognised", "CreditRequested"]
    assert names(answered) == ["InvoiceCredited", "CreditSettled"]
    credited = answered[0]
    assert isinstance(credited, InvoiceCredited)
    assert (credited.deferred_minor, credited.recognised_minor) == (259, 241)
    everything = [*sold, *asked, *answered]
    assert deferred(everything) == invoice.deferred_minor
    assert balances(everything)["2300", "usd"] == 0
    assert balances(everything)["1011", "usd"] == -500
    _, later = bill(invoice, close(40))
    assert (
        balances([*everything, *later])["4010", "usd"] + balances([*everything, *later])["4900", "usd"]
        == -499
    )
    assert deferred([*everything, *later]) == 0


def test_a_refund_that_fails_undoes_its_credit() -> None:
    back = replace(credit_note(999), failure_balance_transaction=txn("back", 999))
    _, events = bill(Invoice(), PAID, replace(PAID, credits=(back,)))
    assert names(events)[-4:] == ["InvoiceCredited", "CreditSettled", "CreditReversed", "CreditUndone"]


def test_a_second_credit_note_that_names_one_of_ours_is_one_of_its_own() -> None:
    notes = tuple(credit_note(400, number, credit_id="crn_1") for number in (1, 2))
    invoice, _ = bill(Invoice(), invoice_snapshot(), request_credit(400), invoice_snapshot(credits=notes))
    assert [(name, one.amount_minor) for name, one in invoice.credits.items()] == [
        ("crn_1", 400),
        ("cn_2", 400),
    ]
    assert invoice.creditable_minor == 199


def test_a_credit_of_ours_that_a_restored_ledger_has_lost_is_taken_up() -> None:
    note = replace(credit_note(99), credit_id="crn_1")
    invoice, events = bill(settled(), replace(PAID, credits=(note,)))
    assert names(events) == ["InvoiceCredited", "CreditSettled"]
    assert set(invoice.credits) == {"crn_1"}
    assert decide(request_credit(99), invoice) == (), "the request that made it comes again"
    asked = request_credit(99)
    assert bill(settled(), asked, replace(PAID, credits=(note,)))[0] == invoice, "in any order"


def test_what_two_rates_of_exchange_make_of_a_refund_is_exchange() -> None:
    paid = replace(PAID, balance_transaction=txn("in_1", 900, 50, currency="eur"))
    note = replace(credit_note(999), balance_transaction=txn("re_1", -910, currency="eur"))
    _, events = bill(Invoice(), paid, replace(paid, credits=(note,)))
    total = balances(events)
    assert (total["7000", "eur"], total["2300", "eur"], total["2000", "eur"]) == (10, 0, 0)


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (request_credit(0), InvalidCredit),
        (request_credit(1000), CreditExceedsRemainder),
        (request_credit(1, note=" "), InvalidCredit),
        (request_credit(1, credit_id=""), InvalidCredit),
        (request_credit(1, credit_id="crn_0"), CreditExists),
    ],
)
def test_a_credit_that_cannot_be_is_refused(command: InvoiceCommand, refusal: type[Refused]) -> None:
    invoice, _ = bill(settled(), request_credit(99, credit_id="crn_0"))
    with pytest.raises(refusal) as refused:
        decide(command, invoice)
    assert len(refused.value.detail) > 20


def test_no_more_is_given_back_than_was_paid_and_a_failed_credit_frees_its_amount() -> None:
    invoice, _ = bill(settled(), request_credit())
    with pytest.raises(AlreadyCredited):
        decide(request_credit(1, credit_id="crn_2"), invoice)
    unknown = ask_invoice(RecordCreditUnknown, credit_id="crn_1", cause="timeout")
    failure = ask_invoice(RecordCreditFailure, credit_id="crn_1", code="x")
    invoice, events = bill(invoice, unknown, unknown, failure, failure)
    assert names(events) == ["CreditUnknown", "CreditFailed"]
    assert invoice.creditable_minor == 999
    with pytest.raises(InvoiceNotSettled):
        decide(request_credit(), failed())
    with pytest.raises(NotFound):
        decide(replace(failure, credit_id="crn_9"), invoice)


def test_a_voided_credit_note_of_ours_failed() -> None:
    invoice, _ = bill(settled(), request_credit())
    void = replace(credit_note(999, credit_id="crn_1"), status="void")
    assert decide(replace(PAID, credits=(void,)), invoice) == (
        CreditFailed(credit_id="crn_1", code="voided"),
    )


def test_a_dispute_of_the_charge_is_booked_as_a_payments_is() -> None:
    taken, back = txn("taken", -999, 1500), txn("back", 999)
    open_, won = dispute("needs_response", taken), dispute("won", taken, back)
    invoice, events = bill(settled(), replace(PAID, disputes=(open_,)))
    assert names(events) == ["InvoiceDisputeOpened", "InvoiceDisputeFundsWithdrawn"]
    with pytest.raises(InvoiceDisputed):
        decide(request_credit(), invoice)
    _, over = bill(invoice, replace(PAID, disputes=(won,)))
    assert names(over) == ["InvoiceDisputeFundsReinstated", "InvoiceDisputeWon"]
    assert balances([*events, *over]) == {("1011", "usd"): -1500, ("6010", "usd"): 1500}


AMOUNTS = st.lists(st.integers(1, 100_000), min_size=1, max_size=3)
DAYS = st.lists(st.integers(0, 35), max_size=12)


@for_all(AMOUNTS, st.integers(0, 30), DAYS, st.lists(st.integers(1, 40_000), max_size=3), st.data())
def test_all_that_was_sold_is_earned_for_every_partition_of_days_and_whatever_is_credited(
    amounts: list[int], unused: int, days: list[int], given_back: list[int], data: st.DataObject
) -> None:
    lines = [line(f"il_{n}", amount, period_start=START + n * DAY) for n, amount in enumerate(amounts)]
    unused_minor = -(sum(amounts) * unused // 100)
    lines.append(line("il_unused", unused_minor, period_start=START + 5 * DAY))
    total = sum(one.amount_minor for one in lines)
    paid = replace(
        PAID,
        lines=tuple(lines),
        total_minor=total,
        charged_minor=total,
        balance_transaction=txn("in_1", total, 59),
    )
    notes: list[Any] = []
    left = total
    for number, amount in enumerate(given_back, 1):
        if min(amount, left) > 0:
            notes.append(credit_note(min(amount, left), number))
            left -= min(amount, left)
    shown: list[InvoiceCommand] = [replace(paid, credits=tuple(notes[:n])) for n in range(1, len(notes) + 1)]
    closes: list[InvoiceCommand] = [close(day) for day in sorted(days)]
    order = data.draw(st.permutations([0] * len(shown) + [1] * len(closes)))
    queues = [shown, closes]
    invoice, events = bill(Invoice(), paid, *(queues[which].pop(0) for which in order))
    assert deferred(events) == invoice.deferred_minor
    invoice, rest = bill(invoice, close(40))
    events += rest
    assert invoice.deferred_minor == deferred(events) == 0
    total_of = balances(events)
    assert -(total_of["4010", "usd"] + total_of["4900", "usd"]) == left
    assert all(one.booked_minor == one.recognised_minor for one in invoice.lines.values())


@for_all(st.integers(1, 10**7), DAYS)
def test_what_is_earned_of_one_line_only_grows(amount: int, days: list[int]) -> None:
    paid = replace(
        PAID,
        lines=(line(amount=amount),),
        total_minor=amount,
        charged_minor=amount,
        balance_transaction=txn("in_1", amount, 59),
    )
    _, events = bill(Invoice(), paid, *(close(day) for day in days))
    steps = [one.total_minor for one in events if isinstance(one, InvoiceRecognised)]
    assert all(step > 0 for step in steps)
    assert sum(steps) <= amount


@st.composite
def histories(draw: st.DrawFn) -> list[RecordInvoiceSnapshot]:
    """One invoice as Stripe would show it after each of its steps, oldest first."""
    now = invoice_snapshot("open", lines=UPGRADE, total_minor=4451)
    shown = [now]
    for number in range(draw(st.integers(0, 3))):
        one = attempt(number, after=number * DAY, code=draw(st.sampled_from(["do_not_honor", "lost_card"])))
        now = replace(now, attempts=(*now.attempts, one))
        shown.append(now)
    if draw(st.booleans()):
        now = replace(now, status="uncollectible")
        shown.append(now)
    end = draw(st.sampled_from(["open", "void", "paid", "paid", "paid"]))
    if end == "void":
        return [*shown, replace(now, status="void")]
    if end == "open":
        return shown
    now = replace(now, status="paid", charged_minor=4451, charge_id="ch_1", paid_at=START + 9 * DAY)
    if draw(st.booleans()):
        shown.append(now)
    now = replace(now, balance_transaction=txn("in_1", 4451, 159))
    shown.append(now)
    notes: tuple[Any, ...] = ()
    for number, amount in enumerate(draw(st.lists(st.integers(1, 2000), max_size=2)), 1):
        note = credit_note(amount, 3 - number, created_at=START + (9 + number) * DAY)
        if draw(st.booleans()):
            shown.append(replace(now, credits=(*notes, replace(note, balance_transaction=None))))
        notes = (*notes, note)
        now = replace(now, credits=notes)
        shown.append(now)
    taken = txn("taken", -4451, 1500)
    for status in draw(st.sampled_from([(), ("needs_response",), ("needs_response", "lost")])):
        now = replace(now, disputes=(dispute(status, taken),))
        shown.append(now)
    return shown


@for_all(st.data())
def test_any_order_repetition_and_loss_of_snapshots_ends_alike(data: st.DataObject) -> None:
    history = data.draw(histories())
    some = data.draw(st.lists(st.sampled_from(history), max_size=2 * len(history)))
    arrived = data.draw(st.permutations([*some, history[-1]]))
    in_order, facts_in_order = bill(Invoice(), *history)
    as_arrived, facts = bill(Invoice(), *arrived)
    assert as_arrived == in_order
    assert balances(facts) == balances(facts_in_order)
    assert booked(facts) == booked(facts_in_order)
    assert decide(history[-1], as_arrived) == ()


@for_all(st.data())
def test_each_balance_transaction_is_posted_once(data: st.DataObject) -> None:
    history = data.draw(histories())
    _, facts = bill(Invoice(), *history, *history)
    ids = [entry.balance_transaction_id for one in facts if (entry := balance_transaction(one))]
    assert len(ids) == len(set(ids))


@for_all(st.data())
def test_two_paid_invoices_are_two_streams_and_one_is_settled_once(data: st.DataObject) -> None:
    history = data.draw(histories())
    _, facts = bill(Invoice(), *history, *reversed(history))
    assert sum(isinstance(one, InvoiceSettled) for one in facts) <= 1
    failures = [one.failed_at for one in facts if isinstance(one, InvoicePaymentFailed)]
    assert all(before <= after for before, after in pairwise(failures))


ASKED: dict[type[InvoiceCommand], Any] = {
    RecordInvoiceSnapshot: PAID,
    RequestInvoiceRetry: retry(),
    RequestCredit: request_credit(),
    EndService: ask_invoice(EndService, at=END),
    TakeUnusedTime: ask_invoice(TakeUnusedTime, taker="at_1", amount_minor=5),
    RecordOvergiven: ask_invoice(RecordOvergiven, amount_minor=5),
    EndCollection: ask_invoice(EndCollection, at=START + timedelta(days=3)),
    CloseDay: close(3),
    RecordInvoiceFundsAvailable: ask_invoice(
        RecordInvoiceFundsAvailable, effective_at=START + timedelta(days=3)
    ),
    RecordInvoiceRetryFailure: ask_invoice(RecordInvoiceRetryFailure, attempt=2, code="x"),
    RecordInvoiceRetryUnknown: ask_invoice(RecordInvoiceRetryUnknown, attempt=2, cause="x"),
    RecordOffStripePayment: ask_invoice(
        RecordOffStripePayment, payment_id="osp_1", amount_minor=1, reference="x", received_on=START.date()
    ),
    RecordCreditFailure: ask_invoice(RecordCreditFailure, credit_id="crn_0", code="x"),
    RecordCreditUnknown: ask_invoice(RecordCreditUnknown, credit_id="crn_0", cause="x"),
}


@pytest.mark.parametrize("kind", INVOICE.commands)
@pytest.mark.parametrize("known", ["paid", "open"])
def test_what_is_said_twice_happens_once(kind: type[InvoiceCommand], known: str) -> None:
    paid, _ = bill(settled(), request_credit(1, credit_id="crn_0"))
    invoice, command = paid if known == "paid" else bill(failed(), retry())[0], ASKED[kind]
    try:
        invoice, _ = bill(invoice, command)
        events: tuple[InvoiceEvent, ...] = decide(command, invoice)
    except Refused:
        return
    assert events == ()
