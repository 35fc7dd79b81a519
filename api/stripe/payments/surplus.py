"""A payment too many whose refund came to nothing: when it is asked for again, and when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from api.stripe.delivery import Postponed, Tools
from ledger.effects import RefundCoursePayment
from ledger.enrolments.policy import surplus_refund_id
from ledger.message import Recorded
from ledger.payments.decider import PAYMENT
from ledger.payments.events import RefundCanceled, RefundFailed, SaleStandingChanged
from ledger.payments.stream import id_of, stream_of

FIRST_PAUSE = timedelta(hours=1)
LONGEST_PAUSE = timedelta(days=1)
MOST_TRIES = 8
"""About four days: what is refused for longer, such as a card that is closed, will be refused for ever."""


async def check_due(tools: Tools, effect: RefundCoursePayment) -> None:
    """Each refund that fails is followed by another one, and at once would be a storm of requests that
    Stripe refuses. Raises Postponed before the pause after the last one is over, and for an operator after
    many.
    """
    stream = stream_of(effect.payment_id)
    if not (await tools.store.state(PAYMENT, stream)).refundable_minor:
        return
    failed = failures(await tools.store.read_stream(stream))
    if len(failed) >= MOST_TRIES:
        raise Postponed(
            f"{len(failed)} refunds of payment {effect.payment_id}, which was one too many, came to nothing: "
            "refund it as an administrator, or pay it back in another way",
            tries=1,
        )
    if failed and tools.clock.now() < (due := again_at(failed[-1], len(failed))):
        raise Postponed(f"its refund came to nothing, and is asked for again at {due.isoformat()}")


def failures(facts: Sequence[Recorded]) -> list[datetime]:
    """When refunds of a payment that were asked for as it was one too many came to nothing."""
    payment_id = id_of(facts[0].stream)
    ours = {
        surplus_refund_id(payment_id, fact.version)
        for fact in facts
        if isinstance(fact.event, SaleStandingChanged)
    }
    return [
        fact.metadata.effective_at
        for fact in facts
        if isinstance(fact.event, RefundFailed | RefundCanceled) and fact.event.refund_id in ours
    ]


def again_at(failed_at: datetime, tries: int) -> datetime:
    doubled: int = 2 ** (tries - 1)
    return failed_at + min(FIRST_PAUSE * doubled, LONGEST_PAUSE)
