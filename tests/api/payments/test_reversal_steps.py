"""What is told of a refund, given the facts of its payment and of the enrolment."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from hypothesis import settings
from msgspec.structs import replace

from api.payments.reversals import steps
from api.payments.reversals.steps import Rule, Story, access_of, steps_of, with_access
from ledger.coupons.decider import COUPON
from ledger.enrolments.events import EnrolmentActivated, EnrolmentRestored, EnrolmentRevoked
from ledger.message import Event, Recorded
from ledger.payments.commands import InitiatePayment, RequestRefund
from ledger.tokens.events import TokensAwarded, TokensClawedBack
from tests.ledger.examples import initiate, request_refund
from tests.ledger.purchases import PERSON, PRICE, SYSTEM, Intent, World
from tests.ledger.test_purchase_invariants import Purchases
from tests.ledger.test_sales import buying

SALE: dict[str, Any] = buying()
ROOT = {"by_admin": True, "user_id": "usr_root", "note": "Half of it is broken."}


class Bought(World):
    """A course that is paid, at Stripe and in the books; nothing is late unless a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.buy()
        self.rest()
        [self.payment_id] = self.intents

    @property
    def intent(self) -> Intent:
        return self.intents[self.payment_id]

    def rest(self) -> None:
        while self.effects or self.commands or self.news:
            self.catch_up("succeeded")

    def refund(self, refund_id: str, amount: int | None, **more: Any) -> None:
        fields = {**ROOT, "payment_id": self.payment_id, "refund_id": refund_id, **more}
        command: RequestRefund = request_refund(amount, command_id=f"cmd_{refund_id}", **fields)
        self.handle(command)

    def succeed(self) -> None:
        self.move_refunds(self.intent, fail=False)
        self.rest()

    def fail(self) -> None:
        self.move_refunds(self.intent, fail=True)
        self.rest()

    def return_it(self) -> str:
        self.ask_back()
        return self.enrolment.returning

    def story(self, refund_id: str) -> Story:
        return Story(refund_id, self.facts)

    def told(self, refund_id: str) -> dict[str, str]:
        """Of the steps that apply."""
        found = {one.step: one.state for one in steps_of(self.story(refund_id))}
        return {step: state for step, state in found.items() if state != "not_applicable"}


def states(money: str, access: str, share: str) -> dict[str, str]:
    return {"money": money, "access": access, "share": share}


@pytest.fixture
def bought() -> Bought:
    return Bought()


def test_the_steps_are_in_one_order_whatever_became_of_them(bought: Bought) -> None:
    names = [one.step for one in steps_of(bought.story(bought.return_it()))]
    assert names == ["money", "access", "review", "certificate", "coupon", "share", "tokens"]


def test_a_return_waits_at_each_link_of_the_chain_until_it_is_done(bought: Bought) -> None:
    refund_id = bought.return_it()
    waits = states("waiting", "waiting", "waiting")
    assert bought.told(refund_id) == waits, "its payment has not heard of it"
    for _ in range(3):
        bought.catch_up("")
        assert bought.told(refund_id) == waits, "it is asked for, then pending at Stripe"
    bought.move_refunds(bought.intent, fail=False)
    bought._news()
    assert bought.told(refund_id) == states("done", "waiting", "done")
    bought.rest()
    assert bought.told(refund_id) == states("done", "done", "done")


def test_each_step_names_the_fact_and_the_time_that_say_so(bought: Bought) -> None:
    refund_id = bought.return_it()
    bought.rest()
    bought.succeed()
    told = {one.step: one for one in steps_of(bought.story(refund_id))}
    revoked = next(fact for fact in bought.facts if isinstance(fact.event, EnrolmentRevoked))
    assert (told["access"].position, told["access"].at) == (revoked.position, revoked.metadata.effective_at)
    assert (told["review"].position, told["review"].at) == (None, None)


def test_a_refund_that_fails_later_undoes_all_of_it(bought: Bought) -> None:
    refund_id = bought.return_it()
    bought.rest()
    bought.succeed()
    bought.move_refunds(bought.intent, fail=True)
    bought._news()
    assert bought.told(refund_id) == states("undone", "done", "undone"), "the learner hears of it next"
    bought.rest()
    assert bought.told(refund_id) == states("undone", "undone", "undone")
    assert bought.enrolment.status == "active"


def completed(bought: Bought) -> None:
    for number in range(bought.items):
        bought.learn(number)
    bought.rest()


