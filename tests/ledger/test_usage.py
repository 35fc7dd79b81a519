"""Usage: each item counts once, the limit itself passes, and a level goes on from month to month."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from ledger.errors import Contended
from ledger.licences.live import LicenceNotLive
from ledger.usage.commands import UsageTerms
from ledger.usage.counting import USED_MAX
from ledger.usage.decider import QUANTITY_MAX, SOURCES_MAX
from ledger.usage.events import UsageAlerted, UsageCounted
from ledger.usage.metrics import day_in, open_months, span_of
from ledger.usage.refusals import InvalidUsage, MetricNotGranted, TooManySources, UsageMonthClosed
from ledger.usage.sequences import MOST_RANGES, Range, added, has, ranges_of
from ledger.usage.stream import stream_of
from tests.ledger.licence_examples import LICENCE, day
from tests.ledger.seat_examples import FREE, HARD, SOFT, Meter, count, seen

GB = 10**9


def test_an_increment_is_counted_once_however_often_it_is_sent() -> None:
    meter = Meter()
    assert meter.say(count(1, 5), count(2)) == ["counted", "counted"]
    assert meter.say(count(1, 5), count(2), count(3)) == ["known", "known", "counted"]
    assert meter.usage.used == 7


def test_a_batch_is_judged_item_by_item() -> None:
    meter = Meter()
    meter.say(*(count(number) for number in range(1, 6)))
    became = meter.say(*(count(number) for number in range(1, 101)))
    assert (became.count("known"), became.count("counted"), meter.usage.used) == (5, 95, 100)


def test_the_same_number_twice_in_a_batch_is_one() -> None:
    assert Meter().say(count(1), count(1)) == ["counted", "known"]


def test_sources_number_for_themselves() -> None:
    meter = Meter()
    assert meter.say(count(1)) + meter.say(count(1), source="us-1") == ["counted", "counted"]
    assert meter.usage.used == 2


def test_the_limit_itself_passes_and_the_next_is_refused() -> None:
    meter = Meter()
    assert meter.say(count(1, 9_999)) == ["counted"]
    assert meter.say(count(2), count(3)) == ["counted", "usage_exceeded"]
    assert meter.usage.used == 10_000
    assert meter.say(count(2)) == ["known"], "what was counted stays so over the limit"


def test_a_number_that_was_refused_is_free_when_there_is_more() -> None:
    meter = Meter(terms=replace(HARD, limit=5))
    assert meter.say(count(1, 3), count(2, 3)) == ["counted", "usage_exceeded"]
    meter.terms = replace(HARD, limit=20, as_of=4)
    assert meter.say(count(2, 17)) == ["counted"]
    assert meter.usage.used == 20


def test_what_is_beyond_a_soft_limit_is_counted_and_told() -> None:
    meter = Meter(terms=SOFT)
    meter.say(count(1, 9_000))
    meter.say(count(2, 2_500))
    meter.say(count(3, 500))
    counted = [one for one in meter.facts if isinstance(one, UsageCounted)]
    assert [one.beyond for one in counted] == [0, 1_500, 500]
    assert (counted[-1].used, counted[-1].limit) == (12_000, 10_000)


@pytest.mark.parametrize("terms", [FREE, SOFT, replace(HARD, limit=QUANTITY_MAX)])
def test_no_month_comes_to_more_than_a_table_can_hold(terms: UsageTerms) -> None:
    meter = Meter(terms=terms)
    meter.usage = replace(meter.usage, used=USED_MAX - 5)
    became = meter.say(count(1, 4), count(2, 2), count(3, 1), count(4))
    if terms.limit == QUANTITY_MAX:
        assert became == ["usage_exceeded"] * 4
    else:
        assert became == ["counted", "total_too_large", "counted", "total_too_large"]
        assert meter.usage.used == USED_MAX
        assert meter.say(count(1, 4)) == ["known"]


def test_what_processes_set_aside_is_part_of_what_a_month_comes_to() -> None:
    meter = Meter(terms=FREE)
    meter.usage = replace(meter.usage, leased=USED_MAX - 1)
    assert meter.say(count(1, 2), count(2, 1)) == ["total_too_large", "counted"]


def test_levels_of_all_sources_come_to_no_more_and_what_is_less_is_always_said() -> None:
    assert SOURCES_MAX * QUANTITY_MAX <= USED_MAX
    meter = Meter("storage", terms=FREE)
    meter.say(count(1, 10), source="old")
    meter.usage = replace(meter.usage, used=USED_MAX - 5)
    assert meter.say(count(1, 6)) == ["total_too_large"]
    assert meter.say(count(1, 5)) == ["counted"]
    assert meter.say(count(2, 11), source="old") == ["total_too_large"]
    assert meter.say(count(2, 9), source="old") == ["counted"]


def test_alerts_come_once_at_80_and_at_100_per_cent() -> None:
    meter = Meter(terms=SOFT)
    for sequence, quantity in enumerate([7_999, 1, 1, 1_999, 500], 1):
        meter.say(count(sequence, quantity))
    assert meter.alerts() == [80, 100]


def test_of_two_alerts_at_once_the_higher_is_said() -> None:
    meter = Meter()
    meter.say(count(1, 10_000))
    assert meter.alerts() == [100]


def test_a_higher_limit_is_alerted_of_for_itself() -> None:
    meter = Meter()
    meter.say(count(1, 10_000))
    meter.terms = replace(HARD, limit=20_000, as_of=4)
    meter.say(count(2, 6_000))
    alerts = [(one.percent, one.limit) for one in meter.facts if isinstance(one, UsageAlerted)]
    assert alerts == [(100, 10_000), (80, 20_000)]


def test_a_user_is_one_of_the_month_however_often_they_come() -> None:
    meter = Meter("active_users", replace(HARD, limit=2))
    assert meter.say(seen("ann"), seen("ann"), seen("bob"), source="") == ["counted", "known", "counted"]
    assert meter.say(seen("cleo"), seen("bob")) == ["usage_exceeded", "known"]
    assert meter.usage.used == 2
    assert meter.alerts() == [100]


def test_a_level_is_what_all_sources_have_now_and_goes_on_into_the_next_month() -> None:
    meter = Meter("storage", replace(SOFT, limit=50 * GB))
    january, february = day("2026-01-31"), day("2026-02-01")
    assert meter.say(count(1, 60 * GB), source="a", effective_at=january) == ["counted"]
    assert meter.say(count(1, 20 * GB), source="b", effective_at=january) == ["counted"]
    assert meter.usage.used == 80 * GB
    meter.say(count(2, 10 * GB), source="b", month="2026-02", effective_at=february)
    last = meter.facts[-2]
    assert (last.month, last.used, last.peak, last.beyond) == ("2026-02", 70 * GB, 80 * GB, 30 * GB)
    assert stream_of(LICENCE, "storage", "2026-01") == stream_of(LICENCE, "storage", "2026-02")
    assert stream_of(LICENCE, "api_calls", "2026-01") != stream_of(LICENCE, "api_calls", "2026-02")


def test_a_level_that_is_older_than_what_is_known_changes_nothing() -> None:
    meter = Meter("storage", FREE)
    assert meter.say(count(7, 5), count(3, 9)) == ["counted", "known"]
    assert meter.say(count(6, 100)) == ["known"]
    assert meter.usage.used == 5


def test_over_a_hard_limit_a_level_may_still_become_less() -> None:
    meter = Meter("storage", replace(HARD, limit=100))
    meter.say(count(1, 100))
    meter.terms = replace(HARD, limit=50, as_of=4)
    assert meter.say(count(2, 101)) == ["usage_exceeded"]
    assert meter.say(count(3, 90)) == ["counted"]


def test_what_was_used_in_a_month_is_taken_a_while_after_it() -> None:
    meter = Meter()
    assert meter.say(count(1), effective_at=day("2026-02-03T23:59")) == ["counted"]
    with pytest.raises(UsageMonthClosed, match="2026-02"):
        meter.say(count(2), effective_at=day("2026-02-04"))
    with pytest.raises(UsageMonthClosed, match="Now is the time for 2026-01"):
        meter.say(count(2), month="2026-02")
    with pytest.raises(UsageMonthClosed):
        Meter("storage").say(count(1), effective_at=day("2026-02-01"))


def test_a_month_is_the_calendars_in_utc() -> None:
    assert span_of("2026-12") == (day("2026-12-01"), day("2027-01-01"))
    assert open_months(datetime.fromisoformat("2026-03-31T23:30:00-05:00")) == ("2026-04", "2026-03")
    assert day_in("2026-01", day("2026-02-02")).date() == day("2026-01-31").date()


def test_a_licence_that_gives_nothing_counts_nothing() -> None:
    with pytest.raises(LicenceNotLive):
        Meter(terms=replace(HARD, status="suspended")).say(count(1))
    with pytest.raises(MetricNotGranted):
        Meter(terms=replace(HARD, granted=False)).say(count(1))


def test_a_batch_that_knows_the_licence_as_it_was_is_decided_no_more() -> None:
    meter = Meter()
    meter.say(count(1))
    with pytest.raises(Contended):
        meter.say(count(2), terms=replace(HARD, as_of=2))


@pytest.mark.parametrize(
    ("metric", "item"),
    [
        ("api_calls", count(0)),
        ("api_calls", count(2**53)),
        ("api_calls", count(1, 0)),
        ("storage", count(1, -1)),
        ("active_users", seen("")),
        ("active_users", seen("x" * 129)),
        ("miles", count(1)),
    ],
)
def test_an_item_that_makes_no_sense_is_named(metric: str, item: object) -> None:
    with pytest.raises(InvalidUsage):
        Meter(metric).say(item)  # type: ignore[arg-type]  # of the parameters


def test_a_batch_has_a_source_and_a_size() -> None:
    with pytest.raises(InvalidUsage, match="source"):
        Meter().say(count(1), source="")
    with pytest.raises(InvalidUsage, match="from 1 to 1000 items"):
        Meter().say()


def test_gaps_and_sources_do_not_grow_for_ever() -> None:
    meter = Meter(terms=FREE)
    odd = [count(number) for number in range(1, 2 * MOST_RANGES, 2)]
    assert set(meter.say(*odd)) == {"counted"}
    assert meter.say(count(2 * MOST_RANGES + 1), count(2)) == ["too_many_gaps", "counted"]
    meter.usage = replace(meter.usage, counted=many_sources())
    with pytest.raises(TooManySources):
        meter.say(count(1), source="one more")


def many_sources() -> object:
    meter = Meter(terms=FREE)
    for number in range(1_000):
        meter.say(count(1), source=f"s{number}")
    return meter.usage.counted


@for_all(numbers=st.lists(st.integers(1, 40)))
def test_ranges_are_the_set_of_their_numbers(numbers: list[int]) -> None:
    ranges = ranges_of(numbers)
    assert {number for number in range(1, 42) if has(ranges, number)} == set(numbers)
    for one, two in pairwise(ranges):
        assert one.last + 1 < two.first
    for number in numbers:
        assert added(ranges, Range(number, number)) == ranges


@for_all(seed=st.integers(0, 10**6), most=st.integers(1, 300))
@settings(max_examples=50)
def test_the_total_is_exact_with_duplicates_retries_and_batches_that_overtake(seed: int, most: int) -> None:
    chance = Random(seed)  # noqa: S311 - not for secrets
    sent = [(f"s{source}", number) for source in range(4) for number in range(1, most // 4 + 2)]
    quantities = {one: chance.randint(1, 9) for one in sent}
    batches = [sent[start : start + 7] for start in range(0, len(sent), 7)]
    retried = batches + chance.sample(batches, len(batches) // 2)
    chance.shuffle(retried)
    meter = Meter(terms=FREE)
    for batch in retried:
        for source in sorted({source for source, _ in batch}):
            items = [count(number, quantities[(by, number)]) for by, number in batch if by == source]
            assert set(meter.say(*items, source=source)) <= {"counted", "known"}
    assert meter.usage.used == sum(quantities.values())


class UsageOfALicence(RuleBasedStateMachine):
    """Against a dictionary of what was counted, with a hard limit that moves."""

    @initialize(limit=st.integers(0, 40))
    def granted(self, limit: int) -> None:
        self.meter = Meter(terms=replace(HARD, limit=limit))
        self.counted: dict[tuple[str, int], int] = {}

    @rule(
        source=st.sampled_from(["a", "b"]),
        items=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 6)), min_size=1, max_size=8),
    )
    def said(self, source: str, items: list[tuple[int, int]]) -> None:
        expected = []
        for number, quantity in items:
            if (source, number) in self.counted:
                expected.append("known")
            elif self.total + quantity > (self.meter.terms.limit or 0):
                expected.append("usage_exceeded")
            else:
                self.counted[(source, number)] = quantity
                expected.append("counted")
        became = self.meter.say(*(count(*one) for one in items), source=source)
        assert became.count("counted") == expected.count("counted")

    @rule(limit=st.integers(0, 60))
    def limited(self, limit: int) -> None:
        terms = self.meter.terms
        self.meter.terms = replace(terms, limit=limit, as_of=terms.as_of + 1)

    @property
    def total(self) -> int:
        return sum(self.counted.values())

    @invariant()
    def exact(self) -> None:
        if hasattr(self, "meter"):
            assert self.meter.usage.used == self.total


TestUsageOfALicence = UsageOfALicence.TestCase
TestUsageOfALicence.settings = settings(max_examples=60, stateful_step_count=20)
