"""Of users as Stripe's customers."""

from __future__ import annotations

import msgspec


class DeleteCustomer(msgspec.Struct, frozen=True, tag="customers.delete"):
    """Leave nothing of a person at Stripe: call off what waits to be paid, take off names, addresses and
    cards, and delete the customer, where there is one.
    """

    user_id: str
    stripe_customer_id: str
    payment_ids: tuple[str, ...] = ()
    page_ids: tuple[str, ...] = ()
