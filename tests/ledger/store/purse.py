"""The smallest domain that can refuse, for tests of the store alone."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any, ClassVar, assert_never

import msgspec

from ledger.errors import Refused
from ledger.message import Command, Decider, Event, Origin
from ledger.store import Store

ANN = Origin(actor="usr_ann", roles=frozenset({"student"}), correlation_id="req_1")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

_ids = itertools.count()


class Fill(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "purse.fill"
    GENERATED: ClassVar[frozenset[str]] = frozenset({"slip"})
    purse: str
    coins: int
    slip: str = ""


class Spend(Command, frozen=True, kw_only=True):
    NAME: ClassVar[str] = "purse.spend"
    purse: str
    coins: int
    times: int = 1


class Filled(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "purse.filled.v2"
    coins: int
    metal: str = "copper"


class FilledV1(Event, frozen=True, kw_only=True):
    """Counted in dozens, once."""

    TYPE: ClassVar[str] = "purse.filled.v1"
    dozens: int

    def upcast(self) -> Filled:
        return Filled(coins=self.dozens * 12)


class Spent(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "purse.spent.v1"
    coins: int


class Purse(msgspec.Struct, frozen=True):
    coins: int = 0


class NotEnough(Refused):
    code = "not_enough"


def decide(command: Fill | Spend, purse: Purse) -> tuple[Filled | Spent, ...]:
    match command:
        case Fill(coins=0):
            return ()
        case Fill(coins=coins) if coins < 0:
            raise ZeroDivisionError("a fault in the rules")
        case Fill(coins=coins):
            return (Filled(coins=coins),)
        case Spend(coins=coins, times=times):
            if coins * times > purse.coins:
                raise NotEnough(f"there are {purse.coins} coins in it")
            return (Spent(coins=coins),) * times
        case _:
            assert_never(command)


def evolve(purse: Purse, event: Filled | Spent) -> Purse:
    match event:
        case Filled(coins=coins):
            return Purse(purse.coins + coins)
        case Spent(coins=coins):
            return Purse(purse.coins - coins)
        case _:
            assert_never(event)


PURSE: Decider[Any, Purse, Any] = Decider(
    stream=lambda command: f"purse-{command.purse}",
    decide=decide,
    evolve=evolve,
    initial=Purse(),
    commands=(Fill, Spend),
    events=(Filled, Spent),
)


def fill(purse: str = "a", coins: int = 10, command_id: str = "", slip: str = "") -> Fill:
    return Fill(command_id=command_id or fresh(), effective_at=NOON, purse=purse, coins=coins, slip=slip)


def spend(purse: str = "a", coins: int = 1, command_id: str = "", times: int = 1) -> Spend:
    return Spend(command_id=command_id or fresh(), effective_at=NOON, purse=purse, coins=coins, times=times)


def fresh() -> str:
    return f"cmd_{next(_ids)}"


def open_purses(url: str, **settings: Any) -> Any:
    """A store that knows purses only, and lets everybody in."""
    settings = {"deciders": (PURSE,)} | settings
    return Store.open(
        url,
        event_types=(Filled, FilledV1, Spent),
        authorise=lambda _command, _origin: None,
        **settings,
    )
