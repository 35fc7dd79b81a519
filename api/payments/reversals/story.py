"""What is read to tell of a refund: the payment's stream, the enrolment's, its awards and its coupon."""

from __future__ import annotations

from api.awards import awards_of
from api.payments.resources import Refund, address_of, fold, refund_of
from api.payments.reversals.steps import Story
from ledger.coupons.decider import COUPON
from ledger.coupons.stream import stream_of as coupon_stream
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.events import ReturnRequested
from ledger.enrolments.stream import KIND, parts_of
from ledger.message import Recorded
from ledger.payments.decider import PAYMENT
from ledger.payments.stream import stream_of
from ledger.store import Store
from ledger.tokens.following import completion_source


async def story_of(store: Store, payment_id: str, refund_id: str) -> Story:
    """The payment's facts are read last: what follows from them is never newer than they are."""
    payment = await store.state(PAYMENT, stream_of(payment_id))
    facts: list[Recorded] = []
    coupon = COUPON.initial
    if KIND.has(payment.purpose_ref):
        facts += await awards_of(store, completion_source(*parts_of(payment.purpose_ref)))
        enrolment = await store.state(ENROLMENT, payment.purpose_ref)
        attempt = enrolment.attempts.get(payment_id)
        if attempt is not None and attempt.coupon:
            coupon = await store.state(COUPON, coupon_stream(attempt.coupon))
        facts += await store.read_stream(payment.purpose_ref)
    return Story(refund_id, [*facts, *await store.read_stream(stream_of(payment_id))], coupon)


def shown(story: Story) -> Refund | None:
    """The refund as the payment has it, or as its buyer asked for it where the payment has not heard of that
    yet; None when that was withdrawn, or there never was such a refund.
    """
    payment = story.payment
    if story.refund_id in payment.refunds:
        rows = fold([fact for fact in story.facts if fact.stream == stream_of(payment.payment_id)]).refunds
        return refund_of(next(row for row in rows if row.refund_id == story.refund_id))
    asked = story.last((ReturnRequested,), story.its)
    if asked is None or story.is_over or story.enrolment.returning_of(payment.payment_id) != story.refund_id:
        return None
    assert isinstance(asked.event, ReturnRequested)
    return Refund(
        refund_id=story.refund_id,
        payment_id=payment.payment_id,
        status="requested",
        amount_minor=payment.refundable_minor,
        currency=payment.currency,
        reason=asked.event.reason,
        note=asked.event.note,
        failure_reason="",
        outside=False,
        requested_at=asked.metadata.effective_at,
        position=asked.position,
        url=address_of(story.refund_id),
    )
