from __future__ import annotations

from typing import Any

import pytest
import stripe


def test_pages_join_to_the_whole_newest_first(client: stripe.StripeClient) -> None:
    made = [client.v1.customers.create({"name": str(number)}).id for number in range(7)][::-1]
    assert [found.id for found in client.v1.customers.list({"limit": 3}).auto_paging_iter()] == made
    page = client.v1.customers.list({"limit": 2, "ending_before": made[4]})
    assert ([found.id for found in page.data], page.has_more) == (made[2:4], True)
    page = client.v1.customers.list({"limit": 10, "starting_after": made[4]})
    assert ([found.id for found in page.data], page.has_more) == (made[5:], False)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.list({"starting_after": "cus_none"})
    assert caught.value.param == "starting_after"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.list({"limit": 101})


def test_catching_up_on_events(client: stripe.StripeClient, pay: Any) -> None:
    pay()
    last = client.v1.events.list({"limit": 1}).data[0]
    pay()
    wanted = ["charge.succeeded", "payment_intent.succeeded"]
    missed = client.v1.events.list({"ending_before": last.id, "types": wanted, "limit": 1})
    assert [event.type for event in missed.auto_paging_iter()] == wanted
    assert client.v1.events.retrieve(last.id).type == "payment_intent.succeeded"
    assert len(client.v1.events.list({"type": "charge.*"}).data) == 2
    assert (
        len(client.v1.events.list({"type": "charge.succeeded", "created": {"gte": last.created}}).data) == 2
    )
    assert client.v1.events.list({"created": {"lt": last.created - 60}}).data == []


def test_expanding(client: stripe.StripeClient, pay: Any) -> None:
    customer = client.v1.customers.create({"name": "A"})
    pay(customer=customer.id)
    expand = ["data.latest_charge.balance_transaction.source", "data.customer"]
    intent = client.v1.payment_intents.list({"customer": customer.id, "expand": expand}).to_dict()["data"][0]
    charge = intent["latest_charge"]
    assert charge["balance_transaction"]["source"]["id"] == charge["id"]
    assert intent["customer"]["name"] == "A"
    for path in ("amount", "latest_charge.nothing", "data.latest_charge"):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            client.v1.payment_intents.retrieve(intent["id"], {"expand": [path]})
    with pytest.raises(stripe.InvalidRequestError, match="4 levels"):
        client.v1.payment_intents.retrieve(intent["id"], {"expand": ["a.b.c.d.e"]})
