"""Streams that never end: what a fact costs does not grow with those before it, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.domains import DECIDERS
from ledger.invoices.decider import INVOICE
from ledger.invoices.state import Invoice
from ledger.message import AnyDecider
from ledger.payments.decider import PAYMENT
from ledger.payments.disputes import OPEN_DISPUTE
from ledger.payments.state import Payment
from ledger.persistent import PersistentMap, PersistentSet
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.state import Subscriber, Subscription
from tests.contracts.record import examples
from tests.ledger.examples import request_refund
from tests.ledger.strategies import events_of


def named(decider: AnyDecider) -> str:
    return type(decider.initial).__name__


rules = pytest.mark.parametrize("decider", DECIDERS, ids=named)


def histories(decider: AnyDecider) -> st.SearchStrategy[list[Any]]:
    return st.lists(events_of(decider.events), max_size=12)


# -------------------------------------------------------------------------------------------- folding


def renumbered(value: Any, number: int) -> Any:
    """The same fact about another thing: every id in it ends in another number."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value)
        return replace(value, **{name: _renumbered(name, one, number) for name, one in fields.items()})
    return tuple(renumbered(one, number) for one in value) if isinstance(value, tuple) else value


def _renumbered(name: str, value: Any, number: int) -> Any:
    return f"{value}{number}" if name.endswith("_id") and value else renumbered(value, number)


