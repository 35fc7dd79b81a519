"""Payouts of connected accounts: by hand, by schedule, sent back by the bank, stopped below zero."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

DAY_S = 86_400
HOUR_S = 3_600


@pytest.fixture
def paid(client: stripe.StripeClient, account: Any, pay: Any, frozen: int) -> Any:
    """An account with 70.00 USD, on Sunday, 31 January 2027, 10:00; its options for calls."""

    def make(schedule: Any = None, **changes: Any) -> Any:
        owner = account(**changes)
        if schedule:
            client.v1.accounts.update(owner, {"settings": {"payouts": {"schedule": schedule}}})
        pay("pm_card_bypassPending")
        client.v1.transfers.create({"amount": 7_000, "currency": "usd", "destination": owner})
        return {"stripe_account": owner}

    return make


def moments(payouts: list[Any]) -> list[datetime]:
    return [datetime.fromtimestamp(payout.created, UTC) for payout in payouts]


def available(client: stripe.StripeClient, own: Any) -> int:
    return client.v1.balance.retrieve(options=own).available[0].amount


def test_each_midnight_pays_out_what_is_available(
    client: stripe.StripeClient, paid: Any, control: Any
) -> None:
    own = paid()
    control.post("/clock/advance", seconds=13 * HOUR_S)
    assert client.v1.payouts.list(options=own).data == []
    control.post("/clock/advance", seconds=HOUR_S)
    [payout] = client.v1.payouts.list(options=own).data
    assert (payout.amount, payout.automatic, payout.status) == (7_000, True, "pending")
    assert moments([payout]) == [datetime(2027, 2, 1, tzinfo=UTC)]
    assert available(client, own) == 0
    members = client.v1.balance_transactions.list({"payout": payout.id}, own).data
    assert {member.type for member in members} == {"payment", "payout"}
    shown: Any = client.v1.payouts.retrieve(payout.id, {"expand": ["destination"]}, own)
    assert shown.destination.account == own["stripe_account"]
    control.post("/clock/advance", seconds=3 * DAY_S)
    assert client.v1.payouts.retrieve(payout.id, options=own).status == "paid"
    assert client.v1.payouts.list().data == []
    told = [event.type for event in client.v1.events.list({"type": "payout.*"}, own).data]
    assert told == ["payout.reconciliation_completed", "payout.paid", "payout.created"]


@pytest.mark.parametrize(
    ("schedule", "day"),
    [
        ({"interval": "weekly", "weekly_anchor": "wednesday"}, datetime(2027, 2, 3, tzinfo=UTC)),
        ({"interval": "monthly", "monthly_anchor": 15}, datetime(2027, 2, 15, tzinfo=UTC)),
        ({"interval": "monthly", "monthly_anchor": 31}, datetime(2027, 2, 28, tzinfo=UTC)),
    ],
)
def test_a_schedule_says_on_which_day(
    client: stripe.StripeClient, paid: Any, control: Any, schedule: Any, day: datetime
) -> None:
    own = paid(schedule)
    control.post("/clock/advance", seconds=60 * DAY_S)
    assert moments(client.v1.payouts.list(options=own).data) == [day]


def test_several_transfers_of_a_day_are_one_payout(
    client: stripe.StripeClient, paid: Any, control: Any
) -> None:
    own = paid()
    client.v1.transfers.create({"amount": 500, "currency": "usd", "destination": own["stripe_account"]})
    control.post("/clock/advance", seconds=30 * DAY_S)
    assert [payout.amount for payout in client.v1.payouts.list(options=own).data] == [7_500]


def test_without_a_schedule_it_is_paid_out_by_hand(
    client: stripe.StripeClient, paid: Any, control: Any
) -> None:
    own = paid({"interval": "manual"})
    control.post("/clock/advance", seconds=30 * DAY_S)
    with pytest.raises(stripe.InvalidRequestError, match="insufficient funds"):
        client.v1.payouts.create({"amount": 7_001, "currency": "usd"}, own)
    payout = client.v1.payouts.create({"amount": 2_000, "currency": "usd"}, own)
    assert client.v1.payouts.cancel(payout.id, options=own).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="No such payout"):
        client.v1.payouts.retrieve(payout.id)
    whole = control.post("/payouts", account=own["stripe_account"])
    assert (whole["amount"], whole["automatic"]) == (7_000, True)
    client.v1.accounts.update(
        own["stripe_account"], {"settings": {"payouts": {"schedule": {"interval": "daily"}}}}
    )
    control.post(f"/payouts/{whole['id']}/end", outcome="in_transit")
    control.post(f"/payouts/{whole['id']}/end", outcome="paid")
    assert client.v1.payouts.retrieve(whole["id"], options=own).status == "paid"


def test_a_bank_sends_the_money_back_days_after_it_arrived(
    client: stripe.StripeClient, paid: Any, control: Any
) -> None:
    own = paid(bank="1116")
    owner = own["stripe_account"]
    control.post("/clock/advance", seconds=3 * DAY_S)
    [payout] = client.v1.payouts.list(options=own).data
    assert (payout.status, client.v1.accounts.retrieve(owner).payouts_enabled) == ("paid", True)
    control.post("/clock/advance", seconds=2 * DAY_S)
    [payout] = client.v1.payouts.list(options=own).data
    assert (payout.status, payout.failure_code) == ("failed", "no_account")
    assert available(client, own) == 7_000
    after: Any = client.v1.accounts.retrieve(owner)
    assert (after.payouts_enabled, after.capabilities.transfers) == (False, "active")
    assert after.requirements.past_due == ["external_account"]
    [bank] = client.v1.accounts.external_accounts.list(owner).data
    assert bank.status == "errored"
    with pytest.raises(stripe.InvalidRequestError, match="Payouts have been disabled") as caught:
        client.v1.payouts.create({"amount": 1, "currency": "usd"}, own)
    assert caught.value.code == "payouts_not_allowed"
    told = [event.type for event in client.v1.events.list({"limit": 3}, own).data]
    assert told == ["account.updated", "account.external_account.updated", "payout.failed"]


def test_two_payouts_that_come_back_put_the_bank_in_error_once(
    client: stripe.StripeClient, paid: Any, control: Any
) -> None:
    own = paid()
    made = [client.v1.payouts.create({"amount": 100, "currency": "usd"}, own) for _ in range(2)]
    for payout in made:
        control.post(f"/payouts/{payout.id}/end", outcome="failed")
    told = client.v1.events.list({"type": "account.external_account.updated"}, own).data
    assert len(told) == 1


def test_with_another_bank_the_next_midnight_pays_out(
    client: stripe.StripeClient, paid: Any, control: Any
) -> None:
    own = paid(bank="1113")
    control.post("/clock/advance", seconds=30 * DAY_S)
    assert [payout.status for payout in client.v1.payouts.list(options=own).data] == ["failed"]
    control.post(f"/accounts/{own['stripe_account']}/onboard")
    [bank] = client.v1.accounts.external_accounts.list(own["stripe_account"]).data
    assert bank.last4 == "6789"
    found = client.v1.accounts.external_accounts.retrieve(own["stripe_account"], bank.id)
    assert found.id == bank.id
    control.post("/clock/advance", seconds=3 * DAY_S)
    assert [payout.status for payout in client.v1.payouts.list(options=own).data] == ["paid", "failed"]
    assert available(client, own) == 0


def test_while_payouts_are_disabled_the_money_waits(
    client: stripe.StripeClient, paid: Any, control: Any
) -> None:
    own = paid(outcome="payouts_disabled")
    control.post("/clock/advance", seconds=30 * DAY_S)
    assert (client.v1.payouts.list(options=own).data, available(client, own)) == ([], 7_000)
    control.post(f"/accounts/{own['stripe_account']}/onboard")
    control.post("/clock/advance", seconds=DAY_S)
    assert [payout.amount for payout in client.v1.payouts.list(options=own).data] == [7_000]


def test_a_balance_below_zero_is_made_good_before_anything_is_paid_out(
    client: stripe.StripeClient, paid: Any, control: Any
) -> None:
    own = paid()
    owner = own["stripe_account"]
    control.post(f"/accounts/{owner}/adjust", amount=-9_000)
    assert available(client, own) == -2_000
    control.post("/clock/advance", seconds=3 * DAY_S)
    assert client.v1.payouts.list(options=own).data == []
    client.v1.transfers.create({"amount": 2_500, "currency": "usd", "destination": owner})
    control.post("/clock/advance", seconds=DAY_S)
    assert [payout.amount for payout in client.v1.payouts.list(options=own).data] == [500]


def test_each_currency_has_its_own_payout(
    client: stripe.StripeClient, paid: Any, pay: Any, control: Any
) -> None:
    own = paid()
    pay("pm_card_bypassPending", currency="eur")
    client.v1.transfers.create({"amount": 100, "currency": "eur", "destination": own["stripe_account"]})
    control.post("/clock/advance", seconds=DAY_S)
    payouts = client.v1.payouts.list(options=own).data
    assert {payout.currency: payout.amount for payout in payouts} == {"eur": 100, "usd": 7_000}


def test_connect_endpoints_hear_that_a_payout_arrived_and_bounced(
    client: stripe.StripeClient, paid: Any, control: Any, receiver: Any, until: Any
) -> None:
    own = paid(bank="1113")
    client.v1.webhook_endpoints.create(
        {"url": receiver.url, "enabled_events": ["payout.paid", "payout.failed"], "connect": True}
    )
    client.v1.payouts.create({"amount": 100, "currency": "usd"})
    control.post("/clock/advance", seconds=10 * DAY_S)
    until(lambda: len(receiver.got) == 2)
    assert sorted(receiver.types()) == ["payout.failed", "payout.paid"]
    assert {json.loads(body)["account"] for _, body in receiver.got} == {own["stripe_account"]}


def test_an_account_that_left_is_paid_in_silence(
    client: stripe.StripeClient, paid: Any, control: Any, receiver: Any, until: Any
) -> None:
    own = paid()
    control.post("/clock/advance", seconds=DAY_S)
    client.v1.webhook_endpoints.create({"url": receiver.url, "enabled_events": ["*"], "connect": True})
    control.post(f"/accounts/{own['stripe_account']}/deauthorize")
    control.post("/clock/advance", seconds=30 * DAY_S)
    until(lambda: receiver.got)
    until(lambda: not control.get("/deliveries", state_is="pending"))
    assert receiver.types() == ["account.application.deauthorized"]


def test_the_books_of_all_accounts_join(client: stripe.StripeClient, paid: Any, control: Any) -> None:
    """What left the platform is what the connected account has, had paid out, or gave back."""
    own = paid()
    made = client.v1.transfers.list().data[0]
    client.v1.transfers.reversals.create(made.id, {"amount": 1_000})
    control.post("/clock/advance", seconds=5 * DAY_S)
    ours = client.v1.balance_transactions.list({"limit": 100}).data
    theirs = client.v1.balance_transactions.list({"limit": 100}, own).data
    moved = -sum(booked.net for booked in ours if booked.type.startswith("transfer"))
    arrived = sum(booked.net for booked in theirs if booked.type.startswith("payment"))
    out = -sum(booked.net for booked in theirs if booked.type == "payout")
    assert moved == arrived == out == 6_000
    assert sum(booked.net for booked in theirs) == available(client, own) == 0
