"""What a request delivers of what its facts ask for is taken off the worker's hands, and nothing else is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from api import submitting
from api.stripe.delivery import Delivered
from api.submitting import Submitter
from ledger.effects import ResolvePayment
from ledger.message import Recorded
from tests.api.support import STRIPE

FIRST, SECOND = ResolvePayment("pay_1"), ResolvePayment("pay_2")
FACT: Any = SimpleNamespace(position=1)


class Ends(Exception):
    """The process does, in the middle of a request."""


@pytest.mark.parametrize(("ends_at", "told"), [(FIRST, []), (SECOND, []), (None, [FACT])])
async def test_a_fact_is_delivered_early_once_all_that_it_asks_for_is(
    monkeypatch: pytest.MonkeyPatch, ends_at: ResolvePayment | None, told: list[Recorded]
) -> None:
    monkeypatch.setattr(submitting, "react", lambda fact: (FIRST, SECOND) if fact is FACT else ())
    done = SimpleNamespace(recorded=(), position=1, repeated=False)

    async def handle(*_: object) -> Any:
        return SimpleNamespace(recorded=(FACT,), position=1, repeated=False)

    async def deliver_now(effect: ResolvePayment, *_: object) -> Delivered:
        if effect is ends_at:
            raise Ends
        return Delivered(done)  # type: ignore[arg-type]  # as much of an outcome as is looked at

    off_the_hands: list[Recorded] = []
    lane = SimpleNamespace(tell=lambda _, fact: off_the_hands.append(fact))
    parts: Any = (SimpleNamespace(handle=handle), SimpleNamespace(deliver_now=deliver_now), lane, 5.0)
    asked: Any = None
    async with Submitter(*parts) as submitter:
        if ends_at is None:
            await submitter.submit(asked, STRIPE)
        else:
            with pytest.raises(Ends):
                await submitter.submit(asked, STRIPE)
    assert off_the_hands == told
