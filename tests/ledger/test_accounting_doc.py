"""docs/accounting.md says what the journal does: its chart and its entries are compared with the code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ledger import chart
from ledger.earnings.events import EarningsAccrued, PayoutTransferred, TransferReversed
from ledger.earnings.terms import Reckoning
from ledger.enrolments.events import EnrolmentActivated
from ledger.invoices.events import (
    CreditReversed,
    CreditSettled,
    CreditUndone,
    InvoiceCredited,
    InvoiceFundsAvailable,
    InvoicePartSettled,
    InvoiceRecognised,
    InvoiceSettled,
    InvoiceSettledWithoutCharge,
    LineAmount,
    OffStripePaymentRecorded,
    PartRefunded,
    ServiceEnded,
    UnusedTimeOvergiven,
)
from ledger.journal import postings
from ledger.licences.events import (
    LicenceCardPaymentTold,
    LicenceCredited,
    LicenceCreditPaidOut,
    LicenceInvoiced,
    LicenceInvoicePaid,
    LicenceInvoiceReopened,
    LicenceRecognised,
    LicenceWrittenOff,
)
from ledger.message import Event
from ledger.money import format_minor
from ledger.orders.commands import RecordOrderCreditPaidOut, WriteOffOrder
from ledger.payments.events import (
    DisputeFundsReinstated,
    DisputeFundsWithdrawn,
    DisputeLost,
    DisputeWon,
    PaymentFundsAvailable,
    PaymentSettled,
    RefundReversed,
    RefundSettled,
)
from ledger.payouts.events import PayoutFailed, PayoutInitiated, PayoutPaid
from ledger.split import Part, SettledSplit, credited, given, kept
from ledger.tokens.events import (
    Stretch,
    TokensAwarded,
    TokensClawedBack,
    TokensExpired,
    TokensMatured,
    TokensPenalised,
    TokensRedeemed,
    TokensRestored,
)
from ledger.unclaimed.commands import ClaimMovement, RecordMovementFundsAvailable, WithdrawExplanation
from tests.ledger.examples import NOON, recorded, txn
from tests.ledger.order_examples import Ordered, line
from tests.ledger.test_split import sale
from tests.ledger.unclaimed_examples import ID, explain, moved
from tests.ledger.unclaimed_examples import facts as happened

DOC = (Path(__file__).parents[2] / "docs" / "accounting.md").read_text()
ROWS = dict(re.findall(r"^\| ([A-Z][a-zA-Z]+(?:[ ,][^|]*)?) \| ((?:Dr|Cr) [^|]*) \|$", DOC, re.MULTILINE))


def refund_settled(fee: int) -> RefundSettled:
    return RefundSettled(
        refund_id="re_1", stripe_refund_id="re_s", balance_transaction=txn("refund", -4000, fee)
    )


def reinstated(fee: int) -> DisputeFundsReinstated:
    return DisputeFundsReinstated(dispute_id="dp_1", balance_transaction=txn("returned", 10000, fee))


def payout_failed(*, was_paid: bool) -> PayoutFailed:
    return PayoutFailed(payout_id="po_1", was_paid=was_paid, balance_transaction=txn("back", 9680))


COURSE = kept(sale(), 10000, "usd")
NOTHING = SettledSplit(currency="usd")


def sold(charged: int = 10000, **terms: Any) -> PaymentSettled:
    split = kept(sale(**terms), charged, "usd")
    return PaymentSettled(
        charge_id="ch_1", balance_transaction=txn("charge", charged, 320), purpose="course", split=split
    )


def given_back(left: SettledSplit, cash: int) -> RefundSettled:
    return RefundSettled(
        refund_id="re_1",
        stripe_refund_id="re_s",
        balance_transaction=txn("refund", -cash),
        purpose="course",
        split=left.since(COURSE),
    )


def discounted(borne_by: str, basis: int) -> PaymentSettled:
    return sold(8000, discount_minor=2000, discount_borne_by=borne_by, basis_minor=basis)


def half_back(borne_by: str, basis: int) -> RefundSettled:
    terms = sale(discount_minor=2000, discount_borne_by=borne_by, basis_minor=basis)
    whole, left = kept(terms, 8000, "usd"), kept(terms, 8000, "usd", 4000)
    return msgspec.structs.replace(given_back(left, 4000), split=left.since(whole))


def had_for_nothing(borne_by: str) -> EnrolmentActivated:
    basis = 10000 if borne_by == "platform" else 0
    terms = sale(discount_minor=10000, discount_borne_by=borne_by, basis_minor=basis)
    return EnrolmentActivated(
        enrolment_id="enr_1",
        course_id="crs_1",
        learner_id="usr_ann",
        buyer_id="usr_ann",
        attempt=1,
        revision=1,
        sale=terms,
        split=given(terms, "usd"),
    )


def transferred(receivable: int = 0) -> PayoutTransferred:
    return PayoutTransferred(
        payout_id="po_1",
        attempt=1,
        user_id="usr_ivy",
        currency="usd",
        amount_minor=7000,
        stripe_account_id="acct_1",
        transfer_id="tr_1",
        balance_transaction=txn("transfer", -7000),
        receivable_change_minor=receivable,
    )


def came_back(receivable: int = 0) -> TransferReversed:
    return TransferReversed(
        user_id="usr_ivy",
        currency="usd",
        payout_id="po_1",
        transfer_id="tr_1",
        reversal_id="trr_1",
        amount_minor=1000,
        balance_transaction=txn("reversal", 1000),
        receivable_change_minor=receivable,
    )


def accrued(amount: int, receivable: int) -> EarningsAccrued:
    return EarningsAccrued(
        user_id="usr_ivy",
        currency="usd",
        kind="sale" if amount > 0 else "refund",
        amount_minor=amount,
        available_on=NOON.date(),
        course_id="crs_1",
        cause_position=1,
        reckoning=Reckoning(price_currency="usd", basis_minor=10000, share_bp=7000, part_bp=10000),
        receivable_change_minor=receivable,
    )


PLAN = (LineAmount(line_id="il_1", amount_minor=999),)


def invoice_settled(charged: int) -> InvoiceSettled:
    return InvoiceSettled(
        subscription_id="sub_1",
        user_id="usr_ann",
        charge_id="ch_1",
        balance_transaction=txn("invoice", charged, 59),
        lines=PLAN,
        tax_minor=190,
    )


LOT = Stretch(100, expires_at=NOON)


def clawed_back(*, from_lot: int = 0, expired: int = 0, owed: int = 0) -> TokensClawedBack:
    return TokensClawedBack(
        user_id="usr_ann",
        rule="course_completed",
        source_ref="crs_1",
        lot_id="tok_1",
        awarded=100,
        awarded_at=NOON,
        stretch=LOT,
        cause="refunded",
        from_lot=from_lot,
        expired=expired,
        owed=owed,
    )


TOKEN_FACTS: dict[str, Event] = {
    "TokensAwarded": TokensAwarded(
        user_id="usr_ann",
        rule="course_completed",
        source_ref="crs_1",
        lot_id="tok_1",
        asked=100,
        amount=100,
        awarded_at=NOON,
        stretch=LOT,
    ),
    "TokensMatured": TokensMatured(
        user_id="usr_ann",
        lot_id="tok_1",
        rule="course_completed",
        source_ref="crs_1",
        amount=100,
        awarded_at=NOON,
        matured_at=NOON,
    ),
    "TokensExpired": TokensExpired(user_id="usr_ann", expires_at=NOON, amount=100),
    "TokensClawedBack": clawed_back(from_lot=100),
    "TokensClawedBack, 40 of them expired before": clawed_back(expired=40, owed=60),
    "TokensPenalised": TokensPenalised(
        user_id="usr_ann", penalty_id="pen_1", amount=100, taken=(LOT,), reason="Copied answers"
    ),
    "TokensRedeemed": TokensRedeemed(
        user_id="usr_ann", redemption_id="rdm_1", reward_id="rwd_1", amount=100, taken=(LOT,)
    ),
    "TokensRestored": TokensRestored(
        user_id="usr_ann", redemption_id="rdm_1", amount=100, given_back=(LOT,), restored_at=NOON
    ),
}

_OF_LICENCE: dict[str, Any] = {"licence_id": "lic_1", "org_id": "org_1", "currency": "usd"}
_OF_INVOICE: dict[str, Any] = {**_OF_LICENCE, "invoice_id": "linv_1"}


def licence_paid(amount: int, **back: Any) -> LicenceInvoicePaid:
    return LicenceInvoicePaid(
        **_OF_INVOICE,
        payment_id="lpy_1",
        amount_minor=amount,
        reference="SEPA 17",
        received_on=NOON.date(),
        at=NOON,
        **back,
    )


def licence_credited(recognised: int, tax: int, open_: int) -> LicenceCredited:
    return LicenceCredited(
        **_OF_INVOICE,
        credit_id="lcn_1",
        number="1-0001-C1",
        deferred_minor=49_500,
        recognised_minor=recognised,
        tax_minor=tax,
        receivable_minor=open_,
        open_tax_minor=0,
        at=NOON,
        reason="They closed",
    )


LICENCE_FACTS: dict[str, Event] = {
    "LicenceInvoiced": LicenceInvoiced(
        **_OF_INVOICE,
        number="1-0001",
        kind="term",
        term=1,
        net_minor=99_000,
        tax_minor=19_800,
        period_start=NOON,
        period_end=NOON,
        issued_at=NOON,
        due_at=NOON,
    ),
    "LicenceInvoicePaid": licence_paid(118_800),
    "LicenceRecognised": LicenceRecognised(
        licence_id="lic_1", until=NOON, currency="usd", amounts=(), total_minor=271
    ),
    "LicenceCredited, half of the term earned and nothing paid": licence_credited(0, 9_900, 59_400),
    "LicenceCredited, half of the term earned and all paid": licence_credited(0, 9_900, 0),
    "LicenceCredited, what is earned as well": licence_credited(49_500, 19_800, 0),
    "LicenceCreditPaidOut": LicenceCreditPaidOut(
        **_OF_LICENCE, transfer_id="ltr_1", amount_minor=59_400, reference="SEPA 18", paid_on=NOON.date()
    ),
    "LicenceWrittenOff": LicenceWrittenOff(
        **_OF_INVOICE,
        deferred_minor=49_500,
        loss_minor=49_500,
        tax_minor=19_800,
        at=NOON,
        reason="Bankrupt",
    ),
    "PaymentSettled, of a licence": PaymentSettled(
        charge_id="ch_1",
        balance_transaction=txn("charge", 118_800, 3_475),
        purpose="licence",
        split=credited("org_1", 118_800, "usd"),
    ),
    "LicenceInvoicePaid, by card": licence_paid(118_800, by_card=True),
    "DisputeLost, of a licence": DisputeLost(
        dispute_id="dp_1",
        withdrawn_minor=118_800,
        currency="usd",
        purpose="licence",
        split=credited("org_1", 0, "usd").since(credited("org_1", 118_800, "usd")),
    ),
    "LicenceInvoiceReopened": LicenceInvoiceReopened(
        **_OF_INVOICE, payment_id="pay_1", amount_minor=118_800, tax_minor=19_800
    ),
    "LicenceCardPaymentTold, after it was paid out": LicenceCardPaymentTold(
        **_OF_LICENCE, payment_id="pay_1", as_of=9, kept_minor=0, at=NOON, lost_minor=59_400
    ),
    "LicenceInvoicePaid, half of it after it was written off": licence_paid(
        59_400, loss_minor=49_500, tax_minor=9_900
    ),
    "LicenceInvoicePaid, the other half": licence_paid(59_400, tax_minor=9_900, deferred_minor=49_500),
}


def order_facts() -> dict[str, Event]:
    """Two courses for a member each, in every way that the page tells."""

    def ordered(**placed: Any) -> Ordered:
        by_two = (Part("usr_ivy", 5_000), Part("usr_max", 5_000))
        lines = line("crs_1", "usr_ann", tax=2_000), line("crs_2", "usr_ben", tax=2_000, instructors=by_two)
        return Ordered(*lines, **{"net_days": 30, **placed})

    def fact(made: list[Any]) -> Event:
        event: Event = made[0]
        return event

    open_, paid = ordered(), ordered()
    half = fact(ordered().pay(12_000))
    paid.pay(24_000)
    credited = fact(paid.settle("crs_1", "usr_ann", "returned", "By mistake"))
    return {
        "OrderPlaced": open_.facts[0],
        "OrderPaid, half of it": half,
        "OrderItemCredited, nothing paid": fact(open_.settle("crs_1", "usr_ann", "declined", "own_course")),
        "OrderItemCredited, all paid": credited,
        "OrderCreditPaidOut": fact(paid.do(RecordOrderCreditPaidOut, amount_minor=12_000)),
        "OrderWrittenOff, nothing paid": fact(ordered().do(WriteOffOrder)),
        "OrderPaid, half of it before anybody has a course": fact(ordered(net_days=0).pay(12_000)),
    }


RESERVE = {"kind": "reserve_hold", "reporting_category": "risk_reserved_funds"}


def unclaimed_facts() -> dict[str, Event]:
    available = RecordMovementFundsAvailable(command_id="f", effective_at=NOON, balance_transaction_id=ID)
    withdraw = WithdrawExplanation(command_id="w", effective_at=NOON, balance_transaction_id=ID)
    claim = ClaimMovement(
        command_id="c", effective_at=NOON, balance_transaction_id=ID, claimed_by="payment-pay_1"
    )
    topup = moved(5_000, 0, kind="topup", reporting_category="topup")
    fee = moved(-700, 0, kind="stripe_fee", reporting_category="fee")
    held = moved(900, 0, balance_type="risk_reserved", **RESERVE)
    return {
        "MovementFound, a charge of 7.77 with a fee of 0.53": happened(moved())[-1],
        "MovementFundsAvailable": happened(moved(), available)[-1],
        "MovementExplained as 4000": happened(moved(), explain("4000"))[-1],
        "MovementExplanationWithdrawn": happened(moved(), explain("4000"), withdraw)[-1],
        "MovementClaimed, its funds available": happened(moved(), available, claim)[-1],
        "MovementFound, a top-up": happened(topup)[-1],
        "MovementFound, a fee of Stripe's own": happened(fee)[-1],
        "MovementFound, a reserve held, of the payments balance": happened(moved(-900, 0, **RESERVE))[-1],
        "MovementFound, a reserve held, of the reserved balance": happened(held)[-1],
    }


FACTS: dict[str, Event] = (
    TOKEN_FACTS
    | unclaimed_facts()
    | order_facts()
    | LICENCE_FACTS
    | {
        "PaymentSettled": PaymentSettled(charge_id="ch_1", balance_transaction=txn("charge", 10000, 320)),
        "PaymentFundsAvailable": PaymentFundsAvailable(
            balance_transaction_id="txn_charge", net_minor=9680, currency="usd"
        ),
        "RefundSettled of 40.00": refund_settled(0),
        "RefundSettled of 40.00 with a fee of 0.25": refund_settled(25),
        "RefundSettled of a charge in another currency, 5.00 lost in exchange": RefundSettled(
            refund_id="re_1",
            stripe_refund_id="re_s",
            balance_transaction=txn("refund", -14000),
            split=SettledSplit(currency="usd", platform_minor=-13500),
        ),
        "RefundReversed of 40.00": RefundReversed(refund_id="re_1", balance_transaction=txn("back", 4000)),
        "DisputeFundsWithdrawn with a fee of 15.00": DisputeFundsWithdrawn(
            dispute_id="dp_1", balance_transaction=txn("taken", -10000, 1500)
        ),
        "DisputeFundsReinstated, the fee kept": reinstated(0),
        "DisputeFundsReinstated, the fee returned": reinstated(-1500),
        "DisputeLost": DisputeLost(dispute_id="dp_1", withdrawn_minor=10000, currency="usd"),
        "DisputeLost of a charge in another currency, 5.00 lost in exchange": DisputeLost(
            dispute_id="dp_1",
            withdrawn_minor=14000,
            currency="usd",
            split=SettledSplit(currency="usd", platform_minor=-13500),
        ),
        "DisputeWon after a loss": DisputeWon(dispute_id="dp_1", recovered_minor=10000, currency="usd"),
        "DisputeWon, 1.00 lost in exchange": DisputeWon(
            dispute_id="dp_1", difference_minor=100, currency="usd"
        ),
        "PaymentSettled of a sale": sold(),
        "PaymentSettled of a sale with tax of 19.00": sold(11900, tax_minor=1900),
        "PaymentSettled of a sale, 20.00 off borne by the platform": discounted("platform", 10000),
        "PaymentSettled of a sale, 20.00 off borne by the instructor": discounted("instructor", 8000),
        "RefundSettled of a sale": given_back(NOTHING, 10000),
        "RefundSettled of half of a sale": given_back(kept(sale(), 10000, "usd", 5000), 5000),
        "RefundSettled of a sale, 5.00 lost in exchange": given_back(NOTHING, 10500),
        "RefundSettled of half of a sale, 20.00 off borne by the platform": half_back("platform", 10000),
        "RefundSettled of half of a sale, 20.00 off borne by the instructor": half_back("instructor", 8000),
        "EnrolmentActivated, all of its price borne by the platform": had_for_nothing("platform"),
        "RefundReversed of a sale": RefundReversed(
            refund_id="re_1", balance_transaction=txn("back", 10000), purpose="course", split=COURSE
        ),
        "DisputeLost of a sale": DisputeLost(
            dispute_id="dp_1",
            withdrawn_minor=10000,
            currency="usd",
            purpose="course",
            split=NOTHING.since(COURSE),
        ),
        "DisputeWon of a sale after a loss": DisputeWon(
            dispute_id="dp_1", recovered_minor=10000, currency="usd", purpose="course", split=COURSE
        ),
        "PayoutInitiated": PayoutInitiated(
            payout_id="po_1",
            amount_minor=9680,
            currency="usd",
            automatic=True,
            arrival_at=NOON,
            balance_transaction=txn("payout", -9680),
        ),
        "PayoutPaid": PayoutPaid(payout_id="po_1", amount_minor=9680, currency="usd"),
        "PayoutFailed before it was paid": payout_failed(was_paid=False),
        "PayoutFailed after it was paid": payout_failed(was_paid=True),
        "PayoutTransferred": transferred(),
        "PayoutTransferred, 30.00 of it refunded while it was on its way": transferred(3000),
        "EarningsAccrued, 70.00 taken back after they were paid": accrued(-7000, 7000),
        "EarningsAccrued, 50.00 earned after that": accrued(5000, -5000),
        "TransferReversed": came_back(),
        "TransferReversed of what is owed back": came_back(-1000),
        "InvoiceSettled of 9.99 with tax of 1.90": invoice_settled(1189),
        "InvoiceSettled, 5.00 of it out of the customer's credit": invoice_settled(689),
        "InvoicePartSettled, 5.00 of it are charged": InvoicePartSettled(
            subscription_id="sub_1",
            user_id="usr_ann",
            charge_id="ch_1",
            charged_minor=500,
            balance_transaction=txn("invoice", 500, 59),
        ),
        "InvoiceSettled, the other 6.89 are charged": invoice_settled(689),
        "PartRefunded, the 5.00 before the rest was paid": PartRefunded(
            user_id="usr_ann",
            stripe_refund_id="re_1",
            balance_transaction=txn("refund", -500),
            booked_minor=500,
        ),
        "InvoiceSettledWithoutCharge, paid outside Stripe": InvoiceSettledWithoutCharge(
            subscription_id="sub_1",
            user_id="usr_ann",
            currency="usd",
            lines=PLAN,
            tax_minor=190,
            off_stripe_minor=1189,
        ),
        "OffStripePaymentRecorded": OffStripePaymentRecorded(
            payment_id="osp_1",
            user_id="usr_ann",
            amount_minor=1189,
            currency="usd",
            received_on=NOON.date(),
            reference="statement 7",
        ),
        "InvoiceSettledWithoutCharge": InvoiceSettledWithoutCharge(
            subscription_id="sub_1", user_id="usr_ann", currency="usd", lines=PLAN, tax_minor=190
        ),
        "InvoiceFundsAvailable": InvoiceFundsAvailable(
            balance_transaction_id="txn_invoice", net_minor=1130, currency="usd"
        ),
        "InvoiceRecognised": InvoiceRecognised(
            subscription_id="sub_1", day=NOON.date(), currency="usd", amounts=(), total_minor=36
        ),
        "ServiceEnded": ServiceEnded(
            subscription_id="sub_1", at=NOON, currency="usd", amounts=(), remaining_minor=963
        ),
        "InvoiceCredited, half of the period earned": InvoiceCredited(
            subscription_id="sub_1",
            user_id="usr_ann",
            credit_id="crn_1",
            stripe_credit_note_id="cn_1",
            number="A-1-CN-1",
            amount_minor=1189,
            invoice_currency="usd",
            currency="usd",
            deferred_minor=499,
            recognised_minor=500,
            tax_minor=190,
            lines=(),
        ),
        "CreditSettled": CreditSettled(
            user_id="usr_ann",
            credit_id="crn_1",
            stripe_refund_id="re_1",
            balance_transaction=txn("credit", -1189),
            booked_minor=1189,
        ),
        "CreditSettled, 0.11 lost in exchange": CreditSettled(
            user_id="usr_ann",
            credit_id="crn_1",
            stripe_refund_id="re_1",
            balance_transaction=txn("credit", -1200),
            booked_minor=1189,
        ),
        "CreditReversed": CreditReversed(
            user_id="usr_ann",
            credit_id="crn_1",
            stripe_refund_id="re_1",
            balance_transaction=txn("credit_back", 1189),
            booked_minor=1189,
        ),
        "UnusedTimeOvergiven": UnusedTimeOvergiven(
            subscription_id="sub_1",
            amount_minor=500,
            currency="usd",
            given_back_minor=500,
            lines=(),
        ),
        "CreditUndone, half of the period earned": CreditUndone(
            subscription_id="sub_1",
            user_id="usr_ann",
            credit_id="crn_1",
            amount_minor=1189,
            currency="usd",
            deferred_minor=499,
            recognised_minor=500,
            tax_minor=190,
            lines=(),
        ),
    }
)


def written(amount: int, unit: str) -> str:
    return str(amount) if unit == chart.TOK else format_minor(amount, unit).removesuffix(" USD")


def entry(event: Event) -> str:
    return ", ".join(
        f"{'Dr' if leg.amount_minor > 0 else 'Cr'} {leg.account} "
        f"{written(abs(leg.amount_minor), leg.currency)}"
        for leg in postings(recorded(event))
    )


@pytest.mark.parametrize("fact", FACTS)
def test_the_documented_entry_is_the_one_that_is_posted(fact: str) -> None:
    assert ROWS[fact] == entry(FACTS[fact])


def test_what_the_instructor_gives_for_nothing_is_not_posted() -> None:
    assert entry(had_for_nothing("instructor")) == ""


def test_no_entry_is_documented_that_nobody_checks() -> None:
    assert set(ROWS) == set(FACTS)


def test_the_documented_chart_is_the_chart() -> None:
    documented = re.findall(r"^\| (\d{4}) \| ([^|]+) \| ([a-z]+) \| ([a-z]+) \|$", DOC, re.MULTILINE)
    assert documented == [(one.number, one.name, one.kind, one.side) for one in chart.CHART.values()]