def test_what_the_completion_earned_follows_the_access_in_a_stream_of_its_own(bought: Bought) -> None:
    bought.refund("re_part", 100)
    assert "tokens" not in bought.told("re_part"), "nothing is earned yet"
    completed(bought)
    assert bought.told("re_part")["tokens"] == "kept"
    bought.succeed()
    bought.refund("re_all", None)
    while bought.told("re_all")["access"] == "waiting":
        assert bought.told("re_all")["tokens"] == "waiting"
        bought.catch_up("succeeded")
        bought.move_refunds(bought.intent, fail=False)
    assert bought.told("re_all")["tokens"] == "waiting", "nobody has looked at the award"
    bought.rest()
    assert bought.told("re_all")["tokens"] == "done"
    bought.fail()
    assert bought.told("re_all")["tokens"] == "undone"


def test_tokens_that_nobody_took_before_the_access_was_back_are_kept(bought: Bought) -> None:
    completed(bought)
    earned = [fact for fact in bought.facts if isinstance(fact.event, TokensAwarded)]
    bought.refund("re_all", None)
    bought.rest()
    bought.succeed()
    bought.fail()
    others = [fact for fact in bought.facts if not isinstance(fact.event, TokensAwarded | TokensClawedBack)]
    told = {one.step: one.state for one in steps_of(Story("re_all", [*others, *earned]))}
    assert (told["access"], told["tokens"]) == ("undone", "kept")


def test_what_is_left_of_a_payment_that_gives_nothing_more_leaves_what_another_gives(bought: Bought) -> None:
    bought.dispute(bought.intent, "opened")
    bought.dispute(bought.intent, "lost")
    bought.rest()
    bought.buy()
    bought.rest()
    assert bought.enrolment.is_live_by_another(bought.payment_id)
    bought.ask_back(bought.payment_id)
    bought.rest()
    bought.succeed()
    [refund_id] = bought.payment(bought.payment_id).refunds
    others = {f"payment-{each}" for each in bought.intents if each != bought.payment_id}
    told = steps_of(Story(refund_id, [fact for fact in bought.facts if fact.stream not in others]))
    assert {one.step: one.state for one in told if one.state != "not_applicable"} == states(
        "done", "kept", "done"
    )


def test_what_stripe_refuses_at_once_has_taken_nothing(bought: Bought) -> None:
    bought.dispute(bought.intent, "opened")  # at Stripe, and not yet known here
    bought.news.clear()
    refund_id = bought.return_it()
    bought.rest()
    assert bought.told(refund_id) == states("undone", "kept", "kept")


def test_a_return_that_the_payment_refuses_is_over(bought: Bought) -> None:
    bought.dispute(bought.intent, "opened")
    refund_id = bought.return_it()
    bought._news()
    bought.rest()
    assert bought.told(refund_id)["money"] == "undone"
    assert bought.enrolment.returning == ""


def test_a_part_keeps_the_access_and_its_share_goes_back(bought: Bought) -> None:
    bought.refund("re_part", 4000)
    assert bought.told("re_part") == states("waiting", "kept", "waiting")
    bought.rest()
    bought.succeed()
    assert bought.told("re_part") == states("done", "kept", "done")
    assert access_of(bought.story("re_part")) == "kept"


def test_a_part_that_is_to_take_the_access_takes_it(bought: Bought) -> None:
    bought.refund("re_part", 4000, revoke_access=True)
    assert bought.told("re_part") == states("waiting", "waiting", "waiting")
    bought.rest()
    bought.succeed()
    assert bought.told("re_part") == states("done", "done", "done")
    bought.fail()
    assert bought.told("re_part") == states("undone", "undone", "undone")


def test_of_two_parts_the_one_that_is_the_last_takes_the_access(bought: Bought) -> None:
    bought.refund("re_one", 4000)
    bought.refund("re_two", None)
    assert {bought.told(each)["access"] for each in ("re_one", "re_two")} == {"waiting"}
    bought.rest()
    bought.succeed()
    assert sorted(bought.told(each)["access"] for each in ("re_one", "re_two")) == ["done", "kept"]


def test_where_two_refunds_took_it_the_last_of_them_to_fail_gives_it_again(bought: Bought) -> None:
    """A return is told that it is done also where another refund took the access before."""
    refund_id = bought.return_it()
    bought.refund("re_part", 1, revoke_access=True)
    bought.rest()
    bought.succeed()
    bought.fail()
    assert bought.told(refund_id)["money"] == "undone"
    assert {bought.told(each)["access"] for each in (refund_id, "re_part")} == {"undone"}
    assert bought.enrolment.status == "active"


