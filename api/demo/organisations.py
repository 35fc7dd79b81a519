"""The demonstration's organisations: a licence in use, one beyond a limit, one ending soon, one in grace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from api.demo.authors import UPGRADED
from api.demo.plan import Action
from api.usage.overage import closed_months
from ledger.subscriptions.proration import boundary
from ledger.usage.metrics import month_of, span_of

LAKESIDE, HARBOUR, RIVERSIDE, MILL = (
    "Lakeside School",
    "Harbour College",
    "Riverside Academy",
    "Old Mill Library",
)
HARBOURS, RIVERSIDES, MILLS = "usr_harbour", "usr_riverside", "usr_mill"
PUPILS = ("usr_lake_ann", "usr_lake_ben", "usr_lake_cem")
LAB = "lab"
"""Lakeside's second licence, of floating seats."""
CALLS = {"api_calls": 163_400, "courses_created": 12, "storage": 700 * 2**30}
"""What the college used of 100,000, 100 and 1,000 GiB in the last month that is closed."""
CALLS_SINCE = 104_250
"""And in the present one."""
HALF_DAY = timedelta(hours=12)
TAXED = {"tax_bp": 2_000}


class Enterprise(msgspec.Struct, frozen=True, kw_only=True):
    user_id: str
    """Its owner."""
    name: str
    about: str
    members: tuple[str, ...] = ()


ENTERPRISES = (
    Enterprise(
        user_id=UPGRADED,
        name=LAKESIDE,
        about=f"owns {LAKESIDE}: named seats, and floating ones in a lab",
        members=PUPILS,
    ),
    Enterprise(
        user_id=HARBOURS, name=HARBOUR, about=f"owns {HARBOUR}: over its API calls, invoiced for them"
    ),
    Enterprise(user_id=RIVERSIDES, name=RIVERSIDE, about=f"owns {RIVERSIDE}: its licence ends within a week"),
    Enterprise(user_id=MILLS, name=MILL, about=f"owns {MILL}: in grace, and owes an invoice"),
)


class EnterpriseAction(Action, frozen=True, kw_only=True):
    """Of the organisation of that name; `licence` is the plan's name of one. See `api/demo/licensing.py`."""

    org: str
    licence: str = ""

    @property
    def subjects(self) -> frozenset[str]:
        return frozenset({self.org})


class Found(EnterpriseAction, frozen=True, kw_only=True):
    """With its members, who are invited and accept."""


class Quote(EnterpriseAction, frozen=True, kw_only=True):
    """By an administrator, valid for so many days; its owner accepts it by `Accept`."""

    body: Mapping[str, Any]
    days: int


class Accept(EnterpriseAction, frozen=True, kw_only=True):
    """And it is activated."""


class Issue(EnterpriseAction, frozen=True, kw_only=True):
    """By an administrator; its owner activates it."""

    body: Mapping[str, Any]


class Claim(EnterpriseAction, frozen=True, kw_only=True):
    user_id: str
    device: str


class Use(EnterpriseAction, frozen=True, kw_only=True):
    """So many units more of each metric, of storage bytes in all; in the month of `at`, by `source`."""

    source: str
    counted: Mapping[str, int]


class PayInvoice(EnterpriseAction, frozen=True, kw_only=True):
    """What is open of the licence's first invoice came by bank transfer, or `part_minor` of it."""

    part_minor: int | None = None


def organisations(end: datetime) -> Iterator[EnterpriseAction]:
    """What they do, up to some hours before `end`; in no order."""

    def ago(days: float) -> datetime:
        return end - timedelta(days=days)

    yield from _in_use(end)
    yield from _over(end)
    # after short months a term may end up to three days earlier
    began = boundary(end + timedelta(days=6), "month", -2)
    yield from _licensed(began, RIVERSIDE, {"tier": "starter", "months": 2, "billing": {"net_days": 14}})
    yield PayInvoice(at=began + timedelta(days=9), org=RIVERSIDE, licence=RIVERSIDE)
    began = boundary(ago(2), "month", -2)
    yield from _licensed(
        began, MILL, {"tier": "professional", "months": 2, "billing": {"net_days": 14, "tax_bp": 1_900}}
    )
    yield PayInvoice(at=began + timedelta(days=20), org=MILL, licence=MILL, part_minor=10_000)


def _licensed(began: datetime, org: str, body: Mapping[str, Any]) -> Iterator[EnterpriseAction]:
    yield Found(at=began - timedelta(days=2), org=org)
    yield Issue(at=began, org=org, licence=org, body=body)


def _in_use(end: datetime) -> Iterator[EnterpriseAction]:
    """Quoted, paid, and claimed by members on their devices; the lab's seats were claimed today."""

    def ago(days: float) -> datetime:
        return end - timedelta(days=days)

    yield Found(at=ago(39), org=LAKESIDE)
    body = {"tier": "professional", "billing": TAXED}
    yield Quote(at=ago(38), org=LAKESIDE, licence=LAKESIDE, body=body, days=14)
    yield Accept(at=ago(36), org=LAKESIDE, licence=LAKESIDE)
    yield PayInvoice(at=ago(25), org=LAKESIDE, licence=LAKESIDE)
    for number, pupil in enumerate(PUPILS):
        claim = {"org": LAKESIDE, "licence": LAKESIDE, "user_id": pupil}
        yield Claim(at=ago(33 - number), device=f"laptop-of-{pupil}", **claim)
    yield Claim(
        at=ago(21), device=f"tablet-of-{PUPILS[0]}", org=LAKESIDE, licence=LAKESIDE, user_id=PUPILS[0]
    )
    floating = {"year_minor": 60_000, "seats": 3, "floating": True, "lease_minutes": 1_440}
    lab = {
        "tier": "custom",
        "custom": {**floating, "features": ["view_courses"]},
        "billing": {"kind": "none"},
    }
    yield Issue(at=ago(15), org=LAKESIDE, licence=LAB, body=lab)
    for number, pupil in enumerate(PUPILS[:2]):
        yield Claim(
            at=ago(0.1 - number / 100),
            org=LAKESIDE,
            licence=LAB,
            user_id=pupil,
            device=f"lab-computer-{number}",
        )


def _over(end: datetime) -> Iterator[EnterpriseAction]:
    """Beyond a soft limit in the last month that is closed, and in the present one again."""
    began = end - timedelta(days=45)
    yield from _licensed(began, HARBOUR, {"tier": "professional", "billing": {"net_days": 14}})
    yield PayInvoice(at=began + timedelta(days=12), org=HARBOUR, licence=HARBOUR)
    yield Use(at=closed_month(end), org=HARBOUR, licence=HARBOUR, source="eu-1", counted=CALLS)
    since = {"api_calls": CALLS_SINCE}
    yield Use(at=end - timedelta(hours=4), org=HARBOUR, licence=HARBOUR, source="eu-1", counted=since)


def closed_month(end: datetime) -> datetime:
    """Noon of the last day of the last month of which nothing more is taken at `end`."""
    _, after = span_of(closed_months(end)[0])
    return after - HALF_DAY


def month_at(action: Use) -> str:
    return month_of(action.at)
