"""What every request about the answer to a dispute begins with: is it one of ours, and how does it stand?"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import structlog
from litestar import Request
from litestar.datastructures import State

from api.http.auth import Principal
from api.http.paging import LARGEST
from api.http.problems import StripeUnavailable
from api.services import Services
from api.stripe.delivery import STRIPE_ERRORS
from api.stripe.disputes import evidence
from api.stripe.disputes.objects import DisputeCase
from api.stripe.failures import failure_of
from ledger.errors import NotFound
from projections.queries.disputes import DisputeFound, disputes

T = TypeVar("T")
Call = Request[Principal, object, State]
ID_LENGTH = 300
log = structlog.get_logger()


async def known(services: Services, dispute_id: str) -> DisputeFound:
    """Of ours, be it of a payment or of an invoice. Raises `NotFound`."""
    found: list[DisputeFound] = []
    if len(dispute_id) <= ID_LENGTH and "\0" not in dispute_id:
        async with services.reading() as connection:
            found = await disputes(connection, {"dispute_id": dispute_id}, before=LARGEST, limit=1)
    if not found:
        raise NotFound(f"There is no dispute {dispute_id!r:.80}.")
    return found[0]


async def at_stripe(services: Services, dispute_id: str) -> DisputeCase:
    """Raises `StripeUnavailable`."""
    return await answered(evidence.dispute(services.stripe, dispute_id))


async def answered(asked: Awaitable[T]) -> T:
    """A look, which may be made again. Raises `StripeUnavailable`."""
    try:
        return await asked
    except STRIPE_ERRORS as error:
        log.warning("dispute_not_seen", code=failure_of(error).code)
        raise StripeUnavailable("Stripe does not answer. Nothing was changed; try again.") from error
