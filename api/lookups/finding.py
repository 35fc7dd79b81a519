"""What an id of Stripe's is here: one way for all kinds of them, told apart by how they begin."""

from __future__ import annotations

from typing import Literal, LiteralString

import msgspec

from ledger.store.batched_queries import Connection

Kind = Literal["payment", "invoice", "refund", "subscription", "customer", "dispute", "payout", "account"]

_HREF: dict[Kind, str] = {
    "payment": "/api/payments/{id}",
    "invoice": "/api/invoices/{id}",
    "refund": "/api/refunds/{id}",
    "subscription": "/api/subscriptions/current?user_id={user_id}",
    "customer": "/api/payments/history?user_id={user_id}",
    "dispute": "/api/disputes/{id}",
    "payout": "/api/payouts/{id}",
    "account": "/api/instructor/account?user_id={user_id}",
}

# an empty id stands for none, and has no index
_OF_INTENT: LiteralString = """
    SELECT 'payment', payment_id, user_id FROM payments
    WHERE payment_intent_id = %(id)s AND payment_intent_id <> ''
    UNION ALL
    SELECT 'invoice', stripe_invoice_id, user_id FROM invoices
    WHERE payment_intent_id = %(id)s AND payment_intent_id <> ''
"""
_OF_CHARGE: LiteralString = """
    SELECT 'payment', payment_id, user_id FROM payments WHERE charge_id = %(id)s AND charge_id <> ''
    UNION ALL
    SELECT 'invoice', stripe_invoice_id, user_id FROM invoices WHERE charge_id = %(id)s AND charge_id <> ''
    UNION ALL
    SELECT 'invoice', i.stripe_invoice_id, i.user_id FROM invoice_parts AS p
    JOIN invoices AS i USING (stripe_invoice_id) WHERE p.charge_id = %(id)s
"""
_OF_REFUND: LiteralString = """
    SELECT 'refund', r.refund_id, p.user_id FROM refunds AS r JOIN payments AS p USING (payment_id)
    WHERE r.stripe_refund_id = %(id)s AND r.stripe_refund_id <> ''
    UNION ALL
    SELECT 'invoice', stripe_invoice_id, user_id FROM credit_notes
    WHERE stripe_refund_id = %(id)s AND stripe_refund_id <> ''
"""
_OF_CREDIT_NOTE: LiteralString = """
    SELECT 'invoice', stripe_invoice_id, user_id FROM credit_notes
    WHERE stripe_credit_note_id = %(id)s AND stripe_credit_note_id <> ''
"""
_OF_INVOICE: LiteralString = """
    SELECT 'invoice', stripe_invoice_id, user_id FROM invoices WHERE stripe_invoice_id = %(id)s
"""
_OF_SUBSCRIPTION: LiteralString = """
    SELECT 'subscription', subscription_id, user_id FROM subscriptions
    WHERE stripe_subscription_id = %(id)s AND stripe_subscription_id <> ''
"""
_OF_CUSTOMER: LiteralString = """
    SELECT 'customer', user_id, user_id FROM customers WHERE stripe_customer_id = %(id)s
"""
_OF_DISPUTE: LiteralString = """
    SELECT 'dispute', d.dispute_id, p.user_id FROM disputes AS d JOIN payments AS p USING (payment_id)
    WHERE d.dispute_id = %(id)s
    UNION ALL
    SELECT 'dispute', d.dispute_id, i.user_id FROM invoice_disputes AS d
    JOIN invoices AS i ON i.stripe_invoice_id = d.payment_id WHERE d.dispute_id = %(id)s
"""
_OF_TRANSFER: LiteralString = """
    SELECT 'payout', payout_id, user_id FROM instructor_payouts
    WHERE transfer_id = %(id)s AND transfer_id <> ''
"""
_OF_ACCOUNT: LiteralString = """
    SELECT 'account', account_id, user_id FROM connected_accounts WHERE stripe_account_id = %(id)s
"""
_BY_PREFIX: dict[str, LiteralString] = {
    "pi_": _OF_INTENT,
    "ch_": _OF_CHARGE,
    "py_": _OF_CHARGE,
    "re_": _OF_REFUND,
    "pyr_": _OF_REFUND,
    "cn_": _OF_CREDIT_NOTE,
    "in_": _OF_INVOICE,
    "sub_": _OF_SUBSCRIPTION,
    "cus_": _OF_CUSTOMER,
    "du_": _OF_DISPUTE,
    "dp_": _OF_DISPUTE,
    "tr_": _OF_TRANSFER,
    "acct_": _OF_ACCOUNT,
}
PREFIXES = tuple(_BY_PREFIX)


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is ours, and `href` where it is read. Refunds and credit notes of an invoice are the invoice."""

    stripe_id: str
    kind: Kind
    id: str
    user_id: str
    href: str


def prefix_of(stripe_id: str) -> str:
    """With the underscore; empty for one that is not looked up."""
    prefix = stripe_id[: stripe_id.find("_") + 1]
    return prefix if prefix in _BY_PREFIX else ""


async def find_by_stripe_id(connection: Connection, stripe_id: str) -> Found | None:
    query = _BY_PREFIX[prefix_of(stripe_id)]
    row = await (await connection.execute(f"{query} LIMIT 1", {"id": stripe_id})).fetchone()
    if row is None:
        return None
    kind, id_, user_id = row
    href = _HREF[kind].format(id=id_, user_id=user_id)
    return Found(stripe_id=stripe_id, kind=kind, id=id_, user_id=user_id, href=href)
