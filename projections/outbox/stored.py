"""Effects as they are stored, those of former versions included."""

from __future__ import annotations

from typing import Any

import msgspec

from ledger.effects import FORMER_TAGS, Effect

_decoder: msgspec.json.Decoder[Effect] = msgspec.json.Decoder(Effect)


class Unreadable(Exception):
    """An effect that this version does not know."""


def decode(stored: str) -> Effect:
    """Raises `Unreadable`, which says why."""
    try:
        return _decoder.decode(stored)
    except msgspec.ValidationError as error:
        former = _former(stored)
        if former is None:
            raise Unreadable(f"this version cannot read it: {error}") from error
        return former


def _former(stored: str) -> Effect | None:
    """An effect as the first version stored it."""
    fields: Any = msgspec.json.decode(stored)
    tag = FORMER_TAGS.get(str(fields.get("type"))) if isinstance(fields, dict) else None
    if tag is None:
        return None
    try:
        effect: Effect = msgspec.convert({**fields, "type": tag}, Effect)
    except msgspec.ValidationError as error:
        raise Unreadable(f"this version cannot read it: {error}") from error
    return effect
