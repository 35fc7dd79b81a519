"""A town whose money goes through one Stripe account: everybody does whatever can be done, in any order, and
what Stripe tells of it is lost, doubled and shuffled.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import psycopg

from ledger.store import conninfo
from projections.live import check
from projections.queries.ties import untied_receivables
from tests.api.stripe.accountant import Accountant
from tests.api.stripe.world import Bench, World
from tests.flows.town.banks import Banks
from tests.flows.town.buyers import Buyers
from tests.flows.town.dashboard import Dashboard
from tests.flows.town.finance import Finance
from tests.flows.town.hosted import Pages
from tests.flows.town.instructors import Instructors
from tests.flows.town.organisation import Organisation
from tests.flows.town.others import OtherSystems
from tests.flows.town.payment_ties import check_payments
from tests.flows.town.room import Commons, Room
from tests.flows.town.subscribing import Subscribing
from tests.flows.town.ties import check_ties
from tests.flows.town.worker import Worker

Step = tuple[type[Room], str]

TRADES: dict[type[Room], tuple[type[Room], ...]] = {
    Subscribing: (Dashboard,),
    Buyers: (Pages, Instructors),
    Organisation: (Pages,),
    OtherSystems: (),
}
"""And who else has to do with each."""
BEGINNINGS: dict[type[Room], tuple[Step, ...]] = {
    Subscribing: ((Subscribing, "subscribe"),),
    Buyers: ((Buyers, "buy"), (Instructors, "onboard"), (Buyers, "buy")),
    Organisation: ((Organisation, "purchase"),),
    OtherSystems: ((OtherSystems, "charge"),),
}
TABLES = ("journal", "payments", "invoices", "subscriptions", "earnings", "licences", "unclaimed")


def program(lot: random.Random) -> Iterator[Step]:
    """Of some trades, so that each goes deep; with banks and time in all of them."""
    trades = lot.sample(list(TRADES), lot.randint(2, len(TRADES)))
    rooms: set[type[Room]] = {Banks, Finance, Worker, *trades}
    rooms |= {other for trade in trades for other in TRADES[trade]}
    by_name = sorted([*rooms, *trades], key=lambda room: room.__name__)
    for trade in trades:
        yield from BEGINNINGS[trade]
    for _ in range(lot.randint(8, 16)):
        room = lot.choice(by_name)
        yield room, lot.choice(room.STEPS)


class Town:
    def __init__(self, bench: Bench, world: World, lot: random.Random) -> None:
        self._bench, self._world, self._lot = bench, world, lot
        self._accountant, commons = Accountant(world), Commons(bench, world, lot)
        self._people = commons.people
        self._subscribing, self._buyers = Subscribing(commons), Buyers(commons)
        self._instructors, self._finance = Instructors(commons), Finance(commons)
        self._worker = Worker(commons)
        others = (kind(commons) for kind in (Dashboard, Pages, Organisation, Banks, OtherSystems))
        rooms: tuple[Room, ...] = (
            *(self._subscribing, self._buyers, self._instructors, self._finance, self._worker),
            *others,
        )
        self._rooms = {type(room): room for room in rooms}

    async def do(self, step: Step) -> None:
        """And what Stripe tells of it is heard well, badly or not."""
        kind, name = step
        await self._rooms[kind].do(name)
        self._bench.sandbox.call(self._bench.sandbox.state.run_due)
        match self._lot.choice(["well", "badly", "not"]):
            case "well":
                await self._people.hear()
            case "badly":
                events = await self._world.events()
                chosen = [one for one in events for _ in range(self._lot.choice([0, 0, 1, 2]))]
                self._lot.shuffle(chosen)
                await self._world.receive(chosen)
            case _:
                pass

    async def rests(self) -> None:
        """And then all ties."""
        await self._worker.rest()
        await self._accountant.check()
        customers = {one: await self._people.customer(one) for one in self._subscribing.known}
        await check_ties(self._people, customers, self._finance.received)
        await check_payments(self._world, self._buyers.sales, self._instructors.payees)


def check_tables(url: str) -> None:
    """Of a ledger at rest: they tie, and are as the facts make them."""
    with psycopg.connect(conninfo(url)) as conn:
        assert untied_receivables(conn) == []
    assert check(url, TABLES).differences == ()
