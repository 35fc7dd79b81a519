"""What follows between a licence and its payments by card: both are in this ledger."""

from __future__ import annotations

from ledger.effects import CancelLicencePayment, Effect, StartLicencePayment, TellLicencePayment
from ledger.licences.events import LicenceCardPaymentEnding, LicenceCardPaymentReserved
from ledger.licences.stream import KIND, id_of
from ledger.message import Recorded
from ledger.payments.events import SaleStandingChanged


def react(recorded: Recorded) -> tuple[Effect, ...]:
    match recorded.event:
        case LicenceCardPaymentReserved(licence_id=licence_id, payment_id=payment_id):
            return (StartLicencePayment(licence_id, payment_id),)
        case LicenceCardPaymentEnding(licence_id=licence_id, payment_id=payment_id):
            return (CancelLicencePayment(licence_id, payment_id),)
        case SaleStandingChanged(purpose_ref=stream) as event if KIND.has(stream):
            told = TellLicencePayment(
                licence_id=id_of(stream),
                payment_id=event.payment_id,
                as_of=recorded.version,
                standing=event.standing,
                cause=event.cause,
                kept_minor=event.kept_minor,
            )
            return (told,)
        case _:
            return ()
