"""Why a bank sent a payout back, in words that its owner can act on, and what to do about it.

https://docs.stripe.com/api/payouts/failures
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Todo = Literal["correct", "ask_bank", "wait"]

_SAFE = "the money is yours and at Stripe"
_REMEDIES: dict[Todo, str] = {
    "correct": f"{_SAFE}: correct your bank account there, by the link of `POST "
    "/api/instructor/account/onboarding`, and it will be sent again",
    "ask_bank": f"{_SAFE}: ask your bank to take it, or give Stripe another bank account, by the link of "
    "`POST /api/instructor/account/onboarding`, and it will be sent again",
    "wait": f"{_SAFE}: nothing is wrong with your bank account, and it will be sent again once there is "
    "enough",
}
_OWED = (
    "your account owes it to Stripe: make sure that your bank lets Stripe take it, or give Stripe another "
    "bank account, by the link of `POST /api/instructor/account/onboarding`"
)
_WHY: dict[str, tuple[str, Todo]] = {
    "account_closed": ("the bank account is closed", "correct"),
    "account_frozen": ("the bank account is frozen", "ask_bank"),
    "bank_account_restricted": (
        "the bank account takes no such payments, as many savings accounts do not",
        "correct",
    ),
    "bank_ownership_changed": ("the bank's branch belongs to another bank now", "correct"),
    "could_not_process": ("the bank could not process it", "correct"),
    "debit_not_authorized": (
        "the bank account does not let Stripe take money, which it must as well",
        "ask_bank",
    ),
    "declined": ("the bank declined it", "ask_bank"),
    "incorrect_account_holder_address": (
        "the address of the bank account's holder is another one",
        "correct",
    ),
    "incorrect_account_holder_name": ("the bank account's holder has another name", "correct"),
    "incorrect_account_holder_tax_id": (
        "the tax number of the bank account's holder is another one",
        "correct",
    ),
    "insufficient_funds": ("there was not enough in your account at Stripe", "wait"),
    "invalid_account_number": ("the number of the bank account is wrong", "correct"),
    "invalid_currency": ("the bank account does not take this currency", "correct"),
    "no_account": ("there is no bank account of this number", "correct"),
    "unsupported_card": ("the card takes no payouts any more", "correct"),
}


class Failure(Struct, frozen=True):
    """Sentences without their full stop."""

    why: str
    remedy: str


def failure_of(code: str, amount_minor: int) -> Failure:
    """One that is not known here is told as Stripe calls it. An amount below zero could not be taken from the
    bank.
    """
    unknown = f"Stripe gives the reason {code}" if code else "Stripe gives no reason"
    why, todo = _WHY.get(code, (unknown, "correct"))
    return Failure(why, _REMEDIES[todo] if amount_minor >= 0 else _OWED)
