"""Whether this process can serve, and what is wrong when it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
import psycopg
from psycopg.rows import tuple_row

from api.payouts.cash import Short, shortfalls
from api.services import Services
from ledger import chart
from ledger.errors import StoreUnavailable
from ledger.money import format_minor
from ledger.store.batched_queries import Connection
from projections import outbox
from projections.queries.disputes import SOON, Waiting, waiting
from projections.queries.payouts import cash
from projections.queries.subscriptions import count_billed_otherwise

TIMEOUT_S = 2.0
LAG = 10_000
"""Events that a projection may be behind before reads are too old to be served: under a second's work."""
STALLED_S = 60.0
"""A fact that has waited longer to be projected says that the projection has stopped, wherever it runs."""
SWEEP_OVERDUE_S = 2 * 86_400.0
"""What is compared with Stripe each night has not been for two."""
MANY = 10
"""So many differences from Stripe are not what is lost now and then."""
OVERDUE_S = 600.0
"""An effect that has been due for longer says that no worker is running."""
DAY_S = 86_400.0


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """`stopped`: the fact that it cannot take, and why; empty while it runs. Where nobody projects, that a
    fact has waited too long.
    """

    position: int
    lag_events: int
    stopped: str = ""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """`wrong` is empty when all is well; what is `worrying` does not keep from serving."""

    wrong: list[str] = []
    worrying: list[str] = []
    position: int = 0
    projections: dict[str, Projection] = {}
    effects_waiting: int = 0
    effects_parked: int = 0
    oldest_effect_overdue_s: float = 0.0
    webhooks_waiting: int = 0
    endpoints_disabled: int = 0
    """As they were gone or failed for days."""
    deliveries_parked: int = 0
    """Webhooks to others that were given up."""
    deliveries_uncertain: int = 0
    """Those of which nobody knows whether they had left before a restore."""
    short_minor: dict[str, int] = {}
    """By how much less the platform has at Stripe than it owes to instructors, by currency."""
    sweep_age_s: float | None = None
    """Since all that is not settled was last compared with Stripe; null while it never was."""
    unswept_s: float = 0.0
    """The same, but since the first fact while it never was."""
    sweep_found: int = 0
    """How much of it differed then."""
    disputes_unanswered: int = 0
    disputes_due_soon: int = 0
    """Of those, to be answered in three days at most."""
    unexplained: int = 0
    """Movements of Stripe's balance that are none of ours, and that nobody has explained."""
    oldest_unexplained_s: float = 0.0


async def examine(services: Services) -> Health:
    """Asks the database; never raises and never takes long."""
    try:
        async with asyncio.timeout(TIMEOUT_S), services.reading() as connection:
            health = await look(connection, services.stopped())
            more = await services.standing.worrying(connection)
            unanswered = await waiting(connection, services.now())
            return msgspec.structs.replace(
                health,
                worrying=[*health.worrying, *more, *_due(unanswered)],
                disputes_unanswered=unanswered.unanswered,
                disputes_due_soon=unanswered.soon,
            )
    except (TimeoutError, StoreUnavailable, psycopg.Error):
        return Health(wrong=["the database does not answer"])


_POSITIONS = """
    SELECT h.position, p.application_name, p.notification_id,
        coalesce(extract(epoch FROM clock_timestamp() - next.recorded_at), 0)::double precision,
        coalesce(stopped.reason, '')
    FROM head AS h
    LEFT JOIN positions AS p ON true
    LEFT JOIN events AS next ON next.position = p.notification_id + 1
    LEFT JOIN stopped_projections AS stopped
        ON stopped.name = p.application_name AND stopped.position = p.notification_id + 1
"""
_UNEXPLAINED = """
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(found_at)), 0)::double precision,
        EXISTS (
            SELECT FROM balances
            WHERE account = %s
            GROUP BY currency
            HAVING sum(debit_minor) <> sum(credit_minor)
        )
    FROM unclaimed
    WHERE status = 'unexplained'
"""
_WEBHOOKS_WAITING = "SELECT count(*) FROM webhooks WHERE result = ''"


_ENDPOINTS = """
    SELECT (SELECT count(*) FROM endpoints WHERE disabled IN ('gone', 'failing') AND deleted_at IS NULL),
        (SELECT count(*) FROM deliveries WHERE state = 'parked'),
        (SELECT count(*) FROM deliveries WHERE state = 'uncertain')
"""
_SWEPT = """
    SELECT extract(epoch FROM clock_timestamp() - last.finished_at)::double precision,
        coalesce(extract(epoch FROM clock_timestamp() - coalesce(last.finished_at, e.recorded_at)), 0)
            ::double precision,
        coalesce(last.found, 0)
    FROM (SELECT) AS one
    LEFT JOIN events AS e ON e.position = 1
    LEFT JOIN LATERAL (
        SELECT finished_at, found FROM stripe_sweeps
        WHERE finished_at IS NOT NULL
        ORDER BY finished_at DESC
        LIMIT 1
    ) AS last ON true
"""


