"""The commands that a licence and its payments by card ask of each other. Pure: who delivers an effect sends
them.

Their ids are made of what the effect is about, so that any number of deliveries is one.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from ledger.effects import CancelLicencePayment, LicenceEffect, StartLicencePayment, TellLicencePayment
from ledger.licences.commands import FollowLicencePayment
from ledger.licences.events import LicenceCardPaymentReserved
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of
from ledger.message import Command
from ledger.payments.commands import CancelPayment, InitiatePayment

NEVER_STARTED = 1
"""As of the payment's first fact, which tells nothing of how it stands: all news of it are later."""


def asked(effect: LicenceEffect, licence: Licence, at: datetime) -> Command | None:
    """What to send; None when there is nothing left to do."""
    match effect:
        case StartLicencePayment():
            card = licence.cards.get(effect.payment_id)
            return _start(card.reserved, at) if card and not (card.ending or card.as_of) else None
        case CancelLicencePayment():
            return CancelPayment(
                command_id=f"cancel_licence_payment:{effect.payment_id}",
                effective_at=at,
                payment_id=effect.payment_id,
                user_id="",
                by_system=True,
                reason="abandoned",
            )
        case TellLicencePayment():
            return FollowLicencePayment(
                command_id=f"licence_payment:{effect.payment_id}:{effect.as_of}",
                effective_at=at,
                licence_id=effect.licence_id,
                payment_id=effect.payment_id,
                as_of=effect.as_of,
                standing=effect.standing,
                reason=effect.cause,
                kept_minor=effect.kept_minor,
            )
        case _:
            assert_never(effect)


def instead(effect: LicenceEffect, code: str, at: datetime) -> Command | None:
    """What to send when the rules refused, with `code`, what was asked: a payment that cannot be begun, or
    never was, takes no money, and holds nothing. None for what must be asked again later.
    """
    if isinstance(effect, TellLicencePayment):
        return None
    reason = "never_started" if isinstance(effect, CancelLicencePayment) else code
    return FollowLicencePayment(
        command_id=f"licence_payment_unstarted:{effect.payment_id}:{reason}",
        effective_at=at,
        licence_id=effect.licence_id,
        payment_id=effect.payment_id,
        as_of=NEVER_STARTED,
        standing="unpaid",
        reason=reason,
    )


def _start(reserved: LicenceCardPaymentReserved, at: datetime) -> InitiatePayment:
    return InitiatePayment(
        command_id=f"pay_licence:{reserved.payment_id}",
        effective_at=at,
        payment_id=reserved.payment_id,
        user_id=reserved.user_id,
        amount_minor=reserved.amount_minor,
        currency=reserved.currency,
        payment_method_id=reserved.payment_method_id,
        purpose="licence",
        purpose_ref=stream_of(reserved.licence_id),
        description=reserved.description,
        stripe_customer_id=reserved.stripe_customer_id,
        org_id=reserved.org_id,
        page=reserved.page,
    )
