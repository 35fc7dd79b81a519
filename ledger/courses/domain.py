"""Courses: uploaded, reviewed, published."""

from __future__ import annotations

from ledger.courses.decider import COURSE
from ledger.courses.permissions import MAY_SEND, check_sender
from ledger.courses.policy import react
from ledger.courses.stream import KIND
from ledger.domain import Domain

DOMAIN = Domain(
    name="courses", stream=KIND, decider=COURSE, may_send=MAY_SEND, check_sender=check_sender, react=react
)
