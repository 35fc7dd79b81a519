"""What is used of a licence: said by who holds its key, in batches, and read by managers."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from api.http.checks import Check
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.licences.holding import LicenceKey, LicenceKeyInvalid, LicenceKeyReplaced
from api.licences.managing import Call, licence_of
from api.services import Services
from api.usage.bodies import LicenceUsage, UsageBatch, UsageTaken
from api.usage.counting import record
from api.usage.reads import usage_of
from api.words import MONTH
from ledger.errors import NotFound
from ledger.licences.live import LicenceNotLive
from ledger.usage.metrics import month_of, span_of
from ledger.usage.refusals import UsageMonthClosed

TAGS = ["licences"]
OfLicence = Annotated[str, QueryParameter(max_length=100, description="The licence's id.")]


def month_fault(month: str) -> str | None:
    try:
        span_of(month)
    except (ValueError, OverflowError):
        return "must be a month from 0001-01 to 9999-11"
    return None


OfMonth = Annotated[
    str | None,
    QueryParameter(pattern=MONTH, description="A calendar month (UTC); without it this one."),
    Check(month_fault),
]


@post(
    "/api/enterprise/licenses/usage",
    operation_id="recordUsage",
    summary="Say what was used of a licence",
    tags=TAGS,
    status_code=200,
    response_description="Each item is judged by itself",
    responses=responses(LicenceKeyInvalid, LicenceKeyReplaced, LicenceNotLive, UsageMonthClosed),
)
async def record_usage(
    data: JSONBody[UsageBatch], request: Call, services: NamedDependency[Services], licence_key: LicenceKey
) -> Response[UsageTaken]:
    """Each item counts once, by its source and `sequence`, so that a batch that may have been lost is sent
    again as it was. The limit itself passes, and what is beyond a hard one is named; months are taken until
    three days after their end.
    """
    taken, position = await record(services, request, licence_key, data)
    headers = {"Ledger-Position": str(position)} if position else {}
    return Response(taken, status_code=200, headers=headers)


@get(
    "/api/enterprise/usage",
    operation_id="getUsage",
    summary="What is used of a licence",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def get_usage(
    request: Call, services: NamedDependency[Services], licence_id: OfLicence, month: OfMonth = None
) -> Read[LicenceUsage]:
    """By metric, in a calendar month (UTC), with each of its days; also over a limit, and of a licence that
    has ended.
    """
    licence, now = await licence_of(services, request, licence_id), services.now()
    async with services.reading() as connection:
        return Read(await usage_of(connection, licence, month or month_of(now), now))


HANDLERS = (record_usage, get_usage)
