"""The application, composed: routes, guards, middleware, and the life of what they work with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from litestar import Litestar, Request
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp

from api.accounts import listing as account_listing
from api.accounts import routes as accounts
from api.books import accounting, explain, revenue
from api.books import licences as licence_books
from api.books import tokens as token_books
from api.checkout import portal
from api.checkout import routes as checkout
from api.coupons import listing as coupon_listing
from api.coupons import routes as coupons
from api.courses import invitations, listing, moderation, trending
from api.courses import routes as courses
from api.disputes import answering as dispute_answers
from api.disputes import evidence as dispute_evidence
from api.disputes import files as dispute_files
from api.disputes import routes as disputes
from api.earnings import movements, owed, statements
from api.earnings import routes as earnings
from api.endpoints import deliveries as endpoint_deliveries
from api.endpoints import routes as endpoints
from api.enrolments import certificates, content, prices, progress
from api.enrolments import listing as enrolments
from api.enrolments import routes as purchases
from api.events import routes as events
from api.events import stream as event_stream
from api.friendships import listing as friends
from api.friendships import routes as friendships
from api.http import access, document, problems, reference
from api.http.admission import Admission, Door, door_of
from api.http.context import RequestContext
from api.http.cors import Origins
from api.http.preconditions import Preconditions
from api.invoices import off_stripe
from api.invoices import payments as invoice_payments
from api.invoices import routes as invoices
from api.leaderboards import classes as class_leaderboards
from api.leaderboards import routes as leaderboards
from api.licences import buying as licence_buying
from api.licences import keys as licence_keys_shown
from api.licences import listing as licence_listing
from api.licences import money as licence_money
from api.licences import routes as licences
from api.licences import tiers as licence_tiers
from api.licences import validating as licence_validating
from api.lookups import routes as lookups
from api.operations import jwks, licence_keys, me, oversight
from api.operations import probes as health
from api.operations import reference as reference_routes
from api.orders import listing as order_listing
from api.orders import money as order_money
from api.orders import routes as orders
from api.organisations import brand, classes
from api.organisations import invitations as member_invitations
from api.organisations import members as organisation_members
from api.organisations import routes as organisations
from api.payments import cancellation, payment_methods, refunds
from api.payments import routes as payments
from api.payments.reversals import progress as reversals
from api.payouts import bank_listing
from api.payouts import listing as payouts
from api.payouts import recalls as payout_recalls
from api.payouts import routes as paying
from api.personal import routes as personal
from api.receipts import of_payments as payment_receipts
from api.reviews import listing as reviews
from api.reviews import moderation as review_moderation
from api.reviews import routes as reviewing
from api.reviews import votes
from api.rewards import fulfilment as reward_fulfilment
from api.rewards import routes as rewards
from api.seats import managing as seats_managing
from api.seats import routes as seats
from api.services import Composition, Services, open_services
from api.subscriptions import changes as subscription_changes
from api.subscriptions import features, first_charge, plans
from api.subscriptions import listing as subscribers
from api.subscriptions import requests as subscription_requests
from api.subscriptions import routes as subscriptions
from api.subscriptions.entitlements import feature_guard
from api.tokens import giving, velocity
from api.tokens import routes as tokens
from api.usage import routes as usage
from api.usage.calls import call_guard
from api.webhooks import sweeps, unexplained
from api.webhooks.routes import stripe_webhook

HANDLERS: tuple[HTTPRouteHandler, ...] = (
    *payments.HANDLERS,
    *refunds.HANDLERS,
    *reversals.HANDLERS,
    *cancellation.HANDLERS,
    *payment_receipts.HANDLERS,
    *checkout.HANDLERS,
    *portal.HANDLERS,
    *disputes.HANDLERS,
    *dispute_evidence.HANDLERS,
    *dispute_files.HANDLERS,
    *dispute_answers.HANDLERS,
    *payment_methods.HANDLERS,
    *plans.HANDLERS,
    *subscriptions.HANDLERS,
    *first_charge.HANDLERS,
    *subscription_changes.HANDLERS,
    *subscription_requests.HANDLERS,
    *features.HANDLERS,
    *invoices.HANDLERS,
    *invoice_payments.HANDLERS,
    *off_stripe.HANDLERS,
    *courses.HANDLERS,
    *moderation.HANDLERS,
    *invitations.HANDLERS,
    *listing.HANDLERS,
    *trending.HANDLERS,
    *purchases.HANDLERS,
    *prices.HANDLERS,
    *enrolments.HANDLERS,
    *progress.HANDLERS,
    *certificates.HANDLERS,
    *content.HANDLERS,
    *coupons.HANDLERS,
    *coupon_listing.HANDLERS,
    *earnings.HANDLERS,
    *rewards.HANDLERS,
    *reward_fulfilment.HANDLERS,
    *tokens.HANDLERS,
    *giving.HANDLERS,
    *velocity.HANDLERS,
    *movements.HANDLERS,
    *statements.HANDLERS,
    *owed.HANDLERS,
    *reviews.HANDLERS,
    *reviewing.HANDLERS,
    *votes.HANDLERS,
    *review_moderation.HANDLERS,
    *accounts.HANDLERS,
    *account_listing.HANDLERS,
    *paying.HANDLERS,
    *payouts.HANDLERS,
    *payout_recalls.HANDLERS,
    *bank_listing.HANDLERS,
    *leaderboards.HANDLERS,
    *class_leaderboards.HANDLERS,
    *licences.HANDLERS,
    *licence_buying.HANDLERS,
    *licence_money.HANDLERS,
    *licence_tiers.HANDLERS,
    *licence_listing.HANDLERS,
    *licence_keys_shown.HANDLERS,
    *licence_validating.HANDLERS,
    *seats.HANDLERS,
    *seats_managing.HANDLERS,
    *usage.HANDLERS,
    *orders.HANDLERS,
    *order_money.HANDLERS,
    *order_listing.HANDLERS,
    *friends.HANDLERS,
    *friendships.HANDLERS,
    *organisations.HANDLERS,
    *organisation_members.HANDLERS,
    *member_invitations.HANDLERS,
    *classes.HANDLERS,
    *brand.HANDLERS,
    *me.HANDLERS,
    *personal.HANDLERS,
    *lookups.HANDLERS,
    *subscribers.HANDLERS,
    *accounting.HANDLERS,
    *explain.HANDLERS,
    *revenue.HANDLERS,
    *token_books.HANDLERS,
    *licence_books.HANDLERS,
    *events.HANDLERS,
    *event_stream.HANDLERS,
    *endpoints.HANDLERS,
    *endpoint_deliveries.HANDLERS,
    *oversight.HANDLERS,
    *sweeps.HANDLERS,
    *unexplained.HANDLERS,
    stripe_webhook,
    *health.HANDLERS,
    *jwks.HANDLERS,
    *licence_keys.HANDLERS,
    *reference_routes.HANDLERS,
)


def create_app(composition: Composition, routes: Litestar | None = None) -> ASGIApp:
    """An ASGI application. Its lifespan opens and closes everything that `Services` names.

    `routes` are those of another such application that is closed by now, as making them takes longest.
    """
    app = routes or make_routes(composition.settings.request_max_bytes)
    app.state.composition = composition

    def position() -> int:
        return door_of(app).positions.current()

    settings = composition.settings
    origins = Origins(settings.cors_origins)
    return RequestContext(app, composition.metrics, position, settings.request_max_bytes, origins)


def make_routes(request_max_bytes: int) -> Litestar:
    """Every handler at its place, with what stands before it; opened by an application of `create_app`."""
    app = Litestar(
        list(HANDLERS),
        lifespan=[_open],
        middleware=[Admission()],
        guards=[access.guard, feature_guard, call_guard],
        before_request=Preconditions(),
        dependencies={
            "services": Provide(_services, sync_to_thread=False),
            "pages": Provide(described, sync_to_thread=True),
        },
        exception_handlers=problems.HANDLERS,
        request_max_body_size=request_max_bytes,
        openapi_config=None,
        logging_config=None,
    )
    access.check(app)
    return app


@asynccontextmanager
async def _open(app: Litestar) -> AsyncIterator[None]:
    async with open_services(app.state.composition) as services:
        app.state.services = services
        app.state.door = Door(
            services.authenticator,
            services.limit,
            services.client_addresses,
            services.positions,
            services.point_reads,
        )
        yield


def _services(request: Request[Any, Any, Any]) -> Services:
    services: Services = request.app.state.services
    return services


@cache
def described() -> reference.Pages:
    """The document and its page: of the same handlers the same. Made when first asked for, as that takes
    longer than all else of a start.
    """
    made = document.make(HANDLERS)
    return reference.Pages(made, reference.page(made))
