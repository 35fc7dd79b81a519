"""Connected accounts: Express ones. https://docs.stripe.com/api/accounts"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.sandbox.errors import Object, StripeError, invalid
from api.sandbox.forms import Params
from api.sandbox.lists import CreatedListParams, page
from api.sandbox.registry import NoParams, Resource, Route
from api.sandbox.resources.balance import sums
from api.sandbox.resources.common import Hash, Text, given, merge_metadata, sent_texts
from api.sandbox.resources.connect import countries, paying_out, schedules, shapes, standings
from api.sandbox.resources.connect.access import change, own
from api.sandbox.transaction import Transaction

CAPABILITIES = ("card_payments", "transfers")


class _Part(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A hash among the parameters."""


class Wish(_Part, frozen=True, kw_only=True):
    requested: bool


class Agreement(_Part, frozen=True, kw_only=True):
    service_agreement: str


class Payouts(_Part, frozen=True, kw_only=True):
    schedule: schedules.Schedule | UnsetType = UNSET
    debit_negative_balances: bool | UnsetType = UNSET
    statement_descriptor: Text = UNSET


class Settings(_Part, frozen=True, kw_only=True):
    payouts: Payouts | UnsetType = UNSET


class Fields(Params, frozen=True, kw_only=True):
    business_profile: Hash = UNSET
    business_type: Literal["individual", "company", "non_profit", "government_entity"] | UnsetType = UNSET
    capabilities: dict[str, Wish] | UnsetType = UNSET
    email: Text = UNSET
    metadata: Hash = UNSET
    settings: Settings | UnsetType = UNSET
    tos_acceptance: Agreement | UnsetType = UNSET


class Create(Fields, frozen=True, kw_only=True):
    type: Literal["express", "custom", "standard"] | UnsetType = UNSET
    controller: Hash = UNSET
    country: str = countries.PLATFORM


class Reject(Params, frozen=True, kw_only=True):
    reason: Literal["fraud", "terms_of_service", "other"]


def create(tx: Transaction, params: Create) -> Object:
    made = _made_as(params)
    account = shapes.account(tx.new_id("acct_"), tx.now, country=params.country, made=made)
    account |= _changes(account, params)
    currency = countries.check(
        params.country, account["tos_acceptance"]["service_agreement"], account["capabilities"]
    )
    account |= standings.shown(account, standings.NEW) | {"default_currency": currency}
    if made == "standard":
        account["capabilities"] = dict.fromkeys(CAPABILITIES, "active")
    return tx.add(account)


def _made_as(params: Create) -> shapes.Made:
    """As Standard when nothing is said, which takes transfers from the beginning. Raises StripeError for what
    is neither that nor Express.
    """
    if isinstance(params.controller, dict):
        if not isinstance(params.type, UnsetType):
            raise invalid(
                "You may not provide the `type` parameter and `controller` parameters simultaneously. "
                "They are mutually exclusive.",
                param="type",
            )
        if params.controller != shapes.EXPRESS:
            raise invalid(f"By a controller the sandbox has Express accounts only: {shapes.EXPRESS}.")
        return "none"
    if params.type == "custom":
        raise invalid(
            "The sandbox has no Custom accounts: send type=express, or the same as a controller.",
            param="type",
        )
    return "standard" if isinstance(params.type, UnsetType) else params.type


def _changes(account: Object, params: Fields) -> Object:
    """What the parameters make of an account."""
    changes: Object = dict(sent_texts(params, "email", "business_type"))
    changes["metadata"] = merge_metadata(account["metadata"], params.metadata)
    changes["business_profile"] = _profile(account["business_profile"], params.business_profile)
    changes["capabilities"] = _capabilities(account, params.capabilities)
    changes["tos_acceptance"] = account["tos_acceptance"]
    if isinstance(params.tos_acceptance, Agreement):
        changes["tos_acceptance"] = _agreement(account, params.tos_acceptance.service_agreement)
    if isinstance(params.settings, Settings) and isinstance(params.settings.payouts, Payouts):
        payouts = _payouts(account["settings"]["payouts"], params.settings.payouts)
        changes["settings"] = {**account["settings"], "payouts": payouts}
    return changes


