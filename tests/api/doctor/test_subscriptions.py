"""Whether what Stripe bills for subscriptions is what we sell."""

from __future__ import annotations

import psycopg

from api.doctor import subscriptions
from api.doctor.finding import Finding
from ledger.store import conninfo
from tests.projections.histories import History, append
from tests.projections.tables import catch_up
from tests.projections.test_subscriptions import canceled, changed, requested, started


def found(url: str, *facts: object) -> Finding:
    history = History()
    history.add("subscriber-usr_1", requested(), started(), *facts)  # type: ignore[arg-type]  # facts
    append(url, history.recorded)
    assert catch_up(url).errors == {}
    with psycopg.connect(conninfo(url), autocommit=True) as conn:
        return subscriptions.followed(conn)


def test_plans_of_ours_are_well(database_url: str) -> None:
    assert found(database_url, changed("enterprise", 9_900)).level == "ok"


def test_one_that_is_billed_otherwise_is_named_with_what_to_do(database_url: str) -> None:
    told = found(database_url, changed("pro", 700, not_followed="price_without_tier"))
    assert (told.level, "stripe_sub_1 (price_without_tier)" in told.said) == ("worrying", True)
    assert "metadata `tier`" in told.todo


def test_one_that_is_over_needs_nothing(database_url: str) -> None:
    changed_then = changed("pro", 700, not_followed="price_without_tier")
    assert found(database_url, changed_then, canceled()).level == "ok"
