"""A Checkout session's page: a button for each kind of card, and the same by a call."""

from __future__ import annotations

import html
from typing import Literal
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from api.sandbox.control.work import AnyRequest, Body, read, work
from api.sandbox.errors import Object, StripeError
from api.sandbox.resources.checkout import line_items, paying
from api.sandbox.state import State
from api.sandbox.testing_methods import by_name

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Checkout test page</title>
<style>body{{font:1.1rem system-ui;max-width:34rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;display:block;width:100%;padding:.6rem 1rem;margin:0 0 .5rem;text-align:left}}
</style></head>
<body><h1>Checkout</h1>
<ul>
{items}
</ul>
<p>To pay: {amount} {currency} (minor units). {said}</p>
<form method="post">
{buttons}
</form>
{leave}</body></html>
"""
CARDS = {
    "pm_card_visa": "Pay by card",
    "pm_card_threeDSecure2Required": "Pay by a card whose bank asks who you are",
    "pm_card_visa_chargeDeclined": "Try a card that is declined",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "Try a card without enough money",
    "pm_usBankAccount_success": "Pay from a bank account",
}
BANK = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>3-D Secure test page</title></head>
<body><h1>3-D Secure</h1>
<p>A sandbox's bank asks whether you are who you say, for {amount} {currency} (minor units).</p>
<form method="post">
<button formaction="?{passes}">Complete</button>
<button formaction="?{fails}">Fail</button>
</form></body></html>
"""
OVER = "<!doctype html><title>Over</title><p>This page is over: the session is {status}."


class Pay(Body, frozen=True, kw_only=True):
    """`payment_method` is the name of a test card or bank account; `authenticates` what becomes of its
    bank's challenge, if there is one.
    """

    payment_method: str = "pm_card_visa"
    authenticates: bool = True


@get("/checkout/{session_id:str}")
async def page(
    session_id: FromPath[str],
    sandbox: NamedDependency[State],
    said: FromQuery[str] = "",
    asks_for: FromQuery[str] = "",
) -> Response[str]:
    """With `asks_for` a card its bank's question."""
    tx = sandbox.begin()
    session = tx.get("checkout.session", session_id)
    if session["status"] != "open":
        return Response(OVER.format(status=html.escape(session["status"])), media_type="text/html")
    if asks_for:
        return Response(_bank(session, asks_for), media_type="text/html")
    items = "\n".join(
        f"<li>{html.escape(item['description'] or '')}; {int(item['quantity'])}</li>"
        for item in line_items.of(tx, session_id)
    )
    types = session["payment_method_types"]
    buttons = "\n".join(
        f'<button formaction="?{urlencode({"payment_method": name})}">{html.escape(says)}</button>'
        for name, says in CARDS.items()
        if ("us_bank_account" if name.startswith("pm_usBank") else "card") in types
    )
    leave = session["cancel_url"]
    shown = PAGE.format(
        items=items,
        amount=int(session["amount_total"]),
        currency=html.escape(session["currency"].upper()),
        said=html.escape(said),
        buttons=buttons,
        leave=f'<p><a href="{html.escape(leave)}">Leave without paying</a></p>\n' if leave else "",
    )
    return Response(shown, media_type="text/html")


@post("/checkout/{session_id:str}", status_code=303)
async def pay_on_page(
    session_id: FromPath[str],
    payment_method: FromQuery[str],
    sandbox: NamedDependency[State],
    outcome: FromQuery[Literal["", "pass", "fail"]] = "",
) -> Response[None]:
    """On to the success_url, with the session's id where it has a place for it; or to the question of the
    card's bank, to which `outcome` is the answer.
    """
    try:
        if not outcome and _asks(payment_method):
            return _to(f"?{urlencode({'asks_for': payment_method})}")
        asked = Pay(payment_method=payment_method, authenticates=outcome != "fail")
        session = await _pay(sandbox, session_id, asked)
    except StripeError as error:
        return _to(f"?{urlencode({'said': error.error['message']})}")
    if session["status"] != "complete":
        return _to(f"?{urlencode({'said': 'The card was declined: try another one.'})}")
    return _to(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session_id))


def _asks(name: str) -> bool:
    """Whether the test card's bank wants to know who pays."""
    test = by_name(name)
    return test is not None and bool(test.authentication)


def _bank(session: Object, card: str) -> str:
    passes, fails = (
        html.escape(urlencode({"payment_method": card, "outcome": one})) for one in ("pass", "fail")
    )
    amount, currency = int(session["amount_total"]), html.escape(session["currency"].upper())
    return BANK.format(amount=amount, currency=currency, passes=passes, fails=fails)


def _to(url: str) -> Response[None]:
    return Response(None, status_code=303, headers={"Location": url})


@post("/checkout_sessions/{session_id:str}/pay", status_code=200)
async def pay(request: AnyRequest, session_id: FromPath[str], sandbox: NamedDependency[State]) -> Object:
    return await _pay(sandbox, session_id, await read(request, Pay))


async def _pay(sandbox: State, session_id: str, asked: Pay) -> Object:
    return await work(
        sandbox,
        lambda tx: paying.pay(
            tx,
            tx.get("checkout.session", session_id),
            asked.payment_method,
            authenticates=asked.authenticates,
        ),
    )


HANDLERS = (page, pay_on_page, pay)
