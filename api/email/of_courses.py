"""Mail about courses."""

from __future__ import annotations

from api.email.letter import LeftOut, Letter, Money
from api.email.lookups import course_title, row_by
from api.services import Services
from ledger.effects import SendMail
from projections.enrolments import ENROLMENTS


async def course_bought(services: Services, mail: SendMail) -> Letter | LeftOut:
    row = await row_by(services, ENROLMENTS, "enrolment_id", mail.about)
    if row is None or row.status != "active":
        return LeftOut("given_back_since")
    title = await course_title(services, row.course_id)
    if not title:
        return LeftOut("course_erased")
    given = row.buyer_id != row.learner_id
    return Letter(
        user_id=row.learner_id,
        template="course_bought",
        values={
            "title": title,
            "given": given,
            # what a gift cost is its giver's to say
            "amount": Money(row.amount_minor, row.currency) if row.amount_minor and not given else "",
        },
    )