def _profile(current: Object, sent: Hash) -> Object:
    if not isinstance(sent, dict):
        return current
    if unknown := set(sent) - set(shapes.PROFILE):
        name = f"business_profile[{min(unknown)}]"
        raise invalid(f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    return current | {name: value or None for name, value in sent.items()}


def _capabilities(account: Object, sent: dict[str, Wish] | UnsetType) -> Object:
    """One that is asked for is active at once where Stripe knows all that it wants to."""
    capabilities: Object = dict(account["capabilities"])
    for name, wish in ({} if isinstance(sent, UnsetType) else sent).items():
        if name not in CAPABILITIES:
            raise invalid(
                f"Received unknown parameter: capabilities[{name}]",
                code="parameter_unknown",
                param=f"capabilities[{name}]",
            )
        if not wish.requested:
            capabilities.pop(name, None)
        elif name not in capabilities:
            capabilities[name] = "active" if standings.is_good(account) else "inactive"
    return capabilities


def _agreement(account: Object, agreement: str) -> Object:
    accepted: Object = account["tos_acceptance"]
    if accepted["date"] is not None and agreement != accepted["service_agreement"]:
        raise StripeError(
            "The service agreement cannot be changed once it was accepted; create another account.",
            param="tos_acceptance[service_agreement]",
        )
    return {**accepted, "service_agreement": agreement}


def _payouts(current: Object, sent: Payouts) -> Object:
    changes: Object = {}
    if isinstance(sent.schedule, schedules.Schedule):
        changes["schedule"] = schedules.changed(current["schedule"], sent.schedule)
    if isinstance(sent.debit_negative_balances, bool):
        changes["debit_negative_balances"] = sent.debit_negative_balances
    if isinstance(sent.statement_descriptor, str):
        changes["statement_descriptor"] = given(sent.statement_descriptor)
    return current | changes


def fetch(tx: Transaction, account_id: str, _: NoParams) -> Object:
    return own(tx, account_id)


def current(tx: Transaction, _: NoParams) -> Object:
    """The account that the call is for."""
    if not tx.account:
        raise StripeError(
            "The sandbox has no account object of the platform; name a connected account with Stripe-Account."
        )
    return own(tx, tx.account)


def update(tx: Transaction, account_id: str, params: Fields) -> Object:
    account = own(tx, account_id)
    changes = _changes(account, params)
    countries.check(
        account["country"], changes["tos_acceptance"]["service_agreement"], changes["capabilities"]
    )
    after = change(tx, account, **changes, **_enabled(account, changes["capabilities"]))
    paying_out.plan(tx, after)
    return after


def request(tx: Transaction, account: Object, name: str, *, requested: bool) -> Object:
    """Ask for one capability, or no longer."""
    return update(tx, account["id"], Fields(capabilities={name: Wish(requested=requested)}))


def _enabled(account: Object, capabilities: Object) -> Object:
    """What the account can do with other capabilities; payouts that are stopped stay so."""
    if capabilities == account["capabilities"]:
        return {}
    active = "active" in capabilities.values()
    stopped = "active" in account["capabilities"].values() and not account["payouts_enabled"]
    return {
        "charges_enabled": capabilities.get("card_payments") == "active",
        "payouts_enabled": active and not stopped and bool(account["external_accounts"]["data"]),
    }


def reject(tx: Transaction, account_id: str, params: Reject) -> Object:
    return standings.put(tx, own(tx, account_id), standings.rejected(params.reason))


def delete(tx: Transaction, account_id: str, _: NoParams) -> Object:
    """Only with nothing in its balance, as at Stripe for live accounts: in test mode Stripe lets any go. A
    Standard account goes on without the platform.
    """
    account = own(tx, account_id)
    with tx.acting_for(account_id):
        left = [currency for currency, available, pending in sums(tx) if available or pending]
    if left:
        raise StripeError(
            "You cannot delete the account when the balance in any currency is non-zero. "
            f"Currencies with non-zero balances: {', '.join(left)}."
        )
    if account["type"] == "standard":
        deauthorize(tx, account_id)
    return _leave(tx, account_id)


def deauthorize(tx: Transaction, account_id: str) -> Object:
    """Its owner disconnects it: the platform has no access any more, and this is the last that it hears.
    https://docs.stripe.com/connect/webhooks
    """
    own(tx, account_id)
    application: Object = {"id": tx.world.ids.application, "object": "application", "name": "The sandbox"}
    with tx.acting_for(account_id):
        tx.emit("account.application.deauthorized", application)
    _leave(tx, account_id)
    return application


def _leave(tx: Transaction, account_id: str) -> Object:
    return tx.replace({"id": account_id, "object": "account", "deleted": True})


def listing(tx: Transaction, params: CreatedListParams) -> Object:
    return page(tx, "account", "/v1/accounts", params)


RESOURCE = Resource(
    kind="account",
    routes=(
        Route("POST", "/v1/accounts", create, Create),
        Route("GET", "/v1/accounts", listing, CreatedListParams),
        Route("GET", "/v1/account", current, connected=True),
        Route("GET", "/v1/accounts/{id}", fetch, connected=True),
        Route("POST", "/v1/accounts/{id}", update, Fields),
        Route("POST", "/v1/accounts/{id}/reject", reject, Reject),
        Route("DELETE", "/v1/accounts/{id}", delete),
    ),
    jobs={standings.FALL_DUE: standings.fall_due},
)
