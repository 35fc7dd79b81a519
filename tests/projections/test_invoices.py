"""What becomes of an invoice's row, of its lines', credit notes' and disputes': given facts, then rows."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from ledger.invoices import events
from ledger.invoices.events import InvoiceLine, LineAmount, LineCredit
from ledger.message import Event
from projections.engine.projection import CannotProject
from projections.invoices.invoice import InvoiceRow
from projections.invoices.projection import Invoices
from tests.projections.histories import START, History, money
from tests.projections.subscription_histories import DAY, random_subscriptions, states

END = START + 28 * DAY
IDS: dict[str, Any] = {"subscription_id": "sub_1", "user_id": "usr_1"}


def line(line_id: str, amount: int, start: datetime = START, end: datetime = END) -> InvoiceLine:
    return InvoiceLine(line_id=line_id, amount_minor=amount, period_start=start, period_end=end)


def finalized(
    *lines: InvoiceLine, invoice_id: str = "in_1", total: int | None = None
) -> events.InvoiceFinalized:
    lines = lines or (line("il_1", 1_000),)
    return events.InvoiceFinalized(
        stripe_invoice_id=invoice_id,
        **IDS,
        number="A-1",
        billing_reason="subscription_cycle",
        currency="usd",
        lines=lines,
        total_minor=sum(one.amount_minor for one in lines) if total is None else total,
        tax_minor=0,
        period_start=min(one.period_start for one in lines),
        period_end=max(one.period_end for one in lines),
        finalized_at=START,
    )


def failed(attempt: int, after: int, retry: int | None, **more: Any) -> events.InvoicePaymentFailed:
    return events.InvoicePaymentFailed(
        attempt_id=f"ch_{attempt}",
        attempt=attempt,
        failed_at=START + after * DAY,
        code="card_declined",
        retry_at=None if retry is None else START + retry * DAY,
        **more,
    )


def paid(charged: int = 1_000) -> events.InvoicePaid:
    return events.InvoicePaid(
        paid_at=START, charged_minor=charged, currency="usd", payment_intent_id="pi_1", charge_id="ch_1"
    )


def settled(*amounts: tuple[str, int], currency: str = "usd") -> events.InvoiceSettled:
    amounts = amounts or (("il_1", 1_000),)
    total = sum(amount for _, amount in amounts)
    return events.InvoiceSettled(
        **IDS,
        charge_id="ch_1",
        balance_transaction=money("in_1", total, 30, currency),
        lines=tuple(LineAmount(line_id=name, amount_minor=amount) for name, amount in amounts),
        tax_minor=0,
    )


def recognised(day: int, *amounts: tuple[str, int]) -> events.InvoiceRecognised:
    return events.InvoiceRecognised(
        subscription_id="sub_1",
        day=(START + day * DAY).date(),
        currency="usd",
        amounts=tuple(LineAmount(line_id=name, amount_minor=amount) for name, amount in amounts),
        total_minor=sum(amount for _, amount in amounts),
    )


def credited(credit_id: str, deferred: int, recognised_minor: int = 0) -> events.InvoiceCredited:
    part = LineCredit(line_id="il_1", deferred_minor=deferred, recognised_minor=recognised_minor)
    return events.InvoiceCredited(
        **IDS,
        credit_id=credit_id,
        stripe_credit_note_id=f"cn_{credit_id}",
        number="A-1-CN-01",
        amount_minor=deferred + recognised_minor,
        invoice_currency="usd",
        currency="usd",
        deferred_minor=deferred,
        recognised_minor=recognised_minor,
        tax_minor=0,
        lines=(part,),
    )


def credit_requested(credit_id: str, amount: int) -> events.CreditRequested:
    return events.CreditRequested(
        stripe_invoice_id="in_1",
        credit_id=credit_id,
        amount_minor=amount,
        currency="usd",
        reason="order_change",
        note="asked by mail",
    )


def fold(*facts: Event, stream: str = "invoice-in_1") -> Invoices:
    made = History()
    for fact in facts:
        made.add(stream, fact)
    invoices = Invoices()
    invoices.project_batch(made.recorded)
    return invoices


def invoice(*facts: Event) -> InvoiceRow:
    row = fold(*facts)._invoices.find("in_1")
    assert row is not None
    return row


SOLD = (finalized(), paid(), settled())


def test_an_invoice_begins_open_and_outside_the_books() -> None:
    row = invoice(finalized())

    assert (row.status, row.total_minor, row.deferred_minor, row.open_day) == ("open", 1_000, 0, None)
    assert row.receipt_number is None


def test_a_failed_attempt_tells_when_the_next_is_due() -> None:
    row = invoice(finalized(), failed(1, 0, 2, decline_code="insufficient_funds"))

    assert (row.attempts, row.decline_code, row.next_retry_at) == (1, "insufficient_funds", START + 2 * DAY)


def test_an_attempt_that_is_heard_of_late_changes_no_date() -> None:
    row = invoice(finalized(), failed(2, 2, 7), failed(1, 0, 2))

    assert (row.attempts, row.next_retry_at, row.failed_at) == (2, START + 7 * DAY, START + 2 * DAY)


@pytest.mark.parametrize(
    "fact",
    [
        paid(),
        events.InvoiceVoided(stripe_invoice_id="in_1"),
        events.InvoiceUncollectible(stripe_invoice_id="in_1"),
        events.InvoiceRetryRequested(stripe_invoice_id="in_1", attempt=2, cause="schedule", at=START),
        failed(2, 2, None, hard=True),
    ],
)
def test_nothing_is_tried_while_or_after_that(fact: Event) -> None:
    assert invoice(finalized(), failed(1, 0, 2), fact).next_retry_at is None


def test_a_retry_is_under_way_until_it_is_answered() -> None:
    asked = events.InvoiceRetryRequested(stripe_invoice_id="in_1", attempt=2, cause="schedule", at=START)
    unknown = events.InvoiceRetryUnknown(attempt=2, cause="5xx")
    refused = events.InvoiceRetryFailed(attempt=2, code="400", retry_at=START + 7 * DAY)
    begun = (finalized(), failed(1, 0, 2), asked)

    assert invoice(*begun).retry == "requested"
    assert invoice(*begun, unknown).retry == "unknown"
    row = invoice(*begun, unknown, refused)
    assert (row.retry, row.next_retry_at, row.failure_code) == ("", START + 7 * DAY, "400")


def test_payment_forgets_what_went_wrong_before() -> None:
    action = events.InvoiceActionRequired(payment_intent_id="pi_1")
    row = invoice(finalized(), failed(1, 0, None, hard=True), action, paid())

    assert (row.status, row.failure_code, row.hard_decline, row.action_required) == ("paid", "", False, False)
    assert (row.attempts, row.paid_at, row.charge_id) == (1, START, "ch_1")


def test_settlement_defers_and_days_recognise() -> None:
    row = invoice(*SOLD)
    assert (row.deferred_minor, row.recognised_minor, row.open_day) == (1_000, 0, START.date())

    row = invoice(*SOLD, recognised(0, ("il_1", 18)))
    assert (row.deferred_minor, row.recognised_minor) == (982, 18)
    assert (row.recognised_until, row.open_day) == (START.date(), date(2026, 2, 1))


def test_nothing_is_open_when_all_is_earned_or_service_ended() -> None:
    rest = events.ServiceEnded(
        subscription_id="sub_1",
        at=START,
        currency="usd",
        amounts=(LineAmount(line_id="il_1", amount_minor=1_000),),
        remaining_minor=1_000,
    )

    assert invoice(*SOLD, recognised(28, ("il_1", 1_000))).open_day is None
    row = invoice(*SOLD, rest)
    assert (row.open_day, row.deferred_minor, row.service_ended_at) == (None, 0, START)


def test_lines_that_cancel_each_other_out_are_still_open() -> None:
    lines = (line("il_1", 500), line("il_2", -500, START + 5 * DAY))
    row = invoice(finalized(*lines, total=0), paid(0), settled(("il_1", 500), ("il_2", -500)))

    assert (row.deferred_minor, row.open_day) == (0, START.date())


def test_a_line_of_a_later_period_is_closed_from_its_first_day() -> None:
    row = invoice(finalized(line("il_1", 1_000, START + 5 * DAY)), paid(), settled())

    assert row.open_day == (START + 5 * DAY).date()


def test_what_was_earned_before_it_was_paid_is_earned_on_the_day_it_came_in() -> None:
    row = invoice(finalized(line("il_1", 1_000, START - 9 * DAY, START - DAY)), paid(), settled())

    assert row.open_day == START.date()


def test_a_credit_is_under_way_until_it_stands() -> None:
    asked = credit_requested("crn_1", 400)
    assert (invoice(*SOLD, asked).credit_pending_minor, invoice(*SOLD, asked).credited_minor) == (400, 0)

    row = invoice(*SOLD, recognised(0, ("il_1", 100)), asked, credited("crn_1", 360, 40))
    assert (row.credit_pending_minor, row.credited_minor) == (0, 400)
    assert (row.deferred_minor, row.recognised_minor) == (540, 60)


def test_a_failed_credit_is_nothing() -> None:
    failed_ = events.CreditFailed(credit_id="crn_1", code="voided")
    row = invoice(*SOLD, credit_requested("crn_1", 400), failed_)

    assert (row.credit_pending_minor, row.credited_minor) == (0, 0)


def test_credit_notes_are_numbered_when_they_stand() -> None:
    credits_ = fold(
        *SOLD,
        credit_requested("crn_1", 400),
        credit_requested("crn_2", 100),
        credited("crn_2", 100),
        credited("cn_x", 50),
        credited("crn_1", 400),
    )._credits

    numbers = {row.credit_id: row.credit_note_number for row in credits_._by_key.values()}
    assert numbers == {"crn_2": 1, "cn_x": 2, "crn_1": 3}
    outside = credits_.find("cn_x")
    assert outside is not None
    assert (outside.outside, outside.user_id, outside.amount_minor) == (True, "usr_1", 50)


def test_receipts_are_numbered_in_the_order_of_payment_and_nothing_has_none() -> None:
    made = History()
    for invoice_id, total in (("in_1", 100), ("in_2", 0), ("in_3", 300)):
        made.add(f"invoice-{invoice_id}", finalized(line(f"il_{invoice_id}", total), invoice_id=invoice_id))
    for invoice_id in ("in_3", "in_2", "in_1", "in_3"):
        made.add(f"invoice-{invoice_id}", paid())
    invoices = Invoices()
    invoices.project_batch(made.recorded)

    numbers = {row.stripe_invoice_id: row.receipt_number for row in invoices._invoices._by_key.values()}
    assert numbers == {"in_1": 2, "in_2": None, "in_3": 1}


def test_a_dispute_withholds_until_it_is_won() -> None:
    opened = events.InvoiceDisputeOpened(
        payment_id="in_1",
        dispute_id="dp_1",
        charge_id="ch_1",
        amount_minor=1_000,
        currency="usd",
        reason="fraudulent",
        opened_at=START,
    )
    gone = events.InvoiceDisputeFundsWithdrawn(
        dispute_id="dp_1", balance_transaction=money("dp_1", -1_000, 1_500)
    )
    back = events.InvoiceDisputeFundsReinstated(
        dispute_id="dp_1", balance_transaction=money("dpr_1", 1_000, -1_500)
    )
    row = invoice(*SOLD, opened, gone)
    assert (row.status, row.dispute, row.disputed_minor) == ("paid", "disputed", 1_000)

    row = invoice(*SOLD, opened, gone, back, events.InvoiceDisputeWon(dispute_id="dp_1"))
    assert (row.dispute, row.disputed_minor) == ("", 0)


def test_a_fact_about_an_invoice_that_never_began_cannot_be_projected() -> None:
    with pytest.raises(CannotProject, match=r"invoices.paid.v1 at position 1 .*no row in_1"):
        fold(paid())


def test_a_row_says_what_the_decider_remembers() -> None:
    facts = random_subscriptions(seed=8, users=150)
    invoices = Invoices()
    invoices.project_batch(facts)
    compared = 0
    for invoice_id, known in states(facts, "invoice-").items():
        row = invoices._invoices.find(invoice_id)
        assert row is not None
        for name in ("status", "total_minor", "tax_minor", "funds_available", "deferred_minor"):
            assert getattr(row, name) == getattr(known, name), (invoice_id, name)
        assert row.credited_minor + row.credit_pending_minor == known.credited_minor
        assert row.attempts == len(known.attempts)
        assert row.retry == ("" if known.retry is None else ["requested", "unknown"][known.retry.unknown])
        assert (row.dispute == "disputed") == known.dispute_open
        assert row.recognised_minor == sum(one.recognised_minor for one in known.lines.values())
        for line_id, one in known.lines.items():
            found = invoices._lines.find(line_id)
            assert found is not None
            assert (found.booked_minor, found.recognised_minor) == (one.booked_minor, one.recognised_minor)
        compared += 1
    assert compared > 300
