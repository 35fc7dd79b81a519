"""What the facts of one user's visibility come to."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.visibility.events import VisibilityEvent

Visibility = Literal["hidden", "listed", "named"]
"""`hidden`: on no board that anybody sees. `listed`: by their opaque id. `named`: also by the name that their
contact data has.
"""
LISTED: Visibility = "listed"
"""Who never said anything."""
HIDDEN: Visibility = "hidden"


class Standing(Struct, frozen=True):
    visibility: Visibility = LISTED


def evolve(standing: Standing, event: VisibilityEvent) -> Standing:
    """One that is not known changes nothing."""
    found = next((one for one in get_args(Visibility) if one == event.visibility), standing.visibility)
    return replace(standing, visibility=found)
