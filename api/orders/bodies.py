"""What is asked of orders of courses, as requests write it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from api.courses.resources import UserId
from api.http.body import AmountMinor, Text
from api.http.checks import Check, blank_fault
from api.words import NO_NUL
from ledger.orders.checks import LARGEST_MINOR, TAX_MAX_BP

COURSES_MAX = 50
MEMBERS_MAX = 1_000
CourseId = Annotated[str, Meta(min_length=1, max_length=100, pattern=NO_NUL, examples=["crs_0199f3a2"])]
Reference = Annotated[
    str,
    Meta(max_length=255, pattern=NO_NUL, description="As the bank's statement has it. Kept for ever."),
    Check(blank_fault),
]
Reason = Annotated[Text, Meta(description="Kept for ever, so it must not name anybody."), Check(blank_fault)]


class CoursesForMembers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each of the courses for each of the `members`, or for all of a class. Without `net_days` the invoice is
    due at once and they have the courses when it is paid. `tax_bp`, on top, is for admins; without it the
    highest of the live licences of the organisation, or none.
    """

    courses: Annotated[list[CourseId], Meta(min_length=1, max_length=COURSES_MAX)]
    members: Annotated[list[UserId], Meta(min_length=1, max_length=MEMBERS_MAX)] | None = None
    class_id: Annotated[str, Meta(max_length=200, pattern=NO_NUL)] | None = None
    net_days: Literal[14, 30, 60] | None = None
    tax_bp: Annotated[int, Meta(ge=0, le=TAX_MAX_BP, description="In basis points: 2000 is 20 %.")] | None = (
        None
    )


class NewCourseOrder(CoursesForMembers, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """As the preview has it. `expected_minor` is its `total_minor`."""

    expected_minor: Annotated[int, Meta(ge=0, le=LARGEST_MINOR)]


class OrderReason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    reason: Reason


class NewOrderPayment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    amount_minor: AmountMinor
    reference: Reference
    received_on: date


class OrderCreditTransfer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    amount_minor: AmountMinor
    reference: Reference
    paid_on: date
