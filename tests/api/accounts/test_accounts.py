"""Connected accounts over HTTP: opened, onboarded, looked at and closed by whom they belong to."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from stripe import WebhookSignature

from api.accounts.resources import url_fault
from api.settings import Settings
from ledger.accounts.countries import POSSIBLE
from ledger.effects import ApplyWebhook
from ledger.ids import new_id
from ledger.policies import react
from ledger.webhooks.events import WebhookReceived
from tests.api.support import Caller, FakeStripe, Running, problem, running
from tests.databases import clone, drop

SECRET = "whsec_accounts"
URLS = {"return_url": "https://teach.example/back", "refresh_url": "http://localhost:3000/again"}


@pytest.fixture(scope="module")
async def app(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One for all: each test has owners of its own."""
    secrets = ("whsec_platform", SECRET)
    settings = Settings(data_dir=tmp_path_factory.mktemp("accounts"), stripe_webhook_secret=secrets)
    url = clone(server, template)
    async with running(settings, url, FakeStripe()) as opened:
        yield opened
    drop(server, url)


def owner(app: Running, user_id: str = "") -> Caller:
    return app.caller(user_id or new_id("usr"), "instructor")


async def post(caller: Caller, what: str = "", *, key: str = "", **body: Any) -> httpx.Response:
    path = f"/api/instructor/account{what}"
    return await caller("POST", path, key=key or new_id("key"), json=body)


async def seen(caller: Caller) -> dict[str, Any]:
    found: dict[str, Any] = (await caller.get("/api/instructor/account")).json()
    return found


async def test_an_account_is_opened_onboarded_and_paid(app: Running) -> None:
    ivy = owner(app, "usr_ivy")
    before = await seen(ivy)
    assert (before["status"], before["can_be_paid"], before["account_id"]) == ("none", False, None)
    assert "open one" in before["why_not"]
    made = await post(ivy, key="open", country="us", business_type="individual")
    assert made.status_code == 201, made.text
    account = made.json()
    assert (account["status"], account["country"], account["agreement"]) == ("onboarding", "US", "full")
    assert [(one["key"], one["urgency"]) for one in account["requirements"]] == [
        ("external_account", "past_due"),
        ("individual.dob.day", "past_due"),
    ]
    assert account["requirements"][1]["text"] == "Stripe needs your date of birth"
    assert await seen(ivy) == account
    again = await post(ivy, key="open", country="us", business_type="individual")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    refreshed = await ivy("POST", "/api/instructor/account/refresh", json={})
    assert refreshed.status_code == 200, refreshed.text
    assert (refreshed.json()["status"], refreshed.json()["can_be_paid"]) == ("enabled", True)
    assert (refreshed.json()["why_not"], refreshed.json()["requirements"]) == (None, [])


async def test_abroad_the_owner_is_a_recipient(app: Running) -> None:
    made = await post(owner(app), country="KE")
    assert (made.status_code, made.json()["agreement"]) == (201, "recipient")


async def test_a_user_has_one_account_at_a_time(app: Running) -> None:
    kim = owner(app)
    assert (await post(kim, country="US")).status_code == 201
    second = await post(kim, country="GB")
    assert (second.status_code, problem(second)["code"]) == (409, "account_exists")


@pytest.mark.parametrize("country", ["XX", "RU", "usa", "", "ß"])
async def test_a_country_that_is_not_possible_is_told_with_those_that_are(app: Running, country: str) -> None:
    refused = await post(owner(app), country=country)
    assert refused.status_code == 422
    [error] = problem(refused)["errors"]
    assert error["pointer"] == "/country"
    assert len(country) != 2 or all(one in error["detail"] for one in POSSIBLE)


async def test_what_stripe_refuses_is_told_and_can_be_asked_for_anew(app: Running) -> None:
    lou = owner(app)
    refused = await post(lou, key="first", country="AR")
    assert refused.status_code == 422
    assert problem(refused)["errors"][0]["pointer"] == "/country"
    assert "AR," not in problem(refused)["detail"], "of what is possible, the others"
    assert int(refused.headers["ledger-position"]) > 0
    assert (await post(lou, key="first", country="AR")).status_code == 422
    assert ((await seen(lou))["status"], (await seen(lou))["can_be_paid"]) == ("none", False)
    other = await post(lou, country="JP")
    assert (other.status_code, problem(other)["code"]) == (409, "account_not_made")
    assert "platform_not_enabled" in problem(other)["detail"]
    assert (await post(lou, country="US")).status_code == 201