def test_a_refund_of_the_dashboard_is_told_like_any_other(bought: Bought) -> None:
    bought.refund_outside(bought.intent, PRICE)
    bought.rest()
    bought.succeed()
    [refund_id] = bought.payment(bought.payment_id).refunds
    assert bought.told(refund_id) == states("done", "done", "done")


def test_a_payment_too_many_gave_no_access_that_could_be_taken(bought: Bought) -> None:
    """The first was canceled too late, and is captured while the course is had by the second."""
    kept = bought.payment_id
    late = Intent("pay_late", "succeeded")
    bought.intents["pay_late"] = late
    begun: InitiatePayment = initiate(**SALE, payment_id="pay_late", command_id="cmd_late")
    bought.handle(begun, SYSTEM)
    bought.rest()
    [refund_id] = bought.payment("pay_late").refunds
    ours = [fact for fact in bought.facts if fact.stream != f"payment-{kept}"]
    told = {one.step: one.state for one in steps_of(Story(refund_id, ours))}
    assert (told["money"], told["access"]) == ("waiting", "not_applicable")
    assert bought.enrolment.payment_id == kept


def test_what_was_no_sale_gives_back_money_and_nothing_else() -> None:
    world = Bought()
    plain: InitiatePayment = initiate(payment_id="pay_plain", command_id="cmd_plain")
    world.handle(plain, PERSON)
    world.rest()
    world.refund("re_plain", 100, payment_id="pay_plain")
    world.rest()
    story = Story("re_plain", [fact for fact in world.facts if fact.stream == "payment-pay_plain"])
    assert [one.state for one in steps_of(story)] == ["waiting"] + ["not_applicable"] * 6


# ------------------------------------------------------------------------------------------------ hooks


class MedalGiven(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "tests.medal_given.v1"


class MedalTaken(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "tests.medal_taken.v1"


class MedalBack(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "tests.medal_back.v1"


MEDAL = Rule("medal", with_access(MedalGiven, MedalTaken, MedalBack))


def with_medals(world: Bought) -> list[Recorded]:
    """The facts with those of a medal, which comes and goes with the access, in the same decisions."""
    beside = {
        EnrolmentActivated: MedalGiven(),
        EnrolmentRevoked: MedalTaken(),
        EnrolmentRestored: MedalBack(),
    }
    medals = [
        replace(fact, stream="medal-ann", event=beside[type(fact.event)])
        for fact in world.facts
        if type(fact.event) in beside
    ]
    return [*world.facts, *medals]


def test_what_goes_with_the_access_is_a_step_by_its_own_three_facts(
    bought: Bought, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "RULES", (*steps.RULES, MEDAL))

    def medal(refund_id: str, facts: list[Recorded]) -> str:
        return steps_of(Story(refund_id, facts))[-1].state

    bought.refund("re_part", 100)
    assert medal("re_part", bought.facts) == "not_applicable", "there is none"
    assert medal("re_part", with_medals(bought)) == "kept"
    bought.rest()
    bought.succeed()
    refund_id = bought.return_it()
    assert medal(refund_id, with_medals(bought)) == "waiting"
    bought.rest()
    bought.succeed()
    assert medal(refund_id, with_medals(bought)) == "done"
    assert medal("re_part", with_medals(bought)) == "kept", "another refund took it"
    bought.fail()
    assert medal(refund_id, with_medals(bought)) == "undone"


# ------------------------------------------------------------------------------------- whatever happens


class Reversals(Purchases):
    """Purchases in any order, and what is told of each refund when nothing is under way any more."""

    def teardown(self) -> None:
        super().teardown()
        for payment_id in self.world.intents:
            for refund_id, refund in self.world.payment(payment_id).refunds.items():
                ours = (fact for fact in self.world.facts if not fact.stream.startswith("payment-"))
                paid = (fact for fact in self.world.facts if fact.stream == f"payment-{payment_id}")
                coupon = self.world.coupon(code) if (code := self._code(payment_id)) else COUPON.initial
                told = {one.step: one.state for one in steps_of(Story(refund_id, [*ours, *paid], coupon))}
                assert "waiting" not in told.values()
                assert (told["money"] == "done") == (refund.status == "succeeded")
                assert told["share"] in {"done", "undone", "kept"}
                assert told["coupon"] == (told["access"] if code else "not_applicable")
                if told["access"] == "done":
                    assert self.world.enrolment.attempts[payment_id].given_back

    def _code(self, payment_id: str) -> str:
        attempt = self.world.enrolment.attempts.get(payment_id)
        return attempt.coupon if attempt else ""


TestReversals = Reversals.TestCase
TestReversals.settings = settings(max_examples=20)
