"""What the books say of each user and invoice, held against what Stripe says: in one currency, as `usd`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.api.stripe.subscribers import Subscribers
from tests.api.stripe.world import World

Object = dict[str, Any]

_BALANCES = """
    SELECT account, party, (credit_minor - debit_minor)::bigint AS held
    FROM balances
    WHERE currency = 'usd'
"""
_SOLD = """
    SELECT substr(e.stream, 9) AS invoice, -sum(p.amount_minor)::bigint AS held
    FROM entries AS e JOIN postings AS p USING (position)
    WHERE e.stream LIKE 'invoice-%' AND p.account IN ('2000', '2200', '4010', '4900')
    GROUP BY 1
"""
_DEFERRED = """
    SELECT subscription_id AS party, sum(deferred_minor)::bigint AS held FROM invoices GROUP BY 1
    UNION ALL
    SELECT licence_id, sum(deferred_minor)::bigint FROM licence_invoices GROUP BY 1
"""
_STANDS = frozenset({"succeeded", "pending"})


class AtStripe:
    """All that Stripe has of invoices."""

    def __init__(
        self, invoices: list[Object], notes: list[Object], refunds: list[Object], payments: list[Object]
    ) -> None:
        self.invoices, self._notes, self._refunds, self._payments = invoices, notes, refunds, payments
        self._by_intent = {one["payment"]["payment_intent"]: one["invoice"] for one in payments}

    def charged(self, invoice: Object) -> int:
        its = [one for one in self._payments if one["invoice"] == invoice["id"] and one["status"] == "paid"]
        return sum(int(one["amount_paid"]) for one in its)

    def refunded(self, invoice: Object) -> int:
        return sum(one["amount"] for one in self._refunds_of(invoice) if one["status"] in _STANDS)

    def given(self, invoice: Object) -> int:
        """By credit notes and by refunds without one, less what bounced."""
        notes = self._notes_of(invoice)
        noted = {one["refund"] for note in notes for one in note["refunds"]}
        bare = [one for one in self._refunds_of(invoice) if one["id"] not in noted]
        bounced = [one for one in self._refunds if one["id"] in noted and one["status"] not in _STANDS]
        stands = sum(one["amount"] for one in bare if one["status"] in _STANDS)
        gone: int = stands - sum(one["amount"] for one in bounced)
        return gone + sum(int(one["amount"]) for one in notes)

    def given_elsewhere(self, invoice: Object) -> int:
        return sum(one["out_of_band_amount"] or 0 for one in self._notes_of(invoice))

    def _notes_of(self, invoice: Object) -> list[Object]:
        return [one for one in self._notes if one["invoice"] == invoice["id"] and one["status"] == "issued"]

    def _refunds_of(self, invoice: Object) -> list[Object]:
        return [one for one in self._refunds if self._by_intent.get(one["payment_intent"]) == invoice["id"]]


async def look(people: Subscribers) -> AtStripe:
    v1: Any = people.world.client.v1

    async def every(service: Any) -> list[Object]:
        page = await service.list_async({"limit": 100})
        return [one.to_dict() async for one in page.auto_paging_iter()]

    kinds = (v1.invoices, v1.credit_notes, v1.refunds, v1.invoice_payments)
    invoices, notes, refunds, payments = [await every(one) for one in kinds]
    return AtStripe(invoices, notes, refunds, payments)


def from_balance(invoice: Object) -> int:
    ending = invoice["ending_balance"]
    return 0 if ending is None else int(ending - invoice["starting_balance"])


def _sold(stripe: AtStripe) -> dict[str, int]:
    """By invoice: what is paid, less what was given back; what is not paid is not sold."""
    return {
        one["id"]: one["total"] - stripe.given(one) if one["status"] == "paid" else 0
        for one in stripe.invoices
    }


def _credit(stripe: AtStripe, people: Subscribers, customer: str) -> int:
    """What the customer has with us: their balance but for what was put there by hand, which is no money;
    what came in for invoices that are not paid; and what is owed as it was given back elsewhere.
    """
    moved = people.bench.does(lambda tx: tx.all("customer_balance_transaction", "customer", customer))
    credit = -sum(int(one["amount"]) for one in moved if one["type"] != "adjustment")
    for one in (invoice for invoice in stripe.invoices if invoice["customer"] == customer):
        if one["status"] == "paid":
            credit += stripe.given_elsewhere(one)
        else:
            credit += stripe.charged(one) - stripe.refunded(one)
            credit += from_balance(one) if one["status"] in {"open", "uncollectible"} else 0
    return credit


def _receivable(stripe: AtStripe, customer: str) -> int:
    """What was paid elsewhere."""
    paid = [one for one in stripe.invoices if one["customer"] == customer and one["status"] == "paid"]
    return sum(
        one["total"] - stripe.charged(one) - from_balance(one) - one["pre_payment_credit_notes_amount"]
        for one in paid
    )


async def booked(world: World) -> dict[tuple[str, str], int]:
    """Credit less debit, by account and party."""
    return {(row["account"], row["party"]): int(row["held"]) for row in await world.rows(_BALANCES)}


async def check_ties(people: Subscribers, customers: Mapping[str, str], received: Mapping[str, int]) -> None:
    """`customers` by user; also what they were said to have paid outside Stripe."""
    stripe = await look(people)
    rows = people.world.rows
    books = await booked(people.world)
    sold = {row["invoice"]: int(row["held"]) for row in await rows(_SOLD)}
    expected = _sold(stripe)
    assert {one: sold.get(one, 0) for one in expected} == expected
    for user, customer in customers.items():
        assert books.get(("2300", user), 0) == _credit(stripe, people, customer), user
        owed = _receivable(stripe, customer) - received.get(user, 0)
        assert -books.get(("1100", user), 0) == owed, user
    deferred = {row["party"]: int(row["held"]) for row in await rows(_DEFERRED)}
    assert {party: books.get(("2000", party), 0) for party in deferred} == deferred
