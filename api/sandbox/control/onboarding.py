"""Where an account link leads: a page with a button for each way that onboarding can end."""

from __future__ import annotations

import html

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from api.sandbox.control.work import work
from api.sandbox.errors import Object, StripeError
from api.sandbox.resources.connect import account_links, onboarding
from api.sandbox.resources.connect.access import own
from api.sandbox.state import State
from api.sandbox.transaction import Transaction

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Onboarding test page</title>
<style>body{{font:1.1rem system-ui;max-width:34rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;display:block;width:100%;padding:.6rem 1rem;margin:0 0 .5rem;text-align:left}}
</style></head>
<body><h1>Onboarding</h1>
<p>A sandbox's Stripe would ask here who the owner of {account} is, and for a bank account.</p>
<form method="post">
{buttons}
</form></body></html>
"""
SAYS: dict[onboarding.Outcome, str] = {
    "complete": "Complete: all is known, it is paid from now on",
    "incomplete": "Leave before the end",
    "pending": "Complete, and Stripe looks at it first",
    "due": "Complete, and a document is wanted in two weeks",
    "restricted": "Complete, and a document is wanted before anything else",
    "payouts_disabled": "Give no bank account",
    "rejected": "Be rejected",
}
UNKNOWN = "<!doctype html><title>Used</title><p>This link was used. Ask the platform for another one."


@get("/onboarding/{token:str}")
async def page(token: FromPath[str], sandbox: NamedDependency[State]) -> Response[str]:
    """Followed twice or too late, it leads to where the platform makes another link."""
    tx = sandbox.begin()
    link = account_links.find(tx, token)
    if link is None:
        return Response(UNKNOWN, status_code=404, media_type="text/html")
    if link.opened or link.expires_at <= tx.now:
        return _to(link.refresh_url)
    tx.write(account_links.OPEN, (token,))
    tx.commit()
    buttons = "\n".join(
        f'<button formaction="?outcome={outcome}">{html.escape(says)}</button>'
        for outcome, says in SAYS.items()
    )
    return Response(PAGE.format(account=html.escape(link.account), buttons=buttons), media_type="text/html")


@post("/onboarding/{token:str}", status_code=303)
async def finish(
    token: FromPath[str], outcome: FromQuery[onboarding.Outcome], sandbox: NamedDependency[State]
) -> Response[str]:
    link = account_links.find(sandbox.begin(), token)
    if link is None or not link.opened:
        raise StripeError("This link was used, or not opened yet: open it in a browser first.")

    def act(tx: Transaction) -> Object:
        tx.write(account_links.FINISH, (token,))
        return onboarding.finish(tx, own(tx, link.account), outcome)

    await work(sandbox, act)
    return _to(link.return_url)


def _to(url: str) -> Response[str]:
    return Response("", status_code=303, headers={"Location": url})


HANDLERS = (page, finish)
