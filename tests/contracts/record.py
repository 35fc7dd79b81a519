"""Writes down the shape of every fact and examples of its bytes:
`.venv/bin/python -m tests.contracts.record`.

Schemas are rewritten: a changed one shows in the diff, and must only have gained fields with defaults.
History is only ever added to: what was once stored must decode for ever. What it folds to stands beside it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from inspect import cleandoc
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import msgspec

from ledger.domains import DECIDERS, EVENT_TYPES
from ledger.message import Decider, Event
from ledger.store.forms import Form

SCHEMAS = Path(__file__).parent
HISTORY = SCHEMAS.parent / "history"
_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Line(msgspec.Struct):
    """`data` is what stood in the store, byte for byte."""

    type: str
    data: msgspec.Raw


def schema(event_type: type[Event]) -> str:
    """The same on each Python: from 3.13 on docstrings are not indented."""
    return json.dumps(_cleaned(msgspec.json.schema(event_type)), indent=2, sort_keys=True) + "\n"


def _cleaned(value: Any) -> Any:
    match value:
        case dict():
            return {key: _cleaned(each) for key, each in value.items()}
        case list():
            return [_cleaned(each) for each in value]
        case str():
            return cleandoc(value)
        case _:
            return value


def domain_of(event_type: type[Event]) -> str:
    return event_type.TYPE.partition(".")[0]


def lines(path: Path) -> list[Line]:
    return [msgspec.json.decode(line, type=Line) for line in path.read_bytes().splitlines()]


def states_file() -> Path:
    return HISTORY / "states.json"


Kept = Mapping[str, Sequence[Line]]
"""By domain, as the name of a type of fact begins."""


class Unfoldable(Exception):
    """A line of the history that the rules cannot read or fold."""


def kept() -> Kept:
    return {path.stem: lines(path) for path in sorted(HISTORY.glob("*.jsonl"))}


def states(history: Kept | None = None) -> str:
    """What the kept history of each domain comes to, in its order, with the revision of the rules."""
    history = kept() if history is None else history
    folded = {}
    for decider in DECIDERS:
        state = _folded(decider, history[domain_of(decider.events[0])])
        folded[type(decider.initial).__name__] = {
            "revision": decider.revision,
            "state": json.loads(Form(decider).encode(state)),
        }
    return json.dumps(folded, indent=2, ensure_ascii=False) + "\n"


def _folded(decider: Decider[Any, Any, Any], history: Sequence[Line]) -> Any:
    kinds = {kind.TYPE: kind for kind in decider.events}
    state = decider.initial
    for number, line in enumerate(history, 1):
        try:
            state = decider.evolve(state, msgspec.json.decode(line.data, type=kinds[line.type]).upcast())
        except Exception as error:
            raise Unfoldable(_why(f"{domain_of(decider.events[0])}.jsonl:{number}", line, error)) from error
    return state


def _why(place: str, line: Line, error: Exception) -> str:
    return (
        f"tests/history/{place}, {line.type}: {type(error).__name__}: {error}\n"
        "Nothing was written. `evolve` must fold every fact, and bytes that were committed must decode for "
        "ever. If the line is not committed yet (git diff tests/history), delete it: it is made anew."
    )


def with_examples(history: Kept) -> Kept:
    """And of each kind of fact that has none yet, examples."""
    found = {domain: list(known) for domain, known in history.items()}
    for event_type in EVENT_TYPES:
        of_domain = found.setdefault(domain_of(event_type), [])
        if event_type.TYPE not in {line.type for line in of_domain}:
            of_domain += (
                Line(event_type.TYPE, msgspec.Raw(msgspec.json.encode(event)))
                for event in examples(event_type)
            )
    return found


def examples(event_type: type[Event]) -> list[msgspec.Struct]:
    """With every field, and with only those that must be there."""
    full, least = _example(event_type, full=True), _example(event_type, full=False)
    return [full] if full == least else [full, least]


def _example(struct: type[msgspec.Struct], *, full: bool) -> msgspec.Struct:
    wanted = [one for one in msgspec.structs.fields(struct) if full or one.required]
    return struct(**{one.name: _value(one.name, one.type, full=full) for one in wanted})


def _value(name: str, annotation: Any, *, full: bool) -> Any:
    if get_origin(annotation) is tuple:
        return (_value(name, get_args(annotation)[0], full=full),)
    if get_origin(annotation) is not Annotated and get_args(annotation):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if issubclass(annotation, msgspec.Struct):
        return _example(annotation, full=full)
    if name == "currency":
        return "usd"
    return {str: f"{name}é", int: -4000, bool: True, datetime: _NOON, date: _NOON.date()}[annotation]


def main() -> None:
    """All is folded before anything is written."""
    before = kept()
    history = with_examples(before)
    try:
        folded = states(history)
    except Unfoldable as why:
        sys.exit(str(why))
    for event_type in EVENT_TYPES:
        (SCHEMAS / f"{event_type.TYPE}.json").write_text(schema(event_type))
    for domain, known in history.items():
        with (HISTORY / f"{domain}.jsonl").open("ab") as file:
            for line in known[len(before.get(domain, ())) :]:
                file.write(msgspec.json.encode(line) + b"\n")
    states_file().write_text(folded)


if __name__ == "__main__":
    main()
