"""Why courses are not ordered for an organisation, or why something is not done with its order."""

from __future__ import annotations

from typing import ClassVar

from ledger.errors import Forbidden, Invalid, Refused


class InvalidOrder(Invalid):
    """A number, a date or a text is not as it can be."""

    code: ClassVar[str] = "invalid_order"
    remedy: ClassVar[str] = "Correct what `detail` names and send it again."


class NothingToOrder(Refused):
    """Everybody who is named has the courses, teaches them or is buying them."""

    code: ClassVar[str] = "nothing_to_order"
    remedy: ClassVar[str] = "Ask for the preview, which names whom it leaves out and why."
    passing: ClassVar[bool] = True


class SeveralCurrencies(Refused):
    """The courses are sold in different currencies, and an invoice is in one."""

    code: ClassVar[str] = "several_currencies"
    remedy: ClassVar[str] = "Make an order of the courses of each currency."
    passing: ClassVar[bool] = True


class OrderPriceChanged(Refused):
    """The order costs another amount than the buyer was shown."""

    code: ClassVar[str] = "order_price_changed"
    remedy: ClassVar[str] = "Ask for the preview again, show it, and send its total once the buyer agrees."
    passing: ClassVar[bool] = True


class TermsNotOffered(Forbidden):
    """Without an active licence, or with an invoice overdue, who is no admin pays first, or else by the days
    that the licence has.
    """

    code: ClassVar[str] = "terms_not_offered"
    remedy: ClassVar[str] = (
        "Ask for at most the preview's `net_days_max`, or leave `net_days` out: the members have the courses "
        "once the invoice is paid."
    )


class OrderNotOpen(Refused):
    """Nothing is open of the order, or what became of it already does not allow it."""

    code: ClassVar[str] = "order_not_open"
    remedy: ClassVar[str] = "Read the order: what was paid, credited and written off of it is told."
    passing: ClassVar[bool] = True


class OrderAmountTooLarge(Refused):
    """More than what is open, or owed."""

    code: ClassVar[str] = "order_amount_too_large"
    remedy: ClassVar[str] = "Record at most what `detail` names."
    passing: ClassVar[bool] = True


class OrderItemNotWaiting(Refused):
    """The item is had already, or is no part of the order any more."""

    code: ClassVar[str] = "order_item_not_waiting"
    remedy: ClassVar[str] = "Read the order and the item's `status` in it."
    passing: ClassVar[bool] = False
