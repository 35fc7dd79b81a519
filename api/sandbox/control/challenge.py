"""The cardholder's 3-D Secure challenge: a page with two buttons, and the same by a call."""

from __future__ import annotations

import html
from typing import Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from api.sandbox.control.work import AnyRequest, Body, read, work
from api.sandbox.errors import Object, StripeError
from api.sandbox.resources import attempts, setup_intents
from api.sandbox.state import State
from api.sandbox.transaction import Transaction

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>3-D Secure test page</title>
<style>body{{font:1.1rem system-ui;max-width:28rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.6rem 1rem;margin:0 .5rem 0 0}}</style></head>
<body><h1>3-D Secure</h1>
<p>A sandbox's bank asks whether you are who you say, {what}.</p>
<form method="post">
<button formaction="?outcome=pass">Complete</button>
<button formaction="?outcome=fail">Fail</button>
</form></body></html>
"""
Outcome = Literal["pass", "fail"]
_PASS = {"payment_intent": attempts.pass_challenge, "setup_intent": setup_intents.pass_challenge}
_FAIL = {"payment_intent": attempts.fail_challenge, "setup_intent": setup_intents.fail_challenge}


class Authenticate(Body, frozen=True, kw_only=True):
    outcome: Outcome


@get("/challenge/{intent_id:str}", media_type="text/html")
async def page(intent_id: FromPath[str], sandbox: NamedDependency[State]) -> str:
    intent = sandbox.begin().get(_kind(intent_id), intent_id)
    if intent["status"] != "requires_action":
        return f"<!doctype html><title>Done</title><p>Nothing to do: {html.escape(intent['status'])}."
    if intent["object"] == "setup_intent":
        return PAGE.format(what="to save a card for later payments")
    currency = html.escape(intent["currency"].upper())
    return PAGE.format(what=f"for {int(intent['amount'])} {currency} (minor units)")


@post("/challenge/{intent_id:str}", status_code=303)
async def answer(
    intent_id: FromPath[str], outcome: FromQuery[Outcome], sandbox: NamedDependency[State]
) -> Response[None]:
    """Back to the return_url, with what Stripe adds to it."""
    kind = _kind(intent_id)
    before = sandbox.begin().get(kind, intent_id)
    await _authenticate(sandbox, intent_id, outcome)
    action = before["next_action"] or {}
    return_url = action.get("redirect_to_url", {}).get("return_url")
    if not return_url:
        return Response(None, status_code=303, headers={"Location": f"/_sandbox/challenge/{intent_id}"})
    added = urlencode(
        {
            kind: intent_id,
            f"{kind}_client_secret": before["client_secret"],
            "redirect_status": "succeeded" if outcome == "pass" else "failed",
        }
    )
    parts = urlsplit(return_url)
    query = f"{parts.query}&{added}" if parts.query else added
    return Response(None, status_code=303, headers={"Location": urlunsplit(parts._replace(query=query))})


@post(
    ["/payment_intents/{intent_id:str}/authenticate", "/setup_intents/{intent_id:str}/authenticate"],
    status_code=200,
)
async def authenticate(
    request: AnyRequest, intent_id: FromPath[str], sandbox: NamedDependency[State]
) -> Object:
    asked = await read(request, Authenticate)
    return await _authenticate(sandbox, intent_id, asked.outcome)


def _kind(intent_id: str) -> str:
    return "setup_intent" if intent_id.startswith("seti_") else "payment_intent"


async def _authenticate(sandbox: State, intent_id: str, outcome: Outcome) -> Object:
    def act(tx: Transaction) -> Object:
        kind = _kind(intent_id)
        intent = tx.get(kind, intent_id)
        if intent["status"] != "requires_action":
            raise StripeError(f"{intent_id} has status {intent['status']}; there is no challenge to answer.")
        if outcome == "pass":
            return _PASS[kind](tx, intent)
        return _FAIL[kind](tx, intent)

    return await work(sandbox, act)


HANDLERS = (page, answer, authenticate)
