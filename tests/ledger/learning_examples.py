"""Builders of commands about what Ann learns at a course of two items; the second weighs thrice as much."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from ledger.courses.content import Item
from ledger.enrolments.learning.commands import IssueCertificate, ReportProgress, Syllabus
from ledger.enrolments.state import Enrolment
from tests.ledger.course_examples import HASH, item
from tests.ledger.enrolment_examples import OF, activate, after, reserve
from tests.ledger.examples import NOON

SHORT, LONG = item(1, weight=1, minutes=10), item(2, weight=3, minutes=50)
SYLLABUS = Syllabus(revision=3, level="beginner", items=(SHORT, LONG), estimated_minutes=90)
HOUR = timedelta(hours=1)


def syllabus(*items: Item, revision: int = 4) -> Syllabus:
    """As the course is after a revision."""
    return replace(SYLLABUS, items=items, revision=revision)


def report(*items: str, after: timedelta = HOUR, **changes: Any) -> ReportProgress:
    """So long after the purchase."""
    fields: dict[str, Any] = {
        **OF,
        "command_id": f"cmd_report_{'_'.join(items)}",
        "effective_at": NOON + after,
        "syllabus": SYLLABUS,
        "items": items,
    }
    return ReportProgress(**{**fields, **changes})


def percent(so_much: int, **changes: Any) -> ReportProgress:
    """By a service, of a course without items."""
    return report(syllabus=syllabus(revision=3), percent=so_much, **changes)


def certify(number: int = 1, **changes: Any) -> IssueCertificate:
    fields: dict[str, Any] = {
        **OF,
        "command_id": f"cmd_certify_{number}",
        "effective_at": NOON + HOUR,
        "enrolment_id": f"enr_{number}",
        "words_id": "wrd_1",
        "words_hash": HASH,
    }
    return IssueCertificate(**{**fields, **changes})


def bought() -> Enrolment:
    return after(reserve(), activate())


DONE = report("itm_1", "itm_2")
