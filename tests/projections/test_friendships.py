"""The table of friendships is what the rules make of the facts, live and rebuilt."""

from __future__ import annotations

import random
from functools import reduce

import pytest

from ledger.errors import Refused
from ledger.friendships.decider import decide, stream
from ledger.friendships.state import Friendship, evolve
from projections.live import check
from tests.ledger.test_friendships import KINDS, command
from tests.projections.histories import History, append
from tests.projections.tables import catch_up, select


def by_chance(seed: int, steps: int) -> tuple[History, dict[str, Friendship]]:
    """Four users who do anything to each other."""
    chance, history = random.Random(seed), History()  # noqa: S311  # a test's dice
    friendships: dict[str, Friendship] = {}
    for _ in range(steps):
        one, other = chance.sample(["usr_a", "usr_b", "usr_c", "usr_d"], 2)
        asked = command(chance.choice(KINDS), one, other)
        of = stream(asked)
        friendship = friendships.get(of, Friendship())
        try:
            facts = decide(asked, friendship)
        except Refused:
            continue
        if facts:
            history.add(of, *facts)
            friendships[of] = reduce(evolve, facts, friendship)
    return history, friendships


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 500)])
def test_each_row_is_as_the_rules_have_it(database_url: str, seed: int, batch: int) -> None:
    history, friendships = by_chance(seed, 400)
    append(database_url, history.recorded)
    catch_up(database_url, batch=batch)
    rows = {row["stream"]: _of_row(row) for row in select(database_url, "SELECT * FROM friendships")}
    assert rows == {of: _of_rules(friendship) for of, friendship in friendships.items()}
    assert check(database_url, ["friendships"]).differences == ()


def _of_row(row: dict[str, object]) -> tuple[object, ...]:
    blocked = {row["lesser"]} if row["lesser_blocks"] else set()
    blocked |= {row["greater"]} if row["greater_blocks"] else set()
    return row["friends"], row["asked_by"], row["unheard"], blocked


def _of_rules(friendship: Friendship) -> tuple[object, ...]:
    return friendship.friends, friendship.asked_by, friendship.unheard, set(friendship.blocked_by)
