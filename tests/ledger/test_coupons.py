"""Coupons: who makes which, what one takes off, and that no use is taken that is not there."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from ledger.coupons.decider import COUPON, decide, discount_for
from ledger.coupons.events import CouponCreated, CouponUseReserved
from ledger.coupons.following import news_of, use_of, without_use
from ledger.coupons.permissions import check_sender
from ledger.coupons.refusals import (
    CouponBelowMinimum,
    CouponChanged,
    CouponCodeTaken,
    CouponEnded,
    CouponLeavesTooLittle,
    CouponNotBegun,
    CouponNotForCourse,
    CouponNotYoursToMake,
    CouponOtherCurrency,
    CouponTakesNothing,
    CouponUsedByYou,
    CouponUsedUp,
    InvalidCoupon,
    UnknownCoupon,
    retold,
)
from ledger.coupons.state import LIVE, Coupon, evolve
from ledger.coupons.terms import Purchase, Terms, normal
from ledger.effects import FollowCouponUse, FollowEarnings, HoldCouponUse, StartCoursePayment
from ledger.enrolments.commands import GrantEnrolment
from ledger.enrolments.events import EnrolmentActivated, EnrolmentReserved
from ledger.enrolments.following import asked
from ledger.enrolments.purchasing import RESERVATION_LASTS
from ledger.enrolments.refusals import CourseNotForSale
from ledger.enrolments.state import Enrolment
from ledger.errors import Forbidden, NotFound, Refused
from ledger.message import Event, Origin
from ledger.money import is_currency, step_minor
from ledger.policies import react
from ledger.split import Amount
from tests.ledger import enrolment_examples as enrolments
from tests.ledger.coupon_examples import (
    CODE,
    LATER,
    SOON,
    after,
    amount_off,
    confirm,
    create,
    end,
    free,
    give_back,
    reinstate,
    take,
    terms,
    when,
)
from tests.ledger.enrolment_examples import ANN, BOB, IVY
from tests.ledger.examples import NOON, names, recorded
from tests.ledger.strategies import events_of

ROOT = "usr_root"


def purchase(price: int = 10000, currency: str = "usd", course_id: str = "crs_1") -> Purchase:
    return Purchase(course_id, IVY, price, currency)


def off(made: Terms, price: int = 10000, currency: str = "usd") -> int:
    coupon = after(create(made, by_admin=True))
    return discount_for(coupon, CODE, purchase(price, currency), ANN, NOON)


# ------------------------------------------------------------------------------------------------- making


def test_an_author_makes_a_coupon_for_a_course_or_all_courses_of_their_own() -> None:
    coupon, [made] = when(Coupon(), create())
    assert made == CouponCreated(code=CODE, user_id=IVY, terms=terms())
    assert (coupon.maker, coupon.terms) == (IVY, terms())
    assert after(create(terms(scope="instructor", scope_id=IVY), course_author="")).terms is not None


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (create(course_author=BOB), "your own"),
        (create(terms(scope="instructor", scope_id=BOB)), "your own"),
        (create(terms(scope="platform", scope_id="")), "your own"),
        (create(terms(borne_by="platform")), "platform bears"),
    ],
)
def test_any_other_is_an_administrators_to_make(command: Any, why: str) -> None:
    with pytest.raises(CouponNotYoursToMake, match=why):
        decide(command, Coupon())
    by_admin = create(command.terms, user_id=ROOT, by_admin=True, course_author=BOB)
    assert names(decide(by_admin, Coupon())) == ["CouponCreated"]
    with pytest.raises(Forbidden):
        check_sender(by_admin, Origin(actor=IVY, roles=frozenset({"instructor"})))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (terms(percent_bp=0), "either"),
        (terms(percent_bp=2000, amount_minor=100, currency="usd"), "not both"),
        (terms(percent_bp=10001), "from 1 to 10000"),
        (terms(percent_bp=-1), "from 1 to 10000"),
        (amount_off(currency=""), "ISO 4217"),
        (amount_off(currency="xau"), "ISO 4217"),
        (amount_off(150, "isk"), "multiple"),
        (amount_off(-100), "at least"),
        (amount_off(10**12), "from 0 to"),
        (terms(minimum_price_minor=100), "ISO 4217"),
        (terms(minimum_price_minor=-1, currency="usd"), "from 0 to"),
        (terms(currency="usd"), "percentage has none"),
        (terms(starts_at=LATER, ends_at=SOON), "before"),
        (terms(ends_at=NOON), "future"),
        (terms(max_uses=0), "`max_uses` must"),
        (terms(max_uses_per_user=0), "`max_uses_per_user` must"),
        (terms(scope="galaxy"), "one of platform, instructor, course"),
        (terms(scope_id=""), "scope_id"),
        (terms(scope="platform"), "scope_id"),
        (terms(borne_by="nobody"), "borne_by"),
    ],
)
def test_a_coupon_that_cannot_be_is_refused_in_words(made: Terms, why: str) -> None:
    with pytest.raises(InvalidCoupon, match=why):
        decide(create(made, by_admin=True), Coupon())


@pytest.mark.parametrize("code", ["", "ABC", "A" * 41, "spring", "SPRING 20", "FRÜHLING", "SPRING\n"])
def test_a_code_is_short_plain_and_in_capitals(code: str) -> None:
    with pytest.raises(InvalidCoupon, match="from 4 to 40 letters"):
        decide(create(code=code), Coupon())


def test_a_code_is_typed_in_either_case_and_never_used_again() -> None:
    assert normal(" spring-20 ") == CODE
    with pytest.raises(CouponCodeTaken):
        decide(create(), after(create(), end()))


def test_who_made_it_or_an_administrator_ends_it_once() -> None:
    ended, facts = when(after(create()), end(), end(), end(ROOT, by_admin=True))
    assert (ended.ended, names(facts)) == (True, ["CouponEndedEarly"])
    for coupon in (after(create()), Coupon()):
        with pytest.raises(NotFound):
            decide(end(BOB), coupon)


# ----------------------------------------------------------------------------------------------- discount


@pytest.mark.parametrize(
    ("made", "price", "currency", "expected"),
    [
        (terms(), 10000, "usd", 2000),
        (terms(percent_bp=3333), 9999, "usd", 3332),
        (terms(percent_bp=3333), 9900, "isk", 3200),
        (terms(percent_bp=3333), 9990, "kwd", 3320),
        (terms(percent_bp=10000), 9999, "usd", 9999),
        (amount_off(1500), 10000, "usd", 1500),
        (amount_off(15000), 10000, "usd", 10000),
    ],
)
def test_a_discount_is_rounded_down_to_what_is_charged_and_never_more_than_the_price(
    made: Terms, price: int, currency: str, expected: int
) -> None:
    assert off(made, price, currency) == expected


@for_all(
    bp=st.integers(1, 10_000), price=st.integers(1, 10**8), currency=st.sampled_from(["usd", "isk", "kwd"])
)
def test_a_percentage_is_never_more_than_it_says_and_less_than_a_step_below(
    bp: int, price: int, currency: str
) -> None:
    assert is_currency(currency)
    price -= price % step_minor(currency)
    try:
        taken = off(terms(percent_bp=bp), price, currency)
    except (CouponTakesNothing, CouponLeavesTooLittle):
        return
    assert 0 <= price * bp - taken * 10_000 < step_minor(currency) * 10_000
    assert taken % step_minor(currency) == 0


def test_who_comes_while_the_last_use_waits_for_its_payment_is_told_when_to_try_again() -> None:
    made = after(create(terms(max_uses=2, max_uses_per_user=2)))
    held, later = (take(number, held_until=NOON + timedelta(minutes=number)) for number in (1, 2))
    waits = reduce(evolve, (*decide(held, made), *decide(later, made)), made)
    with pytest.raises(CouponUsedUp, match=r"2 of its uses wait .* after 2026-03-01T12:01:00Z unless"):
        decide(take(3, buyer_id=BOB), waits)
    paid = reduce(evolve, decide(confirm(1), waits), waits)
    with pytest.raises(CouponUsedByYou, match=r"1 of its uses wait .* after 2026-03-01T12:02:00Z unless"):
        decide(take(3), paid)
    with pytest.raises(CouponUsedUp, match=r"used up\.$"):
        decide(take(3, buyer_id=BOB), reduce(evolve, decide(confirm(2), paid), paid))


USED = after(create(terms(max_uses=2, max_uses_per_user=1)), take(1))


@pytest.mark.parametrize(
    ("coupon", "command", "refusal", "why"),
    [
        (Coupon(), take(), UnknownCoupon, "no coupon"),
        (after(create(terms(starts_at=SOON))), take(), CouponNotBegun, "2026-03-02T12:00:00Z"),
        (after(create(terms(ends_at=SOON))), take(effective_at=SOON), CouponEnded, "ended at 2026-03-02"),
        (after(create(), end()), take(), CouponEnded, "was ended"),
        (after(create(terms(max_uses=1)), take(1)), take(2, buyer_id=BOB), CouponUsedUp, "used up"),
        (USED, take(2), CouponUsedByYou, "as often as one may: 1"),
        (after(create()), take(course_id="crs_2"), CouponNotForCourse, "other courses"),
        (
            after(create(terms(scope="instructor", scope_id=IVY))),
            take(author_id=BOB),
            CouponNotForCourse,
            "other courses",
        ),
        (
            after(create(terms(minimum_price_minor=10001, currency="usd"))),
            take(),
            CouponBelowMinimum,
            "from 100.01 USD on",
        ),
        (after(create(amount_off(currency="eur"))), take(), CouponOtherCurrency, "in EUR"),
        (after(create()), take(price_minor=0), CouponTakesNothing, "0.00 USD"),
        (after(create(terms(percent_bp=1))), take(price_minor=60), CouponTakesNothing, "nothing"),
        (after(create(terms(percent_bp=9990))), take(), CouponLeavesTooLittle, "0.10 USD is left"),
        (after(create()), take(discount_minor=2001), CouponChanged, "another amount"),
        (after(create()), take(borne_by="platform"), CouponChanged, "another amount"),
    ],
)
def test_a_use_that_is_not_there_is_refused_in_words(
    coupon: Coupon, command: Any, refusal: type[Refused], why: str
) -> None:
    with pytest.raises(refusal, match=why):
        decide(command, coupon)
    again = retold(refusal.code)
    assert type(again) is refusal
    assert again.detail.endswith("Nothing was charged.")


def test_what_is_no_refusal_of_a_coupon_is_not_retold_as_one() -> None:
    assert retold("already_enrolled") is None


def test_a_use_in_its_window_is_held_for_the_enrolment() -> None:
    coupon, [use] = when(after(create(terms(starts_at=NOON, ends_at=SOON))), take())
    assert isinstance(use, CouponUseReserved)
    assert (use.use_id, use.buyer_id, use.discount_minor, use.borne_by) == ("enr_1", ANN, 2000, "instructor")
    assert (coupon.live, coupon.live_of[ANN], decide(take(), coupon)) == (1, 1, ())


# ------------------------------------------------------------------------------------------------ its life


def live(coupon: Coupon) -> tuple[int, int]:
    return coupon.live, coupon.live_of.get(ANN, 0)


ONE_USE = after(create(terms(max_uses=1)))


def test_a_use_that_is_freed_or_given_back_is_there_for_the_next() -> None:
    for way in ((free(),), (confirm(), give_back())):
        freed, _ = when(ONE_USE, take(), *way)
        assert live(freed) == (0, 0)
        assert live(when(freed, take(2))[0]) == (1, 1)


def test_what_is_captured_late_is_confirmed_even_beyond_the_maximum() -> None:
    coupon, _ = when(ONE_USE, take(1), free(1), take(2, buyer_id=BOB), confirm(2), confirm(1, as_of=3))
    assert (coupon.live, live(coupon)) == (2, (2, 1))
    with pytest.raises(CouponUsedUp):
        decide(take(3), when(coupon, give_back(1, as_of=4))[0])


def test_a_refund_that_fails_later_takes_the_use_again() -> None:
    assert live(when(ONE_USE, take(), confirm(), give_back(), reinstate())[0]) == (1, 1)


def test_news_of_a_use_are_never_refused_and_the_newest_counts_in_any_order() -> None:
    ended, facts = when(ONE_USE, take(), give_back(as_of=5), confirm(as_of=3), free(as_of=2), free(as_of=5))
    assert (ended.uses["enr_1"].status, names(facts)[1:]) == ("returned", ["CouponUseReturned"])
    for news in (confirm(), free(), give_back(), reinstate()):
        assert len(decide(news, after(create(), end()))) == 1
        assert len(decide(news, Coupon())) == 1


def test_a_use_that_was_released_before_it_came_stays_released() -> None:
    coupon, facts = when(ONE_USE, free(), take())
    assert (names(facts), coupon.live) == (["CouponUseReleased"], 0)


@for_all(st.lists(events_of(COUPON.events), max_size=20))
def test_counts_are_those_of_the_uses_whatever_the_history(history: list[Any]) -> None:
    coupon = reduce(evolve, history, Coupon())
    alive = [use.buyer_id for use in coupon.uses.values() if use.status in LIVE]
    assert coupon.live == len(alive)
    assert {name: count for name, count in coupon.live_of.items() if count} == Counter(alive)


# ------------------------------------------------------------------------------------------ with a purchase

DISCOUNTED = {"discount_minor": 2000, "discount_borne_by": "platform"}
FOR_NOTHING = {"discount_minor": 10000, "discount_borne_by": "platform"}
HELD = enrolments.reserve(offered=DISCOUNTED, expected_minor=8000, coupon=CODE)
HELD_FOR_NOTHING = enrolments.reserve(
    offered=FOR_NOTHING, expected_minor=0, coupon=CODE, payment_method_id=""
)
HOLD = HoldCouponUse("crs_1", ANN, "pay_1", "enr_1", CODE)
STREAM = "enrolment-crs_1-usr_ann"


def facts_of(*commands: Any) -> dict[str, Event]:
    _, facts = enrolments.when(Enrolment(), *commands)
    return {type(fact).__name__: fact for fact in facts}


def test_a_reservation_asks_for_its_use_and_the_use_for_the_payment() -> None:
    held = facts_of(HELD)["EnrolmentReserved"]
    assert react(recorded(held, stream=STREAM)) == (HOLD,)
    wanted = use_of(HOLD, enrolments.after(HELD), NOON)
    assert wanted is not None
    assert (wanted.use_id, wanted.author_id, wanted.discount_minor) == ("enr_1", IVY, 2000)
    [use] = decide(wanted, after(create(terms(borne_by="platform"), by_admin=True)))
    payment = StartCoursePayment("crs_1", ANN, "pay_1")
    assert react(recorded(use, stream=f"coupon-{CODE}")) == (payment,)


LOST = (HELD, enrolments.activate(), enrolments.revoke())
SUPERSEDED = (
    enrolments.reserve(),
    enrolments.release(),
    enrolments.reserve(2, offered=DISCOUNTED, expected_minor=8000, coupon=CODE),
    enrolments.activate(),
)


@pytest.mark.parametrize(
    ("commands", "fact", "use_id", "standing"),
    [
        ((HELD, enrolments.activate()), "EnrolmentActivated", "enr_1", "confirmed"),
        ((HELD, enrolments.release()), "EnrolmentReleased", "enr_1", "released"),
        ((HELD, enrolments.release(), enrolments.activate()), "EnrolmentActivated", "enr_1", "confirmed"),
        (SUPERSEDED, "ReservationSuperseded", "enr_2", "released"),
        (LOST, "EnrolmentRevoked", "enr_1", "returned"),
        ((*LOST, enrolments.restore()), "EnrolmentRestored", "enr_1", "reinstated"),
    ],
)
def test_the_use_follows_its_enrolment(
    commands: tuple[Any, ...], fact: str, use_id: str, standing: str
) -> None:
    effects = react(recorded(facts_of(*commands)[fact], position=7, stream=STREAM))
    follow = FollowCouponUse(CODE, use_id, standing, as_of=7)
    assert follow in effects
    command, again = news_of(follow, NOON), news_of(follow, LATER)
    assert command is not None
    assert again is not None
    assert (command.command_id, command.digest()) == (again.command_id, again.digest())
    assert (command.use_id, command.as_of) == (use_id, 7)


def test_without_a_coupon_nothing_is_asked_of_one() -> None:
    facts = facts_of(enrolments.reserve(), enrolments.activate(), enrolments.revoke(), enrolments.restore())
    for fact in facts.values():
        assert not any(
            isinstance(one, HoldCouponUse | FollowCouponUse) for one in react(recorded(fact, stream=STREAM))
        )


@pytest.mark.parametrize(
    "enrolment",
    [
        Enrolment(),
        enrolments.after(HELD, enrolments.release()),
        enrolments.after(HELD, enrolments.expire(effective_at=NOON + RESERVATION_LASTS)),
    ],
)
def test_no_use_is_taken_for_what_is_not_held_any_more(enrolment: Enrolment) -> None:
    assert use_of(HOLD, enrolment, NOON) is None


def test_a_coupon_that_refuses_releases_the_reservation_with_its_code() -> None:
    enrolment, facts = enrolments.when(
        enrolments.after(HELD), without_use(HOLD, "coupon_used_up", NOON), without_use(HOLD, "other", NOON)
    )
    assert (enrolment.status, names(facts)) == ("released", ["EnrolmentReleased"])
    assert asked(StartCoursePayment("crs_1", ANN, "pay_1"), enrolment, NOON) is None


def test_what_a_later_version_says_of_a_use_changes_nothing() -> None:
    assert news_of(FollowCouponUse(CODE, "enr_1", "lent", 3), NOON) is None


# --------------------------------------------------------------------------------------------- for nothing


def test_all_of_the_price_off_is_had_for_nothing_once_the_use_is_taken() -> None:
    held, [reserved] = enrolments.when(Enrolment(), HELD_FOR_NOTHING)
    assert isinstance(reserved, EnrolmentReserved)
    assert (held.status, reserved.amount_minor) == ("reserved", 0)
    grant = asked(StartCoursePayment("crs_1", ANN, "pay_1"), held, NOON)
    assert isinstance(grant, GrantEnrolment)
    had, [activated] = enrolments.when(held, grant, grant)
    assert isinstance(activated, EnrolmentActivated)
    assert (had.status, had.payment_id, activated.coupon) == ("active", "", CODE)
    assert (activated.sale, activated.attempt) == (reserved.sale, 1)
    assert activated.split is not None, "the platform pays it, and owes the instructor"
    assert (activated.split.instructors, activated.split.total_minor) == ((Amount(IVY, 7000),), 0)
    assert react(recorded(activated, stream=STREAM)) == (
        FollowCouponUse(CODE, "enr_1", "confirmed", 1),
        FollowEarnings(STREAM, 1),
    )


def test_terms_that_do_not_add_up_give_nothing_away() -> None:
    with pytest.raises(CourseNotForSale, match="do not add up"):
        enrolments.after(
            enrolments.reserve(offered={**FOR_NOTHING, "share_bp": 12000}, expected_minor=0, coupon=CODE)
        )


def test_what_is_had_for_nothing_is_not_lost_by_news_of_a_payment_that_never_was() -> None:
    """A delivery that the coupon refused, and one that it did not, at the same time."""
    grant = asked(StartCoursePayment("crs_1", ANN, "pay_1"), enrolments.after(HELD_FOR_NOTHING), NOON)
    assert isinstance(grant, GrantEnrolment)
    refused = without_use(HOLD, "coupon_used_up", NOON)
    assert enrolments.when(enrolments.after(HELD_FOR_NOTHING, grant), refused)[1] == ()
    assert enrolments.when(enrolments.after(HELD_FOR_NOTHING, refused), grant)[1] == ()


@pytest.mark.parametrize(
    "enrolment",
    [
        Enrolment(),
        enrolments.after(HELD),
        enrolments.after(HELD_FOR_NOTHING, enrolments.expire(effective_at=NOON + RESERVATION_LASTS)),
        enrolments.after(HELD_FOR_NOTHING, enrolments.release(as_of=1), enrolments.reserve(2)),
    ],
)
def test_nothing_is_granted_that_is_to_be_paid_or_is_to_end(enrolment: Enrolment) -> None:
    about: dict[str, Any] = {**enrolments.OF, "command_id": "cmd_grant", "effective_at": NOON}
    assert enrolments.when(enrolment, GrantEnrolment(**about, enrolment_id="enr_1"))[1] == ()


def test_a_command_without_a_coupon_is_known_by_the_digest_that_it_always_had() -> None:
    """As version 0.2.0 made it, which knew no coupons."""
    assert enrolments.reserve().digest().startswith("625a9faca7f6d619")
    assert enrolments.reserve().digest() != enrolments.reserve(coupon=CODE).digest()
