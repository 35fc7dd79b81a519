"""What administrators decide about courses: which are approved, and which are shown first."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Meta

from api.courses.deciding import TAGS, Call, Reason, RevisionProblem, asks, moved
from api.courses.resources import CourseStanding
from api.http.body import IdempotencyKey
from api.http.preconditions import IDEMPOTENT
from api.http.promises import responses
from api.services import Services
from ledger.courses.commands import ApproveCourse, FeatureCourse, RejectCourse, UnfeatureCourse
from ledger.courses.refusals import CourseStatusConflict, ReasonRequired, RevisionConflict
from ledger.errors import NotFound

Revision = Annotated[int, Meta(ge=1, description="The one that you looked at.")]


class Approve(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    revision: Revision


class Reject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The author reads `reason`."""

    revision: Revision
    reason: Reason


@post(
    "/api/courses/{course_id:str}/approve",
    operation_id="approveCourse",
    summary="Approve a course",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="Its author can publish it",
    responses=responses(NotFound, CourseStatusConflict, bodies={RevisionConflict: RevisionProblem}),
)
async def approve_course(
    course_id: FromPath[str],
    data: JSONBody[Approve],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CourseStanding]:
    """One that is in review, at the revision that was looked at."""
    return await moved(
        services, request, course_id, (idempotency_key, data), ApproveCourse, revision=data.revision
    )


@post(
    "/api/courses/{course_id:str}/reject",
    operation_id="rejectCourse",
    summary="Reject a course",
    tags=TAGS,
    status_code=200,
    opt={IDEMPOTENT: True},
    response_description="It is a draft again",
    responses=responses(
        NotFound, CourseStatusConflict, ReasonRequired, bodies={RevisionConflict: RevisionProblem}
    ),
)
async def reject_course(
    course_id: FromPath[str],
    data: JSONBody[Reject],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[CourseStanding]:
    """One that is in review, or approved and not published yet."""
    return await moved(
        services,
        request,
        course_id,
        (idempotency_key, data),
        RejectCourse,
        revision=data.revision,
        reason=data.reason,
    )


feature_course = asks(
    "feature",
    FeatureCourse,
    CourseStatusConflict,
    operation_id="featureCourse",
    summary="Feature a course",
    description="For as long as it is published.",
    done="It is among the featured ones",
)

unfeature_course = asks(
    "unfeature",
    UnfeatureCourse,
    operation_id="unfeatureCourse",
    summary="Feature a course no longer",
    description="It stays published.",
    done="It is one among all",
)

HANDLERS = (approve_course, reject_course, feature_course, unfeature_course)
