"""One trial for each card, on whichever account, when the operator gives a secret to hash them with.

Stripe says which cards are the same by a fingerprint, which is personal: only its keyed hash is kept, in a
table and in no fact. A card is claimed before its trial is asked for, and given back when nothing came of it.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from hashlib import sha256

import msgspec
import stripe

from api.http.problems import ApiError, StripeUnavailable
from api.services import Services
from api.stripe.delivery import STRIPE_ERRORS
from api.stripe.failures import failure_of
from api.stripe.objects import parse
from api.subscriptions.entitlements import subscriber_of
from ledger.store.batched_queries import Connection
from ledger.subscriptions.refusals import TrialUsedWithCard

REMEMBERED = timedelta(days=730)
"""After that nobody keeps an account for the sake of a trial."""
ON_ITS_WAY = timedelta(minutes=10)
"""So long a claim counts although the ledger does not know its subscription yet."""


class TrialNeedsCard(ApiError):
    """One trial for each card is kept by the card, and on a page of Stripe's none is known beforehand."""

    code = "trial_needs_card"
    remedy = "Send the card to `POST /api/subscriptions/create`, or open the checkout without `trial`."
    passing = True


class _Printed(msgspec.Struct, frozen=True, kw_only=True):
    fingerprint: str | None = None


class _PaymentMethod(msgspec.Struct, frozen=True, kw_only=True):
    card: _Printed | None = None
    us_bank_account: _Printed | None = None

    @property
    def fingerprint(self) -> str:
        printed = self.card or self.us_bank_account
        return (printed and printed.fingerprint) or ""


class _Claim(msgspec.Struct, frozen=True, array_like=True):
    user_id: str | None
    """None once its user left."""
    subscription_id: str | None
    under_way: bool


_CLAIM = """
    INSERT INTO trial_cards (card, user_id, subscription_id)
    VALUES (%s, %s, %s)
    ON CONFLICT (card) DO NOTHING
    RETURNING card
"""
_FIND = """
    SELECT user_id, subscription_id, claimed_at > clock_timestamp() - %s
    FROM trial_cards
    WHERE card = %s
"""
_TAKE_OVER = """
    UPDATE trial_cards
    SET user_id = %s, subscription_id = %s, claimed_at = clock_timestamp()
    WHERE card = %s AND subscription_id = %s
    RETURNING card
"""
_GIVE_BACK = "DELETE FROM trial_cards WHERE subscription_id = %s"
_TAKE_OFF = "UPDATE trial_cards SET user_id = NULL, subscription_id = NULL WHERE user_id = %s"
_FORGET = "DELETE FROM trial_cards WHERE claimed_at < clock_timestamp() - %s"


async def claim(services: Services, user_id: str, subscription_id: str, payment_method: str) -> None:
    """The card for the trial of that subscription. Raises `TrialUsedWithCard`, `TrialNeedsCard` where a page
    would find out which it is, and `StripeUnavailable` when nobody can tell. One without a fingerprint, such
    as a wallet, is like no other.
    """
    secret = services.settings.trials_by_card_secret
    if secret and not payment_method:
        raise TrialNeedsCard("Here each card begins one trial only, so that a trial needs its card first.")
    fingerprint = await _fingerprint(services.stripe, payment_method) if secret else ""
    if not fingerprint:
        return
    card = hmac.digest(secret.encode(), fingerprint.encode(), sha256)
    async with services.reading() as connection, connection.transaction():
        if await _one(connection, _CLAIM, (card, user_id, subscription_id)):
            return
        found = await _one(connection, _FIND, (ON_ITS_WAY, card))
        known = msgspec.convert(found, _Claim) if found else _Claim(None, None, under_way=True)
        if known.user_id == user_id or await _came_to_nothing(services, known):
            theirs = (user_id, subscription_id, card, known.subscription_id)
            if await _one(connection, _TAKE_OVER, theirs):
                return
    raise TrialUsedWithCard(
        "A trial was begun with this card before, and there is one for each: subscribe without `trial`, or "
        "with another card. Nothing was charged."
    )


async def _one(connection: Connection, query: str, values: tuple[object, ...]) -> tuple[object, ...] | None:
    return await (await connection.execute(query.encode(), values)).fetchone()


async def _came_to_nothing(services: Services, known: _Claim) -> bool:
    """Its subscription was refused, or never got as far as the ledger."""
    if known.user_id is None or known.subscription_id is None:
        return False
    subscriber = await subscriber_of(services.store, known.user_id)
    found = subscriber.subscriptions.get(known.subscription_id)
    return not known.under_way if found is None else found.status == "failed"


async def _fingerprint(client: stripe.StripeClient, payment_method: str) -> str:
    """Empty for a card that Stripe does not know: subscribing says so."""
    try:
        found = await client.v1.payment_methods.retrieve_async(payment_method)
        return parse(found, _PaymentMethod).fingerprint
    except STRIPE_ERRORS as error:
        if failure_of(error).kind == "refused":
            return ""
        raise StripeUnavailable(
            "Stripe does not answer. Nothing was charged; try again in a moment."
        ) from error


async def give_back(services: Services, subscription_id: str) -> None:
    """Nothing came of it: the card may begin a trial after all."""
    if services.settings.trials_by_card_secret:
        async with services.reading() as connection:
            await connection.execute(_GIVE_BACK.encode(), (subscription_id,))


async def take_off(connection: Connection, user_id: str) -> None:
    """Who leaves: that a card had its trial stays known, whose it was does not."""
    await connection.execute(_TAKE_OFF.encode(), (user_id,))


async def forget(connection: Connection) -> int:
    """What is older than `REMEMBERED`; how many."""
    return (await connection.execute(_FORGET.encode(), (REMEMBERED,))).rowcount
