"""Settings for a child process, as the environment variables that they came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import msgspec

from api.settings import PREFIX, Settings


def environment(settings: Settings, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """`base` (the environment) with exactly these settings."""
    base = os.environ if base is None else base
    kept = {name: value for name, value in base.items() if not name.startswith(PREFIX)}
    given = {
        PREFIX + name.upper(): _text(value)
        for name, value in msgspec.structs.asdict(settings).items()
        if value != ""
    }
    return kept | given


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
