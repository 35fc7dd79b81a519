"""The rules of one reward: no item is promised twice, and what became of the tokens is never refused.

The item is kept first, then the tokens are taken in the user's own stream; what came of that is told here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never, get_args

from ledger.errors import NotFound
from ledger.instants import clamped
from ledger.message import Decider
from ledger.redemptions.commands import (
    CancelRedemption,
    ConfirmRedemption,
    FulfilRedemption,
    Offer,
    RedeemReward,
    RedemptionCommand,
    ReleaseRedemption,
)
from ledger.redemptions.events import (
    RedemptionCancelled,
    RedemptionConfirmed,
    RedemptionEvent,
    RedemptionFulfilled,
    RedemptionHeld,
    RedemptionReleased,
)
from ledger.redemptions.refusals import InvalidRedemption, LimitReached, OutOfStock, RedemptionNotOpen
from ledger.redemptions.state import Redeemed, Redemption, evolve
from ledger.redemptions.stream import stream_of
from ledger.visible import is_visible

REASON_MAX = 500
TOO_LATE = "released_already"
"""Why a redemption is cancelled whose tokens were taken after it had been released."""
_Events = tuple[RedemptionEvent, ...]


def decide(command: RedemptionCommand, redeemed: Redeemed) -> _Events:
    match command:
        case RedeemReward():
            return _redeem(command, redeemed)
        case ConfirmRedemption():
            return _confirm(command, redeemed)
        case ReleaseRedemption():
            return _release(command, redeemed)
        case FulfilRedemption():
            return _fulfil(command, redeemed)
        case CancelRedemption():
            return _cancel(command, redeemed)
        case _:
            assert_never(command)


def why_not(offer: Offer, redeemed: Redeemed, user_id: str, at: datetime) -> OutOfStock | LimitReached | None:
    """Why `user_id` cannot have one, whatever their tokens are; None when they can."""
    if offer.stock is not None and redeemed.live >= offer.stock:
        return OutOfStock(f"All {offer.stock} of this reward are taken.")
    theirs = redeemed.live_of.get(user_id, 0)
    if offer.limit is not None and theirs >= offer.limit:
        return LimitReached(f"You have redeemed this reward as often as one may: {theirs}.")
    return _running(redeemed, user_id, at) if offer.kind == "feature_unlock" else None


def _running(redeemed: Redeemed, user_id: str, at: datetime) -> LimitReached | None:
    """What is unlocked is not unlocked once more while it is."""
    newest = redeemed.redemptions.get(redeemed.newest_of.get(user_id, ""))
    if newest is None or not newest.is_live:
        return None
    if newest.status == "held":
        return LimitReached("You are redeeming this reward already: ask again in a moment.")
    if newest.ends_at is None or newest.ends_at <= at:
        return None
    return LimitReached(
        f"You have this until {newest.ends_at:%Y-%m-%dT%H:%M:%SZ}: redeem it again after that."
    )


def _redeem(command: RedeemReward, redeemed: Redeemed) -> _Events:
    offer = command.offer
    if command.redemption_id in redeemed.redemptions:
        return ()
    if (refusal := why_not(offer, redeemed, command.user_id, command.effective_at)) is not None:
        raise refusal
    held = RedemptionHeld(
        reward_id=command.reward_id,
        redemption_id=command.redemption_id,
        user_id=command.user_id,
        kind=offer.kind,
        cost=offer.cost,
        stock=offer.stock,
        limit=offer.limit,
        feature=offer.feature,
        days=offer.days,
        catalogue_version=offer.version,
    )
    return (held,)


def _confirm(command: ConfirmRedemption, redeemed: Redeemed) -> _Events:
    """Tokens that were taken by a second delivery, after the first had found none, are given back."""
    known = redeemed.redemptions.get(command.redemption_id)
    if known is None:
        return ()
    about = {"reward_id": command.reward_id, "redemption_id": command.redemption_id, "user_id": known.user_id}
    match known.status:
        case "held":
            end = clamped(command.effective_at) + timedelta(days=known.days) if known.days else None
            return (RedemptionConfirmed(**about, waits=known.kind == "merchandise", ends_at=end),)
        case "released":
            return (RedemptionCancelled(**about, reason=TOO_LATE),)
        case _:
            return ()


def _release(command: ReleaseRedemption, redeemed: Redeemed) -> _Events:
    known = redeemed.redemptions.get(command.redemption_id)
    if known is None or known.status != "held":
        return ()
    about = {"reward_id": command.reward_id, "redemption_id": command.redemption_id, "user_id": known.user_id}
    return (RedemptionReleased(**about, reason=command.reason),)


def _fulfil(command: FulfilRedemption, redeemed: Redeemed) -> _Events:
    known = _known(command, redeemed)
    if known.status != "waiting":
        raise RedemptionNotOpen(f"This redemption is {known.status}, and waits for nobody to fulfil it.")
    about = {"reward_id": command.reward_id, "redemption_id": command.redemption_id, "user_id": known.user_id}
    return (RedemptionFulfilled(**about),)


def _cancel(command: CancelRedemption, redeemed: Redeemed) -> _Events:
    known = _known(command, redeemed)
    if not is_visible(command.reason) or len(command.reason) > REASON_MAX or "\0" in command.reason:
        raise InvalidRedemption(
            f"`reason` must have from 1 to {REASON_MAX} characters to be seen, and no NUL."
        )
    if known.status not in {"waiting", "fulfilled"}:
        raise RedemptionNotOpen(f"This redemption is {known.status}, so that there is nothing to give back.")
    about = {"reward_id": command.reward_id, "redemption_id": command.redemption_id, "user_id": known.user_id}
    return (RedemptionCancelled(**about, reason=command.reason),)


def _known(command: FulfilRedemption | CancelRedemption, redeemed: Redeemed) -> Redemption:
    known = redeemed.redemptions.get(command.redemption_id)
    if known is None:
        raise NotFound(f"There is no redemption {command.redemption_id!r:.80}.")
    return known


def stream(command: RedemptionCommand) -> str:
    return stream_of(command.reward_id)


REWARD: Decider[RedemptionCommand, Redeemed, RedemptionEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Redeemed(),
    commands=get_args(RedemptionCommand),
    events=get_args(RedemptionEvent),
)
