"""Histories to project: hand-made facts, random ones that could have happened, and how to store them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import psycopg

from ledger.balance import BalanceTransaction
from ledger.customers.events import CustomerCreated, PaymentMethodRemoved, PaymentMethodSaved
from ledger.enrolments.events import (
    EnrolmentActivated,
    EnrolmentExpiring,
    EnrolmentReleased,
    EnrolmentReserved,
    EnrolmentRestored,
    EnrolmentRevoked,
    ReservationSuperseded,
)
from ledger.enrolments.learning.events import (
    CertificateIssued,
    CertificateReinstated,
    CertificateRevoked,
    EnrolmentCompleted,
    ProgressReported,
)
from ledger.message import Event, Metadata, Recorded
from ledger.payments import events as payments
from ledger.payouts.events import PayoutFailed, PayoutInitiated, PayoutPaid
from ledger.split import Part, Sale
from ledger.store import conninfo
from ledger.store.mapper import FactMapper
from ledger.store.recorder import APPEND, NewRow, append_arguments
from ledger.webhooks.events import WebhookApplied, WebhookReceived

START = datetime(2026, 1, 31, 12, tzinfo=UTC)

Step = tuple[str, tuple[Event, ...]]
"""A stream and what one command adds to it."""


class History:
    """Facts in their places, as a store that began empty would give them."""

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self._versions: defaultdict[str, int] = defaultdict(int)

    def add(self, stream: str, *events: Event, effective_at: datetime | None = None) -> None:
        """One command's facts."""
        command_id = f"cmd-{len(self.recorded) + 1}"
        for event in events:
            position = len(self.recorded) + 1
            at = START + timedelta(seconds=position)
            self._versions[stream] += 1
            metadata = Metadata(
                actor="stripe" if position % 3 else "usr_1",
                command="test.record",
                command_digest="",
                effective_at=effective_at or at,
                roles=("system",),
                correlation_id=f"req_{position}",
            )
            self.recorded.append(
                Recorded(position, stream, self._versions[stream], event, metadata, at, command_id)
            )


def history(*steps: Step) -> list[Recorded]:
    made = History()
    for stream, events in steps:
        made.add(stream, *events)
    return made.recorded


