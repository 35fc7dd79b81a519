"""What a cardholder can do about a decline, in words.

Source: https://docs.stripe.com/declines/codes. Codes that tell a thief that the card is known to be lost
or stolen, or that we suspect fraud, are shown as `generic_decline`, as that page asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Remedy = Literal["authenticate", "correct", "later", "contact_bank", "other_card"]


class Decline(msgspec.Struct, frozen=True):
    """`remedy` for a program, `detail` for a person."""

    remedy: Remedy
    detail: str

    @property
    def retry_same_card(self) -> bool:
        """Whether the same card, unchanged, can work without its bank doing something first."""
        return self.remedy in {"authenticate", "later"}


GENERIC = "generic_decline"
_CONTACT = Decline("contact_bank", "The card's bank declined the payment. Ask the bank, or use another card.")
_OTHER = Decline("other_card", "The card was declined. Use another card.")
_LATER = Decline("later", "The card's bank could not be reached. Try again in a few minutes.")
_AUTHENTICATE = Decline(
    "authenticate", "The bank wants you to confirm the payment. Try again and complete the check."
)
_NOT_CONFIRMED = Decline(
    "authenticate", "The bank's check was not completed. Try again and complete it, or use another card."
)
_NUMBER = Decline("correct", "The card number is not right. Check it, or use another card.")
_CVC = Decline("correct", "The security code (CVC) is not right. Check it and enter the card again.")
_EXPIRY = Decline("correct", "The expiry date is not right. Check it and enter the card again.")
_PIN = Decline("correct", "The PIN is not right. Check it and try again.")
_LIMIT = Decline(
    "other_card", "The card is over its limit. Use another card, or try when the limit is renewed."
)
_ACCOUNT = Decline(
    "contact_bank", "The card's account cannot be charged. Ask the bank whether the card works."
)
_REVOKED = Decline("other_card", "The bank was told to stop these payments. Use another card.")

DECLINES: Mapping[str, Decline] = {
    "approve_with_id": _CONTACT,
    "authentication_required": _AUTHENTICATE,
    "authentication_not_handled": _AUTHENTICATE,
    "payment_intent_authentication_failure": _NOT_CONFIRMED,
    "setup_intent_authentication_failure": _NOT_CONFIRMED,
    "call_issuer": _CONTACT,
    "card_not_supported": Decline(
        "other_card", "The card does not allow this kind of purchase. Use another card."
    ),
    "card_velocity_exceeded": _LIMIT,
    "currency_not_supported": Decline(
        "other_card", "The card does not take this currency. Use another card."
    ),
    "do_not_honor": _CONTACT,
    "do_not_try_again": _OTHER,
    "duplicate_transaction": Decline(
        "contact_bank",
        "A payment of this amount was made just now. Look whether it went through before paying again.",
    ),
    "expired_card": Decline("other_card", "The card has expired. Use another card."),
    "generic_decline": _CONTACT,
    "incorrect_address": Decline(
        "correct", "The billing address is not right. Check it and enter the card again."
    ),
    "incorrect_cvc": _CVC,
    "incorrect_number": _NUMBER,
    "incorrect_pin": _PIN,
    "incorrect_zip": Decline("correct", "The postal code is not right. Check it and enter the card again."),
    "insufficient_funds": Decline("other_card", "The card has insufficient funds. Use another card."),
    "invalid_account": _ACCOUNT,
    "invalid_amount": Decline(
        "contact_bank", "The bank does not allow this amount. Ask the bank, or use another card."
    ),
    "invalid_cvc": _CVC,
    "invalid_expiry_month": _EXPIRY,
    "invalid_expiry_year": _EXPIRY,
    "invalid_number": _NUMBER,
    "invalid_pin": _PIN,
    "issuer_not_available": _LATER,
    "new_account_information_available": _ACCOUNT,
    "no_action_taken": _CONTACT,
    "not_permitted": _CONTACT,
    "offline_pin_required": Decline("other_card", "The card wants its PIN in a terminal. Use another card."),
    "online_or_offline_pin_required": Decline("other_card", "The card wants its PIN. Use another card."),
    "pin_try_exceeded": Decline("other_card", "The PIN was wrong too often. Use another card."),
    "processing_error": Decline("later", "The payment could not be processed. Try again in a few minutes."),
    "reenter_transaction": Decline(
        "later", "The payment could not be processed. Try again in a few minutes."
    ),
    "restricted_card": _CONTACT,
    "revocation_of_all_authorizations": _REVOKED,
    "revocation_of_authorization": _REVOKED,
    "security_violation": _CONTACT,
    "service_not_allowed": _CONTACT,
    "stop_payment_order": _REVOKED,
    "testmode_decline": Decline("other_card", "This is a test card. Use a real one."),
    "transaction_not_allowed": _CONTACT,
    "try_again_later": Decline("later", "The bank asks to try again later."),
    "withdrawal_count_limit_exceeded": _LIMIT,
}
HIDDEN = frozenset({"fraudulent", "lost_card", "merchant_blacklist", "pickup_card", "stolen_card"})


def shown(decline_code: str) -> str:
    """The code as it may be shown to the cardholder."""
    return GENERIC if decline_code in HIDDEN else decline_code


def explain(code: str, decline_code: str) -> Decline:
    """By the issuer's reason, else by Stripe's code (`expired_card`, `incorrect_cvc` …).

    Without a code it was canceled. What is no decline of a card is Stripe refusing the request itself, and
    said so.
    """
    if not code:
        return CANCELED
    if decline_code:
        return DECLINES.get(shown(decline_code), _CONTACT)
    if code in DECLINES:
        return DECLINES[code]
    if code == "card_declined":
        return _CONTACT
    return NOT_MADE.get(code) or Decline(
        "correct", f"Stripe refused the payment ({code}). Nothing was charged."
    )


OF_AMOUNT: Mapping[str, str] = {
    "amount_too_small": "is below Stripe's minimum, which is reckoned in the currency that Stripe pays out. "
    "Nothing was charged: send a larger amount",
    "amount_too_large": "is above Stripe's maximum. Nothing was charged: send a smaller amount",
}
"""Stripe's refusals of an amount, whatever the card, as the end of a sentence."""

CANCELED = Decline(
    "correct", "The payment was canceled. Nothing was charged: to pay after all, send a new Idempotency-Key."
)

NOT_MADE: Mapping[str, Decline] = {
    "resource_missing": Decline("other_card", "Stripe does not know this payment method. Use another one."),
    "payment_method_unactivated": _OTHER,
    "payment_method_unexpected_state": Decline(
        "other_card",
        "This card was removed at Stripe, or has paid once without being saved, and cannot be used again. "
        "Enter it anew, or use another one.",
    ),
    **{code: Decline("correct", f"The amount {why}.") for code, why in OF_AMOUNT.items()},
    "never_reached_stripe": Decline(
        "later", "The payment never reached Stripe and nothing was charged. Try again."
    ),
}
"""Stripe's error codes for requests: https://docs.stripe.com/error-codes; the last is our own."""
