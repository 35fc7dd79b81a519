"""Why something is refused of an endpoint."""

from __future__ import annotations

from ledger.errors import Refused


class TooManyEndpoints(Refused):
    """There are as many endpoints as there may be."""

    code = "too_many_endpoints"
    remedy = "Delete one that is not needed first."
    passing = True


class UnknownEventType(Refused):
    """An event of that name is not told to such an endpoint."""

    code = "unknown_event_type"
    remedy = (
        "Send names of docs/guides/webhooks.md; an organisation's endpoint is told of the organisation alone."
    )
    passing = True
