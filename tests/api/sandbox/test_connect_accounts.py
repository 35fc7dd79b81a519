"""Connected accounts: made, onboarded, followed by webhooks, left."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import stripe

from api.sandbox import Sandbox, running_sandbox

EXPRESS = {
    "fees": {"payer": "application"},
    "losses": {"payments": "application"},
    "requirement_collection": "stripe",
    "stripe_dashboard": {"type": "express"},
}
URLS: Any = {"refresh_url": "https://pay.example/again", "return_url": "https://pay.example/back"}
HEADERS = {"Authorization": "Bearer sk_test_1"}


def onboarding(client: stripe.StripeClient, owner: str, **changes: Any) -> stripe.AccountLink:
    params: Any = {"account": owner, "type": "account_onboarding"} | URLS | changes
    return client.v1.account_links.create(params)


def enabled(account: stripe.Account) -> tuple[Any, ...]:
    return account.details_submitted, account.payouts_enabled, account.charges_enabled


def test_a_new_account_can_do_nothing_until_its_owner_was_asked(
    client: stripe.StripeClient, account: Any
) -> None:
    made: Any = client.v1.accounts.retrieve(account(None))
    assert enabled(made) == (False, False, False)
    assert made.capabilities.to_dict() == {"transfers": "inactive"}
    assert made.requirements.disabled_reason == "requirements.past_due"
    assert "external_account" in made.requirements.currently_due
    assert (made.country, made.default_currency, made.type) == ("US", "usd", "express")
    assert made.id in [found.id for found in client.v1.accounts.list().data]


def test_an_express_account_can_be_asked_for_by_what_controls_it(client: stripe.StripeClient) -> None:
    create: Any = client.v1.accounts.create
    made = create({"controller": EXPRESS, "capabilities": {"transfers": {"requested": True}}})
    assert (made.type, made.controller.stripe_dashboard.type) == ("none", "express")
    both = {"controller": EXPRESS, "type": "express"}
    wrongs: list[Any] = [{"type": "custom"}, both, {"controller": {"fees": {"payer": "account"}}}]
    for wrong in wrongs:
        with pytest.raises(stripe.InvalidRequestError):
            create(wrong)


def test_an_account_of_no_type_is_standard_and_takes_transfers_at_once(client: stripe.StripeClient) -> None:
    made = client.v1.accounts.create({})
    assert (made.type, made.to_dict()["capabilities"]["transfers"]) == ("standard", "active")
    assert client.v1.accounts.create({"type": "standard"}).type == "standard"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"country": "us"}, "2-character"),
        ({"country": "KE"}, "not currently supported"),
        ({"tos_acceptance": {"service_agreement": "recipient"}}, "not supported for platforms in US"),
        (
            {
                "country": "KE",
                "tos_acceptance": {"service_agreement": "recipient"},
                "capabilities": {"card_payments": {"requested": True}},
            },
            "card_payments",
        ),
        ({"tos_acceptance": {"service_agreement": "none"}}, "full or recipient"),
        ({"capabilities": {"treasury": {"requested": True}}}, "unknown parameter"),
        ({"business_profile": {"colour": "red"}}, "unknown parameter"),
    ],
)
def test_an_account_that_stripe_would_not_have_is_refused(
    client: stripe.StripeClient, changes: Any, says: str
) -> None:
    create: Any = client.v1.accounts.create
    with pytest.raises(stripe.InvalidRequestError, match=says):
        create({"type": "express", **changes})


def test_a_recipient_abroad_has_the_currency_of_its_country(
    account: Any, client: stripe.StripeClient
) -> None:
    abroad = account(country="KE", tos_acceptance={"service_agreement": "recipient"})
    made = client.v1.accounts.retrieve(abroad)
    assert (made.default_currency, made.payouts_enabled) == ("kes", True)
    balance = client.v1.balance.retrieve(options={"stripe_account": abroad})
    assert (balance.available[0].amount, balance.available[0].currency) == (0, "kes")
    with pytest.raises(stripe.InvalidRequestError, match="cannot be changed"):
        client.v1.accounts.update(abroad, {"tos_acceptance": {"service_agreement": "full"}})


@pytest.mark.parametrize(
    ("outcome", "transfers", "payouts", "reason"),
    [
        ("complete", "active", True, None),
        ("incomplete", "inactive", False, "requirements.past_due"),
        ("pending", "pending", False, "requirements.pending_verification"),
        ("restricted", "inactive", False, "requirements.past_due"),
        ("payouts_disabled", "active", False, "requirements.past_due"),
        ("rejected", "inactive", False, "rejected.other"),
    ],
)
def test_onboarding_ends_in_many_ways(
    client: stripe.StripeClient, account: Any, outcome: str, transfers: str, payouts: Any, reason: Any
) -> None:
    of: Any = client.v1.accounts.retrieve(account(outcome))
    assert of.details_submitted == (outcome != "incomplete")
    assert (of.capabilities.transfers, of.payouts_enabled) == (transfers, payouts)
    assert of.requirements.disabled_reason == reason
    assert len(of.external_accounts.data) == (outcome not in ("incomplete", "payouts_disabled"))
    [capability] = client.v1.accounts.capabilities.list(of.id).data
    assert (capability.status, capability.requested) == (transfers, True)


def test_a_document_is_wanted_and_its_deadline_passes(
    client: stripe.StripeClient, account: Any, control: Any
) -> None:
    late = account("due", due_in_s=1_000)
    made: Any = client.v1.accounts.retrieve(late)
    assert made.payouts_enabled
    assert made.requirements.currently_due == ["individual.verification.document"]
    assert made.requirements.past_due == []
    control.post("/clock/set", now=made.requirements.current_deadline)
    made = client.v1.accounts.retrieve(late)
    assert (made.payouts_enabled, made.requirements.past_due) == (False, ["individual.verification.document"])
    control.post(f"/accounts/{late}/onboard")
    assert client.v1.accounts.retrieve(late).payouts_enabled


def test_a_deadline_that_was_met_changes_nothing(
    client: stripe.StripeClient, account: Any, control: Any
) -> None:
    owner = account("due", due_in_s=1_000)
    control.post(f"/accounts/{owner}/onboard", outcome="complete")
    control.post("/clock/advance", seconds=2_000)
    after: Any = client.v1.accounts.retrieve(owner)
    assert (after.payouts_enabled, after.requirements.past_due) == (True, [])


def test_a_person_onboards_in_a_browser_and_the_link_works_once(
    client: stripe.StripeClient, account: Any
) -> None:
    owner = account(None)
    link = onboarding(client, owner)
    assert link.expires_at == link.created + 300
    assert "Complete" in httpx.get(link.url).text
    again = httpx.get(link.url)
    assert (again.status_code, again.headers["location"]) == (303, URLS["refresh_url"])
    done = httpx.post(link.url, params={"outcome": "complete"})
    assert (done.status_code, done.headers["location"]) == (303, URLS["return_url"])
    assert client.v1.accounts.retrieve(owner).details_submitted
    assert httpx.get(link.url).status_code == 404
    assert httpx.post(link.url, params={"outcome": "complete"}).status_code == 400


def test_a_link_is_good_for_five_minutes(client: stripe.StripeClient, account: Any, control: Any) -> None:
    link = onboarding(client, account())
    control.post("/clock/advance", seconds=300)
    assert httpx.get(link.url).headers["location"] == URLS["refresh_url"]
    for wrong in ({"type": "account_update"}, {"return_url": "ftp://x"}, {"refresh_url": ""}):
        with pytest.raises(stripe.InvalidRequestError):
            onboarding(client, account(), **wrong)


def test_an_account_is_changed_and_tells_of_it(client: stripe.StripeClient, account: Any) -> None:
    owner = account()
    changed: Any = client.v1.accounts.update(
        owner,
        {
            "email": "a@example.org",
            "metadata": {"user": "u1"},
            "business_profile": {"name": "A"},
            "settings": {"payouts": {"schedule": {"interval": "weekly", "weekly_anchor": "friday"}}},
        },
    )
    schedule = changed.settings.payouts.schedule
    assert (schedule.interval, schedule.weekly_anchor, changed.email) == ("weekly", "friday", "a@example.org")
    [told, *_] = client.v1.events.list({"type": "account.updated"}, {"stripe_account": owner}).data
    assert told.account == owner
    assert told.data.previous_attributes["email"] is None  # type: ignore[index]
    assert client.v1.events.list({"type": "account.updated"}).data == []
    update: Any = client.v1.accounts.update
    for wrong in ({"interval": "monthly"}, {"interval": "daily", "weekly_anchor": "monday"}):
        with pytest.raises(stripe.InvalidRequestError, match="anchor"):
            update(account(), {"settings": {"payouts": {"schedule": wrong}}})


def test_a_capability_is_asked_for_later(client: stripe.StripeClient, account: Any) -> None:
    owner = account()
    capabilities = client.v1.accounts.capabilities
    assert capabilities.retrieve(owner, "card_payments").status == "unrequested"
    assert capabilities.update(owner, "card_payments", {"requested": True}).status == "active"
    assert client.v1.accounts.retrieve(owner).charges_enabled
    capabilities.update(owner, "transfers", {"requested": False})
    left: Any = client.v1.accounts.retrieve(owner).capabilities
    assert left.to_dict() == {"card_payments": "active"}
    with pytest.raises(stripe.InvalidRequestError, match="No such capability"):
        capabilities.retrieve(owner, "levitation")


def test_connect_endpoints_hear_of_connected_accounts_and_no_others(
    client: stripe.StripeClient, account: Any, control: Any, receiver: Any, until: Any, description: Any
) -> None:
    made = client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"], "connect": True})
    assert made.application
    client.v1.customers.create({"name": "of the platform"})
    owner = account()
    control.post(f"/accounts/{owner}/deauthorize")
    until(lambda: len(receiver.got) == 3)
    assert sorted(receiver.types()) == [
        "account.application.deauthorized",
        "account.external_account.created",
        "account.updated",
    ]
    for signature, body in receiver.got:
        event = stripe.Webhook.construct_event(body, signature, made.secret)
        description.check(json.loads(body))
        assert event.account == owner
    event_id = json.loads(receiver.got[0][1])["id"]
    assert control.post("/deliveries/redeliver", event=event_id) == {"queued": 1}


def test_an_account_that_left_is_out_of_reach(
    client: stripe.StripeClient, account: Any, control: Any
) -> None:
    owner = account()
    control.post(f"/accounts/{owner}/deauthorize")
    with pytest.raises(stripe.PermissionError, match="may have been revoked") as caught:
        client.v1.accounts.retrieve(owner)
    assert "account_invalid" in str(caught.value.json_body)
    with pytest.raises(stripe.PermissionError):
        client.v1.balance.retrieve(options={"stripe_account": owner})
    assert owner not in [found.id for found in client.v1.accounts.list().data]


def test_only_an_empty_account_is_deleted(client: stripe.StripeClient, account: Any, control: Any) -> None:
    owner = account()
    control.post(f"/accounts/{owner}/adjust", amount=-2_000)
    with pytest.raises(stripe.InvalidRequestError, match="non-zero balances: usd"):
        client.v1.accounts.delete(owner)
    control.post(f"/accounts/{owner}/adjust", amount=2_000)
    assert client.v1.accounts.delete(owner).deleted


def test_a_rejected_account_stays_rejected(client: stripe.StripeClient, account: Any, control: Any) -> None:
    owner = account()
    rejected: Any = client.v1.accounts.reject(owner, {"reason": "fraud"})
    assert (rejected.payouts_enabled, rejected.requirements.disabled_reason) == (False, "rejected.fraud")
    again = control.http.post(f"/accounts/{owner}/onboard", json={"outcome": "complete"})
    assert "for good" in again.json()["error"]["message"]


def test_what_belongs_to_one_account_is_not_there_for_another(
    client: stripe.StripeClient, account: Any, control: Any
) -> None:
    first, second = account(), account()
    booked = control.post(f"/accounts/{first}/adjust", amount=500)
    of_first: Any = {"stripe_account": first}
    assert client.v1.balance_transactions.retrieve(booked["id"], options=of_first).amount == 500
    assert client.v1.balance.retrieve(options=of_first).available[0].amount == 500
    for options in ({}, {"stripe_account": second}):
        with pytest.raises(stripe.InvalidRequestError, match="No such"):
            client.v1.balance_transactions.retrieve(booked["id"], options=options)  # type: ignore[arg-type]
        assert client.v1.balance_transactions.list(options=options).data == []  # type: ignore[arg-type]
        assert client.v1.balance.retrieve(options=options).available[0].amount == 0  # type: ignore[arg-type]
    with pytest.raises(stripe.InvalidRequestError, match="No such"):
        client.v1.balance_transactions.list({"starting_after": booked["id"]})


def test_lists_of_a_connected_account_have_pages(
    client: stripe.StripeClient, account: Any, control: Any
) -> None:
    owner = account()
    booked = [control.post(f"/accounts/{owner}/adjust", amount=amount)["id"] for amount in (1, 2, 3)]
    listed = client.v1.balance_transactions.list({"limit": 1}, {"stripe_account": owner})
    assert [each.id for each in listed.auto_paging_iter()] == booked[::-1]


def test_each_account_has_idempotency_keys_of_its_own(
    client: stripe.StripeClient, account: Any, control: Any
) -> None:
    made = []
    for amount in (100, 200):
        owner = account()
        control.post(f"/accounts/{owner}/adjust", amount=500)
        options: Any = {"stripe_account": owner, "idempotency_key": "same"}
        create = client.v1.payouts.create
        made.append(create({"amount": amount, "currency": "usd"}, options))
        assert create({"amount": amount, "currency": "usd"}, options).id == made[-1].id
        event = client.v1.events.list({"type": "payout.created"}, {"stripe_account": owner}).data[0]
        assert event.request is not None
        assert event.request.idempotency_key == "same"
    assert [payout.amount for payout in made] == [100, 200]


def test_the_clock_knows_the_newest_event_of_whatever_account(
    sandbox: Sandbox, client: stripe.StripeClient, account: Any, control: Any
) -> None:
    client.v1.customers.create({"name": "a"})
    now = control.post("/clock/advance", seconds=10**6)["now"]
    account()
    assert sandbox.call(sandbox.state.store.newest_created) >= now


def test_calls_for_a_connected_account(sandbox: Sandbox, client: stripe.StripeClient, account: Any) -> None:
    owner = account()
    own: Any = {"stripe_account": owner}
    assert client.v1.accounts.retrieve_current(options=own).id == owner
    assert client.v1.accounts.retrieve_current(options={"stripe_context": owner}).id == owner
    with pytest.raises(stripe.PermissionError):
        client.v1.accounts.retrieve(account(), options=own)
    with pytest.raises(stripe.InvalidRequestError, match="without the Stripe-Account header"):
        client.v1.customers.create({"name": "a"}, options=own)
    with pytest.raises(stripe.PermissionError):
        client.v1.balance.retrieve(options={"stripe_account": "acct_1"})
    assert httpx.get(f"{sandbox.url}/v1/account", headers=HEADERS).status_code == 400


def test_one_url_can_hear_of_the_platform_and_of_connected_accounts(receiver: Any, until: Any) -> None:
    secrets: Any = {"webhook_secret": "whsec_platform", "connect_secret": "whsec_connect"}
    with running_sandbox(seed="two", webhook_url=receiver.url, environ={}, **secrets) as sandbox:
        form = {"type": "express", "capabilities[transfers][requested]": "true"}
        made = httpx.post(f"{sandbox.url}/v1/accounts", data=form, headers=HEADERS).json()["id"]
        httpx.post(f"{sandbox.url}/_sandbox/accounts/{made}/onboard", json={"outcome": "incomplete"})
        httpx.post(f"{sandbox.url}/v1/customers", headers=HEADERS)
        until(lambda: len(receiver.got) == 2)
    told = {json.loads(body)["type"]: (signature, body) for signature, body in receiver.got}
    for kind, secret in (("customer.created", "whsec_platform"), ("account.updated", "whsec_connect")):
        stripe.Webhook.construct_event(told[kind][1], told[kind][0], secret)
