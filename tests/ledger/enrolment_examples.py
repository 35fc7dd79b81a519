"""Builders of commands and facts about Ann's enrolment in Ivy's course for 100.00 USD."""

from __future__ import annotations

from functools import reduce
from typing import Any

from msgspec.structs import replace

from ledger.enrolments.commands import (
    ActivateEnrolment,
    EnrolmentCommand,
    EnrolRedeemer,
    ExpireReservation,
    Offer,
    ReleaseEnrolment,
    RequestReturn,
    ReserveEnrolment,
    RestoreEnrolment,
    RevokeEnrolment,
    RevokeRedeemed,
    WithdrawReturn,
)
from ledger.enrolments.decider import decide
from ledger.enrolments.events import EnrolmentEvent
from ledger.enrolments.state import Enrolment, evolve
from ledger.split import WHOLE_BP, Part
from tests.ledger.examples import NOON

ANN, BOB, IVY = "usr_ann", "usr_bob", "usr_ivy"
OF = {"course_id": "crs_1", "learner_id": ANN}

OFFER = Offer(
    status="published",
    revision=3,
    price_minor=10000,
    currency="usd",
    instructors=(Part(IVY, WHOLE_BP),),
    share_bp=7000,
    catalogue_version="2026-03",
    author_id=IVY,
)


def when(enrolment: Enrolment, *commands: EnrolmentCommand) -> tuple[Enrolment, tuple[EnrolmentEvent, ...]]:
    """The enrolment after all commands, and all that they recorded."""
    recorded: list[EnrolmentEvent] = []
    for command in commands:
        events = decide(command, enrolment)
        enrolment = reduce(evolve, events, enrolment)
        recorded += events
    return enrolment, tuple(recorded)


def after(*commands: EnrolmentCommand) -> Enrolment:
    return when(Enrolment(), *commands)[0]


def reserve(number: int = 1, *, offered: dict[str, Any] | None = None, **changes: Any) -> ReserveEnrolment:
    """The how manyth attempt; with what is other than usual in the offer."""
    offer = replace(OFFER, **(offered or {}))
    fields: dict[str, Any] = {
        **OF,
        "command_id": f"cmd_reserve_{number}",
        "effective_at": NOON,
        "enrolment_id": f"enr_{number}",
        "payment_id": f"pay_{number}",
        "buyer_id": ANN,
        "offer": offer,
        "expected_minor": offer.price_minor,
        "expected_currency": "usd",
        "payment_method_id": "pm_card_visa",
    }
    return ReserveEnrolment(**{**fields, **changes})


def _news(number: int, as_of: int, **more: Any) -> dict[str, Any]:
    about = {"command_id": f"cmd_{number}_{as_of}", "effective_at": NOON, "payment_id": f"pay_{number}"}
    return {**OF, **about, "as_of": as_of, **more}


def activate(number: int = 1, as_of: int = 3) -> ActivateEnrolment:
    return ActivateEnrolment(**_news(number, as_of, buyer_id=ANN, revision=3))


def release(number: int = 1, as_of: int = 2, reason: str = "failed") -> ReleaseEnrolment:
    return ReleaseEnrolment(**_news(number, as_of, reason=reason))


def revoke(number: int = 1, as_of: int = 5, cause: str = "refunded") -> RevokeEnrolment:
    return RevokeEnrolment(**_news(number, as_of, cause=cause, cause_id=f"re_{number}"))


def restore(number: int = 1, as_of: int = 7, cause: str = "refund_failed") -> RestoreEnrolment:
    because = {"cause": cause, "cause_id": f"re_{number}"}
    return RestoreEnrolment(**_news(number, as_of, buyer_id=ANN, revision=3, **because))


def expire(number: int = 1, **changes: Any) -> ExpireReservation:
    fields: dict[str, Any] = {**OF, "command_id": f"cmd_expire_{number}", "enrolment_id": f"enr_{number}"}
    return ExpireReservation(**{**fields, **changes})


def request_return(refund_id: str = "re_1", user_id: str = ANN) -> RequestReturn:
    of: dict[str, Any] = OF
    return RequestReturn(
        **of, command_id=f"cmd_{refund_id}", effective_at=NOON, refund_id=refund_id, user_id=user_id
    )


def withdraw_return(refund_id: str = "re_1") -> WithdrawReturn:
    return WithdrawReturn(**OF, command_id=f"cmd_not_{refund_id}", effective_at=NOON, refund_id=refund_id)


def enrol_redeemer(number: int = 1, **offered: Any) -> EnrolRedeemer:
    """The how manyth redemption; with what is other than usual in the offer."""
    return EnrolRedeemer(
        **OF,
        command_id=f"enrol_redeemer:rdm_{number}",
        effective_at=NOON,
        reward_id="rwd_1",
        redemption_id=f"rdm_{number}",
        offer=replace(OFFER, **offered),
    )


def revoke_redeemed(number: int = 1) -> RevokeRedeemed:
    return RevokeRedeemed(
        **OF,
        command_id=f"revoke_redeemed:rdm_{number}",
        effective_at=NOON,
        redemption_id=f"rdm_{number}",
    )
