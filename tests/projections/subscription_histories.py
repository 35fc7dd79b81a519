"""Random lives of subscribers with their invoices, by the rules themselves: each fact is decided."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from functools import reduce
from typing import Any

from ledger.balance import BalanceTransaction
from ledger.domains import decider_of
from ledger.errors import Refused
from ledger.invoices import commands as invoices
from ledger.invoices.decider import INVOICE
from ledger.invoices.events import InvoiceLine
from ledger.invoices.recognition import end_of
from ledger.message import Command, Event, Recorded
from ledger.payments.commands import DisputeSnapshot
from ledger.subscriptions import commands as subscriptions
from ledger.subscriptions.changes import preview_change
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.state import Subscription
from tests.projections.histories import START, History

DAY = timedelta(days=1)
PERIODS = {"month": 30 * DAY, "year": 365 * DAY}
PRICES = {("pro", "month"): 999, ("pro", "year"): 9_990}
PRICES |= {("enterprise", "month"): 9_900, ("enterprise", "year"): 99_000}

Happening = tuple[datetime, str, tuple[Event, ...]]


def random_subscriptions(seed: int, users: int) -> list[Recorded]:
    """The lives of so many subscribers, in the order of time."""
    chance = random.Random(seed)  # noqa: S311  # a test's dice
    happenings = [one for index in range(users) for one in Subscribed(f"usr_{index}", chance).happenings()]
    made = History()
    for at, stream, events in sorted(happenings, key=lambda one: one[0]):
        made.add(stream, *events, effective_at=at)
    return made.recorded


class Subscribed:
    """One user's life, told to the deciders as Stripe and the user would."""

    def __init__(self, user_id: str, chance: random.Random) -> None:
        self.user_id, self.chance = user_id, chance
        self.currency = chance.choice(["usd", "usd", "eur", "jpy"])
        self.settles_in = chance.choice([self.currency, self.currency, "usd"])
        self.now = START + chance.randrange(90 * 24) * DAY / 24
        self._states: dict[str, Any] = {}
        self._happened: list[Happening] = []
        self._count = 0

    def happenings(self) -> list[Happening]:
        for number in range(self.chance.choice([1, 1, 2])):
            self._subscribe(f"sub_{self.user_id}_{number}")
            self.now += self.chance.randrange(1, 40) * DAY
        return self._happened

    def tell(self, kind: type[Command], **fields: Any) -> None:
        """A refusal is an answer, too: then nothing happened."""
        self._count += 1
        common: dict[str, Any] = {"command_id": f"{self.user_id}-{self._count}", "effective_at": self.now}
        command = kind(**common, **fields)
        decider = decider_of(kind)
        stream = decider.stream(command)
        state = self._states.get(stream, decider.initial)
        try:
            events = decider.decide(command, state)
        except Refused:
            return
        self._states[stream] = reduce(decider.evolve, events, state)
        if events:
            self._happened.append((self.now, stream, events))

    def ask(self, kind: type[Command], **fields: Any) -> None:
        self.tell(kind, user_id=self.user_id, subscription_id=self.subscription_id, **fields)

    @property
    def subscription(self) -> Subscription:
        state = self._states[f"subscriber-{self.user_id}"].subscriptions[self.subscription_id]
        assert isinstance(state, Subscription)
        return state

    def look(self, status: str, **changes: Any) -> None:
        """Stripe's subscription, as it was when it was last looked at but for `changes`."""
        known = self.subscription
        start = known.period_start or self.now
        fields = {
            "stripe_subscription_id": f"stripe_{self.subscription_id}",
            "observed_at": self.now,
            "status": status,
            "tier": known.tier,
            "interval": known.interval,
            "currency": self.currency,
            "price_minor": known.price_minor,
            "anchor_at": known.anchor_at or start,
            "period_start": start,
            "period_end": known.period_end or start + PERIODS[known.interval],
            "cancel_at": known.cancel_at,
            "payment_method_id": known.payment_method_id,
        }
        self.ask(subscriptions.RecordSubscriptionSnapshot, **{**fields, **changes})

    def _subscribe(self, subscription_id: str) -> None:
        self.subscription_id = subscription_id
        tier, interval = self.chance.choice(list(PRICES))
        self.ask(
            subscriptions.RequestSubscription,
            tier=tier,
            interval=interval,
            currency=self.currency,
            price_minor=PRICES[tier, interval],
            catalogue_version="2026-03",
            payment_method_id="pm_1",
            stripe_customer_id=f"cus_{self.user_id}",
            trial_days=self.chance.choice([0, 0, 14]),
        )
        if subscription_id not in self._states[f"subscriber-{self.user_id}"].subscriptions:
            return
        answer = {"user_id": self.user_id, "subscription_id": subscription_id, "request_id": subscription_id}
        dice = self.chance.randrange(10)
        if dice == 0:
            self.tell(subscriptions.RecordSubscriptionFailure, **answer, code="card_declined")
            return
        if dice == 1:
            self.tell(subscriptions.RecordSubscriptionUnknown, **answer, cause="time-out")
        self._begin()
        for _ in range(self.chance.randrange(1, 4)):
            if not self.subscription.live:
                return
            self._wish()
            self._renew()
        if self.subscription.live:
            self._end()

    def _begin(self) -> None:
        if self.chance.random() < 0.3:
            self.look("trialing", trial_end=self.now + 14 * DAY, period_end=self.now + 14 * DAY)
            self.now += 14 * DAY
        elif self.chance.random() < 0.2:
            self.look("incomplete")
            self.now += DAY / 24
        self._bill("subscription_create")
        self._next_period()

    def _next_period(self, status: str = "active", **changes: Any) -> None:
        start, end = self.now, self.now + PERIODS[self.subscription.interval]
        self.look(status, period_start=start, period_end=end, anchor_at=start, **changes)

    def _wish(self) -> None:
        self.now += self.chance.randrange(1, 20) * DAY + DAY / 5
        match self.chance.randrange(8):
            case 0 | 1:
                self._upgrade()
            case 2:
                self._ask_change("pro", "month")
            case 3:
                self.ask(subscriptions.RequestPause, request_id="pause")
                self.look("active", collection_paused=True)
                self.now += 5 * DAY
                self.ask(subscriptions.RequestResume, request_id="resume")
                self.look("active")
            case 4:
                self.ask(subscriptions.RequestCancellation, request_id="cancel")
                self.look("active", cancel_at=self.subscription.period_end)
                self.ask(subscriptions.RequestCancellationWithdrawal, request_id="stay")
                self.look("active", cancel_at=None)
            case _:
                pass

    def _ask_change(self, tier: str, interval: str, **changes: Any) -> None:
        plan: dict[str, Any] = {"change_id": f"chg_{self._count}", "tier": tier, "interval": interval}
        plan |= {"currency": self.currency, "price_minor": PRICES[tier, interval], **changes}
        self.ask(subscriptions.RequestChange, catalogue_version="2026-03", **plan)

    def _upgrade(self) -> None:
        known = self.subscription
        if known.tier != "pro" or known.status != "active" or known.period_end is None:
            return
        price = PRICES["enterprise", known.interval]
        costs = preview_change(known, "enterprise", price, known.interval, self.now)
        preview = {"proration_at": self.now, "expected_minor": costs.charge_minor}
        self._ask_change("enterprise", known.interval, **preview)
        if self.chance.random() < 0.8:
            amounts = (-costs.unused_minor, costs.used_anew_minor)
            lines = tuple(self._line(amount, known.period_end, proration=True) for amount in amounts)
            self._bill("subscription_update", lines)
            self.look("active", tier="enterprise", price_minor=price)

    def _renew(self) -> None:
        known, change = self.subscription, self.subscription.change
        self.now = max(self.now, known.period_end or self.now)
        plan: dict[str, Any] = {}
        if change is not None and change.status == "scheduled":
            plan = {"tier": change.tier, "interval": change.interval, "price_minor": change.price_minor}
        if self.chance.random() < 0.7:
            self._next_period(**plan)
            self._bill("subscription_cycle")
        else:
            self._next_period(**plan)
            self._dun()

    def _dun(self) -> None:
        """The card is declined, and again, until it is paid or given up."""
        invoice = self._finalized("subscription_cycle", ())
        failed_at = self.now
        for failed, days in enumerate((0, 2, 7, 14, 21)):
            self.now = failed_at + days * DAY
            if failed:
                self.tell(invoices.RequestInvoiceRetry, stripe_invoice_id=invoice["id"], cause="schedule")
            if self.chance.random() < 0.15 and failed:
                unknown = {"stripe_invoice_id": invoice["id"], "attempt": failed + 1}
                self.tell(invoices.RecordInvoiceRetryUnknown, **unknown, cause="time-out")
            if self.chance.random() < 0.3:
                self._pay(invoice)
                self.look("active")
                return
            attempt = invoices.InvoiceAttempt(
                attempt_id=f"{invoice['id']}_{failed}", failed_at=self.now, code="card_declined"
            )
            invoice["attempts"] = (*invoice["attempts"], attempt)
            self._show(invoice, "open")
            self.look("past_due", past_due_since=failed_at, open_invoice_id=invoice["id"])
        self.ask(subscriptions.AdvanceDunning)
        self.now = failed_at + 51 * DAY
        self.ask(subscriptions.AdvanceDunning)
        self._show(invoice, self.chance.choice(["void", "uncollectible"]))
        self.look("canceled", ended_at=self.now, cancellation_reason="dunning")

    def _end(self) -> None:
        """At once; what is left of it is given back, or not."""
        self.now += self.chance.randrange(1, 20) * DAY
        self.ask(subscriptions.RequestCancellation, request_id="end", at_once=True)
        self.look("canceled", ended_at=self.now, cancellation_reason="too_expensive")
        for stream, state in list(self._states.items()):
            if stream.startswith("invoice-") and state.subscription_id == self.subscription_id:
                self.tell(invoices.EndService, stripe_invoice_id=stream.removeprefix("invoice-"), at=self.now)

    def _line(self, amount: int, end: datetime, *, proration: bool = False) -> InvoiceLine:
        self._count += 1
        return InvoiceLine(
            line_id=f"il_{self.user_id}_{self._count}",
            amount_minor=amount,
            tax_minor=max(0, amount // 10),
            period_start=self.now,
            period_end=end,
            proration=proration,
            description="Pro;\tby the month",
        )

    def _finalized(self, reason: str, lines: tuple[InvoiceLine, ...]) -> dict[str, Any]:
        known = self.subscription
        lines = lines or (self._line(known.price_minor, self.now + PERIODS[known.interval]),)
        self._count += 1
        invoice: dict[str, Any] = {"id": f"in_{self.user_id}_{self._count}", "reason": reason, "lines": lines}
        invoice |= {"attempts": (), "credits": (), "disputes": (), "at": self.now}
        self._show(invoice, "open")
        return invoice

    def _bill(self, reason: str, lines: tuple[InvoiceLine, ...] = ()) -> None:
        begun = self.now
        invoice = self._finalized(reason, lines)
        self._pay(invoice)
        self._recognise(invoice, self.chance.randrange(1, 5))
        if self.chance.random() < 0.3:
            self._credit(invoice)
        if self.chance.random() < 0.1:
            self._dispute(invoice)
        self._recognise(invoice, self.chance.choice([2, 2, 60]))
        self.now = begun

    def _pay(self, invoice: dict[str, Any]) -> None:
        total = sum(line.amount_minor + line.tax_minor for line in invoice["lines"])
        by_credit = self.chance.choice([0] * 5 + [total])
        paid: dict[str, Any] = {"charged_minor": total - by_credit, "paid_at": self.now}
        if total > by_credit:
            paid |= {"payment_intent_id": f"pi_{invoice['id']}", "charge_id": f"ch_{invoice['id']}"}
            paid["balance_transaction"] = self._money(invoice["id"], total - by_credit, fee=30)
        invoice["paid"] = paid
        self._show(invoice, "paid")
        if self.chance.random() < 0.5:
            self._later(2 * DAY, invoices.RecordInvoiceFundsAvailable, stripe_invoice_id=invoice["id"])

    def _later(self, wait: timedelta, kind: type[Command], **fields: Any) -> None:
        before, self.now = self.now, self.now + wait
        self.tell(kind, **fields)
        self.now = before

    def _recognise(self, invoice: dict[str, Any], days: int) -> None:
        """Closes a day so many days on, in its last instant."""
        day: date = (self.now + days * DAY).date()
        self.now = end_of(day) - timedelta(microseconds=1)
        self.tell(invoices.CloseDay, stripe_invoice_id=invoice["id"], day=day)

    def _credit(self, invoice: dict[str, Any]) -> None:
        credit_id, invoice_id = f"crn_{invoice['id']}", invoice["id"]
        state = self._states[f"invoice-{invoice_id}"]
        if not state.creditable_minor:
            return
        amount = self.chance.choice([state.creditable_minor, max(100, state.creditable_minor // 300 * 100)])
        self.tell(
            invoices.RequestCredit,
            stripe_invoice_id=invoice_id,
            credit_id=credit_id,
            amount_minor=amount,
            reason="order_change",
            note="asked by mail",
        )
        answer, dice = {"stripe_invoice_id": invoice_id, "credit_id": credit_id}, self.chance.randrange(5)
        if dice == 0:
            self.tell(invoices.RecordCreditFailure, **answer, code="amount_too_large")
            return
        if dice == 1:
            self.tell(invoices.RecordCreditUnknown, **answer, cause="5xx")
        elif dice == 2:
            credit_id = ""  # another, made in the dashboard
        back = self._money(f"back_{invoice_id}", amount) if self.chance.random() < 0.2 else None
        note = invoices.CreditSnapshot(
            stripe_credit_note_id=f"cn_{invoice_id}",
            credit_id=credit_id,
            number="A-1-CN-01",
            amount_minor=min(amount, 100) if not credit_id else amount,
            tax_minor=0,
            created_at=self.now,
            stripe_refund_id=f"re_{invoice_id}",
            balance_transaction=self._money(f"re_{invoice_id}", -amount),
            failure_balance_transaction=back,
        )
        invoice["credits"] = (note,)
        self._show(invoice, "paid")

    def _dispute(self, invoice: dict[str, Any]) -> None:
        charged: int = invoice["paid"]["charged_minor"]
        if not charged:
            return
        taken = self._money(f"dp_{invoice['id']}", -charged, fee=1500)
        given = self._money(f"dpr_{invoice['id']}", charged, fee=-1500)
        ends: list[tuple[str, tuple[BalanceTransaction, ...]]] = [("lost", (taken,)), ("won", (taken, given))]
        for status, moved in (("needs_response", (taken,)), self.chance.choice(ends)):
            told = DisputeSnapshot(
                dispute_id=f"dp_{invoice['id']}",
                charge_id=f"ch_{invoice['id']}",
                amount_minor=charged,
                currency=self.currency,
                reason="fraudulent",
                status=status,
                opened_at=self.now,
                balance_transactions=moved,
            )
            invoice["disputes"] = (told,)
            self._show(invoice, "paid")

    def _money(self, reference: str, amount_minor: int, fee: int = 0) -> BalanceTransaction:
        amount = amount_minor if self.settles_in == self.currency else amount_minor * 11 // 10
        return BalanceTransaction(
            balance_transaction_id=f"txn_{reference}",
            amount_minor=amount,
            fee_minor=fee,
            net_minor=amount - fee,
            currency=self.settles_in,
            available_at=self.now + 2 * DAY,
            created_at=self.now,
        )

    def _show(self, invoice: dict[str, Any], status: str) -> None:
        lines: tuple[InvoiceLine, ...] = invoice["lines"]
        self.tell(
            invoices.RecordInvoiceSnapshot,
            stripe_invoice_id=invoice["id"],
            subscription_id=self.subscription_id,
            user_id=self.user_id,
            status=status,
            number=f"A-{invoice['id']}",
            billing_reason=invoice["reason"],
            currency=self.currency,
            lines=lines,
            total_minor=sum(line.amount_minor + line.tax_minor for line in lines),
            tax_minor=sum(line.tax_minor for line in lines),
            finalized_at=invoice["at"],
            attempts=invoice["attempts"],
            credits=invoice["credits"],
            disputes=invoice["disputes"],
            **invoice.get("paid", {}),
        )


def states(facts: list[Recorded], prefix: str) -> dict[str, Any]:
    """What the deciders remember of each stream with that prefix."""
    decider: Any = SUBSCRIBER if prefix == "subscriber-" else INVOICE
    found: dict[str, Any] = {}
    for one in facts:
        if one.stream.startswith(prefix):
            key = one.stream.removeprefix(prefix)
            found[key] = decider.evolve(found.get(key, decider.initial), one.event)
    return found
