"""Transfers to connected accounts and their reversals, with both sides of the books."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from api.sandbox import Sandbox, Settings

DAY_S = 86_400
Transfer = Callable[..., Any]


@pytest.fixture
def funded(pay: Any) -> None:
    """96.80 USD are available to the platform."""
    pay("pm_card_bypassPending")


@pytest.fixture
def transfer(client: stripe.StripeClient) -> Transfer:
    def make(destination: str, amount: int = 7_000, key: str = "", **changes: Any) -> Any:
        params: Any = {"amount": amount, "currency": "usd", "destination": destination} | changes
        return client.v1.transfers.create(params, {"idempotency_key": key} if key else {})

    return make


def balance(client: stripe.StripeClient, account: str = "") -> tuple[int, int]:
    """(available, pending) in US dollars."""
    shown = client.v1.balance.retrieve(options={"stripe_account": account} if account else {})
    return shown.available[0].amount, shown.pending[0].amount


def test_a_transfer_moves_money_from_one_balance_to_the_other(
    client: stripe.StripeClient, account: Any, funded: None, transfer: Transfer
) -> None:
    owner = account()
    made = transfer(owner, transfer_group="payout_1", metadata={"payout": "1"}, description="May")
    assert (balance(client), balance(client, owner)) == ((2_680, 0), (7_000, 0))
    params: Any = {"expand": ["balance_transaction", "destination", "destination_payment"]}
    shown: Any = client.v1.transfers.retrieve(made.id, params)
    assert (shown.transfer_group, shown.metadata["payout"], shown.reversed) == ("payout_1", "1", False)
    booked = shown.balance_transaction
    assert (booked.type, booked.reporting_category, booked.net) == ("transfer", "transfer", -7_000)
    assert (shown.destination.id, shown.destination_payment.source_transfer) == (owner, made.id)
    [payment] = client.v1.balance_transactions.list(options={"stripe_account": owner}).data
    assert (payment.type, payment.reporting_category, payment.net) == ("payment", "charge", 7_000)
    assert payment.source == shown.destination_payment.id
    [told] = client.v1.events.list({"type": "transfer.created"}).data
    assert (told.data.object["id"], "account" in told) == (made.id, False)
    found = client.v1.charges.retrieve(shown.destination_payment.id, options={"stripe_account": owner})
    assert found.amount == 7_000
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.charges.retrieve(shown.destination_payment.id)


def test_only_what_is_available_can_be_transferred(
    client: stripe.StripeClient, account: Any, pay: Any, transfer: Transfer
) -> None:
    owner = account()
    pay()
    with pytest.raises(stripe.InvalidRequestError, match="insufficient available funds") as caught:
        transfer(owner)
    assert caught.value.code == "balance_insufficient"
    pay("pm_card_bypassPending")
    with pytest.raises(stripe.InvalidRequestError, match="insufficient"):
        transfer(owner, 9_681)
    with pytest.raises(stripe.InvalidRequestError, match="insufficient"):
        transfer(owner, 100, currency="eur")
    assert transfer(owner, 9_680).amount == 9_680
    assert len(client.v1.transfers.list().data) == 1


@pytest.mark.parametrize("outcome", [None, "incomplete", "pending", "restricted", "rejected"])
def test_an_account_without_the_capability_gets_nothing(
    account: Any, funded: None, transfer: Transfer, outcome: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="transfers, crypto_transfers") as caught:
        transfer(account(outcome))
    assert caught.value.code == "insufficient_capabilities_for_transfer"


def test_a_transfer_goes_to_nowhere_and_to_nobody_abroad(
    account: Any, control: Any, funded: None, transfer: Transfer
) -> None:
    left = account()
    control.post(f"/accounts/{left}/deauthorize")
    for nowhere in ("acct_1", left):
        with pytest.raises(stripe.InvalidRequestError, match="No such destination") as caught:
            transfer(nowhere)
        assert (caught.value.code, caught.value.param) == ("resource_missing", "destination")
    with pytest.raises(stripe.InvalidRequestError, match="outside of your platform's region") as caught:
        transfer(account(country="GB"))
    assert caught.value.code == "transfers_not_allowed"


def test_a_recipient_waits_a_day_longer(
    client: stripe.StripeClient, account: Any, control: Any, funded: None, transfer: Transfer
) -> None:
    abroad = account(country="KE", tos_acceptance={"service_agreement": "recipient"})
    transfer(abroad)
    assert (balance(client), balance(client, abroad)) == ((2_680, 0), (0, 7_000))
    client.v1.accounts.update(abroad, {"settings": {"payouts": {"schedule": {"interval": "manual"}}}})
    control.post("/clock/advance", seconds=DAY_S)
    assert balance(client, abroad) == (7_000, 0)
    [told] = client.v1.events.list({"type": "balance.available"}, {"stripe_account": abroad}).data
    assert told.account == abroad


def test_a_transfer_from_one_charge_comes_free_with_it(
    client: stripe.StripeClient, account: Any, pay: Any, control: Any, transfer: Transfer
) -> None:
    owner, charge = account(), pay()["latest_charge"]
    client.v1.accounts.update(owner, {"settings": {"payouts": {"schedule": {"interval": "manual"}}}})
    made = transfer(owner, source_transaction=charge["id"])
    assert made.transfer_group == f"group_{charge['id']}"
    assert (balance(client), balance(client, owner)) == ((0, 2_680), (0, 7_000))
    for wrong, says in (
        ({"amount": 3_001}, "must not exceed"),
        ({"currency": "eur"}, "must be the same"),
        ({"source_transaction": "ch_1"}, "No such charge"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=says):
            transfer(owner, **({"source_transaction": charge["id"], "amount": 100} | wrong))
    control.post("/clock/set", now=charge["balance_transaction"]["available_on"])
    assert (balance(client), balance(client, owner)) == ((2_680, 0), (7_000, 0))


def test_transfers_are_found_and_changed(
    client: stripe.StripeClient, account: Any, funded: None, transfer: Transfer
) -> None:
    first, second = account(), account()
    a = transfer(first, 100, transfer_group="g1")
    b = transfer(second, 100, transfer_group="g1")
    c = transfer(first, 100)

    def found(**params: Any) -> list[str]:
        return [each.id for each in client.v1.transfers.list(params).data]  # type: ignore[arg-type]

    assert found(transfer_group="g1") == [b.id, a.id]
    assert found(destination=first) == [c.id, a.id]
    assert found(destination=first, transfer_group="g1") == [a.id]
    assert found(created={"gte": a.created}) == [c.id, b.id, a.id]
    client.v1.transfers.update(a.id, {"metadata": {"a": "b"}, "description": "x"})
    [told] = client.v1.events.list({"type": "transfer.updated"}).data
    assert told.data.object["metadata"]["a"] == "b"


def test_a_transfer_is_reversed_in_parts(
    client: stripe.StripeClient, account: Any, funded: None, transfer: Transfer
) -> None:
    owner = account()
    made = transfer(owner)
    reversals = client.v1.transfers.reversals
    part = reversals.create(made.id, {"amount": 3_000, "metadata": {"refund": "1"}})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unreversed amount"):
        reversals.create(made.id, {"amount": 4_001})
    rest: Any = reversals.create(
        made.id, {"expand": ["balance_transaction", "destination_payment_refund", "transfer"]}
    )
    with pytest.raises(stripe.InvalidRequestError, match="already fully reversed"):
        reversals.create(made.id)
    assert (rest.amount, rest.transfer.amount_reversed, rest.transfer.reversed) == (4_000, 7_000, True)
    assert (rest.balance_transaction.type, rest.balance_transaction.net) == ("transfer_refund", 4_000)
    assert rest.balance_transaction.reporting_category == "transfer_reversal"
    assert (rest.destination_payment_refund.amount, balance(client, owner)) == (4_000, (0, 0))
    assert balance(client) == (9_680, 0)
    taken = client.v1.balance_transactions.list({"type": "payment_refund"}, {"stripe_account": owner}).data
    assert [booked.net for booked in taken] == [-4_000, -3_000]
    payment = client.v1.charges.retrieve(made.destination_payment, options={"stripe_account": owner})
    assert (payment.amount_refunded, payment.refunded) == (7_000, True)
    told = client.v1.events.list({"type": "transfer.reversed"}).data
    assert [event.data.object["amount_reversed"] for event in told] == [7_000, 3_000]
    assert [each.id for each in reversals.list(made.id).data] == [rest.id, part.id]
    assert [each.id for each in client.v1.transfers.retrieve(made.id).reversals.data] == [rest.id, part.id]


def test_a_reversal_is_read_and_changed_through_its_transfer(
    client: stripe.StripeClient, account: Any, funded: None, transfer: Transfer
) -> None:
    made, other = transfer(account(), 100), transfer(account(), 100)
    reversals = client.v1.transfers.reversals
    reversal = reversals.create(made.id, {"amount": 40})
    reversals.update(made.id, reversal.id, {"metadata": {"a": "b"}})
    found: Any = reversals.retrieve(made.id, reversal.id)
    assert found.metadata["a"] == "b"
    [embedded] = client.v1.transfers.retrieve(made.id).reversals.data
    assert embedded.metadata == found.metadata
    with pytest.raises(stripe.InvalidRequestError, match="No such transfer_reversal"):
        reversals.retrieve(other.id, reversal.id)


def test_what_the_account_no_longer_has_cannot_be_reversed(
    client: stripe.StripeClient, account: Any, control: Any, funded: None, transfer: Transfer
) -> None:
    owner = account()
    made = transfer(owner)
    control.post(f"/accounts/{owner}/adjust", amount=-5_000)
    with pytest.raises(stripe.InvalidRequestError, match="2000 of usd") as caught:
        client.v1.transfers.reversals.create(made.id)
    assert caught.value.code == "balance_insufficient"
    assert client.v1.transfers.retrieve(made.id).amount_reversed == 0
    assert client.v1.transfers.reversals.create(made.id, {"amount": 2_000}).amount == 2_000
    control.post(f"/accounts/{owner}/adjust", amount=-2_000)
    assert balance(client, owner) == (-2_000, 0)
    transfer(owner, 1_500)
    assert balance(client, owner) == (-500, 0)
    control.post(f"/accounts/{owner}/deauthorize")
    with pytest.raises(stripe.PermissionError):
        client.v1.transfers.reversals.create(made.id, {"amount": 1})


def test_with_connected_reserves_a_reversal_takes_an_account_below_zero(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    account: Any,
    control: Any,
    funded: None,
    transfer: Transfer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    owner = account()
    made = transfer(owner)
    control.post(f"/accounts/{owner}/adjust", amount=-5_000)
    monkeypatch.setattr(sandbox.state, "settings", Settings(connected_reserves=True))
    client.v1.transfers.reversals.create(made.id)
    assert (balance(client), balance(client, owner)) == ((9_680, 0), (-5_000, 0))


@pytest.mark.parametrize("kind", ["timeout_after", "disconnect_after", "error_after", "rate_limit"])
def test_whatever_became_of_the_answer_a_key_transfers_once(
    sandbox: Sandbox, client: stripe.StripeClient, account: Any, control: Any, funded: None, kind: str
) -> None:
    owner = account()
    params: Any = {"amount": 7_000, "currency": "usd", "destination": owner, "transfer_group": "payout_1"}
    http_client = stripe.RequestsClient(timeout=0.3)
    hasty = stripe.StripeClient(
        sandbox.api_key, base_addresses={"api": sandbox.url}, max_network_retries=0, http_client=http_client
    )
    control.post("/faults", kind=kind, method="POST", path="/v1/transfers")
    with pytest.raises(stripe.StripeError):
        hasty.v1.transfers.create(params, {"idempotency_key": "payout_1"})
    if kind != "error_after":  # a 500 is replayed: the transfer is found by its group
        client.v1.transfers.create(params, {"idempotency_key": "payout_1"})
    [made] = client.v1.transfers.list({"transfer_group": "payout_1"}).data
    assert balance(client, owner) == (7_000, 0)
    for wrong in ({"amount": 7_001}, {"destination": account()}):
        with pytest.raises(stripe.IdempotencyError):
            client.v1.transfers.create(params | wrong, {"idempotency_key": "payout_1"})
    control.post("/faults", kind="timeout_after", path=f"/v1/transfers/{made.id}/reversals")
    recall: Any = (made.id, {"amount": 1_000}, {"idempotency_key": "recall_1"})
    with pytest.raises(stripe.APIConnectionError):
        hasty.v1.transfers.reversals.create(*recall)
    client.v1.transfers.reversals.create(*recall)
    assert balance(client, owner) == (6_000, 0)
    http_client.close()  # type: ignore[no-untyped-call]


def test_of_two_at_once_that_want_the_same_money_one_gets_it(
    client: stripe.StripeClient, account: Any, funded: None, transfer: Transfer
) -> None:
    outcomes: list[str] = []

    def attempt(owner: str) -> None:
        try:
            outcomes.append(transfer(owner).object)
        except stripe.InvalidRequestError as refused:
            outcomes.append(refused.code or "")

    rivals = [threading.Thread(target=attempt, args=(account(),)) for _ in range(2)]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()
    assert sorted(outcomes) == ["balance_insufficient", "transfer"]
    assert balance(client) == (2_680, 0)
