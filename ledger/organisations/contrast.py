"""How well a text can be read on a background: the contrast ratio of WCAG 2.2, from 1 to 21."""

from __future__ import annotations

import re
from typing import Final

LEAST: Final = 4.5
"""What WCAG asks of text of any size (level AA)."""
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)
_WEIGHTS = (0.2126, 0.7152, 0.0722)
_FLARE = 0.05
_LINEAR_UP_TO, _SLOPE = 0.04045, 12.92
_OFFSET, _SCALE, _GAMMA = 0.055, 1.055, 2.4


def is_colour(text: str) -> bool:
    """Such as #1f4e79."""
    return _COLOUR.fullmatch(text) is not None


def contrast(text: str, background: str) -> float:
    """Of two colours, whichever is the lighter."""
    darker, lighter = sorted((_luminance(text), _luminance(background)))
    return (lighter + _FLARE) / (darker + _FLARE)


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return sum(weight * _linear(channel) for weight, channel in zip(_WEIGHTS, channels, strict=True))


def _linear(channel: float) -> float:
    if channel <= _LINEAR_UP_TO:
        return channel / _SLOPE
    return float(((channel + _OFFSET) / _SCALE) ** _GAMMA)
