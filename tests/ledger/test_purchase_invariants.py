"""What must hold of a purchase whatever happens in whatever order: of two kinds of stream, and Stripe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger.balance import BalanceTransaction
from ledger.coupons.events import CouponUseReserved
from ledger.coupons.state import LIVE, Coupon
from ledger.coupons.state import evolve as evolve_coupon
from ledger.coupons.stream import stream_of as coupon_stream
from ledger.enrolments.decider import decide
from ledger.enrolments.events import EnrolmentActivated
from ledger.enrolments.learning.events import EnrolmentCompleted, ProgressReported
from ledger.enrolments.learning.refusals import LearntTooMuch
from ledger.enrolments.learning.rules import RETURN_BELOW_PERCENT
from ledger.payments.sale import standing
from ledger.split import kept
from ledger.tokens.following import completion_source
from tests.ledger.coupon_examples import ALL, PART
from tests.ledger.enrolment_examples import ANN, IVY, reserve
from tests.ledger.purchases import PRICE, World
from tests.ledger.test_sales import elsewhere, in_euros
from tests.ledger.token_examples import last_attempt

OUTCOMES = st.sampled_from(["succeeded", "requires_action", "requires_payment_method"])


def given_shares(event: Any) -> int:
    if not isinstance(event, EnrolmentActivated) or event.split is None:
        return 0
    return sum(one.amount_minor for one in event.split.instructors)


COUPONS = st.sampled_from([PART, ALL])


class Purchases(RuleBasedStateMachine):
    CURRENCY = "usd"
    """Of settlement."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()

    @initialize()
    def a_purchase_begins(self) -> None:
        self.world.buy()

    @rule()
    def somebody_buys(self) -> None:
        self.world.buy()

    @rule()
    def it_is_free_for_a_moment(self) -> None:
        self.world.buy(0)

    @rule(code=COUPONS)
    def somebody_buys_with_a_coupon(self, code: str) -> None:
        self.world.buy(coupon=code)

    @rule()
    def somebody_gives_it(self) -> None:
        self.world.give()

    @rule(code=COUPONS)
    def somebody_gives_it_with_a_coupon(self, code: str) -> None:
        self.world.give(code)

    @rule(outcome=OUTCOMES)
    def somebody_gives_it_without_delay(self, outcome: str) -> None:
        self.world.give()
        for _ in range(5):
            self.world.catch_up(outcome)

    @invariant()
    def a_gift_that_is_not_paid_never_bars_its_learner(self) -> None:
        held = self.world.enrolment.reservation
        if held is not None and held.buyer_id != ANN:
            decide(reserve(10_000), self.world.enrolment)

    @rule()
    def it_is_redeemed(self) -> None:
        self.world.redeem()

    @precondition(lambda self: self.world.redeemed)
    @rule(data=st.data())
    def a_redemption_is_cancelled(self, data: st.DataObject) -> None:
        self.world.cancel_redemption(data.draw(st.sampled_from(self.world.redeemed)))

    @rule(code=COUPONS)
    def another_buyer_takes_a_use(self, code: str) -> None:
        self.world.somebody_else_takes(code)

    @rule()
    def the_buyer_asks_for_the_money(self) -> None:
        self.world.ask_back()

    @precondition(lambda self: self.world.intents)
    @rule(data=st.data())
    def the_buyer_asks_for_what_is_left_of_a_payment(self, data: st.DataObject) -> None:
        self.world.ask_back(self._intent(data).payment_id)

    @rule()
    def time_passes(self) -> None:
        self.world.let_time_pass()

    @rule(number=st.integers(0, 3))
    def something_is_learnt(self, number: int) -> None:
        self.world.learn(number)

    @rule()
    def all_is_learnt(self) -> None:
        for number in range(self.world.items):
            self.world.learn(number)

    @rule(refunded=st.booleans())
    def it_is_bought_and_learnt_without_delay(self, refunded: Any) -> None:
        world = self.world
        world.buy()
        for _ in range(5):
            world.catch_up("succeeded")
        self.all_is_learnt()
        world.catch_up("succeeded")
        for intent in list(world.intents.values()) if refunded else ():
            world.refund_outside(intent, intent.left_minor)
            world.move_refunds(intent, fail=False)
            world.catch_up("succeeded")

    @rule(items=st.integers(1, 4))
    def the_course_is_revised(self, items: int) -> None:
        self.world.revise_course(items)

    @rule(outcome=OUTCOMES, times=st.integers(1, 4))
    def nothing_is_late_for_a_while(self, outcome: str, times: int) -> None:
        for _ in range(times):
            self.world.catch_up(outcome)

    @rule(outcome=OUTCOMES)
    def somebody_buys_without_delay(self, outcome: str) -> None:
        self.world.buy()
        for _ in range(5):
            self.world.catch_up(outcome)

    @precondition(lambda self: self.world.effects)
    @rule(data=st.data(), outcome=OUTCOMES, again=st.booleans())
    def an_effect_is_delivered(self, data: st.DataObject, outcome: str, again: Any) -> None:
        effect = self._take(data, self.world.effects, again)
        self.world.deliver(effect, outcome)

    @precondition(lambda self: self.world.commands)
    @rule(data=st.data(), again=st.booleans())
    def a_command_arrives(self, data: st.DataObject, again: Any) -> None:
        self.world.send(*self._take(data, self.world.commands, again))

    @precondition(lambda self: self.world.news)
    @rule(data=st.data(), again=st.booleans())
    def a_webhook_arrives(self, data: st.DataObject, again: Any) -> None:
        self.world.handle(self._take(data, self.world.news, again))

    @precondition(lambda self: self.world.intents)
    @rule(data=st.data(), passes=st.booleans())
    def the_cardholder_acts(self, data: st.DataObject, passes: Any) -> None:
        self.world.confirm(self._intent(data), passes=passes)

    @precondition(lambda self: self.world.intents)
    @rule(data=st.data(), amount=st.sampled_from([1, 3333, 6667, PRICE]))
    def a_refund_is_made_in_the_dashboard(self, data: st.DataObject, amount: int) -> None:
        self.world.refund_outside(self._intent(data), amount)

    @precondition(lambda self: self.world.intents)
    @rule(data=st.data(), amount=st.sampled_from([1, 3333, PRICE]), revoke_access=st.booleans())
    def an_administrator_gives_a_part_back(
        self, data: st.DataObject, amount: int, revoke_access: Any
    ) -> None:
        self.world.give_part(self._intent(data).payment_id, amount, revoke_access=revoke_access)

    @rule()
    def stripe_refuses_refunds_from_now_on_or_no_more(self) -> None:
        self.world.refuses_refunds = not self.world.refuses_refunds

    @precondition(lambda self: self.world.intents)
    @rule(data=st.data(), fail=st.booleans())
    def refunds_come_to_something(self, data: st.DataObject, fail: Any) -> None:
        self.world.move_refunds(self._intent(data), fail=fail)

    @precondition(lambda self: self.world.intents)
    @rule(data=st.data(), step=st.sampled_from(["opened", "lost", "won"]))
    def the_bank_disputes(self, data: st.DataObject, step: str) -> None:
        self.world.dispute(self._intent(data), step)

    @rule(outcome=OUTCOMES, code=COUPONS)
    def somebody_buys_with_a_coupon_without_delay(self, outcome: str, code: str) -> None:
        self.world.buy(coupon=code)
        for _ in range(6):
            self.world.catch_up(outcome)

    @invariant()
    def no_use_is_taken_that_is_not_there(self) -> None:
        """Only money that was captured late goes beyond the maximum."""
        for code in (PART, ALL):
            coupon = Coupon()
            for fact in self.world.facts:
                if fact.stream != coupon_stream(code):
                    continue
                event: Any = fact.event
                coupon = evolve_coupon(coupon, event)
                if isinstance(event, CouponUseReserved) and coupon.terms is not None:
                    assert coupon.live <= (coupon.terms.max_uses or 0)
                    assert coupon.live_of[event.buyer_id] <= (coupon.terms.max_uses_per_user or 99)

    @invariant()
    def every_entry_balances(self) -> None:
        self.world.balances()

    @invariant()
    def what_is_active_is_paid_or_free(self) -> None:
        enrolment = self.world.enrolment
        if enrolment.is_live and enrolment.payment_id:
            assert not enrolment.attempts[enrolment.payment_id].given_back
            assert not enrolment.attempts[enrolment.payment_id].surplus
        assert (enrolment.reservation is not None) == (enrolment.status == "reserved")

    @invariant()
    def an_attempt_learns_forwards_and_is_completed_once(self) -> None:
        reached: dict[str, int] = {}
        completed: list[str] = []
        for event in (fact.event for fact in self.world.facts):
            if isinstance(event, ProgressReported):
                assert reached.get(event.enrolment_id, 0) == event.before_bp <= event.after_bp <= 10_000
                reached[event.enrolment_id] = event.after_bp
            elif isinstance(event, EnrolmentCompleted):
                completed.append(event.enrolment_id)
        assert len(completed) == len(set(completed))
        assert {name for name, bp in reached.items() if bp == 10_000} == set(completed)

    @invariant()
    def no_certificate_is_valid_without_access_and_completion(self) -> None:
        enrolment = self.world.enrolment
        for enrolment_id, progress in enrolment.learning.attempts.items():
            if progress.certificate is not None and progress.certificate.status == "valid":
                assert (enrolment.enrolment_id, enrolment.status) == (enrolment_id, "completed")
        done = enrolment.learning.of(enrolment.enrolment_id).completed is not None
        assert not enrolment.is_live or (enrolment.status == "completed") == done

    @invariant()
    def tokens_are_never_below_zero_nor_both_owed_and_had(self) -> None:
        tokens = self.world.tokens
        assert min(tokens.balance, tokens.debt, tokens.pending_amount) >= 0 == tokens.balance * tokens.debt
        assert -self.world.balances()["9100"] == tokens.balance - tokens.debt

    def teardown(self) -> None:
        world = self.world
        world.settle()
        enrolment = world.enrolment
        payments = {name: world.payment(name) for name in world.intents}
        paid = [name for name, payment in payments.items() if standing(payment) == "paid"]

        assert enrolment.status != "reserved"
        assert not enrolment.returning, "nobody is left frozen"
        free = enrolment.is_live and not enrolment.payment_id
        assert paid == ([enrolment.payment_id] if enrolment.is_live and not free else [])

        for name, payment in payments.items():
            if payment.refundable_minor and not payment.dispute_open:
                self.what_is_left_can_be_asked_for(name)

        for code in (PART, ALL):
            for use_id, use in world.coupon(code).uses.items():
                if not use_id.startswith("enr_bob"):
                    had = enrolment.is_live and enrolment.enrolment_id == use_id
                    assert use.status == ("confirmed" if had else use.status)
                    assert (use.status in LIVE) == had, "a use of what ended is free"

        attempt = last_attempt(completion_source("crs_1", ANN), world.facts)
        of_award = attempt.award.amount if attempt.award is not None and attempt.stands else 0
        assert attempt.stands == (enrolment.status == "completed"), "a completion nets to one award"
        assert world.tokens.balance + world.tokens.pending_amount - world.tokens.debt == of_award

        books = world.balances()
        assert books["1010"] + books["1011"] + books["1012"] == self.net_at_stripe()
        assert books["1200"] == 0
        assert books["7000"] == 0 or isinstance(self, PurchasesElsewhere)
        shares = 0
        for payment in payments.values():
            if payment.sale is not None and payment.settlement is not None:
                entry = payment.settlement
                left = kept(payment.sale, entry.amount_minor, entry.currency, payment.given_back_minor)
                shares += sum(one.amount_minor for one in left.instructors)
        shares += sum(given_shares(fact.event) for fact in world.facts)
        assert -books["2100"] == shares
        earnings = world.earnings(IVY, self.CURRENCY)
        granted = 0 if self.CURRENCY == "usd" else world.earnings(IVY, "usd").on(world.now.date()).owed_minor
        assert earnings.on(world.now.date()).owed_minor + granted == shares
        open_disputes = any(
            payment.withheld_minor > payment.disputed.lost_minor for payment in payments.values()
        )
        assert bool(earnings.holds) <= open_disputes, "what is over holds nothing"

    def at_stripe(self) -> Iterator[BalanceTransaction]:
        for intent in self.world.intents.values():
            yield from intent.entries()

    def net_at_stripe(self) -> int:
        return sum(entry.net_minor for entry in self.at_stripe())

    def what_is_left_can_be_asked_for(self, payment_id: str) -> None:
        """Money that is kept gives access, or its buyer may have it back."""
        enrolment = self.world.enrolment
        learnt = enrolment.learning.of(enrolment.attempts[payment_id].enrolment_id)
        try:
            self.world.return_of(payment_id)
        except LearntTooMuch:
            assert learnt.percent >= RETURN_BELOW_PERCENT

    def _take(self, data: st.DataObject, waiting: list[Any], again: Any) -> Any:
        """One of what waits, in any order; it may come once more."""
        index = data.draw(st.integers(0, len(waiting) - 1))
        return waiting[index] if again else waiting.pop(index)

    def _intent(self, data: st.DataObject) -> Any:
        return self.world.intents[data.draw(st.sampled_from(sorted(self.world.intents)))]


