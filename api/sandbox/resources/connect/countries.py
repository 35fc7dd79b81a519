"""Where connected accounts can be, and the agreement that they make with Stripe there.

The sandbox's platform is in the US. https://docs.stripe.com/connect/service-agreement-types and
https://docs.stripe.com/connect/cross-border-payouts
"""

from __future__ import annotations

from collections.abc import Collection

from api.sandbox.errors import Object, StripeError, invalid

PLATFORM = "US"
FULL, RECIPIENT = "full", "recipient"
_EURO = (
    "AT", "BE", "BG", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR",
    "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PT", "SI", "SK",
)  # fmt: skip
_CURRENCIES = dict.fromkeys(_EURO, "eur") | {
    "AE": "aed", "AU": "aud", "BR": "brl", "CA": "cad", "CH": "chf", "CZ": "czk", "DK": "dkk",
    "GB": "gbp", "HK": "hkd", "HU": "huf", "JP": "jpy", "LI": "chf", "MX": "mxn", "MY": "myr",
    "NO": "nok", "NZ": "nzd", "PL": "pln", "RO": "ron", "SE": "sek", "SG": "sgd", "TH": "thb",
    "US": "usd",
}  # fmt: skip
_RECIPIENTS_ONLY = {
    "AR": "ars", "CL": "clp", "CO": "cop", "EG": "egp", "ID": "idr", "IL": "ils", "IN": "inr",
    "KE": "kes", "KR": "krw", "MA": "mad", "NG": "ngn", "PE": "pen", "PH": "php",
}  # fmt: skip
"""Where an account can be paid and take no payments; Stripe's list is longer."""


def check(country: str, agreement: str, capabilities: Collection[str]) -> str:
    """The currency of the country. Raises StripeError for an account that Stripe would not have there."""
    if country not in _CURRENCIES and country not in _RECIPIENTS_ONLY:
        raise invalid(
            f"Country '{country}' is unknown. Try using a 2-character alphanumeric country code instead, "
            "such as 'US', 'EG', or 'GB'.",
            code="country_code_invalid",
            param="country",
        )
    if agreement == FULL:
        if country in _RECIPIENTS_ONLY:
            raise invalid(f"{country} is not currently supported by Stripe.", param="country")
        return _CURRENCIES[country]
    if agreement != RECIPIENT:
        raise invalid(
            f"Invalid tos_acceptance[service_agreement]: must be one of {FULL} or {RECIPIENT}",
            param="tos_acceptance[service_agreement]",
        )
    _check_recipient(country, capabilities)
    return _CURRENCIES.get(country) or _RECIPIENTS_ONLY[country]


def _check_recipient(country: str, capabilities: Collection[str]) -> None:
    if country == PLATFORM:
        raise invalid(
            f"The recipient ToS agreement is not supported for platforms in {PLATFORM} creating accounts in "
            f"{country}. See https://docs.stripe.com/connect/cross-border-payouts for more details.",
            param="tos_acceptance[service_agreement]",
        )
    if "card_payments" in capabilities:
        raise invalid(
            "Accounts under the recipient service agreement cannot request the card_payments capability.",
            param="capabilities[card_payments]",
        )


def is_recipient(account: Object) -> bool:
    return bool(account["tos_acceptance"]["service_agreement"] == RECIPIENT)


def check_reach(account: Object) -> None:
    """Money crosses a border to recipients only. Raises StripeError."""
    if account["country"] != PLATFORM and not is_recipient(account):
        raise StripeError(
            f"Funds can't be sent to accounts located in {account['country']} because it's restricted "
            "outside of your platform's region. Create the account with "
            "tos_acceptance[service_agreement]=recipient.",
            code="transfers_not_allowed",
            param="destination",
        )
