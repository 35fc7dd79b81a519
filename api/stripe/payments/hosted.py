"""Pages of Stripe's on which somebody pays: asking for one, looking for one, and ending it.

https://docs.stripe.com/payments/checkout
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timedelta
from typing import ClassVar, Generic, TypeVar

import msgspec
from stripe.params.checkout import SessionCreateParams

from api.stripe.delivery import NEVER_REACHED_AFTER, STRIPE_ERRORS, Delivered, Tools, postponed_by
from api.stripe.failures import Failure, failure_of
from api.stripe.objects import CheckoutSession, instant, parse
from api.stripe.payments import lookup
from api.stripe.request import DirectRequest
from ledger.hosted import HostedPage

CLOCK_SKEW = timedelta(minutes=10)
"""Stripe's clock and ours may differ by this much when sessions are looked for by time."""
KEYS_KEPT = timedelta(hours=48)
"""Stripe forgets idempotency keys some time after 24 hours: what it still knows one of is younger."""

Wish = TypeVar("Wish", bound=msgspec.Struct)


class PageRequest(DirectRequest[Wish, CheckoutSession], Generic[Wish]):
    """Called and looked for by our id, which the session has in its metadata."""

    absent: ClassVar[str] = "Stripe knows no such page"
    unknown_as: ClassVar[str] = "page_outcome_unknown"
    named: ClassVar[str]
    """How the metadata calls our id."""

    @property
    @abstractmethod
    def our_id(self) -> str: ...

    @abstractmethod
    async def parameters(self) -> SessionCreateParams:
        """The same at any time, as Stripe demands of a repeated key."""

    @property
    def ids(self) -> dict[str, str]:
        return {self.named: self.our_id}

    async def call(self) -> CheckoutSession:
        params = await self.parameters()
        made = await lookup.patiently(
            lambda: self.tools.stripe.v1.checkout.sessions.create_async(
                params, {"idempotency_key": f"page:{self.our_id}"}
            )
        )
        session = parse(made, CheckoutSession)
        if lookup.is_replay(made.last_response.headers if made.last_response else {}):
            return await lookup.checkout_session(self.tools.stripe, session.id)
        return session

    async def look(self) -> Delivered | None:
        until = min(self.tools.clock.now(), self.asked_at + NEVER_REACHED_AFTER)
        return await self._found(self.asked_at, until)

    async def used(self, failure: Failure) -> Delivered:
        """A restored ledger asks for a page that lasts until another time."""
        found = await self._found(self.asked_at - KEYS_KEPT, self.tools.clock.now())
        return await self.unclear(failure.code) if found is None else found

    async def _found(self, since: datetime, until: datetime) -> Delivered | None:
        session = await lookup.find_checkout_session(
            self.tools.stripe, self.named, self.our_id, since=since - CLOCK_SKEW, until=until + CLOCK_SKEW
        )
        return None if session is None else await self.record(session)


def shown_on(page: HostedPage | None, our_id: str) -> SessionCreateParams:
    """What every page is asked for with."""
    assert page is not None, "it is asked for by what has one"
    return {
        "success_url": page.success_url,
        "cancel_url": page.cancel_url,
        "expires_at": int(page.expires_at.timestamp()),
        "client_reference_id": our_id,
    }


async def url_of(tools: Tools, session_id: str) -> str:
    """Empty once nobody can pay there."""
    return (await lookup.checkout_session(tools.stripe, session_id)).url or ""


async def portal_url(tools: Tools, customer_id: str, return_url: str) -> str:
    """Of a customer portal, made anew: it changes nothing, so it needs no key."""
    made = await lookup.patiently(
        lambda: tools.stripe.v1.billing_portal.sessions.create_async(
            {"customer": customer_id, "return_url": return_url}
        )
    )
    return made.url


async def ended(tools: Tools, session_id: str) -> CheckoutSession:
    """Whoever has it open is told that it is over. As it is now: one that cannot be expired has moved on
    meanwhile. It needs no key, as it ends once.
    """
    session = await lookup.checkout_session(tools.stripe, session_id)
    if session.status != "open":
        return session
    try:
        answer = await lookup.patiently(lambda: tools.stripe.v1.checkout.sessions.expire_async(session_id))
    except STRIPE_ERRORS as error:
        failure = failure_of(error)
        if failure.kind != "refused":
            raise postponed_by(failure) from error
        return await lookup.checkout_session(tools.stripe, session_id)
    return parse(answer, CheckoutSession)


def moment_of(tools: Tools, session: CheckoutSession) -> datetime:
    """When it came to be as it is. One that was ended early goes on to tell when it would have been."""
    if session.status == "expired":
        return min(instant(session.expires_at), tools.clock.now())
    return instant(session.created)
