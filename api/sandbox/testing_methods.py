"""Test cards and bank accounts, by the last four digits of their number, and what each brings about.

https://docs.stripe.com/testing; the names are those of its PaymentMethods column.
"""

from __future__ import annotations

import msgspec


class Decline(msgspec.Struct, frozen=True):
    code: str
    decline_code: str
    message: str


class TestMethod(msgspec.Struct, frozen=True, kw_only=True):
    """`authentication` asks for 3-D Secure: "always", or "unless_set_up" (not when saved for
    off-session use). `dispute` is the reason of one that opens with the charge. `bank` settles later than
    it is confirmed, and never when `stuck`.
    """

    __test__ = False

    last4: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None
    attaches: bool = True
    authentication: str = ""
    dispute: str = ""
    inquiry: bool = False
    refund: str = ""
    bypasses_pending: bool = False
    bank: bool = False
    stuck: bool = False


DECLINED = "Your card was declined."
GENERIC = Decline("card_declined", "generic_decline", DECLINED)
INSUFFICIENT = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
LOST = Decline("card_declined", "lost_card", DECLINED)
STOLEN = Decline("card_declined", "stolen_card", DECLINED)
VELOCITY = Decline(
    "card_declined",
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
)
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")
INCORRECT_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
NEEDS_AUTHENTICATION = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
_CLOSED = Decline("account_closed", "", "The customer's bank account has been closed.")
_NO_ACCOUNT = Decline("no_account", "", "The bank account could not be located.")
_BANK_FUNDS = Decline(
    "insufficient_funds", "", "The customer's account has insufficient funds to cover this payment."
)
_NOT_AUTHORIZED = Decline(
    "debit_not_authorized", "", "The customer has notified their bank that this was unauthorized."
)


def _declining(last4: str, decline: Decline) -> TestMethod:
    return TestMethod(last4=last4, decline=decline, attaches=False)


_CARDS: dict[str, TestMethod] = {
    "visa": TestMethod(last4="4242"),
    "visa_debit": TestMethod(last4="5556", funding="debit"),
    "mastercard": TestMethod(last4="4444", brand="mastercard"),
    "mastercard_debit": TestMethod(last4="8210", brand="mastercard", funding="debit"),
    "mastercard_prepaid": TestMethod(last4="5100", brand="mastercard", funding="prepaid"),
    "amex": TestMethod(last4="8431", brand="amex"),
    "discover": TestMethod(last4="9424", brand="discover"),
    "diners": TestMethod(last4="3237", brand="diners"),
    "jcb": TestMethod(last4="0505", brand="jcb"),
    "unionpay": TestMethod(last4="0005", brand="unionpay"),
    "chargeDeclined": _declining("0002", GENERIC),
    "chargeDeclinedInsufficientFunds": _declining("9995", INSUFFICIENT),
    "chargeDeclinedLostCard": _declining("9987", LOST),
    "chargeDeclinedStolenCard": _declining("9979", STOLEN),
    "chargeDeclinedExpiredCard": _declining("0069", EXPIRED),
    "chargeDeclinedIncorrectCvc": _declining("0127", INCORRECT_CVC),
    "chargeDeclinedProcessingError": _declining("0119", PROCESSING),
    "chargeDeclinedVelocityLimitExceeded": _declining("6975", VELOCITY),
    "chargeCustomerFail": TestMethod(last4="0341", decline=GENERIC),
    "authenticationRequiredOnSetup": TestMethod(last4="3155", authentication="unless_set_up"),
    "authenticationRequired": TestMethod(last4="3184", authentication="always"),
    "threeDSecure2Required": TestMethod(last4="3220", authentication="always"),
    "threeDSecureRequired": TestMethod(last4="3063", authentication="always"),
    "threeDSecureRequiredChargeDeclined": TestMethod(last4="1629", authentication="always", decline=GENERIC),
    "threeDSecureOptional": TestMethod(last4="3055"),
    "createDispute": TestMethod(last4="0259", dispute="fraudulent"),
    "createDisputeProductNotReceived": TestMethod(last4="2685", dispute="product_not_received"),
    "createDisputeInquiry": TestMethod(last4="1976", dispute="fraudulent", inquiry=True),
    "pendingRefund": TestMethod(last4="7726", refund="pending"),
    "refundFail": TestMethod(last4="5126", refund="fails"),
    "bypassPending": TestMethod(last4="0077", bypasses_pending=True),
}
_BANKS: dict[str, TestMethod] = {
    "success": TestMethod(last4="6789", bank=True),
    "noAccount": TestMethod(last4="1116", bank=True, decline=_NO_ACCOUNT),
    "accountClosed": TestMethod(last4="1113", bank=True, decline=_CLOSED),
    "insufficientFunds": TestMethod(last4="2227", bank=True, decline=_BANK_FUNDS),
    "debitNotAuthorized": TestMethod(last4="3335", bank=True, decline=_NOT_AUTHORIZED),
    "dispute": TestMethod(last4="5559", bank=True, dispute="debit_not_authorized"),
    "processing": TestMethod(last4="0009", bank=True, stuck=True),
}
_PLAIN = TestMethod(last4="4242")
BY_LAST4 = {method.last4: method for method in (*_CARDS.values(), *_BANKS.values())}


def by_name(name: str) -> TestMethod | None:
    """`pm_card_visa`, `pm_card_visa_chargeDeclined`, `pm_card_chargeDeclined`, `pm_usBankAccount_success`."""
    if name.startswith("pm_usBankAccount_"):
        return _BANKS.get(name.removeprefix("pm_usBankAccount_"))
    short = name.removeprefix("pm_card_")
    if short == name:
        return None
    return _CARDS.get(short) or _CARDS.get(short.removeprefix("visa_"))


def by_token(token: str) -> TestMethod | None:
    """`tok_visa` and its like, for `card[token]`."""
    return by_name("pm_card_" + token.removeprefix("tok_")) if token.startswith("tok_") else None


def behaviour(last4: str | None) -> TestMethod:
    return BY_LAST4.get(last4 or "", _PLAIN)
