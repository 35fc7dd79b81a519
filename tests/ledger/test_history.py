"""What was stored once is read for ever, and the shape of a fact changes only where a reviewer sees it."""

from __future__ import annotations

import shutil
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger.domains import DECIDERS, EVENT_TYPES
from ledger.journal import postings
from ledger.message import Event
from ledger.payments.decider import decide
from ledger.payments.events import PaymentInitiated
from ledger.payments.refusals import InvalidAmount
from ledger.payments.state import Payment, evolve
from tests.contracts import record
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
    facts = decide(snapshot(amount_minor=550, amount_received_minor=550, currency="isk"), payment)
    assert reduce(evolve, facts, payment).captured_minor == 550


@pytest.mark.parametrize("event_type", EVENT_TYPES, ids=lambda event_type: event_type.TYPE)
def test_the_shape_of_a_fact_is_as_committed(event_type: type[Event]) -> None:
    committed = SCHEMAS / f"{event_type.TYPE}.json"
    assert committed.read_text() == schema(event_type), "see tests/contracts/record.py"


def test_no_schema_is_left_of_a_fact_that_is_gone() -> None:
    assert {path.stem for path in SCHEMAS.glob("*.json")} == set(BY_TYPE)


@pytest.mark.parametrize(
    ("data", "why"),
    [(b'{"renamed": 1}', "ValidationError"), (b'{"payout_id": 1}', "ValidationError")],
)
def test_a_line_that_cannot_be_folded_is_named_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: bytes, why: str
) -> None:
    for name in ("SCHEMAS", "HISTORY"):
        monkeypatch.setattr(record, name, tmp_path / name.lower())
        shutil.copytree(SCHEMAS if name == "SCHEMAS" else HISTORY, tmp_path / name.lower())
    payouts = tmp_path / "history" / "payouts.jsonl"
    payouts.write_bytes(b'{"type":"payouts.paid.v1","data":%s}\n' % data)
    (tmp_path / "schemas" / "payouts.paid.v1.json").write_text("as it was")
    with pytest.raises(SystemExit) as refused:
        record.main()
    assert f"tests/history/payouts.jsonl:1, payouts.paid.v1: {why}" in str(refused.value)
    assert "If the line is not committed yet" in str(refused.value)
    assert len(payouts.read_bytes().splitlines()) == 1
    assert (tmp_path / "schemas" / "payouts.paid.v1.json").read_text() == "as it was"


def test_recording_again_changes_nothing_and_what_is_missing_is_added(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(record, "SCHEMAS", tmp_path / "schemas")
    monkeypatch.setattr(record, "HISTORY", tmp_path / "history")
    shutil.copytree(SCHEMAS, tmp_path / "schemas")
    shutil.copytree(HISTORY, tmp_path / "history")
    record.main()
    for path in HISTORY.glob("*.json*"):
        assert (tmp_path / "history" / path.name).read_bytes() == path.read_bytes()
    (tmp_path / "history" / "payouts.jsonl").unlink()
    record.main()
    again = {line.type for line in lines(tmp_path / "history" / "payouts.jsonl")}
    assert again == {name for name in BY_TYPE if name.startswith("payouts.")}


def test_a_fact_that_evolve_lacks_is_named_before_its_example_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def lacking(state: Any, event: Any) -> Any:
        raise TypeError(type(event).__name__)

    deciders = [msgspec.structs.replace(each, evolve=lacking) for each in DECIDERS]
    monkeypatch.setattr(record, "DECIDERS", deciders)
    monkeypatch.setattr(record, "HISTORY", tmp_path)
    with pytest.raises(SystemExit, match=r"\.jsonl:1, [a-z._]+v1: TypeError: "):
        record.main()
    assert list(tmp_path.iterdir()) == []
