"""Looking up by Stripe's id, and customers: for support."""

from __future__ import annotations

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from api.http.paging import Cursor, Limit, Page, before_key, page
from api.http.problems import FieldError, Unprocessable
from api.http.promises import responses
from api.http.responses import NOT_MODIFIED_SPEC, Read
from api.lookups.finding import PREFIXES, Found, find_by_stripe_id, prefix_of
from api.reads import rows, select
from api.services import Services
from ledger.errors import NotFound
from projections.customers import CUSTOMERS

TAGS = ["support"]


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """A user as Stripe's customer."""

    user_id: str
    stripe_customer_id: str


@get(
    "/api/stripe/{stripe_id:str}",
    operation_id="findByStripeId",
    summary="What an id of Stripe is here",
    tags=TAGS,
    responses=responses(NotFound) | NOT_MODIFIED_SPEC,
)
async def find_by_id(stripe_id: FromPath[str], services: NamedDependency[Services]) -> Read[Found]:
    """Of payment intents, charges, refunds, credit notes, invoices, subscriptions, customers, disputes,
    transfers and connected accounts.
    """
    if not prefix_of(stripe_id):
        known = ", ".join(PREFIXES)
        raise Unprocessable.at(FieldError(detail=f"must begin with one of {known}", parameter="stripe_id"))
    async with services.reading() as connection:
        found = await find_by_stripe_id(connection, stripe_id)
    if found is None:
        raise NotFound(f"Nothing here has the id {stripe_id!r:.80} at Stripe.")
    return Read(found)


_CUSTOMERS = select("SELECT {columns} FROM {table} WHERE user_id > %s ORDER BY user_id LIMIT %s", CUSTOMERS)


@get(
    "/api/customers",
    operation_id="listCustomers",
    summary="List customers",
    tags=TAGS,
    responses=NOT_MODIFIED_SPEC,
)
async def list_customers(
    services: NamedDependency[Services], cursor: Cursor = None, limit: Limit = 20
) -> Read[Page[Customer]]:
    """Everybody whom Stripe knows as a customer, by the user's id."""
    (after,) = before_key(cursor, ("",))
    async with services.reading() as connection:
        found = await rows(connection, _CUSTOMERS, CUSTOMERS, (after, limit + 1))
    items = [Customer(user_id=row.user_id, stripe_customer_id=row.stripe_customer_id) for row in found]
    return Read(page(items, limit, lambda item: (item.user_id,)))


HANDLERS = (find_by_id, list_customers)
