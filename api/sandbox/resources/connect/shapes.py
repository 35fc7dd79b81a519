"""A connected account before its owner was asked anything. https://docs.stripe.com/api/accounts/object"""

from __future__ import annotations

from api.sandbox.errors import Object
from api.sandbox.resources.connect import schedules

PROFILE = (
    "mcc",
    "name",
    "product_description",
    "support_email",
    "support_phone",
    "support_url",
    "url",
)
EXPRESS: Object = {
    "fees": {"payer": "application"},
    "losses": {"payments": "application"},
    "requirement_collection": "stripe",
    "stripe_dashboard": {"type": "express"},
}
"""An Express account by its `controller`, instead of by its type."""
_CONTROLLER: Object = {"type": "application", "is_controller": True, **EXPRESS}
NOTHING_DUE: Object = {
    "alternatives": [],
    "current_deadline": None,
    "currently_due": [],
    "disabled_reason": None,
    "errors": [],
    "eventually_due": [],
    "past_due": [],
    "pending_verification": [],
}


def account(account_id: str, created: int, *, country: str, typed: bool) -> Object:
    """An Express account, still without its currency; `typed` when it was asked for by `type`."""
    return {
        "id": account_id,
        "object": "account",
        "business_profile": dict.fromkeys((*PROFILE, "support_address")),
        "business_type": None,
        "capabilities": {},
        "charges_enabled": False,
        "controller": {**_CONTROLLER, "fees": {"payer": "application_express"}} if typed else _CONTROLLER,
        "country": country,
        "created": created,
        "details_submitted": False,
        "email": None,
        "external_accounts": {
            "object": "list",
            "url": f"/v1/accounts/{account_id}/external_accounts",
            "has_more": False,
            "data": [],
        },
        "future_requirements": NOTHING_DUE,
        "metadata": {},
        "payouts_enabled": False,
        "requirements": NOTHING_DUE,
        "settings": _settings(),
        "tos_acceptance": {"date": None, "ip": None, "service_agreement": "full", "user_agent": None},
        "type": "express" if typed else "none",
    }


def _settings() -> Object:
    return {
        "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            "statement_descriptor_prefix_kana": None,
            "statement_descriptor_prefix_kanji": None,
        },
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "payments": dict.fromkeys(
            ("statement_descriptor", "statement_descriptor_kana", "statement_descriptor_kanji")
        ),
        "payouts": {
            "debit_negative_balances": True,
            "schedule": schedules.DEFAULT,
            "statement_descriptor": None,
        },
    }
