"""What a check says."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["ok", "worrying", "wrong", "skipped"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`said` is what is so and what it means, `todo` what to do about it. `skipped` is what cannot be looked
    at until something else is mended. Not `reached`: it is wrong that what this was to be asked of does not
    answer, and nothing more is known.
    """

    check: str
    level: Level
    said: str
    todo: str = ""
    reached: bool = True


def ok(check: str, said: str) -> Finding:
    return Finding(check=check, level="ok", said=said)


def skipped(check: str, why: str) -> Finding:
    return Finding(check=check, level="skipped", said=f"Not checked: {why}.")


def worrying(check: str, said: str, todo: str) -> Finding:
    return Finding(check=check, level="worrying", said=said, todo=todo)


def wrong(check: str, said: str, todo: str) -> Finding:
    return Finding(check=check, level="wrong", said=said, todo=todo)


def unreached(check: str, said: str, todo: str) -> Finding:
    return Finding(check=check, level="wrong", said=said, todo=todo, reached=False)


def bad(check: str, said: str, todo: str, *, live: bool) -> Finding:
    """Wrong where real money moves, worrying elsewhere."""
    return (wrong if live else worrying)(check, said, todo)
