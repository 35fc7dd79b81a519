"""Where each id of a request comes from, so that its repeat after a restore is the same deed: everything that
is asked of Stripe, and every route that changes something, is listed here with its answer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import api
from api.app import HANDLERS
from api.http.preconditions import IDEMPOTENT
from ledger.effects import Effect
from tests.service import ROOT

OF_NO_REQUEST = ("cli", "demo", "sandbox", "embedded", "serve", "doctor", "background")
"""What an operator does, which is no request, and what is no part of the service."""
RECORDS = "cmd"
"""An id of a command that only records: what Stripe says, or what says itself which deed it is."""
DRAWN = {
    ("api/endpoints/deliveries.py", "evt"): "a test event is sent once and kept nowhere",
    ("api/seats/claiming.py", "sea"): "a seat is its user's and device's: a repeat finds it by these",
    ("api/http/api_keys.py", "key"): "an API key is shown once, and is nothing at Stripe",
}
"""Ids that are drawn anew, and why they may be."""

KEYS = {
    "payment:{payment_id}": "payments.create_payment_intent",
    "payment:{payment_id}:{instead}": "payments.create_payment_intent",
    "setup:{command_id}": "POST /api/payment-methods",
    "page:{our_id}": "payments.open_page and subscriptions.open_page",
    "cancel-payment:{payment_id}": "payments.cancel_payment_intent",
    "refund:{refund_id}": "payments.create_refund",
    "subscription:{name}": "subscriptions.create",
    "attach:{name}": "subscriptions.create",
    "{subscription_id}:{instead}": "the name in both, for another customer's",
    "change:{change_id}": "subscriptions.change",
    "void:{change_id}": "subscriptions.withdraw_change",
    "withdraw:{change_id}": "subscriptions.withdraw_change",
    "restore:{change_id}": "subscriptions.change",
    "cancel:{request_id}": "subscriptions.cancel",
    "keep:{request_id}": "subscriptions.keep",
    "pause:{request_id}": "subscriptions.pause",
    "{key}:{request_id}": "subscriptions.resume",
    "card:{key}": "subscriptions.update_card",
    "attach:{key}": "subscriptions.update_card",
    "invoice:{stripe_invoice_id}:{attempt}": "invoices.retry",
    "credit:{credit_id}": "invoices.create_credit_note",
    "credit:{credit_id}:{id}": "a refund of one of several charges, for the same",
    "void_ended:{stripe_invoice_id}": "invoices.void and subscriptions.end_collection",
    "payout:{payout_id}:{attempt}": "earnings.create_transfer",
    "recall:{recall_id}": "earnings.reverse_transfer",
    "account:{account_id}": "accounts.create",
    "product:{tier}": "the catalogue",
    "price:{lookup_key}": "the catalogue",
    "customer:{user_id}{after}": "a user's first saved card, and again after their customer was deleted",
    "customer:{ledger_id}:{user_id}{after}": "the same, where another ledger used that key",
    "dispute-file:{upload_id}": "POST /api/disputes/{dispute_id}/files",
    "dispute-evidence:{evidence_id}": "PUT /api/disputes/{dispute_id}/evidence",
    "dispute-answer:{answer_id}": "disputes.answer",
    "dispute-accept:{answer_id}": "disputes.answer",
}
"""Each idempotency key that Stripe is sent, by what it is sent for. None has a clock or a draw in it."""
HAND_ON = {"post", "attach", "_create", "_set_plan", "_set_up", "_take_back"}
"""What is given a key as an argument."""
NO_KEY = {
    "api/stripe/erasing.py": "what is gone is gone",
    "api/stripe/payments/hosted.py": "a link to the portal is made anew each time, and moves nothing",
    "api/payments/cards.py": "detach: a card is off once it is off",
    "api/stripe/accounts/links.py": "a link to the onboarding is made anew each time, and moves nothing",
    "api/stripe/accounts/close.py": "delete: an account is closed once",
    "api/stripe/billing/requests.py": "delete: a subscription is over once",
    "api/stripe/billing/lookup.py": "`ask` previews, which changes nothing",
    "api/webhooks/endpoint.py": "the operator's: it looks for its endpoint first",
}
"""Requests that change something at Stripe, or are POSTs, without a key."""

LOOKS_UP = {
    "payments.resolve_payment",
    "payments.resolve_refund",
    "subscriptions.resolve",
    "invoices.resolve_retry",
    "invoices.resolve_credit_note",
    "earnings.resolve_transfer",
    "earnings.resolve_reversal",
    "accounts.resolve",
    "disputes.resolve_answer",
}
"""Look first, and then call by the key of what they look for."""
WITHOUT_CALL = {
    "disputes.resolve_evidence",  # looks alone
    "webhooks.apply",
    "accounts.close",  # no key, as above
    "subscriptions.retry_with_new_card",  # by `invoices.retry`
    "subscriptions.end_service",
    "subscriptions.end_page",  # a page is over once it is over
    "subscriptions.return_unused_time",  # within the ledger
    "invoices.set_off_unused_time",  # within the ledger
    "customers.delete",  # no key, as above
    "email.send",  # Stripe is not asked: a mail's id is made of what it tells of
}
WITHIN_THE_LEDGER = (
    "courses.",
    "enrolments.",
    "coupons.",
    "tokens.",
    "streaks.",
    "redemptions.",
    "seats.",
    "orders.",
    "licences.",
    "earnings.follow",
)
"""From one stream to another: the ids of what they begin are derived from the fact that asks for it."""

OTHER_ROUTES = {
    "removePaymentMethod": "a card is off once it is off",
    "previewSubscription": "asks",
    "previewSubscriptionChange": "asks",
    "previewCourseOrder": "asks",
    "openContent": "gives tickets, which say nothing new",
    "refreshConnectedAccount": "looks",
    "revealLicenceKey": "tells of what there is",
    "makeLicenceFile": "tells of what there is",
    "activateSeat": "a seat is its user's and device's",
    "keepSeat": "a lease, no fact",
    "releaseSeat": "a seat is free once it is free",
    "recordUsage": "each item has its number from its source",
    "unmarkHelpful": "a vote is gone once it is gone",
    "unfriend": "a friendship is over once it is over",
    "removeMember": "a member is out once they are out",
    "removeFromClass": "a member is out once they are out",
    "putContact": "the last word counts",
    "eraseContact": "erased once it is erased",
    "disableEndpoint": "an endpoint is disabled once it is",
    "enableEndpoint": "an endpoint is enabled once it is",
    "deleteEndpoint": "an endpoint is gone once it is gone",
    "testEndpoint": "asks",
    "redeliverEvent": "receivers know an event by its id",
    "redeliverEvents": "receivers know an event by its id",
    "receiveStripeWebhook": "Stripe's event has its id",
}
"""Routes that change something without an Idempotency-Key, and what makes their repeat the same."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    root = Path(api.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] not in OF_NO_REQUEST:
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in names:
            yield node


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_no_request_draws_an_id() -> None:
    drawn = {
        (module, call.args[0].value)
        for module, tree in modules()
        for call in calls(tree, "new_id")
        if isinstance(call.args[0], ast.Constant) and call.args[0].value != RECORDS
    }
    assert drawn == DRAWN.keys()
    others = {
        module
        for module, tree in modules()
        if any(calls(tree, "uuid4", "uuid7", "token_hex", "token_urlsafe"))
    }
    assert others <= {
        "api/endpoint_secrets.py",
        "api/http/api_keys.py",
        "api/http/context.py",
        "api/organisations/codes.py",
    }, "secrets, and the id of a request that is only logged"


