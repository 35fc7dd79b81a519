"""All projections, in the order in which they are written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from projections.accounts import Accounts
from projections.audit import Audit
from projections.bank_payouts import BankPayouts
from projections.breakage.projection import Breakage
from projections.certificates import Certificates
from projections.coupons.projection import Coupons
from projections.courses.projection import Courses
from projections.customers import Customers
from projections.earnings.projection import Earnings
from projections.endpoints import Endpoints
from projections.engine.projection import Projection
from projections.engine.tables import Table
from projections.enrolments import Enrolments
from projections.friendships import Friendships
from projections.invoices.projection import Invoices
from projections.journal import Journal
from projections.leaderboards.projection import Leaderboards
from projections.licences.projection import Licences
from projections.orders import Orders
from projections.organisations.projection import Organisations
from projections.outbox import Outbox
from projections.payment_receipts import PaymentReceipts
from projections.payments.projection import Payments
from projections.payouts import Payouts
from projections.public_events import PublicEvents
from projections.redemptions import Redemptions
from projections.reviews import Reviews
from projections.seats import Seats
from projections.subscriptions import Subscriptions
from projections.tokens.projection import Tokens
from projections.unclaimed import Unclaimed
from projections.usage import Usage
from projections.velocity import Velocity
from projections.webhooks import Webhooks

PROJECTIONS: dict[str, type[Projection]] = {
    projection.NAME: projection
    for projection in (
        Payments,
        PaymentReceipts,
        Customers,
        Webhooks,
        Payouts,
        Subscriptions,
        Invoices,
        Courses,
        Certificates,
        Coupons,
        Enrolments,
        Reviews,
        Earnings,
        Accounts,
        BankPayouts,
        Friendships,
        Leaderboards,
        Tokens,
        Breakage,
        Velocity,
        Redemptions,
        Organisations,
        Licences,
        Seats,
        Usage,
        Orders,
        Unclaimed,
        PublicEvents,
        Endpoints,
        Journal,
        Audit,
        Outbox,
    )
}

REBUILDABLE: tuple[str, ...] = tuple(
    name for name, projection in PROJECTIONS.items() if projection.REBUILDABLE
)


TABLES: dict[str, tuple[Table[Any], ...]] = {
    name: projection().tables for name, projection in PROJECTIONS.items()
}
"""By the name of their projection."""


class UnknownProjection(Exception):
    """Names no projection, or one that is never rebuilt."""


def rebuildable(names: Iterable[str]) -> tuple[str, ...]:
    """`names` in the order of writing, or all of them when there are none."""
    wanted = set(names)
    if strange := wanted - set(REBUILDABLE):
        raise UnknownProjection(
            f"Cannot rebuild {', '.join(sorted(strange))}: choose from {', '.join(REBUILDABLE)} "
            "(the outbox is never rebuilt, since only it knows what was delivered)"
        )
    return tuple(name for name in REBUILDABLE if not wanted or name in wanted)
