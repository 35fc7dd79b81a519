"""Leases of usage: never more passes than a hard limit, whoever counts, gives back, dies or repeats it."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.errors import Contended, Forbidden
from ledger.licences.live import LicenceNotLive
from ledger.message import Origin
from ledger.permissions import check
from ledger.usage.commands import LeaseUsage, SettleLease, UsageTerms
from ledger.usage.counting import USED_MAX
from ledger.usage.decider import decide
from ledger.usage.events import UsageAlerted, UsageCounted, UsageLeased, UsageLeaseEnded
from ledger.usage.leasing import PLATFORM, SHARE, TAKEN_MAX
from ledger.usage.refusals import InvalidUsage, MetricNotGranted, UsageExceeded, UsageMonthClosed
from ledger.usage.sequences import Range
from ledger.usage.state import evolve
from tests.ledger.licence_examples import LICENCE, NEW_YEAR, ORG
from tests.ledger.seat_examples import HARD, SOFT, Meter, count


class Leases(Meter):
    """Of calls of the API, in one month."""

    def lease(self, wanted: int = 10, **changes: Any) -> UsageLeased:
        (fact,) = self._do(LeaseUsage, wanted=wanted, **changes)
        assert isinstance(fact, UsageLeased)
        return fact

    def settle(self, lease: UsageLeased, used: int, **changes: Any) -> list[Any]:
        return self._do(SettleLease, lease=lease.lease, used=used, **changes)

    def _do(self, kind: type[Any], **changes: Any) -> list[Any]:
        fields = {
            "command_id": "cmd",
            "effective_at": NEW_YEAR,
            "licence_id": LICENCE,
            "org_id": ORG,
            "metric": self.metric,
            "month": "2026-01",
            "terms": self.terms,
        }
        facts = decide(kind(**{**fields, **changes}), self.usage)
        self.usage = reduce(evolve, facts, self.usage)
        self.facts += facts
        return list(facts)


def limited(limit: int, **changes: Any) -> UsageTerms:
    return replace(HARD, limit=limit, **changes)


def test_what_is_leased_is_set_aside_and_not_used() -> None:
    leases = Leases(terms=limited(1_000))
    assert leases.lease(10).quantity == 10
    assert (leases.usage.used, leases.usage.leased, leases.usage.taken) == (0, 10, 10)


def test_what_was_used_of_a_lease_counts_once_and_its_rest_is_free() -> None:
    leases = Leases(terms=limited(1_000))
    block = leases.lease(10)
    counted = UsageCounted(
        licence_id=LICENCE,
        org_id=ORG,
        metric="api_calls",
        month="2026-01",
        source=PLATFORM,
        sequences=(Range(1, 1),),
        quantity=7,
        used=7,
        limit=1_000,
        as_of=HARD.as_of,
        lease=1,
    )
    assert leases.settle(block, 7) == [counted]
    assert leases.settle(block, 7) == []
    assert (leases.usage.used, leases.usage.leased) == (7, 0)


def test_a_lease_of_which_nothing_was_used_ends() -> None:
    leases = Leases()
    (ended,) = leases.settle(leases.lease(), 0)
    assert isinstance(ended, UsageLeaseEnded)
    assert leases.usage.taken == 0
    assert leases.lease().lease == 2, "its number is not given again"


def test_no_more_is_counted_of_a_lease_than_it_was() -> None:
    leases = Leases()
    leases.settle(leases.lease(10), 99)
    assert leases.usage.used == 10


@pytest.mark.parametrize(
    ("limit", "block"), [(100_000, 1_000), (1_000, 1_000 // SHARE), (2 * SHARE - 1, 1), (1, 1)]
)
def test_a_block_is_a_small_part_of_what_is_left_and_one_near_the_limit(limit: int, block: int) -> None:
    assert Leases(terms=limited(limit)).lease(1_000).quantity == block


def test_at_the_limit_it_is_told_how_many_are_set_aside() -> None:
    leases = Leases(terms=limited(2))
    first = leases.lease()
    leases.settle(first, 1)
    second = leases.lease()
    with pytest.raises(UsageExceeded, match=r"The 2 api_calls of 2026-01 are used or set aside \(1 used\)"):
        leases.lease()
    leases.settle(second, 1)
    with pytest.raises(UsageExceeded, match="are used: the next"):
        leases.lease()


def test_what_is_set_aside_is_nobody_elses() -> None:
    leases = Leases(terms=limited(40))
    block = leases.lease()
    assert block.quantity == 2
    assert leases.say(count(1, 38), count(2), count(3)) == ["counted", "usage_exceeded", "usage_exceeded"]
    leases.settle(block, 1)
    assert leases.say(count(2), count(3)) == ["counted", "usage_exceeded"]


def test_without_a_limit_and_beyond_a_soft_one_all_is_counted() -> None:
    endless, soft = Leases(terms=replace(HARD, limit=None)), Leases(terms=SOFT)
    assert endless.lease(1_000).quantity == 1_000
    soft.say(count(1, 9_995))
    (counted, alerted) = soft.settle(soft.lease(10), 10)
    assert (counted.used, counted.beyond) == (10_005, 5)
    assert isinstance(alerted, UsageAlerted)


def test_a_source_that_says_without_end_stops_no_call_and_all_of_them_fit_a_table() -> None:
    leases = Leases(terms=replace(HARD, limit=None))
    leases.usage = replace(leases.usage, used=USED_MAX)
    assert leases.say(count(1)) == ["total_too_large"]
    assert leases.lease(1_000).quantity == 1_000
    leases.usage = replace(leases.usage, leased=USED_MAX - 5)
    assert leases.lease(1_000).quantity == 5
    with pytest.raises(UsageExceeded, match=str(2 * USED_MAX)):
        leases.lease()
    assert leases.usage.taken == TAKEN_MAX < 2**63


def test_what_the_licence_has_become_refuses_a_lease_and_no_settlement() -> None:
    leases = Leases()
    blocks = [leases.lease() for _ in range(3)]
    for terms, refusal in (
        (replace(HARD, status="suspended"), LicenceNotLive),
        (replace(HARD, granted=False), MetricNotGranted),
        (replace(HARD, as_of=HARD.as_of - 1), Contended),
    ):
        leases.terms = terms
        with pytest.raises(refusal):
            leases.lease()
        leases.settle(blocks.pop(), 1)
    assert (leases.usage.used, leases.usage.leased) == (3, 0)


def test_only_counters_of_an_open_month_are_leased() -> None:
    with pytest.raises(UsageMonthClosed):
        Leases().lease(month="2025-11")
    for metric in ("storage", "active_users", "nonsense"):
        with pytest.raises(InvalidUsage):
            Leases(metric).lease()


@pytest.mark.parametrize("role", ["service", "admin", "enterprise"])
def test_nobody_but_the_service_itself_leases(role: str) -> None:
    about = {"licence_id": LICENCE, "org_id": ORG, "metric": "api_calls", "month": "2026-01", "terms": HARD}
    asked = LeaseUsage(command_id="cmd", effective_at=NEW_YEAR, wanted=1, **about)  # type: ignore[arg-type]  # as above
    with pytest.raises(Forbidden):
        check(asked, Origin(actor="usr_1", roles=frozenset({role})))


STEPS = st.lists(st.tuples(st.sampled_from(["lease", "settle", "die", "batch"]), st.integers(0, 60)))


@for_all(limit=st.integers(1, 200), steps=STEPS)
def test_never_more_passes_than_the_limit_and_what_is_settled_is_the_sum(
    limit: int, steps: list[tuple[str, int]]
) -> None:
    """Of a process that died all of its block may have passed, and nothing of it is counted."""
    leases, held, dead, settled = Leases(terms=limited(limit)), [], 0, 0
    for sequence, (what, number) in enumerate(steps, 1):
        if what == "lease" and leases.usage.taken < limit:
            held.append(leases.lease(number))
        elif what == "settle" and held:
            block = held.pop(number % len(held))
            used = min(number, block.quantity)
            leases.settle(block, used)
            settled += used
        elif what == "die" and held:
            dead += held.pop().quantity
        elif what == "batch" and leases.say(count(sequence, max(1, number))) == ["counted"]:
            settled += max(1, number)
        assert leases.usage.used == settled
        assert leases.usage.leased == dead + sum(block.quantity for block in held)
        assert settled + dead + sum(block.quantity for block in held) <= limit