def long_history(decider: AnyDecider, facts: int) -> list[Any]:
    """Every kind of fact in turn, each about things of its own."""
    kinds = [examples(kind)[0] for kind in decider.events]
    return [renumbered(kinds[i % len(kinds)], i // len(kinds)) for i in range(facts)]


def containers(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, msgspec.Struct):
        for name, one in msgspec.structs.asdict(value).items():
            yield from containers(one, f"{path}.{name}")
    elif isinstance(value, (dict, frozenset, set, list, tuple)):
        yield path, value


@rules
def test_what_grows_with_a_stream_is_shared_and_not_copied(decider: AnyDecider) -> None:
    """A plain dict, set or tuple in a state is copied whole by every fact that changes it."""
    state = reduce(decider.evolve, long_history(decider, 2_000), decider.initial)
    assert [path for path, one in containers(state, named(decider)) if len(one) > 50] == []


@rules
def test_neither_a_fact_nor_a_decision_looks_at_all_that_came_before(
    decider: AnyDecider, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = reduce(decider.evolve, long_history(decider, 1_000), decider.initial)

    def refuse(_: Any) -> Any:
        raise AssertionError("all entries were looked at")

    monkeypatch.setattr(PersistentMap, "as_dict", refuse)
    monkeypatch.setattr(PersistentSet, "__iter__", refuse)
    for event in long_history(decider, 1_100)[1_000:]:
        state = decider.evolve(state, event)
    if isinstance(state, Payment):
        payment = replace(state, status="succeeded", disputed=type(state.disputed)(), captured_minor=10**9)
        command = request_refund(1, by_admin=True, note="n", refund_id="another")
        assert decider.decide(command, payment)
    if isinstance(state, Subscriber):
        assert (state.live, state.latest) != (None, None)
    if isinstance(state, Invoice):
        assert state.creditable_minor == 0


# ------------------------------------------------------------------------------------- kept by adding


@for_all(histories(PAYMENT))
def test_the_sums_of_a_payment_are_those_of_its_refunds_and_disputes(history: list[Any]) -> None:
    payment: Payment = reduce(PAYMENT.evolve, history, Payment())
    given_back = {"requested", "pending", "succeeded", "unknown"}
    refunds, disputes = payment.refunds.values(), payment.disputes.values()
    assert payment.refunded_minor == sum(one.amount_minor for one in refunds if one.status in given_back)
    assert payment.withheld_minor == sum(one.withheld_minor(payment.currency) for one in disputes)
    assert payment.dispute_open == any(one.status in OPEN_DISPUTE for one in disputes)
    assert payment.disputed.lost == sum(one.status == "lost" for one in disputes)


@for_all(histories(INVOICE))
def test_the_sums_of_an_invoice_are_those_of_its_credits_and_disputes(history: list[Any]) -> None:
    invoice: Invoice = reduce(INVOICE.evolve, history, Invoice())
    stand, credits_ = {"requested", "unknown", "credited"}, invoice.credits.values()
    assert invoice.credited_minor == sum(one.amount_minor for one in credits_ if one.status in stand)
    assert invoice.noted_minor == sum(one.amount_minor for one in credits_ if one.status == "credited")
    withheld = sum(one.withheld_minor(invoice.currency) for one in invoice.disputes.values())
    assert invoice.disputed.withheld_minor == withheld
    assert invoice.dispute_open == any(one.status in OPEN_DISPUTE for one in invoice.disputes.values())


@for_all(histories(SUBSCRIBER))
def test_the_live_subscription_is_the_first_that_lives_and_the_latest_the_last_begun(
    history: list[Any],
) -> None:
    subscriber: Subscriber = reduce(SUBSCRIBER.evolve, history, Subscriber())
    in_order: dict[str, Subscription] = dict.fromkeys(
        (event.subscription_id for event in history), Subscription()
    )
    in_order |= subscriber.subscriptions
    assert list(subscriber.subscriptions) == list(in_order)
    assert subscriber.live == next((one for one in in_order.values() if one.live), None)
    assert subscriber.latest == next(reversed(in_order.values()), None)


# ---------------------------------------------------------------------------------------- maps and sets

KEYS = st.sampled_from([f"k{i}" for i in range(8)])


@for_all(st.lists(st.tuples(KEYS, st.none() | st.integers())))
def test_a_persistent_map_reads_as_a_dict_and_leaves_what_it_was_made_from(
    puts: list[tuple[str, int | None]],
) -> None:
    made, plain = [PersistentMap[int | None]()], [dict[str, int | None]()]
    for key, value in puts:
        made.append(made[-1].put(key, value))
        plain.append({**plain[-1], key: value})
    for one, other in zip(made, plain, strict=True):
        assert one == other == dict(one)
        assert list(one.items()) == list(other.items())
        assert [one.get(f"k{i}", -1) for i in range(8)] == [other.get(f"k{i}", -1) for i in range(8)]
        assert one.newest == next(reversed(other.values()), None)
        assert [one.place(key) for key in one] == list(range(len(other)))
        assert (bool(one), "k0" in one, "none" in one) == (bool(other), "k0" in other, False)
    assert PersistentMap(plain[-1]) == made[-1]
    assert PersistentMap({"a": 1}) != PersistentMap({"a": 2})
    with pytest.raises(KeyError):
        made[-1]["none"]
    with pytest.raises(TypeError):
        hash(made[-1])


@for_all(st.lists(st.tuples(KEYS, st.none() | st.integers())))
def test_a_persistent_map_forgets_what_is_taken_out_and_has_it_last_when_it_comes_again(
    changes: list[tuple[str, int | None]],
) -> None:
    made, plain = [PersistentMap[int]()], [dict[str, int]()]
    for key, value in changes:
        made.append(made[-1].without(key) if value is None else made[-1].put(key, value))
        kept = {name: one for name, one in plain[-1].items() if value is not None or name != key}
        plain.append(kept if value is None else {**kept, key: value})
    for one, other in zip(made, plain, strict=True):
        assert list(one.items()) == list(other.items())
        assert (len(one), one.newest) == (len(other), next(reversed(other.values()), None))


@for_all(st.lists(st.tuples(st.booleans(), KEYS)))
def test_a_persistent_set_reads_as_a_frozenset(changes: list[tuple[bool, str]]) -> None:
    made, plain = PersistentSet(), frozenset[str]()
    for adds, key in changes:
        made = made.add(key) if adds else made.discard(key)
        plain = plain | {key} if adds else plain - {key}
        members: AbstractSet[str] = made
        assert members == plain
        assert plain == members
        assert (hash(made), len(made), bool(made)) == (hash(PersistentSet(plain)), len(plain), bool(plain))
        assert {key for key in made if key in made} == plain
