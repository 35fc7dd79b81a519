"""What is paid for a licence by card: bought, invoiced, paid twice, taken back; and the books of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from ledger.effects import StartLicencePayment, TellLicencePayment
from ledger.errors import Forbidden, NotFound, Refused
from ledger.licences.commands import (
    CreditLicenceInvoice,
    FollowLicencePayment,
    IssueLicence,
    RenewLicence,
    RevokeLicence,
    UpgradeLicence,
    WriteOffLicenceInvoice,
)
from ledger.licences.events import LicenceCardPaymentEnding, LicenceIssued
from ledger.licences.following import asked
from ledger.licences.refusals import (
    InvalidLicence,
    LicenceExists,
    LicenceInvoiceNotOpen,
    LicenceNotChargeable,
    LicencePaymentInProgress,
    LicencePriceChanged,
)
from ledger.payments.commands import InitiatePayment, LostPayment, RequestRefund
from ledger.payments.refusals import CreditNoteInstead
from tests.ledger.licence_examples import DAY, GIVEN, LICENCE, ORG, PROFESSIONAL, STARTER, TAXED
from tests.ledger.licence_payments import ADMIN, GROSS, MANAGER, Paying
from tests.ledger.purchases import Intent
from tests.ledger.test_sales import in_euros

NET, TAX, DISPUTED = 99_000, 19_800, 4_000


def invoiced() -> Paying:
    """An administrator issued it, and nothing is paid."""
    world = Paying()
    world.do(IssueLicence, billing=TAXED)
    return world


# Buying


def test_a_licence_is_issued_when_its_payment_is_captured() -> None:
    world = Paying()
    world.purchase()
    assert not world.licence.licence_id, "nothing is given before it is paid"
    world.go_on()
    licence = world.licence
    assert (licence.org_id, licence.purchase, licence.owed_minor) == (ORG, "", 0)
    assert licence.first is not None
    assert licence.first.term.starts_at == world.now
    assert (world.invoice.paid_minor, world.invoice.open_minor) == (GROSS, 0)
    books = world.balances()
    assert (books["1010"], books["1100"], books["2300"]) == (GROSS, 0, 0)
    assert (books["2000"], books["2200"]) == (-NET, -TAX)


def test_a_payment_says_what_it_is_for() -> None:
    world = Paying()
    world.purchase()
    world.go_on()
    payment = world.payment(world.intent.payment_id)
    assert (payment.purpose, payment.purpose_ref, payment.org_id) == (
        "licence",
        f"licence-{world.licence.licence_id}",
        ORG,
    )
    started = [fact.event for fact in world.facts if hasattr(fact.event, "description")]
    assert {one.description for one in started} == {"Licence starter, 12 months"}


def test_two_who_buy_at_once_buy_once() -> None:
    world = Paying()
    world.purchase()
    said = r"cancel it \(POST /api/payments/pay_0/cancel\)\. It holds this until 2026-03-01T12:30:00Z\."
    with pytest.raises(LicencePaymentInProgress, match=said):
        world.purchase()
    world.go_on()
    with pytest.raises(LicenceExists):
        world.purchase()


def test_what_is_declined_can_be_bought_anew() -> None:
    world = Paying()
    world.purchase()
    world.go_on("requires_payment_method")
    assert (world.licence.purchase, world.licence.licence_id) == ("", "")
    world.bought()
    assert world.licence.licence_id


def test_a_card_that_pays_after_it_was_declined_has_bought_it() -> None:
    """A tab that was forgotten. What is bought with another payment meanwhile is not needed any more."""
    world = Paying()
    world.purchase()
    world.go_on("requires_payment_method")
    world.purchase()
    world.go_on("requires_action")
    first, second = world.intents.values()
    world.confirm(first, passes=True)
    world.go_on()
    assert any(isinstance(fact.event, LicenceCardPaymentEnding) for fact in world.facts)
    assert (world.licence.purchase, second.status) == ("", "canceled")
    assert sum(isinstance(fact.event, LicenceIssued) for fact in world.facts) == 1


def test_a_licence_that_is_paid_twice_is_issued_once_and_the_rest_is_owed() -> None:
    world = Paying()
    world.purchase()
    world.go_on("requires_payment_method")
    world.bought()
    world.confirm(next(iter(world.intents.values())), passes=True)
    world.go_on()
    assert (world.licence.owed_minor, world.invoice.paid_minor) == (GROSS, GROSS)
    assert -world.balances()["2300"] == GROSS
    world.pay_out(GROSS)
    assert world.balances()["2300"] == 0


def test_who_does_not_finish_a_payment_holds_nothing_for_long() -> None:
    world = Paying()
    world.purchase()
    world.go_on("requires_action")
    for _ in range(2):
        world.let_time_pass()
    with pytest.raises(LicencePaymentInProgress, match="being canceled"):
        world.purchase()
    world.go_on()
    assert world.intent.status == "canceled"
    world.bought()
    assert world.licence.licence_id


def test_a_payment_that_is_never_begun_is_released() -> None:
    world = Paying()
    world.purchase()
    world.effects = [one for one in world.effects if not isinstance(one, StartLicencePayment)]
    for _ in range(2):
        world.let_time_pass()
    world.go_on()
    assert (world.licence.purchase, world.intents) == ("", {})
    late = StartLicencePayment(LICENCE, next(iter(world.licence.cards)))
    assert asked(late, world.licence, world.now) is None, "what is released charges nobody any more"


def test_what_is_not_priced_is_not_bought() -> None:
    world = Paying()
    for changes in ({"grant": replace(STARTER, year_minor=0)}, {"billing": GIVEN}):
        with pytest.raises(InvalidLicence, match="no price"):
            world.purchase(**changes)


def test_a_price_that_has_changed_is_told() -> None:
    world = Paying()
    with pytest.raises(LicencePriceChanged, match=r"1188\.00 USD is to pay: send 118800"):
        world.purchase(expected_minor=GROSS - 1)
    world.purchase(expected_minor=GROSS)


def test_what_no_card_is_charged_with_is_left_to_a_bank_transfer() -> None:
    with pytest.raises(LicenceNotChargeable, match="Stripe's maximum"):
        Paying().purchase(grant=replace(STARTER, year_minor=10**9))


# Paying an invoice


def test_an_invoice_is_paid_by_card_as_by_a_bank_transfer() -> None:
    world = invoiced()
    world.transfer(18_800)
    world.pay(expected_minor=GROSS - 18_800)
    world.go_on()
    assert (world.invoice.open_minor, world.invoice.paying) == (0, "")
    books = world.balances()
    assert (books["1000"], books["1010"], books["1100"], books["2300"]) == (18_800, 100_000, 0, 0)
    with pytest.raises(LicenceInvoiceNotOpen):
        world.pay()


def test_one_card_at_a_time_pays_an_invoice() -> None:
    world = invoiced()
    world.pay()
    with pytest.raises(LicencePaymentInProgress):
        world.pay()
    world.go_on("requires_payment_method")
    world.pay()


def test_each_invoice_of_a_licence_is_paid_for_itself() -> None:
    world = invoiced()
    world.do(UpgradeLicence, billing=TAXED)
    world.do(RenewLicence, billing=TAXED, grant=PROFESSIONAL)
    invoices = list(world.licence.invoices)
    for invoice_id in reversed(invoices):
        world.pay(invoice_id=invoice_id)
    world.go_on()
    assert [one.open_minor for one in world.licence.invoices.values()] == [0, 0, 0]
    assert world.balances()["1100"] == world.balances()["2300"] == 0


def test_what_a_bank_transfer_pays_meanwhile_has_the_card_payment_canceled() -> None:
    world = invoiced()
    world.pay()
    world.go_on("requires_action")
    world.transfer(GROSS)
    world.go_on()
    assert (world.intent.status, world.invoice.paying, world.licence.owed_minor) == ("canceled", "", 0)


def test_what_is_captured_though_it_was_paid_meanwhile_is_owed_to_the_organisation() -> None:
    world = invoiced()
    world.pay()
    world.go_on("requires_action")
    world.transfer(GROSS - 8_800)
    world.confirm(world.intent, passes=True)
    world.go_on()
    assert (world.invoice.open_minor, world.licence.owed_minor) == (0, GROSS - 8_800)
    assert -world.balances()["2300"] == GROSS - 8_800


def credited(world: Paying) -> None:
    world.do(CreditLicenceInvoice, invoice_id=next(iter(world.licence.invoices)), net_minor=NET)


def revoked(world: Paying) -> None:
    world.do(RevokeLicence, credit=True)


@pytest.mark.parametrize("given_back", [credited, revoked])
def test_what_is_all_given_back_meanwhile_has_the_card_payment_canceled(
    given_back: Callable[[Paying], None],
) -> None:
    world = invoiced()
    world.pay()
    world.go_on("requires_action")
    given_back(world)
    world.go_on()
    assert (world.intent.status, world.invoice.paying, world.licence.owed_minor) == ("canceled", "", 0)


@pytest.mark.parametrize("given_back", [credited, revoked])
def test_no_payment_is_begun_for_an_invoice_that_is_given_back_before(
    given_back: Callable[[Paying], None],
) -> None:
    world = invoiced()
    world.pay()
    given_back(world)
    world.go_on()
    assert (world.intents, world.invoice.paying) == ({}, "")


def test_what_is_captured_before_it_is_canceled_is_owed_where_all_was_given_back() -> None:
    world = invoiced()
    world.pay()
    world.go_on("requires_action")
    credited(world)
    world.confirm(world.intent, passes=True)
    world.go_on()
    assert (world.invoice.open_minor, world.licence.owed_minor) == (0, GROSS)


def test_what_is_given_back_in_part_leaves_the_payment_under_way() -> None:
    world = invoiced()
    world.pay()
    world.go_on("requires_action")
    world.credit(30_000)
    world.confirm(world.intent, passes=True)
    world.go_on()
    assert (world.invoice.open_minor, world.licence.owed_minor) == (0, 36_000)


def test_a_write_off_leaves_the_payment_under_way_also_where_a_part_of_it_comes_by_bank() -> None:
    world = invoiced()
    world.pay()
    world.go_on("requires_action")
    world.do(WriteOffLicenceInvoice, invoice_id=next(iter(world.licence.invoices)))
    world.transfer(18_800)
    world.go_on()
    assert world.intent.status == "requires_action"
    world.transfer(GROSS - 18_800)
    world.go_on()
    assert (world.intent.status, world.licence.owed_minor) == ("canceled", 0)


def test_a_card_pays_what_was_written_off_where_it_is_captured_later() -> None:
    world = invoiced()
    world.pay()
    world.go_on("requires_action")
    world.do(WriteOffLicenceInvoice, invoice_id=next(iter(world.licence.invoices)))
    world.confirm(world.intent, passes=True)
    world.go_on()
    assert (world.invoice.written_off_minor, world.licence.owed_minor) == (0, 0)


# Taken back


def test_a_refund_of_what_paid_a_licence_is_refused_and_names_the_credit_note() -> None:
    world = Paying()
    world.bought()
    refund = RequestRefund(
        command_id="cmd_refund",
        effective_at=world.now,
        payment_id=world.intent.payment_id,
        refund_id="re_1",
        amount_minor=None,
        reason="requested_by_customer",
        by_admin=True,
        user_id="usr_admin",
        note="They asked",
    )
    with pytest.raises(CreditNoteInstead, match="credit note"):
        world.handle(refund, ADMIN)
    world.do(RevokeLicence, credit=True)
    assert world.licence.owed_minor == GROSS


def test_a_lost_dispute_opens_the_invoice_again() -> None:
    world = Paying()
    world.bought()
    world.lose(world.intent)
    assert (world.invoice.open_minor, world.invoice.paid_minor) == (DISPUTED, GROSS - DISPUTED)
    books = world.balances()
    assert (books["1100"], books["2300"], books["1200"], books["4910"]) == (DISPUTED, 0, 0, 0)
    world.pay(expected_minor=DISPUTED)
    world.go_on()
    assert world.balances()["1100"] == 0


def test_what_is_open_again_is_not_paid_at_a_date_before_it_was() -> None:
    world = Paying()
    world.bought()
    before = world.now
    world.now += 10 * DAY
    world.lose(world.intent)
    lost = world.now
    for at in (before, lost - DAY):
        world.now = at
        with pytest.raises(InvalidLicence, match=f"before {lost:%Y-%m-%d}, when so much came to be owed"):
            world.transfer(DISPUTED)
    world.now = lost
    world.transfer(DISPUTED)
    assert world.invoice.open_minor == 0


def test_a_dispute_that_is_won_after_all_pays_it_again() -> None:
    world = Paying()
    world.bought()
    world.lose(world.intent)
    world.dispute(world.intent, "won")
    world.go_on()
    assert (world.invoice.open_minor, world.licence.owed_minor) == (0, 0)
    assert world.balances()["1100"] == world.balances()["2300"] == 0


def test_a_refund_in_stripes_dashboard_opens_it_and_one_that_fails_pays_it() -> None:
    world = Paying()
    world.bought()
    world.refund_outside(world.intent, 10_000)
    world.go_on()
    world.move_refunds(world.intent, fail=False)
    world.go_on()
    assert world.invoice.open_minor == world.balances()["1100"] == 10_000
    world.move_refunds(world.intent, fail=True)
    world.go_on()
    assert world.invoice.open_minor == world.balances()["1100"] == world.balances()["2300"] == 0


def test_what_is_taken_back_is_set_off_against_what_is_owed_first() -> None:
    world = Paying()
    world.bought()
    world.credit(10_000)
    assert world.licence.owed_minor == 12_000
    world.lose(world.intent)
    assert (world.licence.owed_minor, world.invoice.open_minor) == (12_000 - DISPUTED, 0)
    assert -world.balances()["2300"] == 12_000 - DISPUTED


def test_what_is_taken_back_after_it_was_paid_out_is_lost() -> None:
    world = Paying()
    world.bought()
    world.credit()
    world.pay_out(GROSS)
    world.lose(world.intent)
    books = world.balances()
    assert (books["4910"], books["1100"], books["2300"]) == (DISPUTED, 0, 0)
    world.dispute(world.intent, "won")
    world.go_on()
    assert (world.balances()["4910"], world.licence.owed_minor) == (0, 0)


def test_money_that_is_gone_when_it_is_first_heard_of_buys_nothing() -> None:
    """Its refund is told before its capture. Once the refund fails, it has bought the licence."""
    world = Paying()
    world.purchase()
    (payment_id,) = world.licence.cards

    def told(as_of: int, standing: str, kept_minor: int) -> None:
        news = TellLicencePayment(LICENCE, payment_id, as_of, standing, "told", kept_minor)
        world.send(news, asked(news, world.licence, world.now) or pytest.fail("it is told"))

    told(6, "given_back", 0)
    told(3, "paid", GROSS)
    assert (world.licence.licence_id, world.licence.purchase) == ("", "")
    told(8, "paid", GROSS)
    assert (world.licence.licence_id, world.invoice.open_minor) == (LICENCE, 0)


def test_older_news_change_nothing() -> None:
    world = Paying()
    world.bought()
    world.lose(world.intent)
    late = FollowLicencePayment(
        command_id="cmd_late",
        effective_at=world.now,
        licence_id=world.licence.licence_id,
        payment_id=world.intent.payment_id,
        as_of=2,
        standing="paid",
        kept_minor=GROSS,
    )
    count = len(world.facts)
    world.handle(late)
    assert len(world.facts) == count


def test_a_ledger_that_forgot_a_purchase_has_the_money_as_credit_until_it_is_asked_again() -> None:
    """It was restored to a time before, and has the payment from Stripe."""
    before, world = Paying(), Paying()
    before.bought()
    told = LostPayment(user_id="usr_manager", purpose="licence", purpose_ref=f"licence-{LICENCE}", org_id=ORG)
    world.handle(replace(before.intent.snapshot(900), lost=told))
    world.go_on()
    assert (world.licence.licence_id, -world.balances()["2300"]) == ("", GROSS)
    assert world.payment(before.intent.payment_id).org_id == ORG
    world.intents = before.intents
    world.purchase(payment_id=before.intent.payment_id)
    world.go_on()
    assert (world.licence.licence_id, world.invoice.open_minor) == (LICENCE, 0)
    assert (world.balances()["2300"], world.balances()["1010"]) == (0, GROSS)


def test_money_that_nobody_here_waited_for_is_waited_with() -> None:
    unknown = FollowLicencePayment(
        command_id="cmd_unknown",
        effective_at=Paying().now,
        licence_id="lic_1",
        payment_id="pay_1",
        as_of=3,
        standing="paid",
        kept_minor=1,
    )
    with pytest.raises(NotFound, match="send the request again"):
        Paying().handle(unknown)


def test_nobody_but_the_system_begins_the_payment_of_a_licence() -> None:
    begun = InitiatePayment(
        command_id="cmd_begun",
        effective_at=Paying().now,
        payment_id="pay_1",
        user_id="usr_manager",
        amount_minor=100,
        currency="usd",
        payment_method_id="pm_card",
        purpose="licence",
        purpose_ref="licence-lic_1",
        org_id=ORG,
    )
    with pytest.raises(Forbidden, match="pay its invoice"):
        Paying().handle(begun, MANAGER)


# Whatever happens

OUTCOMES = st.sampled_from(["succeeded", "requires_action", "requires_payment_method"])


class CardPayments(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = Paying()

    def may(self, do: Any, *args: Any, **named: Any) -> None:
        try:
            do(*args, **named)
        except Refused:
            return

    @rule()
    def somebody_buys(self) -> None:
        self.may(self.world.purchase)

    @rule()
    def an_administrator_issues_it_on_an_invoice(self) -> None:
        self.may(self.world.do, IssueLicence, billing=TAXED)

    @rule(outcome=OUTCOMES)
    def somebody_buys_without_delay(self, outcome: str) -> None:
        self.may(self.world.purchase)
        self.world.go_on(outcome)

    @precondition(lambda self: self.world.licence.invoices)
    @rule(outcome=OUTCOMES, late=st.booleans(), data=st.data())
    def an_invoice_is_paid_by_card(self, outcome: str, late: Any, data: st.DataObject) -> None:
        invoice_id = data.draw(st.sampled_from(list(self.world.licence.invoices)))
        self.may(self.world.pay, invoice_id=invoice_id)
        if not late:
            self.world.go_on(outcome)

    @precondition(lambda self: self.world.licence.invoices)
    @rule(amount=st.sampled_from([1, 20_000, GROSS]))
    def it_is_paid_by_bank_transfer(self, amount: int) -> None:
        self.may(self.world.transfer, amount)

    @precondition(lambda self: self.world.licence.invoices)
    @rule(net=st.sampled_from([None, 1, 30_000]))
    def it_is_credited(self, net: int | None) -> None:
        self.may(self.world.credit, net)

    @precondition(lambda self: self._held())
    @rule(data=st.data(), revoke=st.booleans())
    def what_somebody_is_paying_is_given_back(self, data: st.DataObject, revoke: Any) -> None:
        invoice_id = data.draw(st.sampled_from(self._held()))
        net = self.world.licence.invoices[invoice_id].sold_minor
        if revoke:
            self.may(self.world.do, RevokeLicence, credit=True)
        else:
            self.may(self.world.do, CreditLicenceInvoice, invoice_id=invoice_id, net_minor=net)

    @precondition(lambda self: self.world.licence.owed_minor)
    @rule()
    def what_is_owed_is_paid_out(self) -> None:
        self.may(self.world.pay_out, self.world.licence.owed_minor)

    @precondition(lambda self: self.world.licence.invoices)
    @rule(kind=st.sampled_from([WriteOffLicenceInvoice, RevokeLicence, RenewLicence]))
    def an_administrator_acts(self, kind: Any) -> None:
        changes: dict[str, Any] = {}
        if kind is WriteOffLicenceInvoice:
            changes = {"invoice_id": next(iter(self.world.licence.invoices))}
        self.may(self.world.do, kind, **changes)

    @rule()
    def time_passes(self) -> None:
        self.world.let_time_pass()

    @rule(outcome=OUTCOMES)
    def nothing_is_late(self, outcome: str) -> None:
        self.world.catch_up(outcome)

    @precondition(lambda self: self.world.effects)
    @rule(data=st.data(), outcome=OUTCOMES, again=st.booleans())
    def an_effect_is_delivered(self, data: st.DataObject, outcome: str, again: Any) -> None:
        self.world.deliver(self._take(data, self.world.effects, again), outcome)

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
    @rule(data=st.data(), amount=st.sampled_from([1, 33_333, GROSS]))
    def a_refund_is_made_in_the_dashboard(self, data: st.DataObject, amount: int) -> None:
        self.world.refund_outside(self._intent(data), amount)

    @precondition(lambda self: self.world.intents)
    @rule(data=st.data(), fail=st.booleans())
    def refunds_come_to_something(self, data: st.DataObject, fail: Any) -> None:
        self.world.move_refunds(self._intent(data), fail=fail)

    @precondition(lambda self: self.world.intents)
    @rule(data=st.data(), step=st.sampled_from(["opened", "lost", "won"]))
    def the_bank_disputes(self, data: st.DataObject, step: str) -> None:
        self.world.dispute(self._intent(data), step)

    @invariant()
    def the_receivable_is_what_is_open(self) -> None:
        books, licence = self.world.balances(), self.world.licence
        assert books["1100"] == sum(one.open_minor for one in licence.invoices.values())
        assert -books["2000"] == licence.deferred_minor
        assert licence.owed_minor >= 0
        for one in licence.invoices.values():
            assert 0 <= one.open_net_minor <= one.sold_minor
            assert 0 <= one.open_tax_minor <= one.owed_tax_minor

    @invariant()
    def no_card_is_waited_for_where_no_money_can_come(self) -> None:
        licence = self.world.licence
        for one in licence.invoices.values():
            assert not one.paying or one.unpaid_minor or licence.cards[one.paying].ending

    @invariant()
    def the_credit_is_what_is_owed_and_what_is_not_told_yet(self) -> None:
        books, licence = self.world.balances(), self.world.licence
        under_way = 0
        for payment_id, card in licence.cards.items():
            payment = self.world.payment(payment_id)
            under_way += (payment.kept_minor if payment.settlement else 0) - card.kept_minor
        assert -books["2300"] == licence.owed_minor + under_way

    def teardown(self) -> None:
        world = self.world
        world.settle()
        licence, books = world.licence, world.balances()
        assert not licence.purchase, "nothing is held for ever"
        assert not any(one.paying for one in licence.invoices.values())
        for payment_id, card in licence.cards.items():
            assert card.kept_minor == world.payment(payment_id).kept_minor
        assert -books["2300"] == licence.owed_minor
        paid = any(card.kept_minor for card in licence.cards.values())
        assert licence.licence_id or not paid, "money that is kept has bought it"
        assert sum(isinstance(fact.event, LicenceIssued) for fact in world.facts) <= 1
        assert books["1200"] == books["7000"] == 0

    def _take(self, data: st.DataObject, waiting: list[Any], again: Any) -> Any:
        index = data.draw(st.integers(0, len(waiting) - 1))
        return waiting[index] if again else waiting.pop(index)

    def _held(self) -> list[str]:
        return [invoice_id for invoice_id, one in self.world.licence.invoices.items() if one.paying]

    def _intent(self, data: st.DataObject) -> Intent:
        return self.world.intents[data.draw(st.sampled_from(sorted(self.world.intents)))]


TestCardPayments = CardPayments.TestCase


def test_a_charge_that_settles_in_another_currency_pays_what_was_charged() -> None:
    world = Paying()
    world.settled = in_euros
    world.bought()
    world.lose(world.intent)
    assert (world.invoice.open_minor, world.balances()["1100"], world.balances()["2300"]) == (
        DISPUTED,
        DISPUTED,
        0,
    )
