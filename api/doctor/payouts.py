"""When Stripe pays the platform: what instructors are owed must stay there."""

from __future__ import annotations

import stripe

from api.doctor.finding import Finding, ok, skipped, worrying
from api.stripe.payments.lookup import patiently

CHECK = "stripe.payouts"
_MANUAL = "manual"


async def examine(client: stripe.StripeClient) -> Finding:
    try:
        answer = await patiently(lambda: client.raw_request_async("get", "/v1/account"))
    except stripe.StripeError as error:
        return skipped(CHECK, f"Stripe does not show the platform's account ({type(error).__name__})")
    interval = _interval(answer.data)
    if interval == _MANUAL:
        return ok(CHECK, "The platform is paid by Stripe as it asks: what instructors are owed can be kept.")
    said = (
        f"Stripe pays out the platform's balance by itself ({interval or 'it does not say when'}), also what "
        "instructors are owed of it, so that their payouts have to wait."
    )
    todo = "Where you pay instructors, make payouts manual: https://dashboard.stripe.com/settings/payouts."
    return worrying(CHECK, said, todo)


def _interval(account: object) -> str:
    for name in ("settings", "payouts", "schedule", "interval"):
        account = account.get(name) if isinstance(account, dict) else None
    return account if isinstance(account, str) else ""
