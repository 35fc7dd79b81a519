"""What the books say of payments, of those who share them and of payouts, held against Stripe's objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ledger import money
from ledger.split import WHOLE_BP
from tests.api.stripe.payees import Payee
from tests.api.stripe.world import World
from tests.flows.town.buyers import Sold, to_pay
from tests.flows.town.ties import booked

Object = dict[str, Any]

_OF_STREAMS = """
    SELECT e.stream, p.account, -sum(p.amount_minor)::bigint AS held
    FROM entries AS e JOIN postings AS p USING (position)
    WHERE e.stream LIKE 'payment-%' OR e.stream LIKE 'invoice-%'
    GROUP BY 1, 2
"""
_GIVEN = "SELECT enrolment_id FROM enrolments WHERE status = 'active' AND amount_minor = 0"
_CASH_AND_FEES = frozenset({"1010", "1011", "6000", "6010"})
_STANDS = frozenset({"succeeded", "pending"})
_UNDECIDED = frozenset({"needs_response", "under_review"})
_ON_THE_WAY = frozenset({"pending", "in_transit"})


class Money:
    """All that Stripe has of charges and of what went out."""

    def __init__(self, ledger_id: str, found: Mapping[str, list[Object]]) -> None:
        self.transfers, self.payouts = found["transfers"], found["payouts"]
        self._refunds, self._disputes = found["refunds"], found["disputes"]
        ours = {
            one["id"]: f"payment-{one['metadata']['payment_id']}"
            for one in found["payment_intents"]
            if one["metadata"].get("ledger_id") == ledger_id
        }
        paying = {one["payment"]["payment_intent"]: one["invoice"] for one in found["invoice_payments"]}
        ours |= {intent: f"invoice-{invoice}" for intent, invoice in paying.items()}
        self.charges: dict[str, list[Object]] = {}
        """By the stream that has them; those that took money."""
        for one in found["charges"]:
            if one["captured"] and one["payment_intent"] in ours:
                self.charges.setdefault(ours[one["payment_intent"]], []).append(one)

    def charged(self, stream: str) -> int:
        return sum(int(one["amount"]) for one in self.charges.get(stream, ()))

    def gone(self, stream: str) -> int:
        """Given back, or lost."""
        return self._sum(self._refunds, stream, _STANDS) + self._sum(self._disputes, stream, {"lost"})

    def withheld(self, stream: str) -> int:
        """By banks that have not decided."""
        return self._sum(self._disputes, stream, _UNDECIDED)

    def _sum(self, those: list[Object], stream: str, statuses: Iterable[str]) -> int:
        ids = {one["id"] for one in self.charges.get(stream, ())}
        return sum(int(one["amount"]) for one in those if one["charge"] in ids and one["status"] in statuses)


async def look(world: World) -> Money:
    v1: Any = world.client.v1
    kinds = ("payment_intents", "invoice_payments", "charges", "refunds", "disputes", "transfers", "payouts")

    async def every(kind: str) -> list[Object]:
        page = await getattr(v1, kind).list_async({"limit": 100})
        return [one.to_dict() async for one in page.auto_paging_iter()]

    return Money(world.store.ledger_id, {kind: await every(kind) for kind in kinds})


async def check_payments(world: World, sales: Mapping[str, Sold], payees: Iterable[Payee]) -> None:
    stripe = await look(world)
    books = await booked(world)
    await _streams_hold_what_stripe_left(world, stripe)
    granted = {row["enrolment_id"] for row in await world.rows(_GIVEN)}
    for payee in payees:
        account = (await payee.account()).stripe_account_id
        paid = [one for one in stripe.transfers if one["destination"] == account]
        owed = sum(
            _earned(stripe, payment_id, sold, granted).get(payee.user_id, 0)
            for payment_id, sold in sales.items()
        )
        owed -= sum(one["amount"] - one["amount_reversed"] for one in paid)
        held = books.get(("2100", payee.user_id), 0) + books.get(("1210", payee.user_id), 0)
        assert (held, (await payee.earnings()).owed_minor) == (owed, owed), payee.user_id
    in_transit = sum(
        one["amount"] for one in stripe.payouts if one["status"] in _ON_THE_WAY and one["currency"] == "usd"
    )
    assert -books.get(("1015", ""), 0) == in_transit
    assert books.get(("7010", ""), 0) == 0


async def _streams_hold_what_stripe_left(world: World, stripe: Money) -> None:
    """A payment brings what was charged less what went back, and of a licence its organisation never has less
    than nothing; a dispute of any charge is a receivable until it is decided.
    """
    held: dict[str, Counter[str]] = {}
    for row in await world.rows(_OF_STREAMS):
        held.setdefault(row["stream"], Counter())[row["account"]] = int(row["held"])
    for stream in {*held, *stripe.charges}:
        accounts = held.get(stream, Counter())
        assert -accounts.pop("1200", 0) == stripe.withheld(stream), stream
        if stream.startswith("payment-"):
            left = stripe.charged(stream) - stripe.gone(stream)
            assert sum(accounts[one] for one in accounts.keys() - _CASH_AND_FEES) == left, stream
            assert accounts.get("2300", 0) in {0, max(left, 0)}, stream


def _earned(stripe: Money, payment_id: str, sold: Sold, granted: set[str]) -> dict[str, int]:
    """Each instructor's, of what is left of one sale: all of it is rounded down once."""
    offer, stream = sold.offer, f"payment-{payment_id}"
    if charged := to_pay(offer):
        left = min(max(stripe.charged(stream) - stripe.gone(stream), 0), charged)
    else:
        charged, left = 1, int(sold.enrolment_id in granted)
    basis = offer.price_minor - (offer.tax_minor if offer.tax_included else 0)
    basis -= offer.discount_minor if offer.discount_borne_by == "instructor" else 0
    share = basis * offer.share_bp * left // (charged * WHOLE_BP)
    return money.split(share, {part.user_id: part.part_bp for part in offer.instructors})
