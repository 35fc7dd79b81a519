"""What an upgrade would charge: Stripe's own preview, held against ours."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import structlog

from api.stripe.billing import catalogue
from api.stripe.billing import lookup as billing_lookup
from api.stripe.billing.catalogue import Plan
from api.stripe.billing.items import is_of, plan_item
from api.stripe.billing.objects import Subscription
from api.stripe.billing.record import subscription_of
from api.stripe.delivery import RefusedByStripe, Tools
from api.stripe.failures import Failure
from api.stripe.objects import instant
from ledger.errors import NotFound
from ledger.money import format_minor
from ledger.subscriptions.changes import preview_change as our_preview
from ledger.subscriptions.proration import Preview, seg
from ledger.subscriptions.refusals import PreviewMismatch
from ledger.subscriptions.state import ENDED
from ledger.subscriptions.worth import PaidTime

log = structlog.get_logger()


class ChangePreview(msgspec.Struct, frozen=True, kw_only=True):
    """`ours.charge_minor` and `ours.proration_at` are what the commit echoes."""

    ours: Preview
    total_minor: int | None
    """What Stripe will invoice, with tax. None when Stripe cannot tell: a downgrade waits there as the new
    price already, and is taken back first."""
    waited_minor: int = 0
    """Of it what waited at Stripe for the next invoice, as after a change in its dashboard; without tax."""


class _InvoicePreview(msgspec.Struct, frozen=True):
    """Stripe gives it an id that leads nowhere."""

    total: int
    total_excluding_tax: int | None = None


def _correction(ours: Preview, currency: str, found: Subscription) -> dict[str, Any]:
    """As `unused_time.correction` has it on the invoice of the change itself."""
    if not ours.given_back_minor:
        return {}
    period = {"start": int(ours.proration_at.timestamp()), "end": plan_item(found).current_period_end}
    item = {
        "amount": ours.given_back_minor,
        "currency": currency,
        "discountable": False,
        "period": period,
    }
    return {"invoice_items": [item]}


def _worth(ours: Preview, plan: Plan) -> str:
    unused, anew = (format_minor(one, plan.currency) for one in (ours.unused_minor, ours.used_anew_minor))
    return f"{unused} for what is unused of the present plan, {anew} for the new one"


async def preview_change(
    tools: Tools,
    user_id: str,
    subscription_id: str,
    plan: Plan,
    at: datetime,
    paid: PaidTime | None = None,
) -> ChangePreview:
    """`paid` is what is still paid of the time after `at`.

    Raises `NotFound`, `SubscriptionNotActive`, what a call to Stripe raises, `RefusedByStripe` when it has
    ended there, and `PreviewMismatch` when Stripe and we do not come to the same: then nothing must be
    promised.
    """
    known = await subscription_of(tools, user_id, subscription_id)
    if known is None:
        raise NotFound(f"There is no subscription {subscription_id}.")
    # Stripe counts whole seconds, and its clock may be a little ahead when a period has just begun
    at = max(at.replace(microsecond=0), known.period_start or at)
    ours = our_preview(known, plan.tier, plan.price_minor, plan.interval, at, paid)
    found = await billing_lookup.subscription(tools.stripe, known.stripe_subscription_id)
    if found.status in ENDED:
        raise RefusedByStripe(Failure(kind="refused", code="subscription_ended"))
    present = Plan(known.tier, known.interval, known.currency, known.price_minor)
    if known.status == "trialing":
        return ChangePreview(ours=ours, total_minor=0)
    if not is_of(found, present):
        return ChangePreview(ours=ours, total_minor=None)
    theirs = await billing_lookup.ask(
        tools.stripe,
        "/v1/invoices/create_preview",
        _InvoicePreview,
        subscription=found.id,
        subscription_details={
            "items": [{"id": plan_item(found).id, "price": await catalogue.price_id(tools, plan)}],
            "proration_behavior": "always_invoice",
            "proration_date": int(ours.proration_at.timestamp()),
        },
        **_correction(ours, plan.currency, found),
    )
    net = theirs.total if theirs.total_excluding_tax is None else theirs.total_excluding_tax
    waits = 0 if net == ours.charge_minor else await _waiting_minor(tools, found)
    net -= waits
    if net != ours.charge_minor:
        log.error(
            "preview_differs", subscription_id=subscription_id, stripe_minor=net, ours_minor=ours.charge_minor
        )
        raise PreviewMismatch(
            f"Stripe would charge {format_minor(net, plan.currency)} and we come to "
            f"{format_minor(ours.charge_minor, plan.currency)} for {subscription_id}; nothing was changed. "
            "It passes when something was being changed at Stripe. When it stays, an operator is to compare "
            f"its price, quantity and discounts at Stripe with what the ledger knows: {_worth(ours, plan)}."
        )
    return ChangePreview(ours=ours, total_minor=theirs.total, waited_minor=waits)


async def _waiting_minor(tools: Tools, found: Subscription) -> int:
    """What the subscription's next invoice has beside what it is made for, as prorations that wait."""
    return sum(one.amount for one in await billing_lookup.waiting(tools.stripe, found))


async def waiting_time_minor(tools: Tools, stripe_subscription_id: str, at: datetime) -> int:
    """What waits for the next invoice for time of the plan after `at`: that invoice is the change's own, so
    that it is paid with it.
    """
    found = await billing_lookup.subscription(tools.stripe, stripe_subscription_id)
    plan, waiting = plan_item(found).id, await billing_lookup.waiting(tools.stripe, found)
    return sum(
        seg(one.amount, at, instant(one.period.start), instant(one.period.end))
        for one in waiting
        if one.proration and one.subscription_item_id == plan
    )
