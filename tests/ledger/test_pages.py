"""What is paid on a page of Stripe's: a page is opened once, goes on after a declined card, and ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from ledger.effects import CreatePaymentIntent, OpenPaymentPage
from ledger.enrolments.decider import ENROLMENT
from ledger.enrolments.events import EnrolmentReserved
from ledger.errors import NotFound, Refused
from ledger.hosted import PAGE_LASTS, HostedPage, forgotten_page, until
from ledger.payments.commands import PaymentCommand, RecordPaymentPage
from ledger.payments.events import (
    PaymentCanceled,
    PaymentEvent,
    PaymentFailed,
    PaymentInitiated,
    PaymentPageOpened,
    PaymentProcessing,
    PaymentSucceeded,
)
from ledger.payments.snapshot import PAGE_EXPIRED
from ledger.payments.state import Payment
from ledger.policies import react
from ledger.subscriptions.commands import EndSubscriptionPage, RecordSubscriptionPage
from ledger.subscriptions.decider import SUBSCRIBER
from ledger.subscriptions.events import (
    SubscriptionPageEnding,
    SubscriptionPageOpened,
    SubscriptionRequested,
    SubscriptionRequestFailed,
)
from ledger.subscriptions.state import Subscriber
from ledger.subscriptions.state import evolve as subscribed
from tests.ledger.enrolment_examples import reserve
from tests.ledger.examples import (
    INTENT,
    NOON,
    PAYMENT_ID,
    given,
    initiate,
    initiated,
    recorded,
    snapshot,
)
from tests.ledger.examples import when as both
from tests.ledger.subscription_examples import SUB, USER, request
from tests.ledger.subscription_examples import snapshot as subscription

PAGE = HostedPage(
    success_url="https://shop.example/paid",
    cancel_url="https://shop.example/cart",
    expires_at=NOON + PAGE_LASTS,
)
HOSTED = initiated(payment_method_id="", page=PAGE)
OPENED = PaymentPageOpened(payment_id=PAYMENT_ID, session_id="cs_1")


def when(payment: Payment, command: PaymentCommand) -> tuple[PaymentEvent, ...]:
    """What it records, beside how a sale stands."""
    return both(payment, command)[1]


Status = Literal["open", "complete", "expired"]


def page(status: Status = "open", intent: str = "") -> RecordPaymentPage:
    return RecordPaymentPage(
        command_id="cmd_page",
        effective_at=NOON,
        payment_id=PAYMENT_ID,
        session_id="cs_1",
        status=status,
        payment_intent_id=intent,
    )


def declined(**more: Any) -> Any:
    return snapshot("requires_payment_method", failure_code="card_declined", **more)


def test_a_payment_needs_a_card_or_a_page_and_asks_stripe_for_what_it_has() -> None:
    with pytest.raises(Refused, match="payment_method_id"):
        when(given(), initiate(payment_method_id=""))
    [event] = when(given(), initiate(payment_method_id="", page=PAGE))
    assert isinstance(event, PaymentInitiated)
    assert event.page == PAGE
    assert react(recorded(event)) == (OpenPaymentPage(PAYMENT_ID),)
    assert react(recorded(initiated())) == (CreatePaymentIntent(PAYMENT_ID),)


def test_a_page_is_opened_once() -> None:
    assert when(given(HOSTED), page()) == (OPENED,)
    assert when(given(HOSTED, OPENED), page()) == ()
    assert given(HOSTED, OPENED).status == "requires_action"


def test_a_declined_card_on_a_page_is_no_end_until_the_page_is() -> None:
    waits = given(HOSTED, OPENED)
    assert when(waits, declined()) == ()
    assert when(given(HOSTED), declined()) == (), "nor before it is known that the page is open"
    [failed] = when(waits, declined(page_over=True))
    assert isinstance(failed, PaymentFailed)
    by_card = given(initiated())
    assert [type(one) for one in when(by_card, declined())] == [PaymentFailed]


def test_a_debit_that_fails_after_the_page_was_complete_is_a_failure() -> None:
    under_way = given(HOSTED, OPENED, PaymentProcessing(payment_intent_id=INTENT))
    assert [type(one) for one in when(under_way, declined())] == [PaymentFailed]


def test_a_page_that_nobody_paid_on_ends_the_payment_and_a_charge_outranks_that() -> None:
    waits = given(HOSTED, OPENED)
    ended = PaymentCanceled(payment_intent_id="", reason=PAGE_EXPIRED)
    assert when(waits, page("expired")) == (ended,)
    assert when(given(HOSTED), page("expired")) == (ended,)
    assert when(given(HOSTED, OPENED, ended), page("expired")) == ()
    late = when(given(HOSTED, OPENED, ended), snapshot())
    assert isinstance(late[0], PaymentSucceeded)
    assert when(given(HOSTED, OPENED, *late), page("expired")) == ()


def test_a_course_is_held_as_long_as_its_page_is_open() -> None:
    [event] = ENROLMENT.decide(reserve(payment_method_id="", page=PAGE), ENROLMENT.initial)
    assert isinstance(event, EnrolmentReserved)
    assert (event.expires_at, event.page) == (PAGE.expires_at, PAGE)


def test_a_page_is_no_part_of_the_intent() -> None:
    """Its end is a clock's: the same request to a restored ledger names another one."""
    later = replace(PAGE, expires_at=PAGE.expires_at + timedelta(hours=1))
    for of in (initiate, reserve, request):
        assert of(page=PAGE).digest() == of(page=later).digest() == of().digest()