def test_a_key_that_stripe_is_sent_is_made_of_ids_alone() -> None:
    sent = {
        _template(text)
        for module, tree in modules()
        if module.startswith(("api/stripe/", "api/payments/")) and "/adopting/" not in module
        for text in _keys(tree)
    }
    assert sent == KEYS.keys()


def _keys(tree: ast.Module) -> Iterator[ast.JoinedStr]:
    """As an argument by name, in the options of a call, as `key`, or as an argument of what hands it on."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(arg="idempotency_key", value=ast.JoinedStr() as text):
                yield text
            case ast.Dict(keys=[ast.Constant(value="idempotency_key")], values=[ast.JoinedStr() as text]):
                yield text
            case ast.Assign(targets=[ast.Name(id="key")], value=ast.JoinedStr() as text):
                yield text
            case ast.Call() if _name(node.func) in {
                "post",
                "attach",
                "_create",
                "_set_plan",
                "_set_up",
                "_take_back",
            }:
                yield from (one for one in node.args if isinstance(one, ast.JoinedStr))
            case _:
                pass


def _template(text: ast.JoinedStr) -> str:
    """With the last name of what is put in."""
    parts = [
        part.value if isinstance(part, ast.Constant) else "{" + _last(part) + "}" for part in text.values
    ]
    return "".join(map(str, parts))


def _last(part: Any) -> str:
    value = part.value
    return value.attr if isinstance(value, ast.Attribute) else str(value.id)


def test_a_request_to_stripe_without_a_key_is_listed_with_its_reason() -> None:
    """By how the SDK's methods are called; `raw_request_async` says which of HTTP's."""
    without = {
        module
        for module, tree in modules()
        for call in _changing(tree)
        if "idempotency_key" not in ast.unparse(call)
    }
    assert without == NO_KEY.keys()


def _changing(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = _name(node.func)
        if re.fullmatch(
            r"(create|update|attach|detach|cancel|confirm|capture|delete|pay|void_\w+)_async", name
        ):
            yield node
        if name == "raw_request_async" and ast.unparse(node.args[0]) != "'get'":
            yield node


def test_every_effect_says_how_it_is_done_once() -> None:
    for effect in _kinds(Effect):
        kind = kind_of_type(effect)
        ways = (
            any(kind in whose.split(" and ") for whose in KEYS.values()),
            kind in LOOKS_UP,
            kind in WITHOUT_CALL,
            kind.startswith(WITHIN_THE_LEDGER),
        )
        assert sum(ways) == 1, f"{kind}: by a key that is listed, a look, or within the ledger"


def kind_of_type(effect: type[Any]) -> str:
    return str(effect.__struct_config__.tag)


def _kinds(union: Any) -> Iterator[type[Any]]:
    for part in get_args(union):
        yield from _kinds(part) if get_args(part) else (part,)


def test_every_route_that_changes_something_has_its_id_from_its_key_or_says_why_it_needs_none() -> None:
    """With one, `work` is given the command's id, which is made of caller, method, path and key."""
    without = {
        str(handler.operation_id)
        for handler in HANDLERS
        if handler.http_methods - {"GET", "HEAD", "OPTIONS"} and not handler.opt.get(IDEMPOTENT)
    }
    assert without == OTHER_ROUTES.keys()