async def test_an_unclear_answer_is_202_and_nothing_else_begins_meanwhile(app: Running) -> None:
    joe = owner(app)
    waits = await post(joe, country="BR")
    assert (waits.status_code, waits.json()["status"]) == (202, "onboarding")
    for asked in (await post(joe, country="US"), await post(joe, "/close")):
        assert (asked.status_code, problem(asked)["code"]) == (409, "account_in_progress")
    link = await post(joe, "/onboarding", **URLS)
    assert (link.status_code, problem(link)["code"]) == (409, "no_account")


async def test_each_link_is_new_and_kept_nowhere(app: Running) -> None:
    ann = owner(app)
    assert (await post(ann, country="US")).status_code == 201
    first = await post(ann, "/onboarding", key="link", **URLS)
    assert first.status_code == 201, first.text
    assert 290 <= first.json()["lasts_s"] <= 300
    second = await post(ann, "/onboarding", key="link", **URLS)
    assert second.json()["url"] != first.json()["url"]
    async with app.services.reading() as connection:
        kept = await (
            await connection.execute("SELECT convert_from(body, 'UTF8') FROM idempotency_keys")
        ).fetchall()
        facts = await (await connection.execute("SELECT convert_from(data, 'UTF8') FROM events")).fetchall()
    assert not any("connect.example" in str(row) for row in [*kept, *facts])


@pytest.mark.parametrize(
    "url",
    [
        "http://teach.example/back",
        "javascript:alert(1)",
        "https://",
        "https://a@teach.example/",
        "https://teach.example:0/",
        "https://teach.example:x/",
        "//teach.example",
        "https://teach.example/ x",
        "https://teach.example\\@evil.example/",
    ],
)
async def test_stripe_sends_owners_back_to_https_alone(app: Running, url: str) -> None:
    refused = await post(owner(app), "/onboarding", **{**URLS, "return_url": url})
    assert refused.status_code == 422
    assert problem(refused)["errors"][0]["pointer"] == "/return_url"


def test_plain_http_is_for_this_machine() -> None:
    assert url_fault("http://127.0.0.1:8000/back") is None
    assert url_fault("http://[::1]/back") is None
    assert url_fault("http://localhost.example/back") is not None


async def test_an_account_is_closed_and_another_one_opened(app: Running) -> None:
    eve = owner(app)
    nothing = await post(eve, "/close")
    assert (nothing.status_code, problem(nothing)["code"]) == (409, "no_account")
    first = (await post(eve, country="US")).json()["account_id"]
    closed = await post(eve, "/close", key="close")
    assert (closed.status_code, closed.json()["status"]) == (200, "closed")
    assert "open another" in closed.json()["why_not"]
    assert (await post(eve, "/close", key="close")).headers["idempotent-replayed"] == "true"
    second = await post(eve, country="US")
    assert (second.status_code, second.json()["account_id"] != first) == (201, True)


async def test_one_that_stripe_holds_money_of_stays_open(app: Running) -> None:
    max_ = owner(app)
    assert (await post(max_, country="CA")).status_code == 201
    refused = await post(max_, "/close", key="close")
    assert (refused.status_code, problem(refused)["code"]) == (409, "account_not_closed")
    assert "CAD, USD" in problem(refused)["detail"]
    assert (await post(max_, "/close", key="close")).status_code == 409
    assert (await seen(max_))["status"] == "onboarding"


@pytest.fixture
async def live(app: Running) -> AsyncIterator[Running]:
    """With a key of live mode."""
    before = app.services.settings
    app.replace(settings=msgspec.structs.replace(before, stripe_api_key="sk_live_1"))
    yield app
    app.replace(settings=before)