def random_history(seed: int, payments: int) -> list[Recorded]:
    """The lives of so many payments, interleaved, with their webhooks, customers and payouts."""
    chance = random.Random(seed)  # noqa: S311  # a test's dice
    lives = [payment(f"pay_{index}", chance) for index in range(payments)]
    lives += [payout(f"po_{index}", chance) for index in range(payments // 10)]
    lives += [customer(f"usr_{index}", chance) for index in range(payments // 5)]
    lives += [enrolment(f"crs_{index % 3}", f"usr_{index}", chance) for index in range(payments // 4)]
    made, young = History(), list(reversed(lives))
    alive: list[Iterator[Step]] = []
    while young or alive:
        if young and (len(alive) < 20 or not alive):  # so many overlap at a time
            alive.append(young.pop())
        one = chance.randrange(len(alive))
        try:
            stream, events = next(alive[one])
            made.add(stream, *events)
        except StopIteration:
            del alive[one]
    return made.recorded


def money(reference: str, amount_minor: int, fee_minor: int = 0, currency: str = "usd") -> BalanceTransaction:
    return BalanceTransaction(
        balance_transaction_id=f"txn_{reference}",
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        net_minor=amount_minor - fee_minor,
        currency=currency,
        available_at=START + timedelta(days=2),
        created_at=START,
    )


def initiated(
    payment_id: str, amount_minor: int = 10_000, user_id: str = "usr_1"
) -> payments.PaymentInitiated:
    return payments.PaymentInitiated(
        payment_id=payment_id,
        user_id=user_id,
        amount_minor=amount_minor,
        currency="usd",
        payment_method_id="pm_card_visa",
        description="A course;\twith a tab, a \\ and a\nnew line",
    )


def succeeded(payment_id: str, amount_minor: int = 10_000) -> payments.PaymentSucceeded:
    return payments.PaymentSucceeded(
        payment_intent_id=f"pi_{payment_id}",
        charge_id=f"ch_{payment_id}",
        amount_minor=amount_minor,
        currency="usd",
    )


def settled(payment_id: str, amount_minor: int = 10_000, currency: str = "usd") -> payments.PaymentSettled:
    fee = amount_minor * 29 // 1000 + 30
    return payments.PaymentSettled(
        charge_id=f"ch_{payment_id}",
        balance_transaction=money(payment_id, amount_minor, fee, currency),
    )


def refund_requested(payment_id: str, refund_id: str, amount_minor: int) -> payments.RefundRequested:
    return payments.RefundRequested(
        payment_id=payment_id,
        refund_id=refund_id,
        payment_intent_id=f"pi_{payment_id}",
        amount_minor=amount_minor,
        currency="usd",
        reason="requested_by_customer",
    )


def refund_succeeded(refund_id: str, amount_minor: int) -> payments.RefundSucceeded:
    return payments.RefundSucceeded(
        refund_id=refund_id, stripe_refund_id=f"re_{refund_id}", amount_minor=amount_minor, currency="usd"
    )


def refund_settled(refund_id: str, amount_minor: int, currency: str = "usd") -> payments.RefundSettled:
    return payments.RefundSettled(
        refund_id=refund_id,
        stripe_refund_id=f"re_{refund_id}",
        balance_transaction=money(f"re_{refund_id}", -amount_minor, currency=currency),
    )


def dispute_opened(
    payment_id: str, amount_minor: int = 10_000, *, inquiry: bool = False
) -> payments.DisputeOpened:
    return payments.DisputeOpened(
        payment_id=payment_id,
        dispute_id=f"dp_{payment_id}",
        charge_id=f"ch_{payment_id}",
        amount_minor=amount_minor,
        currency="usd",
        reason="fraudulent",
        opened_at=START,
        inquiry=inquiry,
    )


def withdrawn(
    payment_id: str, amount_minor: int = 10_000, currency: str = "usd"
) -> payments.DisputeFundsWithdrawn:
    return payments.DisputeFundsWithdrawn(
        dispute_id=f"dp_{payment_id}",
        balance_transaction=money(f"dp_{payment_id}", -amount_minor, 1500, currency),
    )


def reinstated(
    payment_id: str, amount_minor: int = 10_000, currency: str = "usd"
) -> payments.DisputeFundsReinstated:
    return payments.DisputeFundsReinstated(
        dispute_id=f"dp_{payment_id}",
        balance_transaction=money(f"dpr_{payment_id}", amount_minor, -1500, currency),
    )


def payment(payment_id: str, chance: random.Random) -> Iterator[Step]:
    stream, amount = f"payment-{payment_id}", chance.randrange(100, 50_000)
    currency = chance.choice(["usd", "usd", "eur", "jpy"])
    yield stream, (initiated(payment_id, amount, f"usr_{chance.randrange(50)}"),)
    match chance.randrange(8):
        case 0:
            yield stream, (payments.PaymentFailed(code="card_declined", decline_code="lost_card"),)
            return
        case 1:
            yield stream, (payments.PaymentOutcomeUnknown(cause="time-out"),)
        case 2:
            action = payments.PaymentActionRequired(
                payment_intent_id=f"pi_{payment_id}", action="https://3ds.test/1"
            )
            yield stream, (action,)
        case 3:
            yield stream, (payments.PaymentProcessing(payment_intent_id=f"pi_{payment_id}"),)
        case _:
            pass
    yield from webhook(f"evt_a_{payment_id}", payment_id)
    if chance.random() < 0.9:
        yield stream, (succeeded(payment_id, amount), settled(payment_id, amount, currency))
    else:
        yield stream, (payments.PaymentCanceled(payment_intent_id=f"pi_{payment_id}"),)
        return
    if chance.random() < 0.7:
        net = settled(payment_id, amount, currency).balance_transaction.net_minor
        available = payments.PaymentFundsAvailable(
            balance_transaction_id=f"txn_{payment_id}", net_minor=net, currency=currency
        )
        yield stream, (available,)
    yield from refunds(stream, payment_id, amount, currency, chance)
    if chance.random() < 0.2:
        yield from dispute(stream, payment_id, amount, currency, chance)
    yield from webhook(f"evt_b_{payment_id}", payment_id)


def refunds(
    stream: str, payment_id: str, amount: int, currency: str, chance: random.Random
) -> Iterator[Step]:
    for index in range(chance.choice([0, 0, 0, 1, 2])):
        refund_id, part = f"re_{payment_id}_{index}", amount // 3
        yield stream, (refund_requested(payment_id, refund_id, part),)
        match chance.randrange(6):
            case 0:
                yield stream, (payments.RefundOutcomeUnknown(refund_id=refund_id, cause="5xx"),)
            case 1:
                yield stream, (payments.RefundFailed(refund_id=refund_id, reason="declined"),)
                continue
            case 2:
                yield stream, (payments.RefundCanceled(refund_id=refund_id),)
                continue
            case 3:
                yield (
                    stream,
                    (payments.RefundPending(refund_id=refund_id, stripe_refund_id=f"re_{refund_id}"),),
                )
            case _:
                pass
        yield stream, (refund_settled(refund_id, part, currency), refund_succeeded(refund_id, part))
        if chance.random() < 0.2:
            back = payments.RefundReversed(
                refund_id=refund_id, balance_transaction=money(f"rr_{refund_id}", part, currency=currency)
            )
            yield stream, (payments.RefundFailed(refund_id=refund_id, reason="closed_account"), back)


def dispute(
    stream: str, payment_id: str, amount: int, currency: str, chance: random.Random
) -> Iterator[Step]:
    dispute_id = f"dp_{payment_id}"
    yield stream, (dispute_opened(payment_id, amount), withdrawn(payment_id, amount, currency))
    yield stream, (payments.DisputeStatusChanged(dispute_id=dispute_id, status="under_review"),)
    if chance.random() < 0.5:
        back = reinstated(payment_id, amount, currency)
        yield stream, (back, payments.DisputeWon(dispute_id=dispute_id, currency=currency))
    else:
        lost = payments.DisputeLost(dispute_id=dispute_id, withdrawn_minor=amount, currency=currency)
        yield stream, (lost,)


def webhook(event_id: str, payment_id: str) -> Iterator[Step]:
    stream = f"webhook-{event_id}"
    yield (
        stream,
        (
            WebhookReceived(
                stripe_event_id=event_id,
                stripe_event_type="payment_intent.succeeded",
                object_id=f"pi_{payment_id}",
                created_at=START,
            ),
        ),
    )
    yield stream, (WebhookApplied(stripe_event_id=event_id, result="applied", subject=payment_id),)


def payout(payout_id: str, chance: random.Random) -> Iterator[Step]:
    stream, amount = f"payout-{payout_id}", chance.randrange(100, 5_000)
    yield (
        stream,
        (
            PayoutInitiated(
                payout_id=payout_id,
                amount_minor=amount,
                currency="usd",
                automatic=True,
                arrival_at=START + timedelta(days=3),
                balance_transaction=money(payout_id, -amount),
            ),
        ),
    )
    paid = chance.random() < 0.7
    if paid:
        yield stream, (PayoutPaid(payout_id=payout_id, amount_minor=amount, currency="usd"),)
    if chance.random() < 0.3:
        back = money(f"back_{payout_id}", amount)
        yield stream, (PayoutFailed(payout_id=payout_id, was_paid=paid, balance_transaction=back),)


def customer(user_id: str, chance: random.Random) -> Iterator[Step]:
    stream = f"customer-{user_id}"
    yield stream, (CustomerCreated(user_id=user_id, stripe_customer_id=f"cus_{user_id}"),)
    for index in range(chance.randrange(3)):
        saved = PaymentMethodSaved(user_id=user_id, payment_method_id=f"pm_{user_id}_{index}")
        yield stream, (saved,)
        if chance.random() < 0.3:
            removed = PaymentMethodRemoved(user_id=user_id, payment_method_id=f"pm_{user_id}_{index}")
            yield stream, (removed,)


def reserved(course_id: str, learner_id: str, number: int = 1) -> EnrolmentReserved:
    """The how manyth attempt, with a payment of its own, for half an hour."""
    return EnrolmentReserved(
        enrolment_id=f"enr_{learner_id}_{number}",
        course_id=course_id,
        learner_id=learner_id,
        buyer_id=learner_id,
        attempt=number,
        payment_id=f"pay_{learner_id}_{number}",
        amount_minor=10_000,
        currency="usd",
        sale=Sale(
            course_id=course_id,
            revision=number,
            price_minor=10_000,
            basis_minor=10_000,
            share_bp=7000,
            instructors=(Part("usr_ivy", 10_000),),
        ),
        payment_method_id="pm_card_visa",
        expires_at=START + timedelta(minutes=30),
    )


def activated(course_id: str, learner_id: str, number: int = 1, as_of: int = 4) -> EnrolmentActivated:
    return EnrolmentActivated(
        enrolment_id=f"enr_{learner_id}_{number}",
        course_id=course_id,
        learner_id=learner_id,
        buyer_id=learner_id,
        attempt=number,
        revision=number,
        payment_id=f"pay_{learner_id}_{number}",
        amount_minor=10_000,
        currency="usd",
        as_of=as_of,
    )


def released(learner_id: str, number: int = 1) -> EnrolmentReleased:
    enrolment_id, payment_id = f"enr_{learner_id}_{number}", f"pay_{learner_id}_{number}"
    return EnrolmentReleased(enrolment_id=enrolment_id, payment_id=payment_id, reason="failed", as_of=3)


def revoked(learner_id: str, number: int = 1) -> EnrolmentRevoked:
    return EnrolmentRevoked(
        enrolment_id=f"enr_{learner_id}_{number}",
        payment_id=f"pay_{learner_id}_{number}",
        cause="refunded",
        cause_id="re_1",
        as_of=6,
    )


def restored(learner_id: str, number: int = 1) -> EnrolmentRestored:
    return EnrolmentRestored(
        enrolment_id=f"enr_{learner_id}_{number}",
        payment_id=f"pay_{learner_id}_{number}",
        buyer_id=learner_id,
        attempt=number,
        revision=number,
        cause="refund_failed",
        cause_id="re_1",
        as_of=8,
        amount_minor=10_000,
        currency="usd",
    )


def enrolment(course_id: str, learner_id: str, chance: random.Random) -> Iterator[Step]:
    """Attempts until one is paid; a late payment of an earlier one; money that goes back and bounces."""
    stream = f"enrolment-{course_id}-{learner_id}"
    for number in range(1, 4):
        held = reserved(course_id, learner_id, number)
        yield stream, (held,)
        if chance.random() < 0.3:
            expiring = EnrolmentExpiring(enrolment_id=held.enrolment_id, payment_id=held.payment_id)
            yield stream, (expiring,)
        match chance.randrange(4):
            case 0:
                yield stream, (released(learner_id, number),)
                continue
            case 1 if number > 1:
                superseded = ReservationSuperseded(
                    enrolment_id=held.enrolment_id,
                    payment_id=held.payment_id,
                    by_payment_id=f"pay_{learner_id}_{number - 1}",
                )
                yield stream, (superseded, activated(course_id, learner_id, number - 1))
                return
            case 2:
                return
            case _:
                yield stream, (activated(course_id, learner_id, number),)
        of = held.enrolment_id
        certified = chance.random() < 0.5
        yield stream, (progress(of, 0, 5000),)
        if certified:
            yield stream, (progress(of, 5000, 10_000), completed(of, course_id, learner_id))
            yield stream, (certificate(of, course_id, learner_id),)
        if chance.random() < 0.5:
            gone, back = revoked(learner_id, number), restored(learner_id, number)
            yield stream, (gone, certificate_gone(of)) if certified else (gone,)
            if chance.random() < 0.5:
                yield stream, (back, certificate_back(of)) if certified else (back,)
        return


def progress(enrolment_id: str, before_bp: int, after_bp: int) -> ProgressReported:
    items = (f"itm_{after_bp}",)
    return ProgressReported(
        enrolment_id=enrolment_id, revision=1, before_bp=before_bp, after_bp=after_bp, items=items
    )


def completed(enrolment_id: str, course_id: str, learner_id: str) -> EnrolmentCompleted:
    return EnrolmentCompleted(
        enrolment_id=enrolment_id,
        course_id=course_id,
        learner_id=learner_id,
        attempt=1,
        revision=1,
        level="beginner",
        completed_at=START,
        minutes=60,
    )


def certificate(enrolment_id: str, course_id: str, learner_id: str) -> CertificateIssued:
    return CertificateIssued(
        certificate_id=f"crt_{enrolment_id}",
        enrolment_id=enrolment_id,
        course_id=course_id,
        learner_id=learner_id,
        revision=1,
        level="beginner",
        completed_at=START,
        words_id="wrd_1",
        words_hash="",
    )


def certificate_gone(enrolment_id: str) -> CertificateRevoked:
    return CertificateRevoked(
        certificate_id=f"crt_{enrolment_id}", enrolment_id=enrolment_id, cause="refunded", cause_id="re_1"
    )


def certificate_back(enrolment_id: str) -> CertificateReinstated:
    return CertificateReinstated(
        certificate_id=f"crt_{enrolment_id}",
        enrolment_id=enrolment_id,
        cause="refund_failed",
        cause_id="re_1",
    )


def append(url: str, facts: Sequence[Recorded], *, schema: str = "liberation") -> None:
    """Store facts as they are, many in one transaction. The database gives its own time to them."""
    mapper = FactMapper(())
    rows: list[NewRow] = [
        (
            one.stream,
            one.version,
            one.event.TYPE,
            mapper.encode(one.event),
            mapper.encode(one.metadata),
            one.command_id,
            one.position - int(one.command_id.removeprefix("cmd-")),
        )
        for one in facts
    ]
    with psycopg.connect(conninfo(url, schema=schema), autocommit=True) as conn:
        for start in range(0, len(rows), 5_000):
            conn.execute(APPEND, append_arguments(rows[start : start + 5_000]))
