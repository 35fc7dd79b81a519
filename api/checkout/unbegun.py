"""A checkout whose payment is not begun: nothing is to pay, its steps are under way, or it has ended."""

from __future__ import annotations

from collections.abc import Sequence

from api.checkout.resources import Checkout
from api.enrolments.buying import why_ended
from api.http.problems import ApiError
from api.services import Services
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.events import EnrolmentActivated, EnrolmentReserved
from ledger.enrolments.stream import stream_of as enrolment_stream
from ledger.licences.decider import LICENCE
from ledger.licences.events import LicenceCardPaymentReserved
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of as licence_stream
from ledger.message import Recorded

NOTHING_TO_PAY = Checkout(checkout_id="", status="complete")


class CheckoutEnded(ApiError):
    """What was asked for with this key ended before its page was asked for."""

    code = "checkout_ended"
    remedy = "Nothing was charged: open another checkout, with a new key."
    passing = False


async def unbegun(services: Services, checkout_id: str, recorded: Sequence[Recorded]) -> Checkout:
    """By what the request recorded. Raises why it has ended."""
    for one in recorded:
        match one.event:
            case EnrolmentActivated():
                return NOTHING_TO_PAY
            case EnrolmentReserved() as reserved:
                return await _of_course(services, checkout_id, reserved)
            case LicenceCardPaymentReserved() as reserved:
                return await _of_licence(services, checkout_id, reserved)
            case _:
                continue
    return Checkout(checkout_id=checkout_id, status="opening")


async def _of_course(services: Services, checkout_id: str, reserved: EnrolmentReserved) -> Checkout:
    """A coupon may take off all of the price, or have been taken by others meanwhile."""
    stream = enrolment_stream(reserved.course_id, reserved.learner_id)
    enrolment = await services.store.state(ENROLMENT, stream)
    if enrolment.is_live and enrolment.enrolment_id == reserved.enrolment_id:
        return NOTHING_TO_PAY
    held = enrolment.reservation
    if held is None or held.payment_id != reserved.payment_id:
        raise why_ended(await services.store.read_stream(stream), reserved.payment_id)
    return Checkout(checkout_id=checkout_id, status="opening", expires_at=held.expires_at)


async def _of_licence(services: Services, checkout_id: str, reserved: LicenceCardPaymentReserved) -> Checkout:
    licence: Licence = await services.store.state(LICENCE, licence_stream(reserved.licence_id))
    if licence.cards[reserved.payment_id].as_of:
        raise CheckoutEnded("This ended before its page was asked for. Nothing was charged.")
    return Checkout(checkout_id=checkout_id, status="opening", expires_at=reserved.expires_at)
