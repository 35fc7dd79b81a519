"""The demonstration, on a small scale: its history holds together, and is made once."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from api.demo.authors import BELOW_ZERO, BOUNCED, DOCUMENTS, OWING, UNFINISHED, UPGRADED, YEARLY
from api.demo.community import AUCKLAND, BERLIN, HIDDEN, HONOLULU, MEMBERS, MONTHLY, STICKERS
from api.demo.instructors import INSTRUCTORS
from api.demo.learners import OVERDRAWN
from api.demo.organisations import ENTERPRISES, HARBOURS, MILLS, PUPILS, RIVERSIDES
from api.demo.subscribers import SUBSCRIBERS
from tests.service import Service, alive, eventually, liberation, running_service

pytestmark = pytest.mark.postgres


def test_the_history_holds_together_and_is_made_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    log = data / "service.log"
    with running_service(data, command=("demo", "--scale", "0.02"), log=log) as service:
        assert _balanced(service)
        _instructors_are_in_every_state(service)
        _instructors_are_paid_or_told_why_not(service)
        _banks_took_payouts_and_sent_them_back(service)
        _tokens_were_earned_spent_expired_and_taken_back(service)
        _some_are_friends_and_some_want_to_be_on_no_board(service)
        _organisations_have_licences_in_use_over_ending_and_in_grace(service)
        statuses = {payment["status"] for payment in _payments(service)}
        assert statuses >= {"succeeded", "failed", "requires_action", "disputed", "charged_back"}
        eventually(lambda: service.health()["webhooks_waiting"] == 0)  # every webhook is applied
        assert service.health()["effects_parked"] == 0
        assert service.health()["short_minor"] == {}, "the platform kept what is owed"
        eventually(lambda: _instructors_have_what_the_books_owe(service))
        for command in (("verify",), ("replay", "--check")):
            done = liberation(*command, data_dir=data)
            assert done.returncode == 0, done.stderr
        clock = service.client.get(f"{service.sandbox_url}/_sandbox/clock").json()
        assert (abs(clock["ahead_s"]) <= 1, clock["frozen"]) == (True, False)
        first, payments = service.processes(), len(_payments(service))
        mark = (data / "demo.json").read_text(encoding="utf-8")
        assert service.stop(signal.SIGINT) == 0
        eventually(lambda: not alive(first.all()))
    with running_service(data, command=("demo",), log=log) as service:
        assert len(_payments(service)) == payments
        assert (data / "demo.json").read_text(encoding="utf-8") == mark
        assert service.pay(2500).status_code == 201
        second = liberation("demo", data_dir=data)
        assert (second.returncode, second.stderr.count("\n")) == (2, 1)
        assert "runs already" in second.stderr
        assert service.stop() == 0


def _balanced(service: Service) -> bool:
    totals = service.get("/api/ledger/trial-balance")["totals"]
    assert len(totals) > 1, "several currencies"
    return all(each["debit_minor"] == each["credit_minor"] for each in totals)


def _instructors_have_what_the_books_owe(service: Service) -> bool:
    owed = service.get("/api/earnings/owed", limit="100")
    for author in {one["user_id"] for one in owed["items"]}:
        earnings = service.get("/api/instructor/earnings", user_id=author, by="course")
        assert sum(one["kept_minor"] for one in earnings["groups"] if one["currency"] == "usd") == sum(
            one["owed_minor"] + one["paid_minor"] for one in earnings["totals"] if one["currency"] == "usd"
        )
    return bool(owed["totals"]) and all(one["owed_minor"] == one["booked_minor"] for one in owed["totals"])


def _instructors_are_in_every_state(service: Service) -> None:
    found = service.get("/api/instructor/accounts")["items"]
    assert {one["user_id"]: one["status"] for one in found} == {
        one.user_id: one.status for one in INSTRUCTORS
    }


def _banks_took_payouts_and_sent_them_back(service: Service) -> None:
    for user_id, ended in ((OWING, "arrived"), (BOUNCED, "bounced")):
        (paid,) = service.get("/api/payouts", user_id=user_id)["items"]
        (sent,) = service.get("/api/payouts/bank", user_id=user_id)["items"]
        assert (sent["status"], sent["amount_minor"]) == (ended, paid["transferred_minor"])
    for user_id in (BELOW_ZERO, DOCUMENTS, UNFINISHED, UPGRADED):
        assert service.get("/api/payouts/bank", user_id=user_id)["items"] == []


def _instructors_are_paid_or_told_why_not(service: Service) -> None:
    (blocked,) = service.get("/api/payouts", user_id=DOCUMENTS)["items"]
    assert (blocked["status"], blocked["reason"]) == ("blocked", "insufficient_capabilities_for_transfer")
    for user_id, reason in (
        (DOCUMENTS, "account_not_payable"),
        (UNFINISHED, "account_not_payable"),
        (BELOW_ZERO, "balance_below_zero"),
    ):
        (total,) = service.get("/api/instructor/earnings", user_id=user_id)["totals"]
        assert (total["available_minor"] > 0, total["withheld"]["reason"]) == (True, reason), user_id
        audit = service.get("/api/audit", stream=f"earnings-{user_id}-usd", limit="100")["items"]
        assert [one["type"] for one in audit].count("earnings.payout_withheld.v1") == 1, "one notice"
    (owing,) = service.get("/api/instructor/earnings", user_id=OWING)["totals"]
    assert owing["debt_minor"] == owing["pending_minor"] > 0, (
        "what is to come goes to what was paid for nothing"
    )
    assert owing["withheld"]["reason"] == "below_minimum"
    paid = service.get("/api/payouts", user_id=YEARLY)["items"]
    assert len(paid) > 1
    assert {one["status"] for one in paid} == {"transferred"}


def _tokens_were_earned_spent_expired_and_taken_back(service: Service) -> None:
    for member in MEMBERS:
        streak = service.get("/api/tokens/streak", user_id=member.user_id)
        assert (streak["longest"], streak["time_zone"]) == (member.days, member.zone)
        assert streak["current"] == (0 if member.ended else member.days)
    eventually(lambda: "expired" in _kinds(service, BERLIN))
    assert _kinds(service, BERLIN) >= {"awarded", "redeemed"}
    assert service.get("/api/tokens/balance", user_id=OVERDRAWN)["debt"] > 0
    assert _kinds(service, OVERDRAWN) >= {"matured", "redeemed", "clawed_back"}
    (waits,) = service.get("/api/tokens/redemptions/waiting")["items"]
    assert (waits["user_id"], waits["reward_id"]) == (MONTHLY, STICKERS)
    for user_id, status in ((YEARLY, "fulfilled"), (UPGRADED, "cancelled"), (HONOLULU, "fulfilled")):
        (redeemed,) = service.get("/api/tokens/redemptions", user_id=user_id)["items"]
        assert redeemed["status"] == status
    unlocked = service.get("/api/features/friend_leaderboard/check", user=BERLIN, role="student")
    assert (unlocked["allowed"], unlocked["reason"]) == (True, "reward")
    (asked,) = service.get("/api/tokens/awards")["items"]
    assert asked["user_id"] == BERLIN


def _kinds(service: Service, user_id: str) -> set[str]:
    history = service.get("/api/tokens/history", user_id=user_id, limit="100")
    return {one["kind"] for one in history["items"]}


def _some_are_friends_and_some_want_to_be_on_no_board(service: Service) -> None:
    friends = service.get("/api/leaderboard/friends", user=MONTHLY, role="student", window="all")
    assert {one["user_id"] for one in friends["items"]} == {MONTHLY, BERLIN, HONOLULU}
    (asking,) = service.get("/api/friends/requests", user=MONTHLY, role="student")["items"]
    assert asking["user_id"] == AUCKLAND
    (blocked,) = service.get("/api/friends/blocked", user=HIDDEN, role="student")["items"]
    assert blocked["user_id"] == AUCKLAND
    board = service.get("/api/leaderboard/global", window="all", limit="100")["items"]
    assert HIDDEN not in {one["user_id"] for one in board}
    assert {one["name"] for one in board} >= {"Mona Lindqvist"}


def _organisations_have_licences_in_use_over_ending_and_in_grace(service: Service) -> None:
    for owner in (RIVERSIDES, MILLS):
        eventually(lambda: _has_notice(service, owner))  # noqa: B023  it is done within
    stands = {one.user_id: _licences(service, one.user_id) for one in ENTERPRISES}
    lab, named = stands[UPGRADED]
    seats = [
        service.get(f"/api/enterprise/licenses/{one['licence_id']}/seats")["items"] for one in (lab, named)
    ]
    assert [{seat["floating"] for seat in of} for of in seats] == [{True}, {False}]
    assert {seat["user_id"] for seat in seats[1]} == set(PUPILS)
    assert [stands[one][0]["status"] for one in (RIVERSIDES, MILLS)] == ["active", "grace"]
    (over,) = stands[HARBOURS]
    kinds = [one["kind"] for one in _invoices(service, over)]
    assert kinds == ["overage", "term"], "what the closed month was beyond its limit"
    (late,) = _invoices(service, stands[MILLS][0])
    assert 0 < late["open_minor"] < late["net_minor"] + late["tax_minor"], "a part came"
    owed = service.get("/api/revenue/receivables")["items"]
    assert late["open_minor"] in {one["days_31_60_minor"] for one in owed}


def _licences(service: Service, owner: str) -> Any:
    return service.get("/api/enterprise/licenses", user=owner, role="enterprise")["items"]


def _invoices(service: Service, licence: Any) -> Any:
    return service.get(f"/api/enterprise/licenses/{licence['licence_id']}/invoices")["items"]


def _has_notice(service: Service, owner: str) -> bool:
    (licence,) = _licences(service, owner)
    audit = service.get("/api/audit", stream=f"licence-{licence['licence_id']}", limit="100")["items"]
    return "licences.notice_due.v1" in {one["type"] for one in audit}


def _subscribers_are_in_every_state(service: Service) -> None:
    plans = {
        one.user_id: service.get("/api/subscriptions/current", user_id=one.user_id) for one in SUBSCRIBERS
    }
    held = {user_id: plan["subscription"] for user_id, plan in plans.items()}
    assert {user_id: one["status"] if one else "" for user_id, one in held.items()} == {
        one.user_id: one.status for one in SUBSCRIBERS
    }
    assert {user_id for user_id, plan in plans.items() if plan["tier"] == "free"} == {
        "usr_unpaid",
        "usr_paused",
        "usr_canceled",
    }
    assert held["usr_yearly"]["interval"] == "year"
    assert held["usr_upgraded"]["tier"] == plans["usr_downgrading"]["tier"] == "enterprise"
    change = held["usr_downgrading"]["change"]
    assert (change["status"], change["tier"]) == ("scheduled", "pro")
    assert held["usr_past_due"]["grace_until"] is not None
    (mrr,) = service.get("/api/revenue/mrr")["totals"]
    assert (mrr["subscriptions"], mrr["mrr_minor"]) == (5, 2 * 9_900 + 2 * 999 + 833), (
        "a year counts by the twelfth"
    )
    (deferred,) = service.get("/api/revenue/deferred", **{"from": "2020-01-01T00:00:00Z"})["items"]
    assert deferred["closing_minor"] == deferred["billed_minor"] - deferred["recognised_minor"] > 0
    (liability,) = [
        one for one in service.get("/api/ledger/trial-balance")["items"] if one["account"] == "2000"
    ]
    assert liability["credit_minor"] - liability["debit_minor"] == deferred["closing_minor"]


def _payments(service: Service) -> list[dict[str, object]]:
    page = service.get("/api/payments/history", limit="100")
    assert not page["has_more"], json.dumps(page)[:200]
    items: list[dict[str, object]] = page["items"]
    return items
