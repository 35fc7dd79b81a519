"""Whether what Stripe bills for subscriptions is what we sell."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from api.doctor.finding import Finding, ok, worrying
from projections.queries.subscriptions import billed_otherwise

CHECK = "subscriptions"
NAMED = 10


def followed(conn: Connection[Any]) -> Finding:
    found = billed_otherwise(conn, NAMED + 1)
    if not found:
        return ok(CHECK, "Every subscription is billed at Stripe by one of our plans.")
    named = ", ".join(f"{one.stripe_subscription_id} ({one.not_followed})" for one in found[:NAMED])
    more = " and more" if len(found) > NAMED else ""
    said = f"Billed by what is none of our plans: {named}{more}. Nobody can change the plans of these."
    todo = "Give their prices the metadata `tier`, or choose one of ours there: see docs/operations.md."
    return worrying(CHECK, said, todo)