async def look(connection: Connection, stopped: Mapping[str, str]) -> Health:
    """`stopped` are projections of this process that met a fact which they cannot take, and why."""
    async with connection.cursor(row_factory=tuple_row) as cursor:
        found = await (await cursor.execute(_POSITIONS)).fetchall()
        [(webhooks_waiting,)] = await (await cursor.execute(_WEBHOOKS_WAITING)).fetchall()
        [(endpoints_disabled, parked, uncertain)] = await (await cursor.execute(_ENDPOINTS)).fetchall()
        [(sweep_age_s, unswept_s, sweep_found)] = await (await cursor.execute(_SWEPT)).fetchall()
        left_in = (chart.UNEXPLAINED.number,)
        [(unexplained, unexplained_s, left)] = await (await cursor.execute(_UNEXPLAINED, left_in)).fetchall()
    depth = await outbox.depth(connection)
    short = shortfalls(await cash(connection))
    not_followed = await count_billed_otherwise(connection)
    head: int = found[0][0]
    projections = {
        name: Projection(
            position=position,
            lag_events=head - position,
            stopped=stopped.get(name) or reason or _stalled(position + 1, waits_s),
        )
        for _, name, position, waits_s, reason in found
        if name is not None
    }
    return Health(
        wrong=_wrong(projections),
        worrying=[
            *_worrying(depth),
            *map(_said, short),
            *_billed_otherwise(not_followed),
            *_of_sweep(unswept_s, sweep_found),
            *_told(unexplained, unexplained_s, left=left),
            *_of_endpoints(endpoints_disabled, parked, uncertain),
        ],
        position=head,
        projections=projections,
        effects_waiting=depth.waiting,
        effects_parked=depth.parked,
        oldest_effect_overdue_s=round(depth.oldest_overdue_s, 1),
        webhooks_waiting=webhooks_waiting,
        endpoints_disabled=endpoints_disabled,
        deliveries_parked=parked,
        deliveries_uncertain=uncertain,
        short_minor={one.currency: one.shortfall_minor for one in short},
        sweep_age_s=None if sweep_age_s is None else round(sweep_age_s, 1),
        unswept_s=round(unswept_s, 1),
        sweep_found=sweep_found,
        unexplained=unexplained,
        oldest_unexplained_s=round(unexplained_s, 1),
    )


def _stalled(position: int, waits_s: float) -> str:
    """A projection that stops says why, in a table; one that nobody works on does not."""
    if waits_s <= STALLED_S:
        return ""
    return f"position {position} waits for {waits_s:.0f} s: see the log of the process that projects"


def _wrong(projections: dict[str, Projection]) -> list[str]:
    stopped = [f"projection {name} stopped" for name, each in projections.items() if each.stopped]
    behind = [
        f"projection {name} is {each.lag_events} events behind"
        for name, each in projections.items()
        if each.lag_events > LAG
    ]
    return stopped + behind


def _said(short: Short) -> str:
    missing = format_minor(short.shortfall_minor, short.currency)
    return f"of what is owed to instructors {missing} are not at Stripe: payouts will wait"


def _billed_otherwise(subscriptions: int) -> list[str]:
    if not subscriptions:
        return []
    billed = "1 subscription is" if subscriptions == 1 else f"{subscriptions} subscriptions are"
    return [f"{billed} billed by none of our plans: `liberation doctor` names them"]


def _of_sweep(unswept_s: float, found: int) -> list[str]:
    overdue = (
        [f"nothing was compared with Stripe for {unswept_s / DAY_S:.0f} days: is a worker running?"]
        if unswept_s > SWEEP_OVERDUE_S
        else []
    )
    lost = (
        [f"the last sweep found {found} differences from Stripe: do its events reach this service?"]
        if found >= MANY
        else []
    )
    return overdue + lost


def _told(unexplained: int, oldest_s: float, *, left: bool) -> list[str]:
    """What is `left` in 1090 though all is explained: of a reserve only one side has come."""
    if left and not unexplained:
        number = chart.UNEXPLAINED.number
        return [
            f"account {number} is not empty: of a movement between balances at Stripe one side is missing"
        ]
    if not unexplained:
        return []
    days = int(oldest_s // DAY_S)
    oldest = f"the oldest for {days} day{'s' * (days > 1)}" if days else "since today"
    moved = "1 movement at Stripe is" if unexplained == 1 else f"{unexplained} movements at Stripe are"
    return [f"{moved} unexplained, {oldest}: see `liberation stripe unexplained`"]


def _of_endpoints(disabled: int, parked: int, uncertain: int) -> list[str]:
    said = []
    if disabled:
        are = "1 webhook endpoint is" if disabled == 1 else f"{disabled} webhook endpoints are"
        said.append(f"{are} disabled, as it failed: see `liberation webhooks list`")
    if parked:
        were = "1 delivery of a webhook was" if parked == 1 else f"{parked} deliveries of webhooks were"
        said.append(f"{were} given up: see `liberation webhooks deliveries --state parked`")
    if uncertain:
        may = "1 delivery of a webhook" if uncertain == 1 else f"{uncertain} deliveries of webhooks"
        said.append(f"{may} may have left before a restore: see `liberation webhooks deliveries`")
    return said


def _worrying(depth: outbox.Depth) -> list[str]:
    are = (
        "1 effect is parked and needs" if depth.parked == 1 else f"{depth.parked} effects are parked and need"
    )
    parked = [f"{are} an operator"] if depth.parked else []
    overdue = (
        [f"an effect has been due for {depth.oldest_overdue_s:.0f} s: is a worker running?"]
        if depth.oldest_overdue_s > OVERDUE_S
        else []
    )
    return parked + overdue


def _due(disputes: Waiting) -> list[str]:
    if not disputes.soon:
        return []
    if disputes.soon == 1:
        return [f"1 dispute is to be answered within {SOON.days} days, or is lost"]
    return [f"{disputes.soon} disputes are to be answered within {SOON.days} days, or are lost"]
