"""The customer portal: a page where a customer looks after their subscriptions.

https://docs.stripe.com/api/customer_portal/sessions
"""

from __future__ import annotations

from msgspec import UNSET

from api.sandbox.errors import Object
from api.sandbox.forms import Params
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.common import Text, check_url, given
from api.sandbox.transaction import Transaction


class Create(Params, frozen=True, kw_only=True):
    customer: str
    configuration: Text = UNSET
    return_url: Text = UNSET
    locale: Text = UNSET


def create(tx: Transaction, params: Create) -> Object:
    """By the account's own configuration, which the sandbox does not show, unless another is named."""
    customer = tx.get("customer", params.customer, param="customer", status=400)
    check_url("return_url", params.return_url)
    chosen = given(params.configuration)
    configuration = (
        tx.get("billing_portal.configuration", chosen, param="configuration", status=400) if chosen else {}
    )
    session_id = tx.new_id("bps_")
    session = tx.add(
        {
            "id": session_id,
            "object": "billing_portal.session",
            "configuration": chosen or f"bpc_{tx.world.ids.account}",
            "created": tx.now,
            "customer": customer["id"],
            "flow": None,
            "livemode": False,
            "locale": given(params.locale),
            "on_behalf_of": None,
            "return_url": given(params.return_url) or configuration.get("default_return_url"),
            "url": f"{tx.world.base_url}/_sandbox/portal/{session_id}",
        }
    )
    tx.emit("billing_portal.session.created", session)
    return session


RESOURCE = Resource(
    kind="billing_portal.session",
    routes=(Route("POST", "/v1/billing_portal/sessions", create, Create),),
    expandable=frozenset({"configuration"}),
)
