"""Of organisations: their seats, orders and licences."""

from __future__ import annotations

import msgspec


class FreeMemberSeats(msgspec.Struct, frozen=True, tag="seats.free_member"):
    """Free the seats of an organisation's licences that somebody had who left it, unless they are back."""

    org_id: str
    user_id: str
    left_at: int
    """The position of the fact that they left."""


class EnrolMember(msgspec.Struct, frozen=True, tag="orders.enrol_member"):
    """Give a member the course that their organisation ordered, or say why not."""

    order_id: str
    item_id: str
    course_id: str
    learner_id: str


class FollowOrderedCourse(msgspec.Struct, frozen=True, omit_defaults=True, tag="orders.follow_course"):
    """Tell the order what became of an item: `given`, `declined` or `returned`."""

    order_id: str
    item_id: str
    outcome: str
    reason: str = ""


class RevokeOrderedCourse(msgspec.Struct, frozen=True, tag="orders.revoke_course"):
    """Take the course of an item that is not paid, or had fallen out before it was given."""

    order_id: str
    item_id: str
    course_id: str
    learner_id: str


class StartLicencePayment(msgspec.Struct, frozen=True, tag="licences.start_payment"):
    """Ask the ledger for the payment by card of a licence, or of one of its invoices."""

    licence_id: str
    payment_id: str


class CancelLicencePayment(msgspec.Struct, frozen=True, tag="licences.cancel_payment"):
    """Ask the ledger to cancel a payment of a licence that is not waited for any more."""

    licence_id: str
    payment_id: str


class TellLicencePayment(msgspec.Struct, frozen=True, omit_defaults=True, tag="licences.tell_payment"):
    """Tell the licence how its payment stands, as of that version of the payment's stream."""

    licence_id: str
    payment_id: str
    as_of: int
    standing: str
    cause: str
    kept_minor: int = 0


OrderEffect = EnrolMember | FollowOrderedCourse | RevokeOrderedCourse
LicenceEffect = StartLicencePayment | CancelLicencePayment | TellLicencePayment
