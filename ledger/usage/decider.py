"""The rules of one metric's usage: each item counts once, and a hard limit is exact, however many count."""

from __future__ import annotations

from typing import assert_never, get_args

from ledger.errors import Contended
from ledger.licences.live import check_live
from ledger.message import Decider
from ledger.usage import counting, leasing
from ledger.usage.commands import LeaseUsage, RecordUsage, SettleLease, UsageCommand
from ledger.usage.events import UsageAlerted, UsageEvent
from ledger.usage.metrics import COUNTERS, DISTINCT, LEVELS, month_of, open_months
from ledger.usage.refusals import InvalidUsage, MetricNotGranted, TooManySources, UsageMonthClosed
from ledger.usage.state import Usage, evolve
from ledger.usage.stream import stream_of

ITEMS_MAX = 1_000
SOURCES_MAX = 1_000
QUANTITY_MAX = 10**15
SEQUENCE_MAX = 2**53 - 1
ALERTS = (100, 80)
_TEXT_MAX = 128


def decide(command: UsageCommand, usage: Usage) -> tuple[UsageEvent, ...]:
    match command:
        case RecordUsage():
            return _record(command, usage)
        case LeaseUsage():
            return _lease(command, usage)
        case SettleLease():
            return _settle(command, usage)
        case _:
            assert_never(command)


def _record(command: RecordUsage, usage: Usage) -> tuple[UsageEvent, ...]:
    _check(command)
    _check_terms(command, usage)
    if command.metric in DISTINCT:
        fact = counting.users(command, usage)
    else:
        _check_source(command, usage)
        count = counting.level if command.metric in LEVELS else counting.increments
        fact = count(command, usage)
    if fact is None:
        return ()
    return (fact, *_alert(command, evolve(usage, fact)))


def _lease(command: LeaseUsage, usage: Usage) -> tuple[UsageEvent, ...]:
    _check_counter(command)
    _check_month(command, open_months(command.effective_at))
    _check_terms(command, usage)
    return (leasing.lease(command, usage),)


def _settle(command: SettleLease, usage: Usage) -> tuple[UsageEvent, ...]:
    _check_counter(command)
    _check_month(command, open_months(command.effective_at))
    fact = leasing.settle(command, usage)
    return () if fact is None else (fact, *_alert(command, evolve(usage, fact)))


def _check_counter(command: LeaseUsage | SettleLease) -> None:
    if command.metric not in COUNTERS:
        raise InvalidUsage(f"{command.metric!r:.80} is no counter, of which blocks could be set aside.")


def _alert(command: RecordUsage | SettleLease, usage: Usage) -> tuple[UsageEvent, ...]:
    limit = command.terms.limit
    if not limit:
        return ()
    reached = next((one for one in ALERTS if usage.used * 100 >= one * limit), 0)
    if reached <= usage.alerted(command.month, limit):
        return ()
    alert = UsageAlerted(
        licence_id=command.licence_id,
        org_id=command.org_id,
        metric=command.metric,
        month=command.month,
        percent=reached,
        used=usage.used,
        limit=limit,
    )
    return (alert,)


def _check_terms(command: RecordUsage | LeaseUsage, usage: Usage) -> None:
    check_live(command.terms.status)
    if not command.terms.granted:
        raise MetricNotGranted(f"This licence has no {command.metric}.")
    if command.terms.as_of < usage.as_of:
        raise Contended("The licence has changed since this batch was made: send it again.")


def _check(command: RecordUsage) -> None:
    if command.metric not in COUNTERS | DISTINCT | LEVELS:
        raise InvalidUsage(f"{command.metric!r:.80} is no metric that is counted.")
    for text in (command.source, *(one.user_id for one in command.items)):
        if len(text) > _TEXT_MAX or "\0" in text:
            raise InvalidUsage(f"A source and a user have at most {_TEXT_MAX} characters, and no NUL.")
    if not 1 <= len(command.items) <= ITEMS_MAX:
        raise InvalidUsage(f"A batch has from 1 to {ITEMS_MAX} items.")
    months = open_months(command.effective_at)
    if command.metric in LEVELS:
        months = (month_of(command.effective_at),)
    _check_month(command, months)
    for place, item in enumerate(command.items):
        if fault := _fault(command.metric, item.sequence, item.quantity, item.user_id):
            raise InvalidUsage(f"Item {place}: {fault}.")


def _check_month(command: UsageCommand, months: tuple[str, ...]) -> None:
    if command.month not in months:
        raise UsageMonthClosed(
            f"Now is the time for {' or '.join(months)}; this was of {command.month!r:.20}."
        )


def _fault(metric: str, sequence: int, quantity: int, user_id: str) -> str:
    if metric in DISTINCT:
        return "" if user_id else "`user_id` says who was active"
    if not 1 <= sequence <= SEQUENCE_MAX:
        return f"`sequence` must be from 1 to {SEQUENCE_MAX}"
    least = 0 if metric in LEVELS else 1
    return "" if least <= quantity <= QUANTITY_MAX else f"`quantity` must be from {least} to {QUANTITY_MAX}"


def _check_source(command: RecordUsage, usage: Usage) -> None:
    if not command.source:
        raise InvalidUsage("`source` names who counts.")
    known = usage.levels if command.metric in LEVELS else usage.counted
    if command.source not in known and len(known) >= SOURCES_MAX:
        raise TooManySources(f"{SOURCES_MAX} sources have counted {command.metric} already.")


def stream(command: UsageCommand) -> str:
    return stream_of(command.licence_id, command.metric, command.month)


USAGE: Decider[UsageCommand, Usage, UsageEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Usage(),
    commands=get_args(UsageCommand),
    events=get_args(UsageEvent),
)
