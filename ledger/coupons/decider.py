"""The rules of one coupon: no use is taken that is not there, and what became of one is never refused.

A use is taken for an enrolment, and follows it: so the counts are right whatever order the news come in.
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never, get_args

from ledger.coupons import terms as coupon_terms
from ledger.coupons.commands import (
    ConfirmCouponUse,
    CouponCommand,
    CreateCoupon,
    EndCoupon,
    ReinstateCouponUse,
    ReleaseCouponUse,
    ReserveCouponUse,
    ReturnCouponUse,
    UseNews,
)
from ledger.coupons.events import (
    CouponCreated,
    CouponEndedEarly,
    CouponEvent,
    CouponUseConfirmed,
    CouponUseReinstated,
    CouponUseReleased,
    CouponUseReserved,
    CouponUseReturned,
)
from ledger.coupons.refusals import (
    CouponChanged,
    CouponCodeTaken,
    CouponEnded,
    CouponNotYoursToMake,
    CouponUsedByYou,
    CouponUsedUp,
    InvalidCoupon,
    TooManyCoupons,
    UnknownCoupon,
)
from ledger.coupons.state import Coupon, evolve
from ledger.coupons.stream import stream_of
from ledger.coupons.terms import CODE_IN_WORDS, Purchase, Terms, is_code
from ledger.errors import NotFound
from ledger.message import Decider

_Events = tuple[CouponEvent, ...]
MOST_KEPT = 200
"""Coupons of one author at a time: a code is taken for good, and many are taken from others."""


def decide(command: CouponCommand, coupon: Coupon) -> _Events:
    match command:
        case CreateCoupon():
            return _create(command, coupon)
        case EndCoupon():
            return _end(command, coupon)
        case ReserveCouponUse():
            return _reserve(command, coupon)
        case _:
            return _follow(command, coupon)


def _create(command: CreateCoupon, coupon: Coupon) -> _Events:
    if not is_code(command.code):
        raise InvalidCoupon(f"`code` must have {CODE_IN_WORDS}.", "code")
    coupon_terms.check(command.terms, command.effective_at)
    _check_maker(command)
    if coupon.terms is not None:
        raise CouponCodeTaken(f"There is a coupon {command.code} already, or was: choose another code.")
    return (CouponCreated(code=command.code, user_id=command.user_id, terms=command.terms),)


def _check_maker(command: CreateCoupon) -> None:
    if command.by_admin:
        return
    terms = command.terms
    of = {"instructor": terms.scope_id, "course": command.course_author}
    if of.get(terms.scope) != command.user_id:
        raise CouponNotYoursToMake("You can make coupons for courses of your own.")
    if terms.borne_by != "instructor":
        raise CouponNotYoursToMake("Only an administrator makes coupons that the platform bears.")
    if command.kept >= MOST_KEPT:
        raise TooManyCoupons(
            f"You keep {command.kept} coupons that are not over, and one may keep {MOST_KEPT}: end one first."
        )


def _end(command: EndCoupon, coupon: Coupon) -> _Events:
    theirs = command.by_admin or command.user_id == coupon.maker
    if coupon.terms is None or not theirs:
        raise NotFound(f"There is no coupon {command.code}.")
    return () if coupon.ended else (CouponEndedEarly(code=command.code, user_id=command.user_id),)


# ----------------------------------------------------------------------------------------------- its uses


def discount_for(coupon: Coupon, code: str, purchase: Purchase, buyer_id: str, at: datetime) -> int:
    """What the coupon takes off for `buyer_id` now, in minor units. Raises the refusal that says why not."""
    terms = known(coupon, code)
    if coupon.ended:
        raise CouponEnded("This coupon was ended.")
    off = coupon_terms.discount(terms, purchase, at)
    theirs = coupon.live_of.get(buyer_id, 0)
    if terms.max_uses_per_user is not None and theirs >= terms.max_uses_per_user:
        again = _free_again(coupon, buyer_id)
        raise CouponUsedByYou(f"You have used this coupon as often as one may: {theirs}.{again}")
    if terms.max_uses is not None and coupon.live >= terms.max_uses:
        raise CouponUsedUp(f"This coupon is used up.{_free_again(coupon)}")
    return off


def _free_again(coupon: Coupon, buyer_id: str = "") -> str:
    """When a use is that waits for its payment, as the end of what is said; of any buyer, or of that one."""
    held = [
        use.held_until
        for use in coupon.uses.values()
        if use.status == "reserved" and use.held_until and buyer_id in {"", use.buyer_id}
    ]
    if not held:
        return ""
    return (
        f" {len(held)} of its uses wait for their payment, and one of them is free again soon after "
        f"{min(held):%Y-%m-%dT%H:%M:%SZ} unless it is paid by then: try again after that."
    )


def known(coupon: Coupon, code: str) -> Terms:
    """Its terms. Raises `UnknownCoupon` for one that nobody made."""
    if coupon.terms is None:
        raise UnknownCoupon(f"There is no coupon {code!r:.80}.")
    return coupon.terms


def _reserve(command: ReserveCouponUse, coupon: Coupon) -> _Events:
    """Once for an enrolment; one that was released before it came is over."""
    if command.use_id in coupon.uses:
        return ()
    purchase = Purchase(command.course_id, command.author_id, command.price_minor, command.currency)
    off = discount_for(coupon, command.code, purchase, command.buyer_id, command.effective_at)
    if (off, known(coupon, command.code).borne_by) != (command.discount_minor, command.borne_by):
        raise CouponChanged("This coupon takes off another amount than the purchase says.")
    reserved = CouponUseReserved(
        code=command.code,
        use_id=command.use_id,
        buyer_id=command.buyer_id,
        learner_id=command.learner_id,
        payment_id=command.payment_id,
        course_id=command.course_id,
        price_minor=command.price_minor,
        currency=command.currency,
        discount_minor=off,
        borne_by=command.borne_by,
        held_until=command.held_until,
    )
    return (reserved,)


def _follow(command: UseNews, coupon: Coupon) -> _Events:
    """Each piece of news is one fact, so that what is older than it is known as that."""
    use = coupon.uses.get(command.use_id)
    if use is not None and command.as_of <= use.as_of:
        return ()
    about = {"code": command.code, "use_id": command.use_id}
    match command:
        case ConfirmCouponUse():
            return (CouponUseConfirmed(**about, as_of=command.as_of),)
        case ReleaseCouponUse():
            return (CouponUseReleased(**about, as_of=command.as_of),)
        case ReturnCouponUse():
            return (CouponUseReturned(**about, as_of=command.as_of),)
        case ReinstateCouponUse():
            return (CouponUseReinstated(**about, as_of=command.as_of),)
        case _:
            assert_never(command)


def stream(command: CouponCommand) -> str:
    return stream_of(command.code)


COUPON: Decider[CouponCommand, Coupon, CouponEvent] = Decider(
    stream=stream,
    decide=decide,
    evolve=evolve,
    initial=Coupon(),
    commands=get_args(CouponCommand),
    events=get_args(CouponEvent),
)
