"""The application, composed: routes, guards, middleware, and the life of what they work with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from api.books import accounting, explain, revenue
from api.http import access, document, problems, reference
from api.http.context import RequestContext
from api.http.gate import Gate, Preconditions
from api.invoices import payments as invoice_payments
from api.invoices import routes as invoices
from api.operations import keys, me, oversight
from api.operations import probes as health
from api.operations import reference as reference_routes
from api.payments import payment_methods, refunds
from api.payments import routes as payments
from api.services import Context, Services
from api.subscriptions import changes as subscription_changes
from api.subscriptions import features, plans
from api.subscriptions import requests as subscription_requests
from api.subscriptions import routes as subscriptions
from api.subscriptions.entitlements import FeatureGuard
from api.webhooks.routes import stripe_webhook

HANDLERS: tuple[HTTPRouteHandler, ...] = (
    *payments.HANDLERS,
    *refunds.HANDLERS,
    *payment_methods.HANDLERS,
    *plans.HANDLERS,
    *subscriptions.HANDLERS,
    *subscription_changes.HANDLERS,
    *subscription_requests.HANDLERS,
    *features.HANDLERS,
    *invoices.HANDLERS,
    *invoice_payments.HANDLERS,
    *me.HANDLERS,
    *accounting.HANDLERS,
    *explain.HANDLERS,
    *revenue.HANDLERS,
    *oversight.HANDLERS,
    stripe_webhook,
    *health.HANDLERS,
    *keys.HANDLERS,
    *reference_routes.HANDLERS,
)


def create_app(context: Context) -> ASGIApp:
    """An ASGI application. Its lifespan opens and closes everything that `Services` names."""
    services = Services(context)
    services.document, services.reference = _described()

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        async with services.open():
            yield

    app = Litestar(
        list(HANDLERS),
        lifespan=[lifespan],
        middleware=[Gate(services.authenticator, services.limit, services.client_addresses)],
        guards=[access.guard, FeatureGuard(services)],
        before_request=Preconditions(services.positions),
        dependencies={"services": Provide(lambda: services, sync_to_thread=False, use_cache=True)},
        exception_handlers=problems.HANDLERS,
        request_max_body_size=context.settings.request_max_bytes,
        openapi_config=None,
        logging_config=None,
    )
    access.check(app)
    return RequestContext(
        app, services.metrics, services.positions.current, context.settings.request_max_bytes
    )


@cache
def _described() -> tuple[document.Json, str]:
    """The document and its page. Of the same handlers they are the same, and take longer than the rest."""
    made = document.make(HANDLERS)
    return made, reference.page(made)
