"""Who earned the most tokens in a class of an organisation."""

from __future__ import annotations

from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from api.http.auth import Principal
from api.http.body import known_shape
from api.http.owner import is_admin
from api.http.paging import Cursor, Limit
from api.http.promises import responses
from api.http.responses import Read
from api.leaderboards import reads
from api.leaderboards.asking import REFUSED, TAGS, AroundMe, OnDay, first_key, window_of
from api.leaderboards.circles import Circle, board_among
from api.leaderboards.resources import Leaderboard
from api.organisations.membership import class_in, standing_in
from api.reads import SNAPSHOT
from api.services import Services
from ledger.errors import NotFound
from ledger.windows import WindowKind

Call = Request[Principal, Any, State]


@get(
    "/api/enterprise/organisations/{org_id:str}/classes/{class_id:str}/leaderboard",
    operation_id="getClassLeaderboard",
    summary="The board of a class",
    tags=TAGS,
    responses=responses(NotFound) | REFUSED,
)
async def get_class_leaderboard(  # noqa: PLR0913, PLR0917 - the address has two, and a board its own
    org_id: FromPath[str],
    class_id: FromPath[str],
    request: Call,
    services: NamedDependency[Services],
    window: FromQuery[WindowKind] = "week",
    on: OnDay = None,
    around: AroundMe = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Read[Leaderboard]:
    """As the board of all, with ranks among those who are in the class now: for them, and for owners and
    managers of the organisation.
    """
    me, sees_all = request.user.id, is_admin(request)
    known_shape(org_id, "org_")
    organisation, role = await standing_in(services.store, org_id, me, sees_all=sees_all)
    members = class_in(organisation, known_shape(class_id, "cls_"), me, role).members

    asked = window_of(window, on, services.now())
    key = first_key(cursor, around, asked)
    async with services.reading() as connection:
        await connection.execute(SNAPSHOT)
        places = await reads.of_users(connection, asked.name, list(members))
        circle = Circle(places, await reads.blocked_of(connection, me))
        await connection.execute("COMMIT")
    return board_among(circle, me, asked, services.now(), key, limit, around=around is not None)


HANDLERS = (get_class_leaderboard,)
