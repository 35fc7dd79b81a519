"""Single rows that letters are made of."""

from __future__ import annotations

from typing import Final, TypeVar

from api.reads import BY_ID, rows, select
from api.services import Services
from projections.engine.tables import Row, Table
from projections.subscriptions import SUBSCRIPTIONS, SubscriptionRow

R = TypeVar("R", bound=Row)


async def row_by(services: Services, table: Table[R], column: str, value: str) -> R | None:
    """The newest."""
    async with services.reading() as connection:
        found = await rows(connection, select(BY_ID, table, by=column), table, ([value],))
    return found[-1] if found else None


async def subscription(services: Services, subscription_id: str) -> SubscriptionRow | None:
    return await row_by(services, SUBSCRIPTIONS, "subscription_id", subscription_id)


def plan_name(row: SubscriptionRow | None) -> str:
    """As the catalogue calls its tier, with a capital: its name is all that it has."""
    return row.tier.replace("_", " ").capitalize() if row else ""


_TITLE: Final = """
    SELECT w.title
    FROM courses
    JOIN course_words AS w USING (words_id)
    WHERE courses.course_id = %s
"""
_ORGANISATION: Final = """
    SELECT w.name
    FROM organisations
    JOIN organisation_words AS w USING (words_id)
    WHERE organisations.org_id = %s
"""


async def course_title(services: Services, course_id: str) -> str:
    """Empty when it was erased."""
    return await _word(services, _TITLE, course_id)


async def organisation_name(services: Services, org_id: str) -> str:
    """Empty when it was erased."""
    return await _word(services, _ORGANISATION, org_id)


async def _word(services: Services, query: str, value: str) -> str:
    async with services.reading() as connection:
        found = await (await connection.execute(query.encode(), (value,))).fetchone()
    return (found[0] or "") if found else ""
