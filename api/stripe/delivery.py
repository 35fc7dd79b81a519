"""What every delivery has at hand, and what it can come to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import msgspec
import stripe
import structlog

from api.clock import Clock
from api.stripe.failures import Failure, failure_of
from api.stripe.objects import UnexpectedAnswer
from ledger.catalogue import DEFAULT_CATALOGUE, Catalogue
from ledger.earnings.terms import Recovery
from ledger.message import Origin, Outcome
from ledger.store import Store

STRIPE_ERRORS = (stripe.StripeError, UnexpectedAnswer)
"""Everything that a call to Stripe raises."""

LAST_CALL = timedelta(hours=23)
"""After this, no call is made with a key made for the request: Stripe forgets keys after 24 hours and would
then do it a second time. https://docs.stripe.com/api/idempotent_requests"""

NEVER_REACHED_AFTER = timedelta(hours=24)
"""What Stripe does not know by then, it will never know, as no call was made in the last hour."""

NEVER_REACHED = "never_reached_stripe"

log = structlog.get_logger()


class Delivered(msgspec.Struct, frozen=True):
    """What came of an effect. `client_secret` and `next_action_url` are for the cardholder's browser when
    the bank asks for a confirmation; they are credentials, so they are handed on and never stored.
    """

    outcome: Outcome | None = None
    """Of the last command that recorded Stripe's answer; None when there was nothing left to do."""
    client_secret: str = ""
    next_action_url: str = ""
    invoice: Outcome | None = None
    """Of the last command about the invoice that came along, for a subscription."""


PATIENCE = 100
"""Tries while Stripe is away: about two days of hourly ones, longer than any key lives and any payment stays
unknown."""

IMPATIENCE = 10
"""Tries for what no waiting mends, such as an object that nobody knows: about a quarter of an hour."""


class Postponed(Exception):
    """Nothing can be recorded yet. The outbox tries again later, and shows `reason` to the operator; after
    `tries` it sets the effect aside for one to look at.
    """

    def __init__(self, reason: str, tries: int = PATIENCE) -> None:
        super().__init__(reason)
        self.reason = reason
        self.tries = tries


class RefusedByStripe(Postponed):
    """Stripe answered, and will not do it as things are there: they may be other than they are known here."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"Stripe: {failure.kind} ({failure.code})")
        self.failure = failure


class Certifier(Protocol):
    """Issues certificates; `api.enrolments.certifying` has one."""

    async def certify(self, course_id: str, learner_id: str, enrolment_id: str, origin: Origin) -> Delivered:
        """Or leaves it to be claimed."""
        ...


class Owner(msgspec.Struct, frozen=True):
    """Of a connected account; `account_id` is our id of it."""

    user_id: str
    account_id: str


class Owners(Protocol):
    """Who has which connected account, by the tables; `api.accounts.owners` has one."""

    async def owner_of(self, stripe_account_id: str, position: int) -> Owner | None:
        """None when it is nobody's. Raises Postponed while the tables do not show the ledger up to
        `position`.
        """
        ...

    async def currencies_of(self, user_id: str) -> tuple[str, ...]:
        """In which the user has earned something."""
        ...


class Zones(Protocol):
    """In which zone a user's days begin; `api.streaks.zones` knows."""

    async def zone_of(self, user_id: str) -> str:
        """By its IANA name."""
        ...


class Licences(Protocol):
    """Whose licences are which, by the tables; `api.seats.of_organisations` has one."""

    async def of_organisation(self, org_id: str, position: int) -> tuple[str, ...]:
        """Their ids. Raises Postponed while the tables do not show the ledger up to `position`."""
        ...


class Tools(msgspec.Struct, frozen=True):
    """What every delivery works with."""

    store: Store
    stripe: stripe.StripeClient
    clock: Clock
    return_url: str = ""
    """Where a bank's page sends the cardholder back to. Without one, Stripe offers no such bank."""
    certifier: Certifier | None = None
    owners: Owners | None = None
    recovery: Recovery = "netting"
    """How what was paid to instructors and taken back since comes in again."""
    zones: Zones | None = None
    catalogue: Catalogue = DEFAULT_CATALOGUE
    licences: Licences | None = None
    prices: dict[str, str] = {}
    """Ids of Stripe's prices by their lookup keys, as far as this process met them."""


def recorder(origin: Origin, causation_id: str = "") -> Origin:
    """What Stripe says is recorded in Stripe's name, on the occasion that `origin` tells of."""
    return Origin(
        actor="stripe",
        roles=frozenset({"system"}),
        correlation_id=origin.correlation_id,
        causation_id=causation_id or origin.causation_id,
    )


def postponed(error: stripe.StripeError | UnexpectedAnswer) -> Postponed:
    return postponed_by(failure_of(error))


def postponed_by(failure: Failure) -> Postponed:
    if failure.kind == "misconfigured":
        log.error(
            "stripe_misconfigured",
            code=failure.code,
            hint="Stripe refuses our key: check LIBERATION_STRIPE_API_KEY and the key's permissions.",
        )
    if failure.kind == "refused":
        return RefusedByStripe(failure)
    return Postponed(f"Stripe: {failure.kind} ({failure.code})")


def age(tools: Tools, since: datetime) -> timedelta:
    return tools.clock.now() - since


def as_worker(origin: Origin) -> Origin:
    """What follows from a fact is nobody's wish."""
    return Origin(
        actor="worker",
        roles=frozenset({"system"}),
        correlation_id=origin.correlation_id,
        causation_id=origin.causation_id,
    )
