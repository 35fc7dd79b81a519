"""The rules of learning: the client reports, and what it comes to is judged here.

Progress is of an attempt and of the course as it is now; it never falls, and what was completed stays so.
"""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from msgspec import Struct

from ledger.enrolments.learning.commands import IssueCertificate, LearningCommand, ReportProgress, Syllabus
from ledger.enrolments.learning.events import (
    CertificateIssued,
    CertificateReinstated,
    CertificateRevoked,
    EnrolmentCompleted,
    LearningEvent,
    ProgressReported,
)
from ledger.enrolments.learning.refusals import (
    AccessEnded,
    LearningFrozen,
    LearntTooMuch,
    NotCompleted,
    UnknownItems,
    WrongMeasure,
)
from ledger.enrolments.learning.state import Progress
from ledger.errors import NotFound
from ledger.ids import derived_id

WHOLE_BP = 10_000
RETURN_BELOW_PERCENT = 30
"""Who has done so much of a course keeps it."""
PLAUSIBLE_BP = 5_000
"""The least part of a course's minutes in which it can be learnt: at twice the speed."""
PERCENT_MAX = 100
TOLD_MOST = 20
"""Of items that are not known, so many are named."""
_MINUTE_S = 60

_Events = tuple[LearningEvent, ...]


class Standing(Struct, frozen=True):
    """How the enrolment stands, as far as learning depends on it."""

    status: str
    live: bool
    enrolment_id: str
    attempt: int
    returning: str
    """The refund that was asked for; empty for none."""


def decide(command: LearningCommand, standing: Standing, progress: Progress) -> _Events:
    """`progress` is that of the attempt that counts now."""
    match command:
        case ReportProgress():
            check_access(standing)
            return _report(command, standing, progress)
        case IssueCertificate():
            return _issue(command, standing, progress)


def check_access(standing: Standing) -> None:
    """Whether the learner may learn now. Raises `NotFound`, `AccessEnded` or `LearningFrozen`."""
    if not standing.enrolment_id:
        raise NotFound("This learner has no such course: it must be bought first.")
    if not standing.live:
        raise AccessEnded(f"This enrolment is {standing.status}: there is no access to the course now.")
    if standing.returning:
        raise LearningFrozen(
            f"Refund {standing.returning} is under way; until it is decided nothing is learnt."
        )


# ----------------------------------------------------------------------------------------------- progress


def _report(command: ReportProgress, standing: Standing, progress: Progress) -> _Events:
    if command.percent is None:
        new, after = _by_items(command, progress)
    else:
        new, after = (), _by_percent(command, command.percent)
    if not new and after <= progress.bp:
        return ()
    reported = ProgressReported(
        enrolment_id=standing.enrolment_id,
        revision=command.syllabus.revision,
        before_bp=progress.bp,
        after_bp=max(after, progress.bp),
        items=new,
    )
    if after < WHOLE_BP or progress.completed is not None:
        return (reported,)
    return reported, _completed(command, standing, progress.begun_at)


def _by_items(command: ReportProgress, progress: Progress) -> tuple[tuple[str, ...], int]:
    """Those that are new, and what all that is done comes to."""
    syllabus = command.syllabus
    if not syllabus.items:
        raise WrongMeasure("This course has no items: a service that is trusted reports `percent`.")
    reported = tuple(dict.fromkeys(command.items))
    known = {item.item_id for item in syllabus.items}
    if unknown := tuple(one for one in reported if one not in known and one not in progress.done):
        _refuse_unknown(unknown, syllabus)
    new = tuple(one for one in reported if one not in progress.done)
    return new, _done_bp(syllabus, progress, frozenset(new))


def _done_bp(syllabus: Syllabus, progress: Progress, new: frozenset[str]) -> int:
    """Rounded down: all of it is 10,000, and nothing less is."""
    done = sum(item.weight for item in syllabus.items if item.item_id in new or item.item_id in progress.done)
    return done * WHOLE_BP // sum(item.weight for item in syllabus.items)


def _refuse_unknown(unknown: tuple[str, ...], syllabus: Syllabus) -> NoReturn:
    named = ", ".join(f"{one!r:.80}" for one in unknown[:TOLD_MOST])
    more = f" and {len(unknown) - TOLD_MOST} more" if len(unknown) > TOLD_MOST else ""
    raise UnknownItems(
        f"The course has no item {named}{more} at its revision {syllabus.revision}; nothing was recorded.",
        unknown,
    )


