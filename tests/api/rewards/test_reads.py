"""What the list of rewards says of stock, limits and what is unlocked is what the rules say."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from api.rewards.reads import taken
from ledger.redemptions.decider import taken_of, why_not
from ledger.store import conninfo
from tests.ledger.examples import NOON
from tests.projections.histories import append
from tests.projections.tables import catch_up
from tests.projections.test_redemptions import OFFERS, USERS, by_chance


async def test_the_list_of_rewards_reads_what_the_rules_say(database_url: str) -> None:
    history, rewards = by_chance(6, 600)
    append(database_url, history.recorded)
    catch_up(database_url)
    async with await psycopg.AsyncConnection.connect(conninfo(database_url), autocommit=True) as conn:
        for user_id in USERS:
            found = await taken(conn, user_id, list(OFFERS))
            for reward_id, redeemed in rewards.items():
                for hours in (600, 640, 700):  # from now on, some of what is unlocked ends
                    offer, at = OFFERS[reward_id], NOON + timedelta(hours=hours)
                    decided = why_not(offer, taken_of(redeemed, user_id), at)
                    assert str(why_not(offer, found[reward_id], at)) == str(decided)
