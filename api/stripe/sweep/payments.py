"""Payments with their refunds and disputes, and payouts, compared with what is known of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

import msgspec

from api.stripe.billing.record import invoice_of
from api.stripe.objects import Charge, Dispute, PaymentIntent, Payout, Refund, id_of
from api.stripe.payments import lookup
from api.stripe.payments.create import present_of, record_present, state_of
from api.stripe.payments.lookup import WITH_CHARGE, WITH_ENTRIES
from api.stripe.payments.snapshots import PresentState, commands_of, expanded, payout_snapshot
from api.stripe.sweep.billing import look_at_invoice
from api.stripe.sweep.comparing import Comparison, Finding, Kind, types_of
from ledger.payments.decider import PAYMENT
from ledger.payments.state import Payment
from ledger.payouts.decider import PAYOUT
from projections.queries.unsettled import (
    Intent,
    contested_intents,
    intents,
    refunding_intents,
    unsettled_intents,
)

LATE_FAILURE = timedelta(days=14)
"""So old a payout is compared at least: banks send back what had arrived."""
_UNSETTLED_REFUND = {"requires_action": "pending", None: "pending"}


async def payments(run: Comparison) -> AsyncIterator[Finding]:
    """Those made lately, and all that are unsettled here. One that a restore has lost is not taken up in
    passing.
    """
    met: set[str] = set()
    listed = run.listed("/v1/payment_intents", PaymentIntent, expand=_of_data(WITH_CHARGE), **run.lately)
    async for found in listed:
        met.add(found.id)
        payment_id = (found.metadata or {}).get("payment_id", "")
        known = await state_of(run.tools, payment_id) if payment_id else Payment()
        if not known.payment_id:
            continue
        run.compared += 1
        if _tells(known, PresentState(payment_intent=found)):
            async for finding in _look(run, "payment", Intent(found.id, payment_id=payment_id)):
                yield finding
    for intent in await unsettled_intents(run.conn):
        if intent.payment_intent_id not in met:
            run.compared += 1
            async for finding in _look(run, "payment", intent):
                yield finding


async def refunds(run: Comparison) -> AsyncIterator[Finding]:
    """Those made lately, and all that are on their way here."""
    listed = run.listed("/v1/refunds", Refund, expand=_of_data(WITH_ENTRIES), **run.lately)
    wanted = {intent.payment_intent_id: intent for intent in await refunding_intents(run.conn)}
    async for found, intent in _with_intents(run, [one async for one in listed]):
        run.compared += 1
        if await _is_news_of(run, found, intent):
            wanted[intent.payment_intent_id] = intent
    for intent in wanted.values():
        async for finding in _look(run, "refund", intent):
            yield finding


async def disputes(run: Comparison) -> AsyncIterator[Finding]:
    """Those opened lately, and all that are open here."""
    listed = run.listed("/v1/disputes", Dispute, **run.lately)
    wanted = {intent.payment_intent_id: intent for intent in await contested_intents(run.conn)}
    async for found, intent in _with_intents(run, [one async for one in listed]):
        run.compared += 1
        if await _is_moved(run, found, intent):
            wanted[intent.payment_intent_id] = intent
    for intent in wanted.values():
        async for finding in _look(run, "dispute", intent):
            yield finding


async def payouts(run: Comparison) -> AsyncIterator[Finding]:
    """To the platform's bank."""
    since = min(run.since, run.tools.clock.now() - LATE_FAILURE)
    listed = run.listed(
        "/v1/payouts", Payout, expand=_of_data(WITH_ENTRIES), created={"gte": int(since.timestamp())}
    )
    async for found in listed:
        if expanded(found.balance_transaction) is None:
            continue  # Stripe has not booked it yet
        run.compared += 1
        command = payout_snapshot(found)
        if not PAYOUT.decide(command, await run.tools.store.state(PAYOUT, PAYOUT.stream(command))):
            continue
        finding = Finding(kind="payout", object_id=found.id, subject=found.id)
        if not run.dry:
            outcome = await run.tools.store.handle(command, run.origin)
            finding = msgspec.structs.replace(finding, recorded=types_of([outcome]))
        yield finding


async def _with_intents(
    run: Comparison, found: Iterable[Refund | Dispute]
) -> AsyncIterator[tuple[Refund | Dispute, Intent]]:
    """Each with the payment or invoice of ours that it is of; without those that are of none."""
    named = {one.id: id_of(one.payment_intent) for one in found}
    known = await intents(run.conn, [each for each in named.values() if each])
    for one in found:
        if (intent := known.get(named[one.id])) is not None:
            yield one, intent


def _tells(known: Payment, present: PresentState) -> bool:
    """Whether any of it is new. A refund or a dispute is seen by its sum alone."""
    charge = present.payment_intent.latest_charge
    if isinstance(charge, Charge) and (charge.disputed, charge.amount_refunded) != (
        bool(known.disputes),
        known.refunded_minor,
    ):
        return True
    return any(PAYMENT.decide(command, known) for command in commands_of(known.payment_id, present))


async def _is_news_of(run: Comparison, found: Refund | Dispute, intent: Intent) -> bool:
    assert isinstance(found, Refund), "as was listed"
    entries = (expanded(found.balance_transaction), expanded(found.failure_balance_transaction))
    ids = [entry.balance_transaction_id for entry in entries if entry]
    if not intent.payment_id:
        posted = (await invoice_of(run.tools, intent.invoice_id)).posted
        return any(one not in posted for one in ids)
    payment = await state_of(run.tools, intent.payment_id)
    known = next((one for one in payment.refunds.values() if one.stripe_refund_id == found.id), None)
    status = _UNSETTLED_REFUND.get(found.status, found.status)
    return known is None or known.status != status or any(one not in payment.posted for one in ids)


async def _is_moved(run: Comparison, found: Refund | Dispute, intent: Intent) -> bool:
    assert isinstance(found, Dispute), "as was listed"
    of = (
        await state_of(run.tools, intent.payment_id)
        if intent.payment_id
        else await invoice_of(run.tools, intent.invoice_id)
    )
    known = of.disputes.get(found.id)
    unposted = any(entry.id not in of.posted for entry in found.balance_transactions)
    return known is None or known.status != found.status or unposted


def _look(run: Comparison, kind: Kind, intent: Intent) -> AsyncIterator[Finding]:
    return run.found_by(_closely(run, kind, intent), intent.payment_intent_id)


async def _closely(run: Comparison, kind: Kind, intent: Intent) -> AsyncIterator[Finding]:
    if not intent.payment_id:
        found = look_at_invoice(run, intent.invoice_id, refunds=kind == "refund", disputes=kind == "dispute")
        async for finding in found:
            yield finding
        return
    await run.pace()
    at_stripe = await lookup.payment_intent(run.tools.stripe, intent.payment_intent_id)
    known = await state_of(run.tools, intent.payment_id)
    present = await present_of(
        run.tools,
        at_stripe,
        with_refunds=kind == "refund" or bool(known.refunds),
        with_disputes=kind == "dispute" or bool(known.disputes),
    )
    finding = Finding(kind=kind, object_id=at_stripe.id, subject=intent.payment_id)
    if run.dry:
        if any(PAYMENT.decide(command, known) for command in commands_of(intent.payment_id, present)):
            yield finding
        return
    outcomes = await record_present(run.tools, intent.payment_id, present, run.origin)
    if recorded := types_of(outcomes):
        yield msgspec.structs.replace(finding, recorded=recorded)


def _of_data(paths: Iterable[str]) -> list[str]:
    return [f"data.{path}" for path in paths]
