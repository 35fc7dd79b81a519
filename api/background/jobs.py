"""What the worker does by the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from stripe import StripeClient

from api.background.balance_sweep import Accounting, BalanceSweep
from api.background.catch_up import RegularCatchUp
from api.background.deliveries import Job
from api.background.sweeping import NightlySweep
from api.books.recognition import close_days
from api.checkout.expiring import end_pages
from api.clock import Clock
from api.endpoints import queue
from api.enrolments.reservations import expire_reservations
from api.http.idempotency import purge
from api.licences.timing import advance_licences, expire_payments
from api.payments.expiry import expire_unconfirmed
from api.payouts.looks import Looking
from api.payouts.run import pay_instructors
from api.settings import Settings
from api.stripe.movements.claiming import Claims, record_movement_funds
from api.stripe.payments.funds import record_funds_available
from api.subscriptions.dunning import advance_dunning
from api.subscriptions.trial_cards import forget
from api.tokens.settling import settle_tokens
from api.usage.overage import invoice_usage
from ledger.store import Store
from projections import outbox

EVERY_MINUTE_S = 60.0
EVERY_QUARTER_S = 900.0
EVERY_HOUR_S = 3600.0
DELIVERIES_DAYS = 30
"""How long it can be looked up what became of a webhook; events stay for ever."""
OUTBOX_DAYS = 30
"""How long what was delivered can be looked up; the facts and their results stay for ever."""


class Outside(Looking, Accounting, Protocol):
    """`StripeGateway` is it."""


def jobs_of(
    store: Store, client: StripeClient, outside: Outside, clock: Clock, settings: Settings
) -> tuple[Job, ...]:
    return (
        Job("webhooks_caught_up", EVERY_QUARTER_S, RegularCatchUp(client, store, clock)),
        Job("swept", EVERY_QUARTER_S, NightlySweep(client, store, clock)),
        Job("funds_available", EVERY_MINUTE_S, lambda conn: record_funds_available(conn, store, clock)),
        Job("balance_swept", EVERY_MINUTE_S, BalanceSweep(client, outside, clock)),
        Job("movements_claimed", EVERY_MINUTE_S, Claims(store)),
        Job(
            "movement_funds_available",
            EVERY_MINUTE_S,
            lambda conn: record_movement_funds(conn, store, clock),
        ),
        Job("dunning", EVERY_MINUTE_S, lambda conn: advance_dunning(conn, store, clock)),
        Job("reservations_expired", EVERY_MINUTE_S, lambda conn: expire_reservations(conn, store, clock)),
        Job(
            "payments_expired",
            EVERY_QUARTER_S,
            lambda conn: expire_unconfirmed(conn, store, clock, settings.payment_expires_hours),
        ),
        Job("pages_ended", EVERY_MINUTE_S, lambda conn: end_pages(conn, store, clock)),
        Job("days_closed", EVERY_QUARTER_S, lambda conn: close_days(conn, store, clock)),
        Job("payouts_asked_for", EVERY_HOUR_S, lambda conn: pay_instructors(conn, store, outside, clock)),
        Job("tokens_settled", EVERY_QUARTER_S, lambda conn: settle_tokens(conn, store, clock)),
        Job("licences_advanced", EVERY_QUARTER_S, lambda conn: advance_licences(conn, store, clock)),
        Job("licence_payments_expired", EVERY_MINUTE_S, lambda conn: expire_payments(conn, store, clock)),
        Job("overage_invoiced", EVERY_HOUR_S, lambda conn: invoice_usage(conn, store, clock)),
        Job("idempotency_purged", EVERY_HOUR_S, lambda conn: purge(conn, settings.idempotency_days)),
        Job("trial_cards_forgotten", EVERY_HOUR_S, forget),
        Job("effects_taken_up", EVERY_MINUTE_S, outbox.take_up_unreadable),
        Job(
            "deliveries_pruned",
            EVERY_HOUR_S,
            lambda conn: queue.prune(conn, clock.now() - timedelta(days=DELIVERIES_DAYS)),
        ),
        Job("outbox_pruned", EVERY_HOUR_S, lambda conn: outbox.prune(conn, OUTBOX_DAYS)),
    )
