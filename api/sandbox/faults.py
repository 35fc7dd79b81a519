"""Faults that a test asks for: of the API's answers, and of webhooks."""

from __future__ import annotations

import random
from typing import Annotated, Generic, Literal, TypeVar

import msgspec

FaultKind = Literal[
    "error_before",
    "error_during",
    "error_after",
    "rate_limit",
    "forbidden",
    "slow",
    "timeout_before",
    "timeout_after",
    "disconnect_before",
    "disconnect_after",
    "disconnect_mid_body",
]
WebhookFaultKind = Literal["duplicate", "late", "shuffle", "drop"]


class Selection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The next `times` that match (None: all from now on), each with a `probability` drawn from `seed`."""

    times: Annotated[int, msgspec.Meta(ge=1)] | None = 1
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: int = 0


class Fault(Selection, kw_only=True):
    """`path` is a prefix such as `/v1/refunds`; `method` "" is any. `seconds` is how long `slow` and
    `timeout_…` hold the answer back.
    """

    kind: FaultKind
    method: Literal["", "GET", "POST", "DELETE"] = ""
    path: str = "/v1/"
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 300.0

    def meets(self, method: str, path: str) -> bool:
        return self.method in ("", method) and path.startswith(self.path)


class WebhookFault(Selection, kw_only=True):
    """`event_type` is a prefix such as `charge.`. `late` comes after `seconds`, `shuffle` after a random
    part of them.
    """

    kind: WebhookFaultKind
    event_type: str = ""
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 1.0

    def meets(self, event_type: str) -> bool:
        return event_type.startswith(self.event_type)


S = TypeVar("S", Fault, WebhookFault)


class Faults(Generic[S]):
    """They are of this process: a restart forgets them."""

    def __init__(self) -> None:
        self._asked: list[tuple[S, random.Random]] = []

    def ask(self, fault: S) -> None:
        # Not for secrets: the seed makes a run repeatable.
        self._asked.append((fault, random.Random(fault.seed)))  # noqa: S311

    def clear(self) -> None:
        self._asked.clear()

    def asked(self) -> list[S]:
        return [fault for fault, _ in self._asked]

    def draw(self, *what: str) -> tuple[S, random.Random] | None:
        """The first fault that meets `what` and whose lot is drawn; one with `times` is used up by it."""
        for index, (fault, lot) in enumerate(self._asked):
            if not fault.meets(*what) or lot.random() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
                if fault.times == 0:
                    del self._asked[index]
            return fault, lot
        return None
