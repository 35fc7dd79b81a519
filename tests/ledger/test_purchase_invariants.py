"""What must hold of a purchase whatever happens in whatever order: of two kinds of stream, and Stripe."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ledger.payments.sale import standing
from ledger.split import kept
from tests.ledger.purchases import PRICE, World

OUTCOMES = st.sampled_from(["succeeded", "requires_action", "requires_payment_method"])


class Purchases(RuleBasedStateMachine):
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

    @rule()
    def the_buyer_asks_for_the_money(self) -> None:
        self.world.ask_back()

    @rule()
    def time_passes(self) -> None:
        self.world.let_time_pass()

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

    @invariant()
    def every_entry_balances(self) -> None:
        self.world.balances()

    @invariant()
    def what_is_active_is_paid_or_free(self) -> None:
        enrolment = self.world.enrolment
        if enrolment.status == "active" and enrolment.payment_id:
            assert not enrolment.attempts[enrolment.payment_id].given_back
            assert not enrolment.attempts[enrolment.payment_id].surplus
        assert (enrolment.reservation is not None) == (enrolment.status == "reserved")

    def teardown(self) -> None:
        world = self.world
        world.settle()
        enrolment = world.enrolment
        payments = {name: world.payment(name) for name in world.intents}
        paid = [name for name, payment in payments.items() if standing(payment) == "paid"]

        assert enrolment.status != "reserved"
        assert not enrolment.returning, "nobody is left frozen"
        free = enrolment.status == "active" and not enrolment.payment_id
        assert paid == ([enrolment.payment_id] if enrolment.status == "active" and not free else [])

        at_stripe = [entry for intent in world.intents.values() for entry in intent.entries()]
        books = world.balances()
        assert books["1010"] + books["1011"] + books["1012"] == sum(entry.net_minor for entry in at_stripe)
        assert books["1200"] == books["7000"] == 0
        shares = 0
        for payment in payments.values():
            if payment.sale is not None and payment.settlement is not None:
                left = kept(payment.sale, PRICE, "usd", payment.given_back_minor)
                shares += sum(one.amount_minor for one in left.instructors)
        assert -books["2100"] == shares

    def _take(self, data: st.DataObject, waiting: list[Any], again: Any) -> Any:
        """One of what waits, in any order; it may come once more."""
        index = data.draw(st.integers(0, len(waiting) - 1))
        return waiting[index] if again else waiting.pop(index)

    def _intent(self, data: st.DataObject) -> Any:
        return self.world.intents[data.draw(st.sampled_from(sorted(self.world.intents)))]


TestPurchases = Purchases.TestCase
