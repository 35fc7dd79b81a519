"""A small ledger in memory with a Stripe of its own: one organisation that buys a licence by card, and pays
for it by card, by bank transfer, late, twice, or not.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

from ledger.effects import Effect, LicenceEffect
from ledger.errors import Refused
from ledger.licences.commands import (
    CreditLicenceInvoice,
    ExpireLicencePayment,
    LicenceCommand,
    PayLicenceInvoice,
    PurchaseLicence,
    RecordCreditPaidOut,
    RecordLicencePayment,
)
from ledger.licences.decider import LICENCE
from ledger.licences.following import asked, instead
from ledger.licences.invoice import Invoice
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of
from ledger.licences.terms import Billing
from ledger.message import Command, Origin
from tests.ledger import licence_examples as licences
from tests.ledger.licence_examples import ORG, STARTER
from tests.ledger.purchases import Intent, World

BOUGHT = Billing(kind="invoice", net_days=14, tax_bp=2000)
MANAGER = Origin(actor="usr_manager", roles=frozenset({"enterprise"}))
ADMIN = Origin(actor="usr_admin", roles=frozenset({"admin"}))
GROSS = 118_800
CARD = {"user_id": "usr_manager", "payment_method_id": "pm_card"}


class Paying(World):
    @property
    def licence(self) -> Licence:
        state: Licence = self.state(LICENCE, stream_of(licences.LICENCE))
        return state

    @property
    def invoice(self) -> Invoice:
        (invoice,) = self.licence.invoices.values()
        return invoice

    @property
    def intent(self) -> Intent:
        """The newest payment's."""
        return list(self.intents.values())[-1]

    def do(self, kind: type[LicenceCommand], by: Origin = ADMIN, **changes: Any) -> None:
        """Raises `Refused`."""
        self.count += 1
        made = licences.command(kind, self.now, command_id=f"cmd_{self.count}", **changes)
        self.handle(made, by)

    def purchase(self, **changes: Any) -> None:
        terms = {"org_id": ORG, "grant": STARTER, "months": 12, "billing": BOUGHT, **CARD}
        self.do(PurchaseLicence, MANAGER, **{**terms, "payment_id": f"pay_{self.count}", **changes})

    def pay(self, **changes: Any) -> None:
        """The first invoice, by card."""
        (invoice_id, *_) = self.licence.invoices or ("linv_none",)
        fields = {"invoice_id": invoice_id, "payment_id": f"pay_{self.count}", **CARD, **changes}
        self.do(PayLicenceInvoice, MANAGER, **fields)

    def transfer(self, amount_minor: int) -> None:
        """By bank, for the first invoice."""
        (invoice_id, *_) = self.licence.invoices
        self.do(RecordLicencePayment, invoice_id=invoice_id, amount_minor=amount_minor)

    def credit(self, net_minor: int | None = None) -> None:
        (invoice_id, *_) = self.licence.invoices
        self.do(CreditLicenceInvoice, invoice_id=invoice_id, net_minor=net_minor)

    def pay_out(self, amount_minor: int) -> None:
        self.do(RecordCreditPaidOut, amount_minor=amount_minor)

    def bought(self) -> None:
        self.purchase()
        self.go_on()

    def go_on(self, outcome: str = "succeeded") -> None:
        """Nothing is late for a while."""
        for _ in range(8):
            self.catch_up(outcome)

    def lose(self, intent: Intent) -> None:
        """40.00 of it, to the cardholder's bank."""
        for step in ("opened", "lost"):
            self.dispute(intent, step)
            self.go_on()

    def let_time_pass(self) -> None:
        self.now += timedelta(minutes=20)
        for payment_id in self.licence.cards:
            with suppress(Refused):
                self.do(ExpireLicencePayment, self.worker, payment_id=payment_id)

    worker = Origin(actor="worker", roles=frozenset({"system"}))

    def deliver(self, effect: Effect, outcome: str) -> None:
        if isinstance(effect, LicenceEffect):
            self._ask(effect, asked(effect, self.licence, self.now))
        else:
            super().deliver(effect, outcome)

    def send(self, effect: Effect, command: Command) -> None:
        assert isinstance(effect, LicenceEffect)
        try:
            self.handle(command)
        except Refused as refusal:
            other = instead(effect, refusal.code, self.now)
            if other is None:
                self.effects.append(effect)
            else:
                self.handle(other)
