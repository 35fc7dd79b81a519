"""Who is which customer, and the cards that they saved."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import stripe

from api.stripe.adopting.candidates import OPERATOR, Candidate, Window, whose
from api.stripe.billing.lookup import each, get, path_of
from api.stripe.customers import know_customer
from api.stripe.delivery import Tools
from api.stripe.failures import is_missing
from api.stripe.objects import Reference, id_of, instant
from ledger.customers.commands import SavePaymentMethod
from ledger.customers.decider import CUSTOMER
from ledger.customers.state import Customer
from ledger.customers.stream import stream_of
from ledger.message import Recorded
from ledger.subscriptions.stream import stream_of as subscriber_stream

ATTACHED = "payment_method.attached"


class _Customer(msgspec.Struct, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/customers/object"""

    id: str
    created: int = 0
    deleted: bool = False
    metadata: dict[str, str] | None = None


class _Card(msgspec.Struct, frozen=True, kw_only=True):
    """https://docs.stripe.com/api/payment_methods/object"""

    id: str
    created: int
    customer: Reference = None


class _Attached(msgspec.Struct, frozen=True, kw_only=True):
    """The event, of which its card alone is read: what it says of it may be over."""

    class Data(msgspec.Struct, frozen=True):
        object: _Card

    data: Data


async def customers(tools: Tools, window: Window) -> AsyncIterator[Candidate]:
    """The newest first: that is a user's customer, should there be several."""
    async for found in each(tools.stripe, "/v1/customers", _Customer, created=window.created):
        user_id = (found.metadata or {}).get("user_id", "")
        known = await _known(tools, user_id)
        if user_id and known.stripe_customer_id in {"", found.id}:
            yield _customer(tools, found, user_id, known)


def _customer(tools: Tools, found: _Customer, user_id: str, known: Customer) -> Candidate:
    async def record(tools: Tools) -> None:
        await know_customer(tools, user_id, found.id, OPERATOR)

    return Candidate(
        kind="customer",
        stripe_id=found.id,
        whose=whose(found.metadata, tools.store.ledger_id, known=known.stripe_customer_id == found.id),
        made_at=instant(found.created),
        record=record,
        user_id=user_id,
    )


async def _known(tools: Tools, user_id: str) -> Customer:
    return await tools.store.state(CUSTOMER, stream_of(user_id))


async def cards(tools: Tools, window: Window) -> AsyncIterator[Candidate]:
    """Those that were attached in the window, of which Stripe tells for 30 days, and are not known here. Not
    those by which a subscription was paid: nobody saved them.
    """
    seen: set[str] = set()
    events = each(tools.stripe, "/v1/events", _Attached, created=window.created, types=[ATTACHED])
    async for event in events:
        card_id = event.data.object.id
        if card_id not in seen:
            seen.add(card_id)
            if (candidate := await _card(tools, card_id)) is not None:
                yield candidate


async def _card(tools: Tools, card_id: str) -> Candidate | None:
    """None when it is nobody's any more, or of a customer who is none of this ledger's."""
    try:
        card = await get(tools.stripe, path_of("payment_methods", card_id), _Card)
        if not card.customer:
            return None
        owner = await get(tools.stripe, path_of("customers", id_of(card.customer)), _Customer)
    except stripe.StripeError as error:
        if not is_missing(error):
            raise
        return None
    user_id = (owner.metadata or {}).get("user_id", "")
    known = await _known(tools, user_id)
    if not user_id or known.stripe_customer_id != owner.id or card.id in known.payment_methods:
        return None
    if any(_names(fact, card.id) for fact in await tools.store.read_stream(subscriber_stream(user_id))):
        return None

    async def record(tools: Tools) -> None:
        command = SavePaymentMethod(
            command_id=f"adopt_payment_method:{card.id}",
            effective_at=tools.clock.now(),
            user_id=user_id,
            payment_method_id=card.id,
        )
        await tools.store.handle(command, OPERATOR)

    return Candidate(
        kind="saved card",
        stripe_id=card.id,
        whose="ours",
        made_at=instant(card.created),
        record=record,
        user_id=user_id,
        related=(owner.id,),
    )


def _names(fact: Recorded, card_id: str) -> bool:
    return getattr(fact.event, "payment_method_id", "") == card_id
