"""The questions that boards ask of the tables."""

from __future__ import annotations

from typing import Any, LiteralString

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


async def places(connection: Connection, query: LiteralString, arguments: dict[str, Any]) -> list[Place]:
    return [Place(*row) for row in await (await connection.execute(query, arguments)).fetchall()]


async def places_of(connection: Connection, board: str, users: list[str]) -> list[Place]:
    """Of those of `users` who have a score there, hidden ones too, in the order of the board."""
    return await places(connection, _OF_USERS, {"board": board, "users": users})


_HIGHER = """
    SELECT above.score, coalesce(sum(c.users), 0)::bigint
    FROM unnest(%(scores)s::bigint[], %(levels)s::bigint[], %(lows)s::bigint[], %(highs)s::bigint[])
        AS above (score, level, low, high)
    LEFT JOIN leaderboard_counts AS c
        ON c.board = %(board)s AND c.level = above.level AND c.node BETWEEN above.low AND above.high
    GROUP BY above.score
"""


async def higher(connection: Connection, board: str, scores: set[int]) -> dict[int, int]:
    """How many users have more than each of `scores`, without those who are hidden."""
    spans = [(score, *span) for score in scores for span in zip(*above(score), strict=True)]
    columns = zip(("scores", "levels", "lows", "highs"), zip(*spans, strict=True), strict=True)
    arguments = {"board": board, **{name: list(values) for name, values in columns}}
    return dict(await (await connection.execute(_HIGHER, arguments)).fetchall())


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
    asked = {place.score for place in (*shown[:1], *([own] if own else []))}
    if not asked:
        return {}, 0
    found = await higher(connection, board, asked)
    own_rank = found[own.score] + 1 if own else 0
    if not shown:
        return {}, own_rank
    first, last = shown[0].score, shown[-1].score
    users = dict(await (await connection.execute(_USERS, (board, last, first))).fetchall())
    return ranks(first, found[first], users), own_rank


_FRIENDS = """
    SELECT CASE lesser WHEN %(user_id)s THEN greater ELSE lesser END
    FROM friendships
    WHERE (lesser = %(user_id)s OR greater = %(user_id)s) AND friends
"""


async def friends_of(connection: Connection, user_id: str) -> list[str]:
    found = await (await connection.execute(_FRIENDS, {"user_id": user_id})).fetchall()
    return [row[0] for row in found]
