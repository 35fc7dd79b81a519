"""An organisation that buys licences by card or on a page, and pays for them so, by bank transfer, or not."""

from __future__ import annotations

from typing import Any

from ledger.ids import new_id
from ledger.licences.commands import (
    CreditLicenceInvoice,
    IssueLicence,
    LicenceCommand,
    PayLicenceInvoice,
    PurchaseLicence,
    RecordCreditPaidOut,
    RecordLicencePayment,
    RenewLicence,
    WriteOffLicenceInvoice,
)
from ledger.licences.decider import LICENCE
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of
from ledger.message import Origin
from tests.flows.town.hosted import page_or_card
from tests.flows.town.room import Room
from tests.ledger.licence_examples import ORG, STARTER, TAXED, command
from tests.ledger.licence_payments import BOUGHT

MANAGER = Origin(actor="usr_manager", roles=frozenset({"enterprise"}))
ADMIN = Origin(actor="usr_admin", roles=frozenset({"admin"}))


class Organisation(Room):
    STEPS = ("purchase", "issue", "renew", "by_card", "transfer", "credit_note", "pay_back", "write_off")

    async def _purchase(self) -> None:
        terms: dict[str, Any] = {"licence_id": new_id("lic"), "org_id": ORG, "grant": STARTER, "months": 12}
        await self._say(PurchaseLicence, MANAGER, **terms, billing=BOUGHT, **self._paying())

    async def _issue(self) -> None:
        await self._say(IssueLicence, licence_id=new_id("lic"), billing=TAXED)

    async def _renew(self) -> None:
        if (
            row := await self._row("SELECT licence_id, max(term) AS term FROM {} GROUP BY 1 ORDER BY 1")
        ) is not None:
            await self._say(RenewLicence, licence_id=row["licence_id"], term=row["term"] + 1, billing=TAXED)

    async def _by_card(self) -> None:
        if (row := await self._row("SELECT * FROM {} WHERE open_minor > 0 ORDER BY position")) is not None:
            await self._say(PayLicenceInvoice, MANAGER, **_of(row), **self._paying())

    async def _transfer(self) -> None:
        if (row := await self._row("SELECT * FROM {} WHERE open_minor > 0 ORDER BY position")) is not None:
            amount = self._part_of(row["open_minor"])
            named = {**_of(row), "payment_id": new_id("lpy")}
            await self._say(RecordLicencePayment, **named, amount_minor=amount)

    async def _credit_note(self) -> None:
        if (row := await self._row("SELECT * FROM {} ORDER BY position")) is not None:
            net = self._lot.choice([None, self._lot.randint(1, row["net_minor"])])
            await self._say(CreditLicenceInvoice, **_of(row), credit_id=new_id("lcn"), net_minor=net)

    async def _pay_back(self) -> None:
        """What is owed to the organisation, by bank transfer."""
        if (row := await self._row("SELECT * FROM {} ORDER BY position")) is not None:
            licence: Licence = await self._world.store.state(LICENCE, stream_of(row["licence_id"]))
            if owed := licence.owed_minor:
                named = {"licence_id": row["licence_id"], "transfer_id": new_id("ltr")}
                await self._say(RecordCreditPaidOut, **named, amount_minor=self._part_of(owed))

    async def _write_off(self) -> None:
        if (row := await self._row("SELECT * FROM {} WHERE open_minor > 0 ORDER BY position")) is not None:
            await self._say(WriteOffLicenceInvoice, **_of(row))

    async def _row(self, query: str) -> dict[str, Any] | None:
        return self._one_of(await self._world.rows(query.format("licence_invoices")))

    def _paying(self) -> dict[str, Any]:
        page, card = page_or_card(self)
        named = {"payment_id": new_id("pay"), "user_id": MANAGER.actor}
        return named | {"payment_method_id": card, "page": page}

    async def _say(self, kind: type[LicenceCommand], by: Origin = ADMIN, **fields: Any) -> None:
        made = command(kind, self._world.clock.now(), command_id=new_id("cmd"), **fields)
        await self._world.store.handle(made, by)
        if self._lot.random() < 0.8:
            await self._world.settle()


def _of(row: dict[str, Any]) -> dict[str, Any]:
    return {"licence_id": row["licence_id"], "invoice_id": row["invoice_id"]}
