"""Boards are what their definition makes of the facts, in every window, live and rebuilt."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest
from msgspec.structs import replace

from ledger.journal import postings
from ledger.store import conninfo
from ledger.tokens.events import TokenEvent, TokensAwarded, TokensClawedBack
from ledger.tokens.state import Tokens
from projections.engine.copying import copy_all
from projections.leaderboards.counts import BITS, COUNTS, LEVELS, higher_than, nodes
from projections.leaderboards.scoring import ScoreFact, gained
from projections.live import check, rebuild
from tests.ledger.examples import recorded
from tests.ledger.token_examples import MIDNIGHT, award, claw_back, reinstate, when
from tests.projections.scores import Scoring, Standing, append_as_recorded
from tests.projections.tables import catch_up, contents, select

SUNDAY = datetime(2026, 11, 29, 12, tzinfo=UTC)
WINDOWS = ("2026-11-29", "2026-W48", "2026-11", "all")
LATER = SUNDAY + timedelta(days=5)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def shown(url: str, board: str) -> list[Standing]:
    """As the tables have it, ranked by the tree of counts alone."""
    rows = select(
        url,
        "SELECT * FROM leaderboard_scores WHERE board = %s AND score > 0 AND NOT hidden "
        "ORDER BY -score, reached_at, user_id",
        board,
    )
    return [
        Standing(
            1 + higher(url, board, row["score"]),
            row["user_id"],
            row["score"],
            row["score_now"],
            row["reached_at"],
        )
        for row in rows
    ]


def higher(url: str, board: str, score: int) -> int:
    [found] = select(url, f"SELECT {higher_than('%(score)s::bigint')} AS users", board=board, score=score)
    users: int = found["users"]
    return users


@pytest.mark.parametrize("highest", [200, 5_000, 2**25, 2**40])
def test_the_tree_counts_who_has_more_than_a_score(highest: int, database_url: str) -> None:
    chance = random.Random(highest)  # noqa: S311  # a test's dice
    scores = [chance.randint(1, highest) for _ in range(200)]
    counts = nodes(Counter(("all", score) for score in scores))
    with psycopg.connect(conninfo(database_url)) as conn, conn.cursor() as cursor:
        copy_all(cursor, COUNTS, map(msgspec.structs.astuple, counts))

    for score in [*scores[:20], 0, 1, 63, 64, 4_095, highest, 2 * highest]:
        assert higher(database_url, "all", score) == sum(other > score for other in scores)


def projected(url: str, scoring: Scoring, batch: int = 500) -> None:
    append_as_recorded(url, scoring.recorded)
    catch_up(url, batch=batch)


def names(url: str, board: str = "all") -> list[tuple[int, str]]:
    return [(one.rank, one.user_id) for one in shown(url, board)]


def test_all_windows_move_together(database_url: str) -> None:
    scoring = Scoring()
    for number in range(1_000):
        scoring.award(f"usr_{number % 7}", 1 + number % 5, SUNDAY)
    projected(database_url, scoring, batch=64)
    sums: Counter[str] = Counter()
    for one in scoring.recorded:
        sums[one.event.user_id] += one.event.amount  # type: ignore[attr-defined]  # all are awards
    for board in WINDOWS:
        assert {one.user_id: one.score for one in shown(database_url, board)} == sums


def test_a_claw_back_counts_in_the_windows_of_its_award(database_url: str) -> None:
    scoring = Scoring()
    scoring.award("usr_a", 100, SUNDAY)
    scoring.award("usr_a", 30, SUNDAY + DAY)
    scoring.claw_back("usr_a", 100, SUNDAY, SUNDAY + DAY)
    projected(database_url, scoring)
    now = "SELECT board, score, score_now FROM leaderboard_scores"
    rows = {row["board"]: (row["score"], row["score_now"]) for row in select(database_url, now)}
    assert rows["2026-11-30"] == rows["2026-W49"] == (30, 30)
    assert rows["2026-11"] == rows["all"] == (30, 30)
    assert min(min(each) for each in rows.values()) == 0, "no window is below zero"


def test_what_had_expired_of_an_award_that_is_given_again_is_score_as_it_was_before() -> None:
    """Its refund failed, twice, and once more for good: expiry lowers no score."""
    tokens, facts, scores = Tokens(), list[TokenEvent](), list[int]()
    days, expired = 0, 0
    given = award(100, expires_at=MIDNIGHT + timedelta(days=20))
    tokens, [fact] = when(tokens, given)
    facts.append(fact)
    for number in range(5):
        days += 30
        was = next(one for one in reversed(facts) if isinstance(one, TokensAwarded))
        step = reinstate(was, days=days, expired=expired) if number % 2 else claw_back(was, days=days)
        tokens, more = when(tokens, step)
        facts += more
        expired = more[-1].expired if isinstance(more[-1], TokensClawedBack) else expired
        scores.append(sum(gained(one) for one in facts if isinstance(one, ScoreFact)))
        booked = [leg for one in facts for leg in postings(recorded(one)) if leg.account == "9100"]
        assert (tokens.balance, sum(leg.amount_minor for leg in booked)) == (0, 0)
    assert scores == [0, 100, 0, 100, 0]


def test_a_window_that_has_ended_stays_as_it_was_published(database_url: str) -> None:
    """What is known now stands beside it; what happened in its last minutes is in time to be counted."""
    scoring, midnight = Scoring(), datetime(2026, 11, 30, tzinfo=UTC)
    scoring.award("usr_a", 100, SUNDAY)
    scoring.award("usr_b", 90, midnight - MINUTE, recorded_at=midnight + MINUTE)
    scoring.claw_back("usr_a", 100, SUNDAY, midnight + DAY)
    scoring.award("usr_c", 50, midnight - MINUTE, recorded_at=midnight + 10 * MINUTE)
    projected(database_url, scoring)
    day = shown(database_url, "2026-11-29")
    assert [(one.rank, one.user_id, one.score, one.score_now) for one in day] == [
        (1, "usr_a", 100, 0),
        (2, "usr_b", 90, 90),
    ]
    assert names(database_url, "2026-11") == [(1, "usr_b"), (2, "usr_c")]


def test_a_window_that_was_over_before_the_first_score_was_recorded_is_ranked_by_what_is_known(
    database_url: str,
) -> None:
    """As of a history that is taken in: nobody saw its boards, so that none of them was published."""
    scoring, later = Scoring(), SUNDAY + 40 * DAY
    scoring.award("usr_a", 100, SUNDAY, recorded_at=later)
    scoring.award("usr_b", 90, SUNDAY, recorded_at=later + 2 * DAY)
    projected(database_url, scoring, 1)
    for board in WINDOWS:
        assert names(database_url, board) == [(1, "usr_a"), (2, "usr_b")]
    before = len(scoring.recorded)
    scoring.award("usr_c", 50, later, recorded_at=later)
    scoring.award("usr_d", 60, later, recorded_at=later + 2 * DAY)
    append_as_recorded(database_url, scoring.recorded[before:])
    catch_up(database_url)
    assert names(database_url, later.date().isoformat()) == [(1, "usr_c")], "it was running"


def test_ties_share_a_rank_in_the_order_in_which_the_score_was_reached(database_url: str) -> None:
    scoring = Scoring()
    scoring.award("usr_a", 90, SUNDAY)
    scoring.award("usr_a", 10, SUNDAY)
    scoring.award("usr_b", 100, SUNDAY + 60 * MINUTE)
    projected(database_url, scoring)
    assert names(database_url) == [(1, "usr_a"), (1, "usr_b")]
    scoring.claw_back("usr_a", 10, SUNDAY, SUNDAY + 90 * MINUTE)
    before = len(scoring.recorded)
    scoring.award("usr_a", 10, SUNDAY + 120 * MINUTE)
    scoring.award("usr_c", 40, SUNDAY + 120 * MINUTE)
    append_as_recorded(database_url, scoring.recorded[before - 1 :])
    catch_up(database_url)
    assert names(database_url) == [(1, "usr_b"), (1, "usr_a"), (3, "usr_c")]


def test_what_is_pending_is_no_score_until_it_matures(database_url: str) -> None:
    scoring = Scoring()
    for user in ("usr_a", "usr_b"):
        scoring.award(user, 100, SUNDAY, pending_until=SUNDAY + 30 * DAY)
    scoring.claw_back("usr_b", 100, SUNDAY, SUNDAY + 20 * DAY, pending=True)
    projected(database_url, scoring)
    assert select(database_url, "SELECT * FROM leaderboard_scores") == []
    before = len(scoring.recorded)
    scoring.mature("usr_a", 100, SUNDAY, SUNDAY + 30 * DAY)
    append_as_recorded(database_url, scoring.recorded[before:])
    catch_up(database_url)
    assert names(database_url) == [(1, "usr_a")]


def test_who_hides_is_on_no_board_and_ranks_are_as_if_they_did_not_exist(database_url: str) -> None:
    scoring = Scoring()
    for user, amount in (("usr_a", 30), ("usr_b", 20), ("usr_c", 10)):
        scoring.award(user, amount, SUNDAY)
    scoring.show("usr_a", "hidden", SUNDAY + 2 * DAY)
    scoring.award("usr_a", 5, SUNDAY + 2 * DAY)
    projected(database_url, scoring)
    for board in WINDOWS:
        assert names(database_url, board) == [(1, "usr_b"), (2, "usr_c")]
    assert names(database_url, "2026-12-01") == []
    before = len(scoring.recorded)
    scoring.show("usr_a", "named", SUNDAY + 3 * DAY)
    append_as_recorded(database_url, scoring.recorded[before:])
    catch_up(database_url)
    assert names(database_url) == [(1, "usr_a"), (2, "usr_b"), (3, "usr_c")]
    assert names(database_url, "2026-12-01") == [(1, "usr_a")]


def by_chance(seed: int, steps: int) -> Scoring:
    """Some users, some days, scores that are often equal, and now and then a high one."""
    chance, scoring = random.Random(seed), Scoring()  # noqa: S311  # a test's dice
    lots: list[tuple[str, int, datetime]] = []
    for step in range(steps):
        at = SUNDAY + step * timedelta(hours=5) / 4
        user = f"usr_{chance.randrange(12)}"
        match chance.choices(("award", "claw", "pending", "hide", "show"), (8, 3, 1, 1, 1))[0]:
            case "award":
                amount = chance.choice((5, 5, 10, 64, 4_096, 10**9))
                late = chance.random() < 0.2
                scoring.award(user, amount, at, recorded_at=at + DAY if late else at)
                lots.append((user, amount, at))
            case "claw" if lots:
                scoring.claw_back(*lots.pop(chance.randrange(len(lots))), at)
            case "pending":
                scoring.award(user, 7, at, pending_until=at)
                scoring.mature(user, 7, at, at + 2 * DAY)
            case "hide" | "show" as what:
                scoring.show(user, "hidden" if what == "hide" else "listed", at)
    return scoring


@pytest.mark.parametrize(("seed", "batch"), [(1, 1), (2, 7), (3, 33), (4, 1_000)])
def test_boards_are_as_their_definition_has_them(database_url: str, seed: int, batch: int) -> None:
    """The first score of some histories is recorded days after some of their windows were over."""
    scoring = by_chance(seed, 300)
    if seed % 2 == 0:
        scoring.recorded = [replace(one, recorded_at=max(one.recorded_at, LATER)) for one in scoring.recorded]
    projected(database_url, scoring, batch)
    boards = {row["board"] for row in select(database_url, "SELECT DISTINCT board FROM leaderboard_scores")}
    assert len(boards) > 15
    for board in boards:
        assert shown(database_url, board) == scoring.board(board), board
    live = contents(database_url)
    assert check(database_url, ["leaderboards"]).differences == ()
    rebuild(database_url, ["leaderboards"])
    assert contents(database_url) == live


def test_a_rebuild_that_follows_the_live_ones_counts_on(database_url: str) -> None:
    """Rows of the first part stay in memory, and the tree moves by what changes of them."""
    scoring = by_chance(5, 200)
    append_as_recorded(database_url, scoring.recorded)
    rebuild(database_url, ["leaderboards"])
    more = by_chance(5, 260)
    append_as_recorded(database_url, more.recorded[len(scoring.recorded) :])
    catch_up(database_url)
    assert check(database_url, ["leaderboards"]).differences == ()
    assert shown(database_url, "all") == more.board("all")


def test_no_score_is_too_high_for_the_tree(database_url: str) -> None:
    scoring = Scoring()
    highest = 2 ** (BITS * LEVELS)
    for user, amount in enumerate((highest * 64 + 1, highest * 64, highest, highest - 1, 1)):
        scoring.award(f"usr_{user}", amount, SUNDAY)
    projected(database_url, scoring)
    assert [rank for rank, _ in names(database_url)] == [1, 2, 3, 4, 5]


def test_a_batch_is_written_in_the_order_of_the_users(database_url: str) -> None:
    scoring = Scoring()
    users = [f"usr_{number:03}" for number in range(100)]
    for user in reversed(users):
        scoring.award(user, 10, SUNDAY)
    projected(database_url, scoring)
    rows = select(database_url, "SELECT user_id FROM leaderboard_scores ORDER BY ctid")
    assert [row["user_id"] for row in rows] == [user for user in users for _ in WINDOWS]


def test_a_user_lies_together_in_a_table_that_is_built_anew(database_url: str) -> None:
    scoring = Scoring()
    for day in range(3):
        for user in ("usr_2", "usr_1", "usr_3"):
            scoring.award(user, 10, SUNDAY + day * DAY)
    projected(database_url, scoring)
    rebuild(database_url, ["leaderboards"])
    rows = select(database_url, "SELECT user_id FROM leaderboard_scores ORDER BY ctid")
    of_each = len(rows) // 3
    assert [row["user_id"] for row in rows] == [
        user for user in ("usr_2", "usr_1", "usr_3") for _ in range(of_each)
    ]


def test_a_page_of_a_board_reads_one_index(database_url: str) -> None:
    scoring = Scoring()
    for number in range(3_000):
        scoring.award(f"usr_{number}", 1 + number % 50, SUNDAY)
    projected(database_url, scoring)
    with psycopg.connect(conninfo(database_url, role=None), autocommit=True) as conn:
        conn.execute("ANALYZE leaderboard_scores, leaderboard_counts")
        plan = conn.execute(
            "EXPLAIN SELECT user_id FROM leaderboard_scores WHERE board = 'all' AND score > 0 AND NOT hidden "
            "AND (-score, reached_at, user_id) > (-20, '2026-11-29T12:00:00Z', 'usr_5') "
            "ORDER BY -score, reached_at, user_id LIMIT 20"
        ).fetchall()
    text = "\n".join(row[0] for row in plan)
    assert "leaderboard_scores_ranked" in text
    assert "Sort" not in text
