"""What was stored once is read for ever, and the shape of a fact changes only where a reviewer sees it."""

from __future__ import annotations

from functools import reduce
from typing import Any

import msgspec
import pytest

from ledger.domains import EVENT_TYPES
from ledger.journal import postings
from ledger.message import Event
from ledger.payments.decider import decide
from ledger.payments.events import PaymentInitiated
from ledger.payments.refusals import InvalidAmount
from ledger.payments.state import Payment, evolve
from tests.contracts.record import HISTORY, SCHEMAS, Line, lines, schema
from tests.ledger.examples import initiate, recorded, snapshot

BY_TYPE = {event_type.TYPE: event_type for event_type in EVENT_TYPES}
STORED = [line for path in sorted(HISTORY.glob("*.jsonl")) for line in lines(path)]


def decode(line: Line) -> Event:
    return msgspec.json.decode(line.data, type=BY_TYPE[line.type]).upcast()


def test_every_kind_of_fact_has_bytes_that_are_kept() -> None:
    assert {line.type for line in STORED} == set(BY_TYPE)


@pytest.mark.parametrize("line", STORED, ids=lambda line: line.type)
def test_old_bytes_decode_for_ever(line: Line) -> None:
    event = decode(line)
    stored = msgspec.json.decode(line.data)
    now = msgspec.json.decode(msgspec.json.encode(event))
    assert {name: now.get(name) for name in stored} == stored, "nothing of what was stored is lost"
    assert sum(leg.amount_minor for leg in postings(recorded(event))) == 0


def test_old_payments_fold_in_any_order_they_were_kept() -> None:
    payments: list[Any] = [decode(line) for line in STORED if line.type.startswith("payments.")]
    assert reduce(evolve, payments, Payment()).payment_id
    assert reduce(evolve, reversed(payments), Payment()).payment_id


def test_a_rule_that_became_tighter_does_not_stop_an_old_fact() -> None:
    """Half a króna was never refused before 2023; today nobody can ask for it, and the past still loads."""
    with pytest.raises(InvalidAmount):
        decide(initiate(currency="isk", amount_minor=550), Payment())
    old = msgspec.json.decode(
        b'{"payment_id":"pay_1","user_id":"usr_ann","amount_minor":550,"currency":"isk",'
        b'"payment_method_id":"","purpose":"raffle"}',
        type=PaymentInitiated,
    )
    payment = evolve(Payment(), old)
    news = decide(snapshot(amount_minor=550, amount_received_minor=550, currency="isk"), payment)
    assert reduce(evolve, news, payment).captured_minor == 550


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda event_type: event_type.TYPE)
def test_the_shape_of_a_fact_is_as_committed(event_type: type[Event]) -> None:
    committed = SCHEMAS / f"{event_type.TYPE}.json"
    assert committed.read_text() == schema(event_type), "see tests/contracts/record.py"


def test_no_schema_is_left_of_a_fact_that_is_gone() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(BY_TYPE)
