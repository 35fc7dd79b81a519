"""The customer portal's page: each subscription, to be ended or kept."""

from __future__ import annotations

import html
from typing import Literal
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from api.sandbox.control.work import work
from api.sandbox.errors import Object, missing
from api.sandbox.resources.billing import lifecycle, updating
from api.sandbox.state import State
from api.sandbox.transaction import Transaction

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Customer portal test page</title>
<style>body{{font:1.1rem system-ui;max-width:34rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;display:block;width:100%;padding:.6rem 1rem;margin:0 0 .5rem;text-align:left}}
</style></head>
<body><h1>Your subscriptions</h1>
<form method="post">
{buttons}
</form>
{leave}</body></html>
"""
SAYS = {"cancel": "End at the end of its period", "keep": "Keep after all"}
Wish = Literal["cancel", "keep"]


@get("/portal/{session_id:str}", media_type="text/html")
async def page(session_id: FromPath[str], sandbox: NamedDependency[State]) -> str:
    tx = sandbox.begin()
    session = tx.get("billing_portal.session", session_id)
    buttons = "\n".join(_button(one) for one in tx.all("subscription", "customer", session["customer"]))
    back = session["return_url"]
    leave = f'<p><a href="{html.escape(back)}">Leave</a></p>\n' if back else ""
    return PAGE.format(buttons=buttons or "There are none.", leave=leave)


def _button(subscription: Object) -> str:
    if subscription["status"] in lifecycle.ENDED:
        return f"<p>{html.escape(subscription['id'])} is {html.escape(subscription['status'])}.</p>"
    wish = "keep" if subscription["cancel_at_period_end"] else "cancel"
    asked = urlencode({"subscription": subscription["id"], "wish": wish})
    return f'<button formaction="?{asked}">{html.escape(subscription["id"])}: {SAYS[wish]}</button>'


@post("/portal/{session_id:str}", status_code=303)
async def change(
    session_id: FromPath[str],
    subscription: FromQuery[str],
    wish: FromQuery[Wish],
    sandbox: NamedDependency[State],
) -> Response[None]:
    def act(tx: Transaction) -> Object:
        session = tx.get("billing_portal.session", session_id)
        found = tx.get("subscription", subscription)
        if found["customer"] != session["customer"]:
            raise missing("subscription", subscription)
        return updating.update(tx, subscription, updating.Update(cancel_at_period_end=wish == "cancel"))

    await work(sandbox, act)
    return Response(None, status_code=303, headers={"Location": f"/_sandbox/portal/{session_id}"})


HANDLERS = (page, change)
