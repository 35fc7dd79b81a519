"""What is known of Stripe from its last answers."""

from __future__ import annotations

import pytest
import stripe

from api.sandbox.faults import Fault
from api.sandbox.server import Sandbox
from api.stripe.client import open_stripe
from api.stripe.contact import LATELY_S, Contact


async def called(contact: Contact, api_base: str, times: int = 1, key: str = "sk_test_1") -> list[str]:
    """What is worrying after so many calls that fail."""
    async with open_stripe(key, api_base=api_base, max_network_retries=0, contact=contact) as client:
        for _ in range(times):
            with pytest.raises(stripe.StripeError):
                await client.v1.refunds.list_async()
    return contact.worrying()


async def test_stripe_is_away_after_three_failures_in_a_row_until_it_answers(sandbox: Sandbox) -> None:
    contact = Contact()
    assert await called(contact, "http://127.0.0.1:1", 2) == []
    assert await called(contact, "http://127.0.0.1:1") == ["Stripe does not answer"]
    async with open_stripe(sandbox.api_key, api_base=sandbox.url, contact=contact) as client:
        await client.v1.refunds.list_async()
    assert contact.worrying() == []


@pytest.mark.parametrize("kind", ["error_before", "disconnect_before", "disconnect_mid_body"])
async def test_errors_and_broken_answers_are_failures(sandbox: Sandbox, kind: str) -> None:
    sandbox.call(lambda: sandbox.state.faults.ask(Fault(kind=kind, times=None)))  # type: ignore[arg-type]  # one of them
    assert await called(Contact(), sandbox.url, 3) == ["Stripe does not answer"]


async def test_a_refused_key_is_known_and_a_refusal_of_the_request_is_no_failure(sandbox: Sandbox) -> None:
    contact = Contact()
    assert await called(contact, sandbox.url, key="sk_live_1") == ["Stripe refuses the key"]
    sandbox.call(lambda: sandbox.state.faults.ask(Fault(kind="forbidden", times=None)))
    assert await called(contact, sandbox.url, 5) == []


def test_what_is_long_ago_says_nothing_of_now() -> None:
    now = 0.0
    contact = Contact(lambda: now)
    for _ in range(3):
        contact.failed()
    assert contact.worrying()
    now = LATELY_S + 1
    assert contact.worrying() == []
