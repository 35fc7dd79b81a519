"""Users as Stripe's customers, with the cards that they saved."""

from __future__ import annotations

from ledger.customers.decider import CUSTOMER
from ledger.customers.permissions import MAY_SEND
from ledger.customers.policy import react
from ledger.customers.stream import KIND
from ledger.domain import Domain

DOMAIN = Domain(
    name="customers",
    stream=KIND,
    decider=CUSTOMER,
    may_send=MAY_SEND,
    react=react,
)
