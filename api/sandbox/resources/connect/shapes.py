"""A connected account before its owner was asked anything. https://docs.stripe.com/api/accounts/object"""

from __future__ import annotations

from typing import Literal

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
STANDARD: Object = {
    "fees": {"payer": "account"},
    "losses": {"payments": "stripe"},
    "requirement_collection": "stripe",
    "stripe_dashboard": {"type": "full"},
}
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


Made = Literal["express", "standard", "none"]
"""The type that was asked for, or none: an Express account by its `controller`."""


def account(account_id: str, created: int, *, country: str, made: Made) -> Object:
    """Still without its currency."""
    return {
        "id": account_id,
        "object": "account",
        "business_profile": dict.fromkeys((*PROFILE, "support_address")),
        "business_type": None,
        "capabilities": {},
        "charges_enabled": False,
        "controller": _controller(made),
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
        "type": made,
    }


def _controller(made: Made) -> Object:
    match made:
        case "express":
            return {**_CONTROLLER, "fees": {"payer": "application_express"}}
        case "standard":
            return {**_CONTROLLER, **STANDARD}
        case "none":
            return _CONTROLLER


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
