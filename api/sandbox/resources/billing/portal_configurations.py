"""What a customer portal offers. https://docs.stripe.com/api/customer_portal/configurations

The sandbox's page does not heed it, but for where it leads back to.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, invalid
from api.sandbox.forms import Params
from api.sandbox.lists import ListParams, page
from api.sandbox.registry import Resource, Route
from api.sandbox.resources.common import Hash, Text, amend, given, merge_metadata, retrieve, sent_texts
from api.sandbox.transaction import Transaction

KIND = "billing_portal.configuration"
_PROFILE = ("headline", "privacy_policy_url", "terms_of_service_url")
_FEATURES: dict[str, Object] = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": False},
    "payment_method_update": {"enabled": False, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": False,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_update": {
        "default_allowed_updates": [],
        "enabled": False,
        "products": None,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}


class Feature(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    enabled: bool


class Fields(Params, frozen=True, kw_only=True):
    longest: ClassVar = {"name": 256}

    business_profile: dict[str, str] | UnsetType = UNSET
    default_return_url: Text = UNSET
    metadata: Hash = UNSET
    name: Text = UNSET


class Create(Fields, frozen=True, kw_only=True):
    features: dict[str, Feature]


class Update(Fields, frozen=True, kw_only=True):
    active: bool | UnsetType = UNSET
    features: dict[str, Feature] | UnsetType = UNSET


class Listing(ListParams, frozen=True, kw_only=True):
    active: bool | UnsetType = UNSET


def create(tx: Transaction, params: Create) -> Object:
    made = tx.add(
        {
            "id": tx.new_id("bpc_"),
            "object": KIND,
            "active": True,
            "application": None,
            "business_profile": _profile(dict.fromkeys(_PROFILE), params),
            "created": tx.now,
            "default_return_url": given(params.default_return_url),
            "features": _features(_FEATURES, params.features),
            "is_default": False,
            "livemode": False,
            "login_page": {"enabled": False, "url": None},
            "metadata": merge_metadata({}, params.metadata),
            "name": given(params.name),
            "updated": tx.now,
        }
    )
    tx.emit("billing_portal.configuration.created", made)
    return made


def _profile(current: dict[str, Any], params: Fields) -> Object:
    sent = params.business_profile if isinstance(params.business_profile, dict) else {}
    _check_known("business_profile", set(sent) - set(_PROFILE))
    return current | {name: value or None for name, value in sent.items()}


def _features(current: dict[str, Object], sent: dict[str, Feature]) -> Object:
    _check_known("features", set(sent) - set(_FEATURES))
    return {
        name: {**of_it, "enabled": sent[name].enabled} if name in sent else of_it
        for name, of_it in current.items()
    }


def _check_known(param: str, unknown: set[str]) -> None:
    if unknown:
        name = f"{param}[{min(unknown)}]"
        raise invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)


def update(tx: Transaction, configuration_id: str, params: Update) -> Object:
    known = tx.get(KIND, configuration_id, param="configuration")
    changes: Object = dict(sent_texts(params, "default_return_url", "name"))
    changes["business_profile"] = _profile(known["business_profile"], params)
    if isinstance(params.features, dict):
        changes["features"] = _features(known["features"], params.features)
    if isinstance(params.active, bool):
        changes["active"] = params.active
    changes["metadata"] = merge_metadata(known["metadata"], params.metadata)
    return amend(tx, known, changes | {"updated": tx.now}, "billing_portal.configuration.updated")


def listing(tx: Transaction, params: Listing) -> Object:
    def matches(one: Object) -> bool:
        return not isinstance(params.active, bool) or one["active"] == params.active

    return page(tx, KIND, "/v1/billing_portal/configurations", params, matches=matches)


RESOURCE = Resource(
    kind=KIND,
    routes=(
        Route("POST", "/v1/billing_portal/configurations", create, Create),
        Route("GET", "/v1/billing_portal/configurations", listing, Listing),
        retrieve(KIND, "/v1/billing_portal/configurations/{id}", "configuration"),
        Route("POST", "/v1/billing_portal/configurations/{id}", update, Update),
    ),
)