class PurchasesElsewhere(Purchases):
    """Stripe's balance is in another currency, at a rate of its own for each movement."""

    CURRENCY = "eur"

    def __init__(self) -> None:
        super().__init__()
        self.world.settled = in_euros

    def net_at_stripe(self) -> int:
        moved = (elsewhere(entry) for entry in self.at_stripe())
        return sum(entry.net_minor for entry in moved if entry is not None)


TestPurchases = Purchases.TestCase
TestPurchasesElsewhere = PurchasesElsewhere.TestCase


def test_what_is_learnt_is_awarded_once_more_when_an_older_purchase_gives_access_again() -> None:
    """It was refunded, bought anew and completed; then its refund failed, and the other is refunded."""
    machine = Purchases()
    world = machine.world
    machine.it_is_bought_and_learnt_without_delay(refunded=True)
    world.catch_up("succeeded")
    machine.it_is_bought_and_learnt_without_delay(refunded=False)
    first, second = world.intents.values()

    def moved(intent: Any, *, fail: bool) -> None:
        world.move_refunds(intent, fail=fail)
        world.catch_up("succeeded")

    moved(first, fail=True)
    world.refund_outside(first, first.left_minor)
    moved(first, fail=False)
    world.refund_outside(second, second.left_minor)
    moved(second, fail=False)
    world.catch_up("succeeded")
    world.catch_up("succeeded")
    moved(first, fail=True)
    machine.teardown()
    assert (world.enrolment.status, world.enrolment.enrolment_id) == (
        "completed",
        first.payment_id.replace("pay", "enr"),
    )
