"""Stripe Billing, played: what becomes of a subscription is its payment method's name.

`pm_funds` and `pm_stolen` leave it incomplete, declined; `pm_action` incomplete, waiting for the cardholder;
`pm_rejected` is refused by Stripe; `pm_unknown` has no clear answer. Every other card pays at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from api.stripe.billing.catalogue import Plan
from api.stripe.billing.previews import ChangePreview
from api.stripe.gateway import Delivered
from ledger.balance import BalanceTransaction
from ledger.effects import (
    CancelSubscription,
    ChangeSubscription,
    CreateCreditNote,
    CreateSubscription,
    Effect,
    KeepSubscription,
    PauseSubscription,
    ResumeSubscription,
    RetryInvoice,
    UpdateSubscriptionCard,
)
from ledger.ids import new_id
from ledger.invoices.commands import (
    CreditSnapshot,
    InvoiceAttempt,
    RecordCreditFailure,
    RecordInvoiceSnapshot,
)
from ledger.invoices.decider import INVOICE
from ledger.invoices.events import CreditRequested, InvoiceLine
from ledger.message import Command, Outcome
from ledger.store import Store
from ledger.subscriptions.changes import preview_change
from ledger.subscriptions.commands import (
    PendingUpdate,
    RecordSubscriptionFailure,
    RecordSubscriptionSnapshot,
    RecordSubscriptionUnknown,
)
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.promotions import Promotion
from ledger.subscriptions.proration import boundary
from ledger.subscriptions.state import Subscription
from ledger.subscriptions.worth import PaidTime

Record = Callable[[Command], Awaitable[Outcome]]
DECLINES = {"pm_funds": "insufficient_funds", "pm_stolen": "stolen_card"}
Fields = dict[str, Any]


class FakeBilling:
    def __init__(self, store: Store, record: Record, now: Callable[[], datetime]) -> None:
        self._store, self._record, self._now = store, record, now
        self._subscriptions: dict[str, Fields] = {}
        self._invoices: dict[str, Fields] = {}
        self.promotions: dict[str, Promotion] = {}
        self.waiting_minor = 0
        """Of the plan, for time to come: what the next invoice charges beside it."""

    async def deliver(self, effect: Effect) -> Delivered:  # noqa: PLR0911  one answer for each effect
        match effect:
            case CreateSubscription():
                return await self._create(effect, await self._row(effect.user_id, effect.subscription_id))
            case ChangeSubscription():
                return await self._change(await self._row(effect.user_id, effect.subscription_id))
            case CancelSubscription(at_once=True):
                return await self.show(
                    effect.subscription_id, status="canceled", ended_at=self._now(), cancel_at=None
                )
            case CancelSubscription():
                fields = self._subscriptions[effect.subscription_id]
                return await self.show(effect.subscription_id, cancel_at=fields["period_end"])
            case KeepSubscription():
                return await self.show(effect.subscription_id, cancel_at=None)
            case PauseSubscription() | ResumeSubscription():
                paused = isinstance(effect, PauseSubscription)
                return await self.show(effect.subscription_id, collection_paused=paused)
            case UpdateSubscriptionCard():
                return await self._card(effect, await self._row(effect.user_id, effect.subscription_id))
            case RetryInvoice():
                return await self._retry(effect)
            case CreateCreditNote():
                return await self._credit(effect)
            case _:
                return Delivered()

    async def preview(
        self, user_id: str, subscription_id: str, plan: Plan, at: datetime, paid: PaidTime | None
    ) -> ChangePreview:
        """With a tax of a tenth."""
        row = await self._row(user_id, subscription_id)
        ours = preview_change(row, plan.tier, plan.price_minor, plan.interval, at, paid)
        return ChangePreview(ours=ours, total_minor=ours.charge_minor * 11 // 10)

    async def _row(self, user_id: str, subscription_id: str) -> Subscription:
        state = await self._store.state(SUBSCRIBER, f"subscriber-{user_id}")
        return state.subscriptions[subscription_id]

    async def _create(self, effect: CreateSubscription, row: Subscription) -> Delivered:
        if row.status != "requested":
            return Delivered()
        told: Fields = {**_command(self._now()), "user_id": effect.user_id}
        told |= {"subscription_id": row.subscription_id, "request_id": row.subscription_id}
        if row.payment_method_id == "pm_rejected":
            return Delivered(await self._record(RecordSubscriptionFailure(**told, code="resource_missing")))
        if row.payment_method_id == "pm_unknown":
            return Delivered(await self._record(RecordSubscriptionUnknown(**told, cause="time-out")))
        facts = await self._store.read_stream(f"subscriber-{effect.user_id}")
        trial_days = getattr(facts[-1].event, "trial_days", 0)
        start = self._now().replace(microsecond=0)
        trial_end = start + timedelta(days=trial_days) if trial_days else None
        self._subscriptions[row.subscription_id] = {
            "user_id": effect.user_id,
            "subscription_id": row.subscription_id,
            "stripe_subscription_id": row.subscription_id.replace("sub_", "sub_stripe_"),
            "tier": row.tier,
            "interval": row.interval,
            "currency": row.currency,
            "price_minor": row.price_minor,
            "anchor_at": trial_end or start,
            "period_start": start,
            "period_end": trial_end or boundary(start, row.interval, 1),
            "trial_end": trial_end,
            "payment_method_id": row.payment_method_id,
            "status": "trialing" if trial_end else "active",
        }
        amount = 0 if trial_end else row.price_minor
        return await self._charge(row.subscription_id, amount, row.payment_method_id, "incomplete")

    async def _charge(self, subscription_id: str, amount: int, card: str, unpaid: str) -> Delivered:
        """An invoice, and the subscription as its payment leaves it: `unpaid` when there is none."""
        invoice_id, fields = new_id("in"), self._subscriptions[subscription_id]
        line = InvoiceLine(
            line_id=new_id("il"),
            description=f"1 of {fields['tier']}",
            amount_minor=amount,
            period_start=fields["period_start"],
            period_end=fields["period_end"],
        )
        now = self._now()
        invoice: Fields = {
            "stripe_invoice_id": invoice_id,
            "subscription_id": subscription_id,
            "user_id": fields["user_id"],
            "status": "open",
            "number": f"LIB-{len(self._invoices) + 1:04d}",
            "billing_reason": "subscription_create",
            "currency": fields["currency"],
            "lines": (line,),
            "total_minor": amount,
            "tax_minor": 0,
            "finalized_at": now,
        }
        self._invoices[invoice_id] = invoice
        if card in DECLINES and amount:
            attempt = InvoiceAttempt(
                attempt_id=new_id("ch"), failed_at=now, code="card_declined", decline_code=DECLINES[card]
            )
            told = await self._invoice(invoice_id, attempts=(attempt,))
            shown = await self.show(subscription_id, status=unpaid, open_invoice_id=invoice_id)
            return Delivered(shown.outcome, invoice=told)
        if card == "pm_action" and amount:
            await self._invoice(invoice_id, action_required=True, payment_intent_id=new_id("pi"))
            shown = await self.show(subscription_id, status=unpaid, open_invoice_id=invoice_id)
            return Delivered(shown.outcome, "secret_of_the_cardholder", "https://bank.example/3ds")
        told = await self._invoice(
            invoice_id,
            status="paid",
            charged_minor=amount,
            paid_at=now,
            charge_id=new_id("ch") if amount else "",
            balance_transaction=self._entry(amount, fields["currency"], 59) if amount else None,
        )
        return Delivered((await self.show(subscription_id)).outcome, invoice=told)

    async def _change(self, row: Subscription) -> Delivered:
        change = row.change
        if change is None or change.status == "scheduled":
            return Delivered()
        assert change.at is not None
        before = dict(self._subscriptions[row.subscription_id])
        new = {"tier": change.tier, "interval": change.interval, "price_minor": change.price_minor}
        if change.interval != row.interval:
            end = boundary(change.at, change.interval, 1)
            new |= {"anchor_at": change.at, "period_start": change.at, "period_end": end}
        if row.payment_method_id in {"pm_funds", "pm_action"}:
            pending = PendingUpdate(tier=change.tier, interval="month")
            self._subscriptions[row.subscription_id] = before | {"pending_update": pending}
        else:
            self._subscriptions[row.subscription_id] = before | new
        return await self._charge(row.subscription_id, 1_000, row.payment_method_id, "active")

    async def _card(self, effect: UpdateSubscriptionCard, row: Subscription) -> Delivered:
        assert row.request is not None
        card = row.request.payment_method_id
        if card == "pm_rejected":
            refused = RecordSubscriptionFailure(
                **_command(self._now()),
                user_id=effect.user_id,
                subscription_id=effect.subscription_id,
                request_id=effect.request_id,
                code="card_declined",
                decline_code="generic_decline",
            )
            return Delivered(await self._record(refused))
        return await self.show(effect.subscription_id, payment_method_id=card)

    async def _retry(self, effect: RetryInvoice) -> Delivered:
        """By the card that the subscription has now."""
        fields = self._invoices[effect.stripe_invoice_id]
        subscription = self._subscriptions[fields["subscription_id"]]
        card, amount, now = subscription["payment_method_id"], fields["total_minor"], self._now()
        if card in DECLINES:
            attempt = InvoiceAttempt(
                attempt_id=new_id("ch"), failed_at=now, code="card_declined", decline_code=DECLINES[card]
            )
            attempts = (*fields.get("attempts", ()), attempt)
            return Delivered(await self._invoice(effect.stripe_invoice_id, attempts=attempts))
        told = await self._invoice(
            effect.stripe_invoice_id,
            status="paid",
            charged_minor=amount,
            paid_at=now,
            charge_id=new_id("ch"),
            balance_transaction=self._entry(amount, fields["currency"], 59),
        )
        await self.show(fields["subscription_id"], status="active", open_invoice_id="")
        return Delivered(told)

    async def _credit(self, effect: CreateCreditNote) -> Delivered:
        invoice = await self._store.state(INVOICE, f"invoice-{effect.stripe_invoice_id}")
        if invoice.credits[effect.credit_id].status != "requested":
            return Delivered()
        facts = await self._store.read_stream(f"invoice-{effect.stripe_invoice_id}")
        asked = next(
            fact.event
            for fact in facts
            if isinstance(fact.event, CreditRequested) and fact.event.credit_id == effect.credit_id
        )
        if asked.note == "refuse":
            refused = RecordCreditFailure(
                **_command(self._now()),
                stripe_invoice_id=effect.stripe_invoice_id,
                credit_id=effect.credit_id,
                code="invoice_not_editable",
            )
            return Delivered(await self._record(refused))
        note = CreditSnapshot(
            stripe_credit_note_id=new_id("cn_stripe"),
            credit_id=effect.credit_id,
            number="LIB-0001-CN-01",
            amount_minor=asked.amount_minor,
            created_at=self._now(),
            reason=asked.reason,
            stripe_refund_id=new_id("re"),
            balance_transaction=self._entry(-asked.amount_minor, asked.currency, 0),
        )
        known = self._invoices[effect.stripe_invoice_id].get("credits", ())
        return Delivered(await self._invoice(effect.stripe_invoice_id, credits=(*known, note)))

    async def show(self, subscription_id: str, **changes: Any) -> Delivered:
        fields = self._subscriptions[subscription_id]
        fields.update(changes)
        snapshot = RecordSubscriptionSnapshot(**_command(self._now()), observed_at=self._now(), **fields)
        return Delivered(await self._record(snapshot))

    async def _invoice(self, invoice_id: str, **changes: Any) -> Outcome:
        fields = self._invoices[invoice_id]
        fields.update(changes)
        return await self._record(RecordInvoiceSnapshot(**_command(self._now()), **fields))

    def _entry(self, amount: int, currency: str, fee: int) -> BalanceTransaction:
        return BalanceTransaction(
            balance_transaction_id=new_id("txn"),
            amount_minor=amount,
            fee_minor=fee,
            net_minor=amount - fee,
            currency=currency,
            available_at=self._now() + timedelta(days=2),
            created_at=self._now(),
        )


def _command(at: datetime) -> Fields:
    return {"command_id": new_id("cmd"), "effective_at": at}
