"""Whether an order is taken, on which terms, and what is invoiced for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from ledger import money
from ledger.ids import derived_id
from ledger.licences.terms import NET_DAYS
from ledger.orders.checks import LARGEST_MINOR, TAX_MAX_BP, check_ids
from ledger.orders.commands import PlaceOrder
from ledger.orders.events import OrderEvent, OrderPlaced, OrderReleased
from ledger.orders.refusals import (
    InvalidOrder,
    NothingToOrder,
    OrderPriceChanged,
    SeveralCurrencies,
    TermsNotOffered,
)
from ledger.orders.state import Order
from ledger.orders.terms import PREPAID, ItemOf, NoTerms, OrderedLine, Terms
from ledger.split import sale_fault

_NUMBERED_BY = 8
"""Digits of the order's id that its invoice is numbered by."""

_WHY_NONE: Mapping[NoTerms, str] = {
    "no_licence": "This organisation has no licence that is live",
    "in_grace": "The term of this organisation's licence is over, and not renewed",
    "overdue": "An invoice of this organisation is overdue",
}


def place(command: PlaceOrder, order: Order) -> tuple[OrderEvent, ...]:
    if order.order_id:
        return ()
    check_ids(command.order_id, command.org_id)
    _check_terms(command)
    _check_lines(command)
    net, tax = totals(command.lines)
    (currency,) = command.currencies
    if command.expected_minor != net + tax:
        raise OrderPriceChanged(
            f"This order costs {money.format_minor(net + tax, currency)} with tax now; send that as "
            "`expected_minor` to place it."
        )
    placed = OrderPlaced(
        order_id=command.order_id,
        org_id=command.org_id,
        invoice_id=derived_id("oinv", command.order_id),
        number=f"{command.order_id[-_NUMBERED_BY:].upper()}-0001",
        currency=currency,
        lines=command.lines,
        left_out=command.left_out,
        net_minor=net,
        tax_minor=tax,
        tax_bp=command.tax_bp,
        net_days=command.net_days,
        issued_at=command.effective_at,
        due_at=command.effective_at + timedelta(days=command.net_days),
    )
    if command.net_days == PREPAID:
        return (placed,)
    items = tuple(
        ItemOf(item.item_id, line.sale.course_id, item.learner_id)
        for line in command.lines
        for item in line.items
    )
    return placed, OrderReleased(order_id=command.order_id, items=items)


def totals(lines: tuple[OrderedLine, ...]) -> tuple[int, int]:
    """Of all items, without tax; and their tax."""
    counted = [(len(line.items), line.sale) for line in lines]
    return sum(n * sale.basis_minor for n, sale in counted), sum(n * sale.tax_minor for n, sale in counted)


def _check_terms(command: PlaceOrder) -> None:
    if command.net_days not in {PREPAID, *NET_DAYS}:
        raise InvalidOrder(
            f"`net_days` must be one of {', '.join(map(str, NET_DAYS))}; leave it out to pay first."
        )
    if command.net_days > command.terms.most_days:
        raise TermsNotOffered(_not_offered(command.terms))
    if not 0 <= command.tax_bp <= TAX_MAX_BP:
        raise InvalidOrder(f"`tax_bp` must be from 0 to {TAX_MAX_BP}; it was {command.tax_bp}.")


def _not_offered(terms: Terms) -> str:
    if terms.why_none:
        return f"{_WHY_NONE[terms.why_none]}, so it pays first, unless an administrator orders."
    return f"This organisation has {terms.most_days} days to pay; only an administrator gives longer."


def _check_lines(command: PlaceOrder) -> None:
    check_one_currency(command.currencies)
    items = [item.item_id for line in command.lines for item in line.items]
    if not items:
        raise NothingToOrder("Nobody who is named is still to have any of these courses.")
    check_count(len(items), command.items_max)
    if len(set(items)) < len(items) or not all(line.items for line in command.lines):
        raise InvalidOrder("Each course is ordered once for each member.")
    for line in command.lines:
        sale = line.sale
        if fault := sale_fault(sale, sale.basis_minor + sale.tax_minor):
            raise InvalidOrder(f"The terms of {sale.course_id} do not add up: its sale {fault}.")
        if sale.discount_minor or sale.tax_included:
            raise InvalidOrder("An order has no discounts, and its tax is on top.")
    if sum(totals(command.lines)) > LARGEST_MINOR:
        raise InvalidOrder(f"An order comes to at most {LARGEST_MINOR}: make several.")


def check_one_currency(currencies: tuple[str, ...]) -> None:
    """Raises `SeveralCurrencies`."""
    if len(currencies) != 1:
        raise SeveralCurrencies(
            f"These courses are sold in {', '.join(one.upper() for one in sorted(currencies))}."
        )


def check_count(items: int, most: int) -> None:
    """Raises `InvalidOrder`."""
    if items > most:
        raise InvalidOrder(
            f"An order has at most {most} items, one for each member and course; make several."
        )