# subscriptions


def on_page(*events: Any) -> Subscriber:
    [requested] = SUBSCRIBER.decide(request(payment_method_id="", page=PAGE), Subscriber())
    assert isinstance(requested, SubscriptionRequested)
    subscriber = subscribed(Subscriber(), requested)
    for event in events:
        subscriber = subscribed(subscriber, event)
    return subscriber


def record_page(status: Status) -> RecordSubscriptionPage:
    return RecordSubscriptionPage(
        command_id="cmd_page",
        effective_at=NOON,
        user_id=USER,
        subscription_id=SUB,
        session_id="cs_1",
        status=status,
    )


END = EndSubscriptionPage(command_id="cmd_end", effective_at=NOON, user_id=USER, subscription_id=SUB)
PAGE_OPENED = SubscriptionPageOpened(subscription_id=SUB, session_id="cs_1")


def test_a_subscription_waits_on_its_page_until_it_is_begun_or_the_page_is_over() -> None:
    assert SUBSCRIBER.decide(record_page("open"), on_page()) == (PAGE_OPENED,)
    waits = on_page(PAGE_OPENED)
    assert SUBSCRIBER.decide(record_page("open"), waits) == ()
    [failed] = SUBSCRIBER.decide(record_page("expired"), waits)
    assert isinstance(failed, SubscriptionRequestFailed)
    assert (failed.code, subscribed(waits, failed).live) == (PAGE_EXPIRED, None)
    begun = waits
    for event in SUBSCRIBER.decide(subscription(), waits):
        begun = subscribed(begun, event)
    assert begun.live is not None
    assert begun.live.status == "active"
    assert SUBSCRIBER.decide(record_page("expired"), begun) == ()
    assert SUBSCRIBER.decide(END, begun) == ()


def test_a_page_of_a_subscription_is_ended_once_and_one_by_card_has_none() -> None:
    ending = SubscriptionPageEnding(subscription_id=SUB)
    assert SUBSCRIBER.decide(END, on_page(PAGE_OPENED)) == (ending,)
    assert SUBSCRIBER.decide(END, on_page(PAGE_OPENED, ending)) == ()
    [by_card] = SUBSCRIBER.decide(request(), Subscriber())
    with pytest.raises(NotFound):
        SUBSCRIBER.decide(END, subscribed(Subscriber(), by_card))


@pytest.mark.parametrize("said", ["", "soon", "-1", "1.5", "\u0661", "9" * 12])
def test_what_is_no_end_of_a_page_is_none(said: str) -> None:
    """Metadata can be written by anybody with the key."""
    assert forgotten_page(said) is None
    page = forgotten_page(until(PAGE))
    assert page is not None
    assert page.expires_at == PAGE.expires_at
