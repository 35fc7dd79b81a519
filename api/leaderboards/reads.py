"""The questions that boards ask of the tables.

Where it can be, each is asked before the answer to the one before it is fetched: in a pipeline they then go
to the database together.
"""

from __future__ import annotations

from typing import Any

from psycopg import AsyncCursor

from api.leaderboards.places import Place, ranks
from ledger.store.batched_queries import Connection
from projections.leaderboards.counts import above

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
BELOW = f"""
    {_PLACES}
    WHERE {_SEEN}
        AND (-s.score, s.reached_at, s.user_id) > (%(score)s, %(reached_at)s, %(user_id)s)
    ORDER BY -s.score, s.reached_at, s.user_id
    LIMIT %(limit)s
"""
ABOVE = f"""
    {_PLACES}
    WHERE {_SEEN}
        AND (-s.score, s.reached_at, s.user_id) < (%(score)s, %(reached_at)s, %(user_id)s)
    ORDER BY -s.score DESC, s.reached_at DESC, s.user_id DESC
    LIMIT %(limit)s
"""
_OF_USERS = f"""
    {_PLACES}
    WHERE s.board = %(board)s AND s.user_id = ANY(%(users)s) AND s.score > 0
    ORDER BY -s.score, s.reached_at, s.user_id
"""


Asked = AsyncCursor[Any]


async def ask_of(connection: Connection, board: str, users: list[str]) -> Asked:
    """For those of `users` who have a score there, hidden ones too, in the order of the board."""
    return await connection.execute(_OF_USERS, {"board": board, "users": users})


async def places(asked: Asked) -> list[Place]:
    return [Place(*row) for row in await asked.fetchall()]


_HIGHER = """
    SELECT above.score, coalesce(sum(c.users), 0)::bigint
    FROM unnest(%(scores)s::bigint[], %(levels)s::bigint[], %(lows)s::bigint[], %(highs)s::bigint[])
        AS above (score, level, low, high)
    LEFT JOIN leaderboard_counts AS c
        ON c.board = %(board)s AND c.level = above.level AND c.node BETWEEN above.low AND above.high
    GROUP BY above.score
"""


async def _ask_higher(connection: Connection, board: str, scores: set[int]) -> Asked:
    """For each of `scores` how many users have more, without those who are hidden."""
    spans = [(score, *span) for score in scores for span in zip(*above(score), strict=True)]
    columns = zip(("scores", "levels", "lows", "highs"), zip(*spans, strict=True), strict=True)
    arguments = {"board": board, **{name: list(values) for name, values in columns}}
    return await connection.execute(_HIGHER, arguments)


_USERS = """
    SELECT node, users
    FROM leaderboard_counts
    WHERE board = %s AND level = 0 AND node BETWEEN %s AND %s
"""


async def ranks_of(
    connection: Connection, board: str, shown: list[Place], own: Place | None
) -> tuple[dict[int, int], int]:
    """By score, of `shown`, who stand one behind the other but for those whom the caller is not to see; and
    the caller's own, 0 without a score.
    """
    ends = (shown[0].score, shown[-1].score) if shown else (0, 0)
    asked_higher = await _ask_higher(connection, board, {ends[0], own.score if own else 0})
    asked_users = await connection.execute(_USERS, (board, ends[1], ends[0]))
    higher: dict[int, int] = dict(await asked_higher.fetchall())
    users: dict[int, int] = dict(await asked_users.fetchall())
    return ranks(ends[0], higher[ends[0]], users), higher[own.score] + 1 if own else 0


_FRIENDS = """
    SELECT CASE lesser WHEN %(user_id)s THEN greater ELSE lesser END
    FROM friendships
    WHERE (lesser = %(user_id)s OR greater = %(user_id)s) AND friends
"""


async def friends_of(connection: Connection, user_id: str) -> list[str]:
    found = await (await connection.execute(_FRIENDS, {"user_id": user_id})).fetchall()
    return [row[0] for row in found]


_BLOCKED = """
    SELECT CASE lesser WHEN %(user_id)s THEN greater ELSE lesser END
    FROM friendships
    WHERE (lesser = %(user_id)s OR greater = %(user_id)s) AND (lesser_blocks OR greater_blocks)
"""


async def blocked_of(connection: Connection, user_id: str) -> set[str]:
    """Whom a user blocks, and who blocks them."""
    found = await (await connection.execute(_BLOCKED, {"user_id": user_id})).fetchall()
    return {row[0] for row in found}
