"""The terms of a sale go along to Stripe, so that what a restored ledger takes up is shared rightly."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from msgspec.structs import replace

from api.stripe.objects import PaymentIntent
from api.stripe.payments import terms
from api.stripe.payments.create import parameters
from api.stripe.payments.snapshots import PresentState, commands_of, lost_payment
from ledger.payments.decider import decide
from ledger.payments.events import PaymentInitiated, PaymentSettled
from ledger.payments.state import Payment, evolve
from ledger.split import WHOLE_BP, Part, Sale
from tests.ledger.examples import initiated, txn
from tests.ledger.test_sales import buying, sale

MANY = tuple(Part(f"usr_{number:040}", WHOLE_BP // 20) for number in range(20))


@pytest.mark.parametrize(
    "agreed", [sale(), sale(instructors=MANY), sale(catalogue_version="zweite Fassung, ü")]
)
def test_terms_come_back_as_they_were_in_values_that_stripe_takes(agreed: Sale) -> None:
    told = terms.written(agreed)
    assert max(map(len, told.values())) <= 500
    assert terms.read({"payment_id": "pay_1", **told}) == agreed


def test_terms_that_do_not_fit_are_not_told_and_those_that_cannot_be_read_are_none() -> None:
    endless = tuple(Part(f"usr_{number:0200}", 1) for number in range(WHOLE_BP))
    assert terms.written(sale(instructors=endless)) == {}
    assert terms.written(None) == {}
    assert terms.read({}) is None
    assert terms.read({"sale_0": '{"course_id":"crs_1"', "sale_1": "}"}) is None


def taken_up(metadata: dict[str, str]) -> list[Any]:
    """What a ledger that was restored to a time before records of a PaymentIntent that names it."""
    intent = PaymentIntent(
        id="pi_1",
        status="succeeded",
        created=1_772_000_000,
        amount=10000,
        amount_received=10000,
        currency="usd",
        metadata=metadata,
    )
    [command] = commands_of("pay_1", PresentState(payment_intent=intent), lost_payment(intent, "led_1"))
    settled = replace(command, charge_id="ch_1", balance_transaction=txn("charge", 10000))
    return list(decide(settled, Payment()))


def metadata_of(fact: PaymentInitiated) -> dict[str, str]:
    told: Any = parameters(fact, "", "led_1")["metadata"]
    return dict(told)


def test_a_payment_that_is_taken_up_is_shared_as_it_was_agreed() -> None:
    facts = taken_up(metadata_of(initiated(**buying())))
    assert reduce(evolve, facts, Payment()).sale == sale()
    [settled] = [fact for fact in facts if isinstance(fact, PaymentSettled)]
    assert settled.split is not None
    assert [(one.user_id, one.amount_minor) for one in settled.split.instructors] == [("usr_ivy", 7000)]


def test_a_payment_for_a_licence_that_is_taken_up_is_the_organisations() -> None:
    begun = replace(initiated(), purpose="licence", purpose_ref="licence-lic_1", org_id="org_1")
    [settled] = [fact for fact in taken_up(metadata_of(begun)) if isinstance(fact, PaymentSettled)]
    assert settled.split is not None
    assert (settled.split.org_id, settled.split.credit_minor) == ("org_1", 10000)


def test_terms_that_do_not_come_to_what_was_charged_are_none() -> None:
    other = metadata_of(replace(initiated(**buying()), sale=sale(price_minor=9000, basis_minor=9000)))
    [begun, *_] = taken_up(other)
    assert begun.sale is None, "not in the fact either"


def test_what_is_no_sale_tells_no_terms() -> None:
    assert not [name for name in metadata_of(initiated()) if name.startswith("sale")]
