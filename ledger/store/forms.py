"""How folded states are written, and what they depend on."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from ledger.message import Decider
from ledger.persistent import from_plain, to_plain

AnyDecider = Decider[Any, Any, Any]

_encode = msgspec.json.Encoder(enc_hook=to_plain).encode


class Form:
    """The states of one decider as bytes. JSON, as it keeps the zone of a time and numbers of any size."""

    def __init__(self, decider: AnyDecider) -> None:
        state = type(decider.initial)
        self.shape = _shape(decider)
        """Hexadecimal. Another one means that states of the one may be nonsense to the other."""
        self.encode = _encode
        self._decoder = msgspec.json.Decoder(state, dec_hook=from_plain)

    def decode(self, state: bytes) -> Any:
        """Raises `msgspec.MsgspecError` for what is no such state."""
        return self._decoder.decode(state)


class Forms:
    """The form of each decider's states, made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[int, tuple[AnyDecider, Form | None]] = {}
        """By identity, as states need not be hashable; the decider is kept so that its id stays its own."""

    def of(self, decider: AnyDecider) -> Form | None:
        """None for a state that is no Struct: nothing is known of how it would come back."""
        found = self._made.get(id(decider))
        if found is None:
            form = Form(decider) if isinstance(decider.initial, msgspec.Struct) else None
            found = self._made[id(decider)] = (decider, form)
        return found[1]


def _shape(decider: AnyDecider) -> str:
    """A hash of the structure of state and facts, nested ones included, and of the rules' own number."""
    facts = sorted(decider.events, key=lambda event: str(event.TYPE))
    depends_on = (
        decider.revision,
        type(decider.initial).__qualname__,
        [(event.TYPE, event.__qualname__) for event in facts],
        _structures([type(decider.initial), *facts]),
    )
    return hashlib.sha256(_encode(depends_on)).hexdigest()


def _structures(roots: Sequence[Any]) -> dict[str, Any]:
    """Each class that is met from `roots` on: names, types and defaults of its fields."""
    found: dict[str, Any] = {}
    waiting = list(roots)
    while waiting:
        one = waiting.pop()
        waiting += get_args(one)
        if not isinstance(one, type) or one.__qualname__ in found:
            continue
        if issubclass(one, msgspec.Struct):
            fields = msgspec.structs.fields(one)
            found[one.__qualname__] = [
                repr(one.__struct_config__.tag),
                *((each.encode_name, _name(each.type), _default(each)) for each in fields),
            ]
            waiting += (each.type for each in fields)
        elif issubclass(one, Enum):
            found[one.__qualname__] = [(each.name, repr(each.value)) for each in one]
        elif dataclasses.is_dataclass(one) or hasattr(one, "_fields"):
            hints = get_type_hints(one, include_extras=True)
            found[one.__qualname__] = [(name, _name(hint)) for name, hint in hints.items()]
            waiting += hints.values()
    return dict(sorted(found.items()))


def _name(annotation: Any) -> str:
    """Without modules, so that a class may move."""
    arguments = get_args(annotation)
    if not arguments:
        return annotation.__qualname__ if isinstance(annotation, type) else repr(annotation)
    origin = get_origin(annotation)
    name = getattr(origin, "__qualname__", str(origin))
    return f"{name}[{', '.join(map(_name, arguments))}]"


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return f"made by {getattr(field.default_factory, '__qualname__', '')}"
    return "required" if field.required else repr(field.default)
