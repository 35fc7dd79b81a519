"""Maps and sets that share with what they were made from: one more entry costs the logarithm, not all of it.

State is never changed, so a plain dict is copied for each fact, and n facts of one stream cost n times n.
They read as `dict` and `frozenset` do, and a map keeps the order in which its keys came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from operator import itemgetter
from typing import Any, Generic, TypeVar, get_args, get_origin, overload

import msgspec
from rpds import HashTrieMap, HashTrieSet

V = TypeVar("V")
T = TypeVar("T")
_place = itemgetter(0)


class PersistentMap(Mapping[str, V], Generic[V]):
    """From text ids. Equal to any mapping with the same items, whatever their order."""

    __slots__ = ("_came", "_entries", "_newest")

    def __init__(self, items: Mapping[str, V] | None = None) -> None:
        placed = {key: (place, value) for place, (key, value) in enumerate((items or {}).items())}
        self._take(HashTrieMap(placed), next(reversed(placed), ""), len(placed))

    def _take(self, entries: HashTrieMap[str, tuple[int, V]], newest: str, came: int) -> None:
        """`came` is how many keys ever did; the newest may be gone again."""
        self._entries, self._newest, self._came = entries, newest, came

    def put(self, key: str, value: V) -> PersistentMap[V]:
        """With `value` in the place that `key` has, or in the last one."""
        entries = self._entries
        known = entries.get(key)
        made: PersistentMap[V] = PersistentMap.__new__(PersistentMap)
        if known is None:
            made._take(entries.insert(key, (self._came, value)), key, self._came + 1)  # one of us
        else:
            made._take(entries.insert(key, (known[0], value)), self._newest, self._came)  # as above
        return made

    def without(self, key: str) -> PersistentMap[V]:
        """The same map where `key` is not in it. One that comes again has the last place."""
        if key not in self._entries:
            return self
        made: PersistentMap[V] = PersistentMap.__new__(PersistentMap)
        made._take(self._entries.remove(key), self._newest, self._came)  # one of us
        return made

    def place(self, key: str) -> int:
        """How many keys came before it. Raises `KeyError`."""
        return self._entries[key][0]

    @property
    def newest(self) -> V | None:
        """The value of the key that came last; None when there is none. All are looked at where that key was
        taken out.
        """
        entry = self._entries.get(self._newest) or max(self._entries.values(), key=_place, default=None)
        return None if entry is None else entry[1]

    def __getitem__(self, key: str) -> V:
        return self._entries[key][1]

    @overload
    def get(self, key: str, /) -> V | None: ...
    @overload
    def get(self, key: str, /, default: V | T) -> V | T: ...
    def get(self, key: str, /, default: Any = None) -> Any:
        entry = self._entries.get(key)
        return default if entry is None else entry[1]

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def as_dict(self) -> dict[str, V]:
        entries = [(place, key, value) for key, (place, value) in self._entries.items()]
        entries.sort(key=_place)
        return {key: value for _, key, value in entries}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return self.as_dict() == (other.as_dict() if isinstance(other, PersistentMap) else dict(other))

    __hash__ = None  # type: ignore[assignment]  # as of a dict: its values may have none

    def __repr__(self) -> str:
        return f"PersistentMap({self.as_dict()})"


class PersistentSet(AbstractSet[str]):
    """Of text ids. Equal to any set with the same members, and hashed as a `frozenset`."""

    __slots__ = ("_members",)

    def __init__(self, members: Iterable[str] = ()) -> None:
        self._members = members if isinstance(members, HashTrieSet) else HashTrieSet(members)

    def add(self, member: str) -> PersistentSet:
        return PersistentSet(self._members.insert(member))

    def discard(self, member: str) -> PersistentSet:
        return PersistentSet(self._members.discard(member))

    def __contains__(self, member: object) -> bool:
        return member in self._members

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __hash__(self) -> int:
        return self._hash()

    def __repr__(self) -> str:
        return f"PersistentSet({sorted(self._members)})"


def to_plain(value: Any) -> Any:
    """What msgspec can encode: its `enc_hook`. A set is sorted, so that equal states have equal bytes."""
    if isinstance(value, PersistentMap):
        return value.as_dict()
    if isinstance(value, PersistentSet):
        return sorted(value)
    raise NotImplementedError(f"{type(value).__name__} is no part of a state")


def from_plain(wanted: Any, value: Any) -> Any:
    """The way back: msgspec's `dec_hook`. Raises `msgspec.ValidationError` for what does not fit."""
    if wanted is PersistentSet:
        return PersistentSet(msgspec.convert(value, list[str]))
    if get_origin(wanted) is PersistentMap:
        (of,) = get_args(wanted)
        return PersistentMap(msgspec.convert(value, dict[str, of], dec_hook=from_plain))  # type: ignore[valid-type]
    raise NotImplementedError(f"{wanted} is no part of a state")
