"""Subscriptions over HTTP with the real SDK against the sandbox: what a caller is told is what Stripe did."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.background.catch_up import catch_up
from api.clock import SandboxClock
from api.sandbox.server import Sandbox
from api.serve.composition import ALL_HERE, composition_of
from api.services import Services
from api.settings import Settings
from tests.api.support import Caller, Running, lifespan, problem, until

pytestmark = pytest.mark.postgres


@pytest.fixture
async def app(database_url: str, sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Running]:
    settings = Settings(
        data_dir=tmp_path, stripe_api_key=sandbox.api_key, stripe_api_base=sandbox.url, seller="Liberation"
    )
    found: list[Services] = []

    @asynccontextmanager
    async def remember(services: Services) -> AsyncIterator[None]:
        found.append(services)
        yield

    asgi = create_app(
        composition_of(settings, database_url, background=(*ALL_HERE, remember), clock=SandboxClock())
    )
    async with lifespan(asgi):
        transport = httpx.ASGITransport(asgi)  # type: ignore[arg-type]  # ASGI is typed twice
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Running(asgi, found[0], client)


@pytest.fixture
def student(app: Running) -> Caller:
    return app.caller("usr_student", "student")


async def current(caller: Caller) -> dict[str, Any]:
    body: dict[str, Any] = (await caller.get("/api/subscriptions/current")).json()
    return body


async def test_from_the_first_charge_to_the_credit_note(app: Running, student: Caller) -> None:
    made = await student.subscribe("pro", "pm_card_visa")
    assert (made.status_code, made.json()["status"]) == (201, "active"), made.text

    preview = (await student.wish("preview", tier="enterprise")).json()
    assert preview["total_minor"] == preview["expected_minor"], "Stripe says the same"
    echo = {key: preview[key] for key in ("proration_at", "expected_minor")}
    up = await student.wish("update", method="PUT", tier="enterprise", **echo)
    assert (up.status_code, up.json()["tier"]) == (200, "enterprise"), up.text
    down = await student.wish("update", method="PUT", tier="pro")
    assert (down.status_code, down.json()["change"]["status"]) == (200, "scheduled"), down.text
    kept = await student.wish("update", method="PUT", tier="enterprise")
    assert (kept.status_code, kept.json()["change"]) == (200, None), kept.text

    canceling = await student.wish("cancel")
    assert canceling.json()["cancel_at"] == made.json()["period_end"], canceling.text
    assert (await student.wish("resume")).json()["cancel_at"] is None
    assert (await student.wish("pause")).json()["status"] == "paused"
    assert (await student.wish("resume")).json()["status"] == "active"

    await app.projected()
    invoices = (await student.get("/api/invoices")).json()["items"]
    assert [each["receipt_number"] for each in invoices] == [2, 1]
    assert invoices[0]["total_minor"] == preview["total_minor"]
    upgrade, first = (f"/api/invoices/{each['invoice_id']}" for each in invoices)
    admin = app.caller("usr_admin", "admin")
    wish = {"amount_minor": 99, "note": "asked for"}
    taken = await admin("POST", f"{first}/credit", key="t", json=wish)
    assert (taken.status_code, problem(taken)["code"]) == (409, "already_credited"), taken.text
    assert "9.99 USD of it was taken off a change of plan" in problem(taken)["detail"]
    note = await admin("POST", f"{upgrade}/credit", key="k", json=wish)
    assert (note.status_code, note.json()["status"]) == (201, "credited"), note.text
    page = (await student.get(f"{upgrade}/receipt", headers={"Accept": "text/html"})).text
    assert "99.00 USD" in page
    assert "-0.99 USD" in page
    assert (await student.get(f"{upgrade}/receipt")).content.startswith(b"%PDF-")


async def test_a_decline_and_then_a_card_that_works(app: Running, student: Caller) -> None:
    declined = await student.subscribe("pro", "pm_card_chargeCustomerFail")
    assert declined.status_code == 402, declined.text
    body = problem(declined)
    assert (body["subscription"]["status"], body["failure"]["code"]) == ("incomplete", "card_declined")
    assert (await current(student))["tier"] == "free"

    changed = await student.wish("payment-method", method="PUT", payment_method="pm_card_visa")
    assert changed.status_code in {200, 202}, changed.text

    async def paid() -> bool:
        listed = (await student.get("/api/invoices")).json()["items"]
        return [each["status"] for each in listed] == ["paid"]

    await until(paid)
    async with app.services.reading() as connection:  # what webhooks would have told
        await catch_up(app.services.stripe, connection, app.services.store, app.services.clock)

    async def counts() -> bool:
        return bool((await current(student))["tier"] == "pro")

    await until(counts)


async def test_a_card_that_cannot_be_charged_at_all_is_refused_and_leaves_nothing(student: Caller) -> None:
    refused = await student.subscribe("pro", "pm_card_visa_chargeDeclinedInsufficientFunds")
    assert refused.status_code == 402, refused.text
    assert problem(refused)["failure"]["decline_code"] == "insufficient_funds"
    assert (await current(student))["subscription"] is None
    assert (await student.subscribe("pro", "pm_card_visa")).status_code == 201


async def test_a_bank_that_asks_its_cardholder(app: Running, student: Caller) -> None:
    waiting = await student.subscribe("pro", "pm_card_authenticationRequired", key="3ds")
    assert waiting.status_code == 202, waiting.text
    secret = waiting.json()["next_action"]["client_secret"]
    again = await student.subscribe("pro", "pm_card_authenticationRequired", key="3ds")
    assert again.json()["next_action"]["client_secret"] == secret, "of the same PaymentIntent"
    await app.projected()
    invoice_id = (await student.get("/api/invoices")).json()["items"][0]["invoice_id"]
    asked = await student("POST", f"/api/invoices/{invoice_id}/pay", key="pay", json={})
    assert (asked.status_code, asked.json()["next_action"]["client_secret"]) == (202, secret)


async def promotion(app: Running, code: str, *, restrictions: Any = None, **terms: Any) -> None:
    v1: Any = app.services.stripe.v1
    limits = {"max_redemptions": terms.pop("most")} if "most" in terms else {}
    coupon = await v1.coupons.create_async({"duration": "forever", **terms})
    wish = {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": code, **limits}
    await v1.promotion_codes.create_async(wish | ({"restrictions": restrictions} if restrictions else {}))


async def refused(student: Caller, code: str, **more: Any) -> tuple[int, str]:
    """The same for a preview and for subscribing."""
    asked = await student.wish("create/preview", tier="pro", promotion_code=code, **more)
    answer = await student.subscribe("pro", "pm_card_visa", promotion_code=code, **more)
    assert problem(asked)["code"] == problem(answer)["code"]
    return answer.status_code, problem(answer)["code"]


async def test_a_promotion_code_takes_what_its_preview_said(app: Running, student: Caller) -> None:
    await promotion(app, "SPRING-20", percent_off=20, duration="repeating", duration_in_months=3, most=1)
    told = await student.wish("create/preview", tier="pro", promotion_code="spring-20")
    assert told.status_code == 200, told.text
    shown = told.json()
    assert (shown["price_minor"], shown["charge_minor"]) == (999, 799)
    assert (shown["discount_duration"], shown["discount_months"]) == ("repeating", 3)
    on_trial = await student.wish("create/preview", tier="pro", trial=True, promotion_code="spring-20")
    assert (on_trial.json()["charge_minor"], on_trial.json()["discounted_minor"]) == (0, 799)
    made = await student.subscribe("pro", "pm_card_visa", key="spring", promotion_code="spring-20")
    assert (made.status_code, made.json()["discounted_minor"]) == (201, 799), made.text
    await app.projected()
    [invoice] = (await student.get("/api/invoices")).json()["items"]
    assert (invoice["status"], invoice["total_minor"]) == ("paid", 799)
    [at_stripe] = (await app.services.stripe.v1.invoices.list_async()).data
    assert at_stripe.amount_paid == 799
    again = await student.subscribe("pro", "pm_card_visa", key="spring", promotion_code="spring-20")
    assert again.json()["subscription_id"] == made.json()["subscription_id"]
    other = app.caller("usr_other", "student")
    assert await refused(other, "SPRING-20") == (422, "promotion_code_used_up")
    admin = app.caller("usr_admin", "admin")
    mrr = (await admin.get("/api/revenue/mrr")).json()
    assert [one["mrr_minor"] for one in mrr["items"]] == [799], mrr


async def test_a_promotion_code_that_is_not_for_this_says_so(app: Running, student: Caller) -> None:
    await promotion(app, "CHF-5", amount_off=500, currency="chf")
    await promotion(app, "OTHERS", percent_off=10, applies_to={"products": ["prod_of_somebody"]})
    await promotion(
        app, "BIG", percent_off=10, restrictions={"minimum_amount": 5_000, "minimum_amount_currency": "usd"}
    )
    await promotion(app, "FIRST", percent_off=10, restrictions={"first_time_transaction": True})
    assert await refused(student, "NO-SUCH") == (422, "promotion_code_unknown")
    for code in ("CHF-5", "OTHERS", "BIG"):
        assert await refused(student, code) == (422, "promotion_code_not_for_plan"), code
    spaced = await student.subscribe("pro", "pm_card_visa", promotion_code="a b")
    assert (spaced.status_code, problem(spaced)["errors"][0]["pointer"]) == (422, "/promotion_code")
    assert (await current(student))["subscription"] is None
    assert (await student.subscribe("pro", "pm_card_visa")).status_code == 201
    assert (await student.wish("cancel", at_once=True)).status_code == 200
    later = await student.subscribe("pro", "pm_card_visa", promotion_code="FIRST")
    assert (later.status_code, problem(later)["code"]) == (409, "promotion_code_refused"), later.text
    assert (await current(student))["tier"] == "free"
