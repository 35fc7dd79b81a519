"""Learners' enrolments in courses, and the purchases that lead to them."""

from __future__ import annotations

from ledger.domain import Domain
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.permissions import MAY_SEND
from ledger.enrolments.policy import react
from ledger.enrolments.postings import ENTRIES
from ledger.enrolments.stream import KIND

DOMAIN = Domain(
    name="enrolments", stream=KIND, decider=ENROLMENT, may_send=MAY_SEND, react=react, entries=ENTRIES
)
