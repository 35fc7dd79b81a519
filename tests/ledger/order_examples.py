"""One order on a clock, with its books: what tests of orders say, and what follows of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

from ledger.entries import Posting
from ledger.orders.commands import (
    DropOrderItem,
    OrderCommand,
    PlaceOrder,
    RecordOrderCreditPaidOut,
    RecordOrderPayment,
    SettleOrderItem,
    WriteOffOrder,
)
from ledger.orders.decider import decide
from ledger.orders.events import OrderEvent, OrderItemCredited, OrderPaid, OrderReleased
from ledger.orders.postings import postings
from ledger.orders.state import Order, evolve
from ledger.orders.terms import OrderedItem, OrderedLine, Terms, item_id_of
from ledger.split import Part, Sale, by_user

ORDER, ORG = "ord_00000001", "org_1"
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ALONE = (Part("usr_ivy", 10_000),)
SHARED = (Part("usr_ivy", 6_667), Part("usr_max", 3_333))
_DEFAULTS: dict[type[OrderCommand], dict[str, Any]] = {
    PlaceOrder: {
        "org_id": ORG,
        "currencies": ("usd",),
        "net_days": 0,
        "tax_bp": 0,
        "terms": Terms(most_days=60),
        "items_max": 200,
    },
    DropOrderItem: {"reason": "They are ill"},
    RecordOrderPayment: {"payment_id": "opy_1", "reference": "SEPA 17"},
    RecordOrderCreditPaidOut: {"transfer_id": "otr_1", "reference": "SEPA 18"},
    WriteOffOrder: {"reason": "Bankrupt"},
}


def line(
    course_id: str,
    *learners: str,
    price: int = 10_000,
    tax: int = 0,
    instructors: tuple[Part, ...] = ALONE,
    order_id: str = ORDER,
) -> OrderedLine:
    sale = Sale(
        course_id=course_id,
        revision=1,
        price_minor=price,
        tax_minor=tax,
        basis_minor=price,
        share_bp=7_000,
        instructors=instructors,
    )
    items = tuple(OrderedItem(item_id_of(order_id, course_id, one), one) for one in learners)
    return OrderedLine(sale=sale, items=items)


def command(kind: type[OrderCommand], at: datetime = NEW_YEAR, **changes: Any) -> Any:
    fields = {"command_id": "cmd", "effective_at": at, "order_id": ORDER, **_DEFAULTS.get(kind, {})}
    if kind is RecordOrderPayment:
        fields["received_on"] = at.date()
    if kind is RecordOrderCreditPaidOut:
        fields["paid_on"] = at.date()
    return kind(**{**fields, **changes})


class Ordered:
    """Placed at the new year, at what it costs."""

    def __init__(self, *lines: OrderedLine, **placed: Any) -> None:
        self.order, self.facts = Order(), list[OrderEvent]()
        self.legs: list[Posting] = []
        expected = sum(len(one.items) * one.sale.charged_minor for one in lines)
        self.do(PlaceOrder, **{"lines": lines, "expected_minor": expected, **placed})

    @property
    def order_id(self) -> str:
        return self.order.order_id or ORDER

    def do(self, kind: type[OrderCommand], at: datetime = NEW_YEAR, **changes: Any) -> list[Any]:
        """The facts that came of it, each with a balanced entry; refusals as they are."""
        facts = decide(command(kind, at, **{"order_id": self.order_id, **changes}), self.order)
        self.order = reduce(evolve, facts, self.order)
        self.facts += facts
        for fact in facts:
            legs = postings(fact)
            assert sum(leg.amount_minor for leg in legs) == 0, fact
            self.legs += legs
        return list(facts)

    def pay(self, amount_minor: int, at: datetime = NEW_YEAR) -> list[Any]:
        return self.do(RecordOrderPayment, at, amount_minor=amount_minor)

    def settle(
        self,
        course_id: str,
        learner_id: str,
        outcome: str = "given",
        reason: str = "",
        at: datetime = NEW_YEAR,
    ) -> list[Any]:
        item_id = item_id_of(ORDER, course_id, learner_id)
        return self.do(SettleOrderItem, at, item_id=item_id, outcome=outcome, reason=reason)

    def drop(self, course_id: str, learner_id: str) -> list[Any]:
        return self.do(DropOrderItem, item_id=item_id_of(ORDER, course_id, learner_id))

    def status(self, course_id: str, learner_id: str) -> str:
        return self.order.items[item_id_of(ORDER, course_id, learner_id)].status

    @property
    def balances(self) -> dict[str, int]:
        """Of each account and party that has one; a debit is positive."""
        sums: Counter[str] = Counter()
        for leg in self.legs:
            sums[f"{leg.account} {leg.party}".strip()] += leg.amount_minor
        return {name: amount for name, amount in sorted(sums.items()) if amount}

    def balance(self, account: str) -> int:
        return sum(leg.amount_minor for leg in self.legs if leg.account == account)

    @property
    def earned(self) -> Counter[str]:
        """What the facts tell the instructors' earnings."""
        sums: Counter[str] = Counter()
        for fact in self.facts:
            if isinstance(fact, OrderPaid | OrderItemCredited):
                for change in fact.changes:
                    sums.update(by_user(change.split))
        return sums

    @property
    def released(self) -> list[str]:
        """Who is to have what, each time that it was said."""
        found = [fact for fact in self.facts if isinstance(fact, OrderReleased)]
        return [f"{one.course_id} {one.learner_id}" for fact in found for one in fact.items]