@pytest.fixture
def before(app: Running) -> Caller:
    """Whose credential was made while the mode was test: none is made here in live mode."""
    return owner(app)


async def test_in_live_mode_stripe_sends_owners_back_to_https_alone(before: Caller, live: Running) -> None:
    refused = await post(before, "/onboarding", **URLS)
    assert refused.status_code == 422
    assert [error["pointer"] for error in problem(refused)["errors"]] == ["/refresh_url"]


async def heard(app: Running, event_id: str, *, secret: str = SECRET, **changes: Any) -> Any:
    """The answer to an event of a connected account."""
    about = {"object": {"id": "acct_theirs", "object": "account"}}
    event = {"id": event_id, "type": "account.updated", "created": 1, "livemode": False, "data": about}
    body = msgspec.json.encode({**event, "account": "acct_theirs", **changes})
    sign: Any = WebhookSignature.generate_signature_header
    headers = {"Stripe-Signature": sign(body.decode(), secret, int(time.time()))}
    return await app.client.post("/api/webhooks/stripe", content=body, headers=headers)


async def test_events_of_accounts_come_to_the_same_address_by_a_secret_of_their_own(app: Running) -> None:
    answer = await heard(app, "evt_account")
    assert (answer.status_code, answer.json()) == (200, {"received": True, "duplicate": False})
    assert (await heard(app, "evt_account")).json()["duplicate"] is True
    assert (await heard(app, "evt_other", secret="whsec_nobodys")).status_code == 400
    [received] = await app.services.store.read_stream("webhook-evt_account")
    assert isinstance(received.event, WebhookReceived)
    assert received.event.account_id == "acct_theirs"
    assert [type(effect) for effect in react(received)] == [ApplyWebhook]
    await heard(app, "evt_payout", type="payout.paid")
    [received] = await app.services.store.read_stream("webhook-evt_payout")
    assert [type(effect) for effect in react(received)] == [ApplyWebhook]
    await heard(app, "evt_charge", type="charge.succeeded")
    assert len(await app.services.store.read_stream("webhook-evt_charge")) == 2, "received, and ignored"
    await heard(app, "evt_own", account=None)
    assert len(await app.services.store.read_stream("webhook-evt_own")) == 2, "the platform's own account"


async def test_test_events_of_accounts_are_left_alone_in_live_mode(live: Running) -> None:
    left = await heard(live, "evt_test")
    assert (left.status_code, left.json()["received"]) == (200, False)
    assert await live.services.store.read_stream("webhook-evt_test") == []
    assert (await heard(live, "evt_test", account=None)).status_code == 400


async def test_whoever_cannot_be_paid_opens_none_and_others_see_none(app: Running) -> None:
    student, ivy, root = app.caller("usr_s", "student"), owner(app), app.caller("usr_root", "admin")
    assert (await post(student, country="US")).status_code == 403
    enterprise = app.caller(new_id("usr"), "enterprise")
    assert (await post(enterprise, country="US")).status_code == 201
    theirs = f"/api/instructor/account?user_id={enterprise.user_id}"
    assert (await ivy.get(theirs)).status_code == 404
    assert (await root.get(theirs)).json()["user_id"] == enterprise.user_id


async def test_finance_lists_accounts_by_status_page_after_page(app: Running) -> None:
    root = app.caller("usr_root", "admin")
    some = [owner(app) for _ in range(3)]
    for one in some:
        assert (await post(one, country="US")).status_code == 201
        assert (await post(one, "/close")).status_code == 200
    await app.projected()
    path, ids = "/api/instructor/accounts?status=closed&limit=2", list[str]()
    while path:
        page = (await root.get(path)).json()
        assert {item["status"] for item in page["items"]} == {"closed"}
        ids += [item["user_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        path = f"/api/instructor/accounts?status=closed&limit=2&cursor={cursor}" if cursor else ""
    assert ids[:3] == [one.user_id for one in reversed(some)]
    assert len(set(ids)) == len(ids)
    wrong = await root.get("/api/instructor/accounts?status=rich")
    assert (wrong.status_code, problem(wrong)["errors"][0]["parameter"]) == (422, "status")
