"""The rules of one reward: no item is promised twice, and what became of the tokens is never refused.

The item is kept first, then the tokens are taken in the user's own stream; what came of that is told here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import assert_never, get_args

from msgspec import Struct
from msgspec.structs import replace

from ledger.errors import NotFound, Refused
from ledger.instants import clamped
from ledger.message import Decider
from ledger.redemptions.commands import (
    CancelRedemption,
    CompleteRedemption,
    ConfirmRedemption,
    FulfilRedemption,
    GiveUpRedemption,
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
from ledger.redemptions.refusals import (
    CostChanged,
    InvalidRedemption,
    LimitReached,
    OutOfStock,
    RedemptionInProgress,
    RedemptionNotOpen,
    StillUnlocked,
)
from ledger.redemptions.state import Redeemed, Redemption, evolve
from ledger.redemptions.stream import stream_of
from ledger.shelf import ONE_AT_A_TIME, PREMIUM
from ledger.visible import is_visible

REASON_MAX = 500
TOO_LATE = "released_already"
"""Why a redemption is cancelled whose tokens were taken after it had been released."""
_WAITS = frozenset({"merchandise", PREMIUM})
_Events = tuple[RedemptionEvent, ...]


def decide(  # noqa: PLR0911 - one answer for each kind of command
    command: RedemptionCommand, redeemed: Redeemed
) -> _Events:
    match command:
        case RedeemReward():
            return _redeem(command, redeemed)
        case ConfirmRedemption():
            return _confirm(command, redeemed)
        case ReleaseRedemption():
            return _release(command, redeemed)
        case CompleteRedemption():
            return _complete(command, redeemed)
        case GiveUpRedemption():
            return _give_up(command, redeemed)
        case FulfilRedemption():
            return _fulfil(command, redeemed)
        case CancelRedemption():
            return _cancel(command, redeemed)
        case _:
            assert_never(command)


class Taken(Struct, frozen=True):
    """What is taken of a reward, as far as another one for a user depends on it."""

    live: int = 0
    theirs: int = 0
    """Of `live`, by that user."""
    undecided: bool = False
    """Their last one of those that are had one at a time is neither theirs yet nor let go."""
    ends_at: datetime | None = None
    """When what that one unlocked ends."""


def taken_of(redeemed: Redeemed, user_id: str) -> Taken:
    taken = Taken(redeemed.live, redeemed.live_of.get(user_id, 0))
    newest = redeemed.redemptions.get(redeemed.newest_of.get(user_id, ""))
    if newest is None or not newest.is_live:
        return taken
    return replace(taken, undecided=newest.is_undecided, ends_at=newest.ends_at)


def why_not(offer: Offer, taken: Taken, at: datetime) -> Refused | None:
    """Why a user cannot have one, whatever their tokens are; None when they can."""
    if offer.stock is not None and taken.live >= offer.stock:
        return OutOfStock("None of this reward is left." if offer.stock else "There is none of this reward.")
    if offer.limit is not None and taken.theirs >= offer.limit:
        return LimitReached(f"You have redeemed this reward as often as one may: {taken.theirs}.")
    return _running(taken, at) if offer.kind in ONE_AT_A_TIME else None


def _running(taken: Taken, at: datetime) -> Refused | None:
    """What is unlocked is not unlocked once more while it is, and no course is given twice at once."""
    if taken.undecided:
        return RedemptionInProgress("You are redeeming this reward already: ask again in a moment.")
    if taken.ends_at is None or taken.ends_at <= at:
        return None
    return StillUnlocked(
        f"You have this until {taken.ends_at:%Y-%m-%dT%H:%M:%SZ}: redeem it again after that."
    )


def _redeem(command: RedeemReward, redeemed: Redeemed) -> _Events:
    offer = command.offer
    if command.redemption_id in redeemed.redemptions:
        return ()
    if command.expected_cost not in {None, offer.cost}:
        raise CostChanged(f"This costs {offer.cost} tokens now; send that as `expected_cost` to redeem it.")
    if (refusal := why_not(offer, taken_of(redeemed, command.user_id), command.effective_at)) is not None:
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
        course_id=offer.course_id,
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
            confirmed = RedemptionConfirmed(
                **about, waits=known.kind in _WAITS, ends_at=end, course_id=known.course_id
            )
            return (confirmed,)
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


def _complete(command: CompleteRedemption, redeemed: Redeemed) -> _Events:
    known = redeemed.redemptions.get(command.redemption_id)
    if known is None or known.status != "waiting":
        return ()
    about = {"reward_id": command.reward_id, "redemption_id": command.redemption_id, "user_id": known.user_id}
    return (RedemptionFulfilled(**about),)


def _give_up(command: GiveUpRedemption, redeemed: Redeemed) -> _Events:
    known = redeemed.redemptions.get(command.redemption_id)
    if known is None or known.status != "waiting":
        return ()
    about = {"reward_id": command.reward_id, "redemption_id": command.redemption_id, "user_id": known.user_id}
    return (RedemptionCancelled(**about, reason=command.reason),)


def _fulfil(command: FulfilRedemption, redeemed: Redeemed) -> _Events:
    known = _known(command, redeemed)
    _check_course(known)
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
    _check_course(known)
    if known.status not in {"waiting", "fulfilled"}:
        raise RedemptionNotOpen(f"This redemption is {known.status}, so that there is nothing to give back.")
    about = {"reward_id": command.reward_id, "redemption_id": command.redemption_id, "user_id": known.user_id}
    return (RedemptionCancelled(**about, reason=command.reason, course_id=known.course_id),)


def _check_course(known: Redemption) -> None:
    """What a course comes to is the enrolment's to say; until then nobody decides otherwise."""
    if known.status == "waiting" and known.is_undecided:
        raise RedemptionNotOpen("The course of this redemption is being given: ask again in a moment.")


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
    revision=2,
)
