"""Saved cards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from api.http.auth import Principal
from api.http.body import IdempotencyKey, PaymentMethodId, known_shape
from api.http.idempotency import Unkept
from api.http.preconditions import IDEMPOTENT
from api.http.problems import StripeUnavailable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.payments import cards
from api.payments.cards import SavedCard, UnconfirmedCard
from api.services import Services, origin_of
from ledger.errors import Contended, NotFound
from ledger.ids import new_id

Call = Request[Principal, Any, State]
TAGS = ["payment methods"]


class SavePaymentMethod(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Made by Stripe.js in the cardholder's browser, so that no card number comes here."""

    payment_method: PaymentMethodId


class SavedCards(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`gone_at` is there while all cards are: when Stripe was seen to have deleted them. Save one again."""

    items: list[SavedCard]
    gone_at: datetime | None = None


_UNCONFIRMED = ResponseSpec(
    UnconfirmedCard,
    description="Not saved yet: its cardholder confirms first (see `next_action`)",
    generate_examples=False,
)


@get(
    "/api/payment-methods",
    operation_id="listPaymentMethods",
    summary="List the caller's saved cards",
    tags=TAGS,
    responses=responses(StripeUnavailable) | NOT_MODIFIED_SPEC,
)
async def list_payment_methods(request: Call, services: NamedDependency[Services]) -> Read[SavedCards]:
    """Brand and last digits come from Stripe now; they are not kept here."""
    saved = await cards.listed(services, request.user.id, origin_of(request))
    return Read(SavedCards(items=saved.cards, gone_at=saved.gone_at))


@post(
    "/api/payment-methods",
    operation_id="savePaymentMethod",
    response_description="The card is saved",
    summary="Save a card",
    tags=TAGS,
    opt={IDEMPOTENT: True},
    responses=responses(StripeUnavailable) | {202: _UNCONFIRMED},
)
async def save_payment_method(
    data: JSONBody[SavePaymentMethod],
    request: Call,
    services: NamedDependency[Services],
    idempotency_key: IdempotencyKey,
) -> Response[SavedCard]:
    """Has its bank agree to later payments, with a SetupIntent. A bank that wants to hear the cardholder is
    202 with `next_action`: the card is saved once they confirmed, and the same request says so.
    """

    async def work(command_id: str) -> Response[Any]:
        origin = origin_of(request)
        saved, done = await cards.save(services, request.user.id, data.payment_method, origin, command_id)
        if done is None:
            return Unkept(saved, status_code=202)
        return Response(saved, status_code=201, headers=done.headers)

    return await services.idempotency.run(request, idempotency_key, data, work)


@delete(
    "/api/payment-methods/{payment_method_id:str}",
    operation_id="removePaymentMethod",
    response_description="The card is removed",
    summary="Remove a saved card",
    tags=TAGS,
    responses=responses(NotFound, Contended, StripeUnavailable),
)
async def remove_payment_method(
    payment_method_id: FromPath[str], request: Call, services: NamedDependency[Services]
) -> Response[None]:
    """Detaches it at Stripe. Removing it twice is 404 the second time, and harmless."""
    method = known_shape(payment_method_id, "pm_")
    done = await cards.remove(services, request.user.id, method, origin_of(request), new_id("cmd"))
    return Response(None, status_code=204, headers=done.headers)


HANDLERS = (list_payment_methods, save_payment_method, remove_payment_method)
