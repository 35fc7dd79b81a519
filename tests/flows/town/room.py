"""A part of the town, in which somebody does one kind of thing, and what all of them share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, ClassVar, TypeVar

import stripe

from api.sandbox.errors import StripeError
from api.stripe.gateway import Postponed
from ledger.errors import Forbidden, Invalid, Refused
from tests.api.stripe.subscribers import Subscribers
from tests.api.stripe.world import Bench, World

T = TypeVar("T")


class Commons:
    def __init__(self, bench: Bench, world: World, lot: random.Random) -> None:
        self.bench, self.world, self.lot = bench, world, lot
        self.people = Subscribers(world, bench)


class Room:
    """Each of its `STEPS` is a method of that name, after an underscore."""

    STEPS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, commons: Commons) -> None:
        self._commons = commons
        self._bench, self._world, self._lot = commons.bench, commons.world, commons.lot
        self._people = commons.people

    async def do(self, step: str) -> None:
        """What is refused as things stand is left alone, as whoever asks for it would."""
        try:
            await getattr(self, f"_{step}")()
        except (Invalid, Forbidden):
            raise  # no state makes it right: the town asks wrongly
        except (stripe.StripeError, StripeError, Refused, Postponed):
            return

    @property
    def _v1(self) -> Any:
        return self._world.client.v1

    async def _any(self, kind: str, *statuses: str) -> Any | None:
        """One of what Stripe has of them."""
        page = await attrgetter(kind)(self._v1).list_async({"limit": 100})
        return self._one_of([one for one in page.data if not statuses or one.status in statuses])

    def _one_of(self, found: Sequence[T]) -> T | None:
        return self._lot.choice(found) if found else None

    def _part_of(self, amount: int) -> int:
        """Often all of it."""
        return self._lot.choice([amount, self._lot.randint(1, max(1, amount))])
