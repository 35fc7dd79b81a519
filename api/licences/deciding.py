"""A command about one licence, sent once for an Idempotency-Key, and the licence as it stands after it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from litestar import Response

from api.licences.managing import Call
from api.licences.resources import standing_of
from api.services import Services, origin_of
from ledger.licences.commands import LicenceCommand
from ledger.licences.decider import LICENCE
from ledger.licences.state import Licence
from ledger.licences.stream import stream_of

B = TypeVar("B")
Make = Callable[[str], Awaitable[LicenceCommand]]
"""A command of its id; not called for one that was recorded before."""
Show = Callable[[Licence], Any]


async def decided(
    services: Services,
    request: Call,
    licence_id: str | None,
    asked: tuple[str, Any],
    make: Make,
    *,
    begins: bool = False,
    show: Show | None = None,
) -> Response[Any]:
    """`asked` is the Idempotency-Key and the body. Without a `licence_id` it is a new licence, whose id is
    made of the command's. `begins` answers 201, with the address.
    """
    key, data = asked

    async def work(command_id: str) -> Response[Any]:
        about = licence_id or services.id_of("lic", command_id)

        async def once() -> LicenceCommand:
            return await make(command_id)

        done = await services.submitter.submit_once(command_id, once, origin_of(request))
        licence: Licence = await services.store.state(LICENCE, stream_of(about))
        shown = show(licence) if show else standing_of(licence, services.now())
        if not begins:
            return Response(shown, status_code=200, headers=done.headers)
        location = {"Location": f"/api/enterprise/licenses/{about}"}
        return Response(shown, status_code=201, headers={**done.headers, **location})

    return await services.idempotency.run(request, key, data, work)