def _by_percent(command: ReportProgress, percent: int) -> int:
    if command.items:
        raise WrongMeasure("Send `items_done` or `percent`, not both.")
    if command.syllabus.items:
        raise WrongMeasure("This course has items: report in `items_done` which of them are done.")
    if not 0 <= percent <= PERCENT_MAX:
        raise WrongMeasure(f"`percent` must be from 0 to {PERCENT_MAX}; it was {percent}.")
    return percent * (WHOLE_BP // PERCENT_MAX)


def _completed(command: ReportProgress, standing: Standing, begun_at: datetime | None) -> EnrolmentCompleted:
    """The time is judged, never the claim: what was done too fast is done, and not plausible."""
    syllabus, at = command.syllabus, command.effective_at
    elapsed_s = None if begun_at is None else max(int((at - begun_at).total_seconds()), 0)
    least_s = syllabus.minutes * _MINUTE_S * PLAUSIBLE_BP // WHOLE_BP
    return EnrolmentCompleted(
        enrolment_id=standing.enrolment_id,
        course_id=command.course_id,
        learner_id=command.learner_id,
        attempt=standing.attempt,
        revision=syllabus.revision,
        level=syllabus.level,
        completed_at=at,
        minutes=syllabus.minutes,
        estimated_minutes=syllabus.estimated_minutes,
        elapsed_s=elapsed_s,
        plausible=elapsed_s is not None and elapsed_s >= least_s,
    )


def check_returnable(
    progress: Progress, syllabuses: tuple[Syllabus, ...] = (), *, to_learner: bool = True
) -> None:
    """Whether its buyer may have the money back without anybody's leave. Raises `LearntTooMuch`.

    An author who weighs lessons anew, or takes some away, takes no return from anybody: what is done is
    the least that it comes to of any of `syllabuses`. How much that is, only the learner is told.
    """
    percent = min((_percent_of(one, progress) for one in syllabuses), default=progress.percent)
    if percent < RETURN_BELOW_PERCENT:
        return
    if not to_learner:
        raise LearntTooMuch(
            "So much of this course is done by whom it was given to that it can be returned no more."
        )
    if progress.certificate is not None and progress.certificate.status == "valid":
        raise LearntTooMuch("There is a certificate for this course; it can be returned no more.")
    raise LearntTooMuch(
        f"{percent} % of this course is done; it can be returned below {RETURN_BELOW_PERCENT} %."
    )


def _percent_of(syllabus: Syllabus, progress: Progress) -> int:
    """Never more than was told; of a course without items, what was told."""
    if not syllabus.items or not progress.done:
        return progress.percent
    return min(progress.bp, _done_bp(syllabus, progress, frozenset())) // 100


# -------------------------------------------------------------------------------------------- certificates


def certificate_id_of(completed: EnrolmentCompleted) -> str:
    """One for an attempt that was completed, whoever asks for it and how often."""
    return derived_id("crt", "certificate", completed.enrolment_id, str(completed.revision))


def _issue(command: IssueCertificate, standing: Standing, progress: Progress) -> _Events:
    if not standing.enrolment_id or standing.enrolment_id != command.enrolment_id:
        raise NotFound("This learner has no such enrolment.")
    if progress.certificate is not None:
        return ()
    check_access(standing)
    completed = progress.completed
    if completed is None:
        raise NotCompleted(f"{progress.percent} % of this course is done; a certificate is for all of it.")
    issued = CertificateIssued(
        certificate_id=certificate_id_of(completed),
        enrolment_id=completed.enrolment_id,
        course_id=command.course_id,
        learner_id=command.learner_id,
        revision=completed.revision,
        level=completed.level,
        completed_at=completed.completed_at,
        words_id=command.words_id,
        words_hash=command.words_hash,
    )
    return (issued,)


def lost(enrolment_id: str, progress: Progress, cause: str, cause_id: str) -> _Events:
    """What goes with the access of that attempt."""
    held = progress.certificate
    if held is None or held.status != "valid":
        return ()
    revoked = CertificateRevoked(
        certificate_id=held.certificate_id, enrolment_id=enrolment_id, cause=cause, cause_id=cause_id
    )
    return (revoked,)


def regained(enrolment_id: str, progress: Progress, cause: str, cause_id: str) -> _Events:
    """What comes back with it."""
    held = progress.certificate
    if held is None or held.status != "revoked":
        return ()
    reinstated = CertificateReinstated(
        certificate_id=held.certificate_id, enrolment_id=enrolment_id, cause=cause, cause_id=cause_id
    )
    return (reinstated,)
