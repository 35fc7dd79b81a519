"""Amounts in a currency's minor units, as Stripe counts them. https://docs.stripe.com/currencies"""

from __future__ import annotations

from api.sandbox.errors import Object, invalid
from api.sandbox.transaction import Transaction
from ledger import money
from ledger.money import round_half_up

_NOT_AT_STRIPE = frozenset(
    {"btn", "cup", "ern", "iqd", "irr", "kpw", "lyd", "sdg", "ssp", "syp", "tmt", "ves"}
)
"""Money that Stripe charges in no country: https://docs.stripe.com/currencies#presentment-currencies"""
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
# Without a minor unit now, but still counted in hundredths at Stripe.
_WHOLE_ONLY = frozenset({"isk", "ugx"})
WHOLE_PAYOUTS = frozenset({"huf", "twd"})
"""Charged to the hundredth, paid out in whole ones: https://docs.stripe.com/currencies#special-cases"""
_EXCHANGED = frozenset({"charge", "refund", "refund_failure", "dispute", "dispute_reversal"})
"""What settles at the rate of its day; a transfer and a payout are in the balance's own currency."""
_SCALE = 1_000_000
PAYMENTS = "payments"
_FEE_PER_MILLE = 29
_FEE_FIXED = 30


def check_currency(code: str) -> str:
    """Lower-case. Raises StripeError for what is no money, or none that Stripe takes."""
    lower = code.lower()
    if not money.is_currency(lower):
        raise invalid(f"Invalid currency: {code}. Use a three-letter ISO 4217 code.", param="currency")
    if lower in _NOT_AT_STRIPE:
        raise invalid(f"Invalid currency: {code}. Stripe does not support it.", param="currency")
    return lower


def smallest_amount(currency: str) -> int:
    """That can be charged, in minor units. Stripe converts it where an account settles in another currency;
    the sandbox has no rates, and takes any amount in a currency without a minimum of its own.
    """
    return money.smallest_minor(currency)


def check_amount(amount: int, currency: str, *, param: str = "amount", smallest: int | None = None) -> int:
    least = smallest_amount(currency) if smallest is None else smallest
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.", code="parameter_invalid_integer", param=param
        )
    if amount < least:
        raise invalid(
            f"Amount must be at least {least} in the minor units of {currency}.",
            code="amount_too_small",
            param=param,
        )
    if amount > (largest := money.largest_minor(currency)):
        raise invalid(f"Amount must be no more than {largest}.", code="amount_too_large", param=param)
    if currency in THREE_DECIMAL and amount % 10:
        raise invalid(f"Amounts in {currency} must end in 0: networks settle two decimals.", param=param)
    if currency in _WHOLE_ONLY and amount % 100:
        raise invalid(f"Amounts in {currency} must end in 00: it has no minor unit any more.", param=param)
    return amount


def payout_step(currency: str) -> int:
    """What an amount to be paid out to a bank must be divisible by."""
    return 100 if currency in WHOLE_PAYOUTS else money.step_minor(currency)


def processing_fee(amount: int, currency: str) -> int:
    """2.9 % + 30 minor units, half a unit rounded up, never more than the amount.

    Stripe's standard price for US cards. The sandbox charges the same figures in every currency,
    zero-decimal ones too; three-decimal ones round to the ten that Stripe can settle.
    """
    step = 10 if currency in THREE_DECIMAL else 1
    per_mille = 1000 * step
    percent = (amount * _FEE_PER_MILLE + per_mille // 2) // per_mille * step
    return min(amount, percent + _FEE_FIXED)


def add_balance_transaction(  # noqa: PLR0913  the columns of a booking
    tx: Transaction,
    *,
    kind: str,
    category: str,
    amount: int,
    currency: str,
    source: str | None,
    fee: int = 0,
    fee_description: str = "Stripe processing fees",
    available_on: int | None = None,
    description: str | None = None,
    balance_type: str = PAYMENTS,
) -> Object:
    """Move the balance; money that goes out is taken from what is available at once (the sandbox's rule:
    Stripe documents no hold for it).
    """
    available = tx.now if available_on is None else available_on
    exchange = tx.world.rates.get(currency) if category in _EXCHANGED and not tx.account else None
    if exchange is not None:
        amount, fee = (round_half_up(round(one * exchange.rate * _SCALE), _SCALE) for one in (amount, fee))
        currency = exchange.settles_in
    fees = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": fee_description,
            "type": "stripe_fee",
        }
    ]
    booked = tx.add(
        {
            "id": tx.new_id("txn_"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": available,
            "balance_type": balance_type,
            "created": tx.now,
            "currency": currency,
            "description": description,
            "exchange_rate": exchange.rate if exchange else None,
            "fee": fee,
            "fee_details": fees if fee else [],
            "net": amount - fee,
            "reporting_category": category,
            "source": source,
            "status": "available" if available <= tx.now else "pending",
            "type": kind,
        }
    )
    if balance_type == PAYMENTS:  # of any other balance nothing is charged or paid out
        tx.move_funds(currency, available, amount - fee)
        tx.link(UNPAID, currency, booked["id"])
    return booked


UNPAID = "balance_transaction.unpaid"
"""Link of balance transactions that no automatic payout has paid out, by currency."""
