"""Mail about plans: a trial that ends, a cancellation, the end."""

from __future__ import annotations

from api.email.letter import LeftOut, Letter, Money
from api.email.lookups import plan_name, row_by, subscription
from api.services import Services
from ledger.effects import SendMail
from projections.subscriptions import SUBSCRIPTIONS

_GONE = LeftOut("no_such_subscription")
_DUNNING = "dunning"
"""As the end of a subscription is said to be that was not paid."""


async def trial_ending(services: Services, mail: SendMail) -> Letter | LeftOut:
    """Stripe's event names its own id, and may be of a subscription that is none of ours."""
    row = await row_by(services, SUBSCRIPTIONS, "stripe_subscription_id", mail.about)
    if row is None:
        return _GONE
    if row.status != "trialing" or row.trial_end is None or row.cancel_at is not None:
        return LeftOut("ends_otherwise")
    return Letter(
        user_id=row.user_id,
        template="trial_ending",
        values={
            "plan": plan_name(row),
            "ends_at": row.trial_end,
            "amount": Money(row.price_minor, row.currency),
            "yearly": row.interval == "year",
        },
    )


async def cancellation_scheduled(services: Services, mail: SendMail) -> Letter | LeftOut:
    row = await subscription(services, mail.about)
    if row is None:
        return _GONE
    if row.cancel_at is None or row.ended_at is not None:
        return LeftOut("withdrawn_since")
    return Letter(
        user_id=row.user_id,
        template="cancellation_scheduled",
        values={"plan": plan_name(row), "ends_at": row.cancel_at},
    )


async def subscription_ended(services: Services, mail: SendMail) -> Letter | LeftOut:
    row = await subscription(services, mail.about)
    if row is None or row.ended_at is None:
        return _GONE
    return Letter(
        user_id=row.user_id,
        template="subscription_ended",
        values={"plan": plan_name(row), "ended_at": row.ended_at, "unpaid": row.end_reason == _DUNNING},
    )
