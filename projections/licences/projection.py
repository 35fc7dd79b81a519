"""Licences with their terms and invoices: tables about the same stream."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from typing import Any, ClassVar, get_args

import msgspec
from psycopg import Cursor

from ledger.licences.events import (
    LicenceCardPaymentReserved,
    LicenceCredited,
    LicenceEvent,
    LicenceInvoiced,
    LicenceInvoicePaid,
    LicenceInvoiceReopened,
    LicenceIssued,
    LicenceQuoted,
    LicenceRecognised,
    LicenceRenewed,
    LicenceUpgraded,
    LicenceWrittenOff,
)
from ledger.licences.stream import id_of
from ledger.message import Event, Recorded
from projections.engine.buffers import Rows, RowsByOwner, TableBuffer
from projections.engine.projection import Projection
from projections.licences import invoices, licence, payments
from projections.licences.tables import LICENCE_INVOICES, LICENCE_PAYMENTS, LICENCE_TERMS, LICENCES

_FACTS: frozenset[type[Event]] = frozenset(get_args(LicenceEvent))


class Licences(Projection):
    NAME: ClassVar[str] = "licences"
    FACTS: ClassVar[frozenset[type[Event]] | None] = _FACTS

    def __init__(self) -> None:
        self._licences = Rows(LICENCES)
        self._terms = RowsByOwner(LICENCE_TERMS, "licence_id")
        self._invoices = RowsByOwner(LICENCE_INVOICES, "licence_id")
        self._payments = RowsByOwner(LICENCE_PAYMENTS, "licence_id")

    @property
    def buffers(self) -> tuple[TableBuffer, ...]:
        return self._licences, self._terms, self._invoices, self._payments

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:
        of = {id_of(one.stream) for one in batch if type(one.event) in _FACTS}
        self._licences.load(cursor, of)
        self._terms.load_of(cursor, of)
        self._invoices.load_of(cursor, of)
        self._payments.load_of(cursor, of)

    def project(self, recorded: Recorded) -> None:
        event: Any = recorded.event
        if isinstance(event, LicenceQuoted | LicenceIssued) and not self._licences.find(event.licence_id):
            self._licences.put(event.licence_id, licence.begin(recorded, event))
        if isinstance(event, payments.PaymentEvent):
            self._pay(recorded, event)
        if self._licences.find(event.licence_id) is None:
            return  # it is yet to be bought
        row = self._licences.change(event.licence_id)
        row.changed_at, row.last_position = recorded.metadata.effective_at, recorded.position
        match event:
            case LicenceQuoted():
                licence.quote(row, event)
            case LicenceIssued() | LicenceRenewed():
                licence.give(row, event)
                given = licence.term_row(recorded, event)
                self._terms.put(given.term_id, given)
            case LicenceInvoiced():
                self._invoices.put(event.invoice_id, invoices.begin(recorded, event))
            case LicenceRecognised():
                self._recognise(event)
            case _:
                licence.advance(row, event, recorded.metadata.effective_at)
        self._follow(recorded, event)
        row.open_day = self._open_day(event.licence_id)
        licence.keep_time(row, self._terms.find(licence.term_id(event.licence_id, row.term)))

    def _follow(self, recorded: Recorded, event: LicenceEvent) -> None:
        match event:
            case LicenceUpgraded():
                for number in event.terms:
                    term = self._terms.change(licence.term_id(event.licence_id, number))
                    term.grant_given = msgspec.to_builtins(event.grant)
            case LicenceInvoicePaid() | LicenceInvoiceReopened() | LicenceCredited() | LicenceWrittenOff():
                invoice = self._invoices.change(event.invoice_id)
                invoices.apply(invoice, event)
                invoice.last_position = recorded.position
            case _:
                pass

    def _pay(self, recorded: Recorded, event: payments.PaymentEvent) -> None:
        if isinstance(event, LicenceCardPaymentReserved):
            self._payments.put(event.payment_id, payments.begin(recorded, event))
            return
        row = self._payments.change(event.payment_id)
        payments.apply(row, event)
        row.last_position = recorded.position

    def _recognise(self, event: LicenceRecognised) -> None:
        for one in event.amounts:
            self._invoices.change(one.invoice_id).deferred_minor -= one.amount_minor
        row = self._licences.change(event.licence_id)
        closed = event.until.astimezone(UTC).date()
        row.recognised_until = max(closed, row.recognised_until or closed)

    def _open_day(self, licence_id: str) -> date | None:
        """From the first day on which something may be earned that is left, or from where days are closed."""
        earning = [one.earns_from for one in self._invoices.of(licence_id) if one.deferred_minor]
        if not earning:
            return None
        closed = self._licences.change(licence_id).recognised_until
        return max(min(earning), closed) if closed else min(earning)
