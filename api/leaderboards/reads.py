"""The questions that boards ask of the tables: one statement each, so that an answer is of one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from api.leaderboards.places import Key, Place, moment, ranks
from ledger.store.batched_queries import Connection
from projections.leaderboards.counts import higher_than

_PLACES = """
    SELECT s.user_id, s.score, s.reached_at, s.score_now, s.hidden, c.name
    FROM leaderboard_scores AS s
    LEFT JOIN visibilities AS v ON v.user_id = s.user_id AND v.visibility = 'named'
    LEFT JOIN contacts AS c ON c.user_id = v.user_id
"""
# Whom the caller blocks, and who blocks them: looked up once, as they are few.
_SEEN = """
    s.board = %(board)s AND s.score > 0 AND NOT s.hidden AND s.user_id <> ALL(ARRAY(
        SELECT CASE lesser WHEN %(me)s THEN greater ELSE lesser END
        FROM friendships
        WHERE (lesser = %(me)s OR greater = %(me)s) AND (lesser_blocks OR greater_blocks)
    ))
"""
# Of the caller's own row: without one nothing is found, as nothing compares with null.
_OWN = "(SELECT {0} FROM leaderboard_scores WHERE user_id = %(me)s AND board = %(board)s)"
_MINE = f"{_OWN.format('-score')}, {_OWN.format('reached_at')}, %(me)s"
_BELOW = """
    {places}
    WHERE {seen}
        AND (-s.score, s.reached_at, s.user_id) > ({key})
    ORDER BY -s.score, s.reached_at, s.user_id
    LIMIT %(limit)s + 1
"""
_ABOVE = """
    {places}
    WHERE {seen}
        AND (-s.score, s.reached_at, s.user_id) < ({key})
    ORDER BY -s.score DESC, s.reached_at DESC, s.user_id DESC
    LIMIT %(limit)s
"""
# How many have more is asked of two scores alone. What lies between is told from how many have each.
_ALL = """
    WITH own AS MATERIALIZED ({own}),
        page AS MATERIALIZED ({page}),
        ends AS MATERIALIZED (
            SELECT max(score) AS first, min(score) AS last
            FROM ({shown}) AS shown
        )
    SELECT kind, number, user_id, score, reached_at, score_now, hidden, name
    FROM (
        SELECT 'own' AS kind, {above_own} AS number, own.*
        FROM own
        UNION ALL
        SELECT 'page', 0, page.*
        FROM page
        UNION ALL
        SELECT 'higher', {above_first}, NULL, ends.first, NULL, NULL, NULL, NULL
        FROM ends
        WHERE ends.first IS NOT NULL
        UNION ALL
        SELECT 'users', c.users, NULL, c.node, NULL, NULL, NULL, NULL
        FROM ends, leaderboard_counts AS c
        WHERE c.board = %(board)s AND c.level = 0 AND c.node BETWEEN ends.last AND ends.first
    ) AS answer
    ORDER BY -score, reached_at, user_id
"""
_OWN_PLACE = f"{_PLACES} WHERE s.board = %(board)s AND s.user_id = %(me)s AND s.score > 0"


def _all(page: str, shown: str) -> str:
    return _ALL.format(
        own=_OWN_PLACE,
        page=page,
        shown=shown,
        above_own=higher_than("own.score"),
        above_first=higher_than("ends.first"),
    )


BEHIND = _all(
    _BELOW.format(places=_PLACES, seen=_SEEN, key="%(score)s, %(reached_at)s, %(user_id)s"),
    "SELECT score FROM page",
)
AROUND_ME = _all(
    f"({_ABOVE.format(places=_PLACES, seen=_SEEN, key=_MINE)}) UNION ALL "
    f"({_BELOW.format(places=_PLACES, seen=_SEEN, key=_MINE)})",
    "SELECT score FROM page UNION ALL SELECT score FROM own",
)
_OF_USERS = """
    {places}
    WHERE s.board = %(board)s AND s.score > 0 AND s.user_id = ANY({users})
    ORDER BY -s.score, s.reached_at, s.user_id
"""
_FRIENDS = """ARRAY(
    SELECT CASE lesser WHEN %(me)s THEN greater ELSE lesser END
    FROM friendships
    WHERE (lesser = %(me)s OR greater = %(me)s) AND friends
    UNION ALL SELECT %(me)s
)"""
_OF_FRIENDS = _OF_USERS.format(places=_PLACES, users=_FRIENDS)
_OF_SOME = _OF_USERS.format(places=_PLACES, users="%(users)s")
_BLOCKED = """
    SELECT CASE lesser WHEN %(user_id)s THEN greater ELSE lesser END
    FROM friendships
    WHERE (lesser = %(user_id)s OR greater = %(user_id)s) AND (lesser_blocks OR greater_blocks)
"""


class Asked(Struct, frozen=True):
    """Of a board: the caller's own place, if they have one, and those that were asked for."""

    own: Place | None
    own_rank: int
    places: list[Place]
    """Whom the caller may see, in the order of the board."""
    ranks: Mapping[int, int]
    """By score, of all of them."""


def arguments(board: str, me: str, key: Key, limit: int) -> dict[str, Any]:
    """As `me` sees the board, from the place behind `key`."""
    return {
        "board": board,
        "me": me,
        "score": key[0],
        "reached_at": moment(key),
        "user_id": key[2],
        "limit": limit,
    }


async def ask(connection: Connection, query: str, arguments: Mapping[str, Any]) -> Asked:
    """`query` is `BEHIND` or `AROUND_ME`, which find one more below than the limit."""
    own, own_rank, found, users, first, higher = None, 0, [], {}, 0, 0
    for kind, number, *place in await (await connection.execute(query, arguments)).fetchall():
        match kind:
            case "own":
                own, own_rank = Place(*place), 1 + number
            case "page":
                found.append(Place(*place))
            case "users":
                users[place[1]] = number
            case _:
                first, higher = place[1], number
    return Asked(own, own_rank, found, ranks(first, higher, users))


async def of_friends(connection: Connection, board: str, me: str) -> list[Place]:
    """The caller's and their friends' who have a score there, hidden ones too, in the order of the board."""
    asked = await connection.execute(_OF_FRIENDS, {"board": board, "me": me})
    return [Place(*row) for row in await asked.fetchall()]


async def of_users(connection: Connection, board: str, users: list[str]) -> list[Place]:
    """The same of `users`."""
    asked = await connection.execute(_OF_SOME, {"board": board, "users": users})
    return [Place(*row) for row in await asked.fetchall()]


async def blocked_of(connection: Connection, user_id: str) -> set[str]:
    """Whom a user blocks, and who blocks them."""
    found = await (await connection.execute(_BLOCKED, {"user_id": user_id})).fetchall()
    return {row[0] for row in found}
