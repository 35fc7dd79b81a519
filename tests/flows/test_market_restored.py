"""What is bought and paid on the market place, and the ledger restored to a time before: the request comes
again, and is done once.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from ledger.earnings.commands import AccrueEarnings
from ledger.ids import new_id
from ledger.message import Origin
from tests.api.courses import ways
from tests.api.payouts.conftest import RECKONING
from tests.api.support import Caller, Running, problem, until
from tests.flows.restored import (
    UNDECIDED,
    Act,
    House,
    Told,
    admin,
    caught_up,
    check_the_books,
    house,
    student,
)

__all__ = ["house"]
pytestmark = pytest.mark.postgres
IVY, LIA = "usr_ivy", "usr_lia"
CONFLICT = 409
LICENCES = "/api/enterprise/licenses"
WORKER = Origin(actor="worker", roles=frozenset({"system"}))


def school(app: Running) -> Caller:
    return app.caller("usr_school", "enterprise")


async def for_sale(app: Running) -> Told:
    """A course, and one that Ann has."""
    told = {"course_id": await ways.course_of(app.services, IVY, ways.PUBLISHED)}
    another = await ways.course_of(app.services, IVY, ways.PUBLISHED)
    bought = await student(app).buy(another, key="had")
    return told | {"payment_id": bought.json()["payment"]["payment_id"]}


async def purchase(app: Running, told: Told) -> httpx.Response:
    return await student(app).buy(told["course_id"], key="buy")


async def give(app: Running, told: Told) -> httpx.Response:
    return await student(app).buy(told["course_id"], key="give", gift_to="usr_ben")


async def give_back(app: Running, told: Told) -> httpx.Response:
    return await student(app).refund(told["payment_id"], key="return")


async def founded(app: Running) -> Told:
    """A school with a licence that is to be paid."""
    body = {"name": "Lakeside", "owner_id": "usr_school"}
    made = await admin(app)("POST", "/api/enterprise/organisations", key="org", json=body)
    given = {
        "org_id": made.json()["org_id"],
        "tier": "starter",
        "billing": {"kind": "invoice", "net_days": 30},
    }
    issued = (await admin(app)("POST", f"{LICENCES}/create", key="issue", json=given)).json()
    of_licence = f"{LICENCES}/{issued['licence_id']}/invoices"
    await app.projected()
    [invoice] = (await admin(app).get(of_licence)).json()["items"]
    to_pay = f"{of_licence}/{invoice['invoice_id']}/pay"
    return {"org_id": given["org_id"], "to_pay": to_pay}


async def buy_licence(app: Running, told: Told) -> httpx.Response:
    body = {"org_id": told["org_id"], "tier": "starter", "payment_method": "pm_card_visa"}
    return await school(app)("POST", f"{LICENCES}/purchase", key="licence", json=body)


async def pay_licence(app: Running, told: Told) -> httpx.Response:
    return await school(app)("POST", told["to_pay"], key="term", json={"payment_method": "pm_card_visa"})


async def earn(app: Running, user_id: str, amount: int) -> None:
    """Available for days. Below zero for what is taken back."""
    now = app.services.now()
    accrued = AccrueEarnings(
        command_id=new_id("cmd"),
        effective_at=now,
        user_id=user_id,
        currency="usd",
        kind="sale" if amount > 0 else "refund",
        amount_minor=amount,
        available_on=now.date() - timedelta(days=2),
        course_id="crs_1",
        payment_id=new_id("pay"),
        cause_position=1,
        reckoning=RECKONING,
    )
    await app.services.store.handle(accrued, WORKER)


async def open_account(app: Running, _: Told, user_id: str = "usr_new") -> httpx.Response:
    return await app.caller(user_id, "instructor")(
        "POST", "/api/instructor/account", key="open", json={"country": "US"}
    )


async def pay_out(app: Running, _: Told, user_id: str = IVY) -> httpx.Response:
    """Who finished their onboarding just now, so that the day's run was not before them."""
    caller = app.caller(user_id, "instructor")
    at_stripe = (await caller.get("/api/instructor/account")).json()["stripe_account_id"]
    async with httpx.AsyncClient(base_url=app.services.settings.stripe_api_base) as control:
        await control.post(f"/_sandbox/accounts/{at_stripe}/onboard", json={})
    await caller("POST", "/api/instructor/account/refresh", json={})
    return await caller("POST", "/api/payouts", key="payout", json={"currency": "usd"})


async def have_earned(app: Running) -> Told:
    """Ivy has something to have, and Lia something to give back."""
    await student(app).pay("pm_card_bypassPending", amount_minor=50_000)
    for user_id in (IVY, LIA):
        assert (await open_account(app, {}, user_id)).status_code == 201
        await earn(app, user_id, 7_000)
    assert (await pay_out(app, {}, LIA)).status_code == 201
    await earn(app, LIA, -3_000)
    return {}


async def recall(app: Running, _: Told) -> httpx.Response:
    body = {"user_id": LIA, "currency": "usd"}
    return await admin(app)("POST", "/api/payouts/recalls", key="recall", json=body)


DEEDS = (purchase, give, give_back, buy_licence, pay_licence, open_account, pay_out, recall)
IDS = ("payment", "refund_id", "payout_id", "account_id", "items")


async def everything(app: Running) -> Told:
    return await for_sale(app) | await founded(app) | await have_earned(app)


def done(answer: httpx.Response) -> Any:
    """The id of what was done."""
    assert answer.status_code == 201, answer.text
    body = answer.json()
    what = next(name for name in IDS if name in body)
    named = {"payment": "payment_id", "items": "recall_id"}
    part = body[what][0] if what == "items" else body[what]
    return part[named[what]] if what in named else part


async def again(app: Running, deed: Act, told: Told, did: Any) -> Any:
    """202 where the worker, which makes good what the ledger lost, is at it in the same moment. What it made
    good before the request came is not asked for once more: a recall has no id that tells whose it was.
    """
    answers: list[httpx.Response] = []

    async def decided() -> bool:
        answers.append(await deed(app, told))
        return answers[-1].status_code != UNDECIDED

    await until(decided)
    if deed is recall and answers[-1].status_code == CONFLICT:
        assert problem(answers[-1])["code"] == "nothing_to_recall"
        return did
    return done(answers[-1])


async def test_each_comes_again_and_is_done_once(house: House) -> None:
    async with house.running(house.database_url) as app:
        told = await everything(app)
        await caught_up(app)
    backup = house.backup()
    async with house.running(house.database_url) as app:
        first = {deed.__name__: done(await deed(app, told)) for deed in DEEDS}
        await caught_up(app)
    did = await house.did()
    async with house.running(backup) as app:
        repeated = {each.__name__: await again(app, each, told, first[each.__name__]) for each in DEEDS}
        assert repeated == first
        assert await house.did() == did, "nothing is done at Stripe again"
        await check_the_books(house, app)
        assert await house.did() == did
