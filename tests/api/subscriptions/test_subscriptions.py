"""Plans and subscriptions over HTTP."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from api.settings import SettingsError
from ledger.catalogue import DEFAULT_CATALOGUE
from tests.api.conftest import OpenApp
from tests.api.support import Caller, FakeStripe, Running, problem


async def current(caller: Caller) -> dict[str, Any]:
    answer = await caller.get("/api/subscriptions/current")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def upgrade(caller: Caller, tier: str = "enterprise", interval: str = "month") -> Any:
    told = await caller.wish("preview", tier=tier, interval=interval)
    assert told.status_code == 200, told.text
    echo = {key: told.json()[key] for key in ("proration_at", "expected_minor")}
    return await caller.wish("update", method="PUT", tier=tier, interval=interval, **echo)


async def test_everybody_may_see_what_is_for_sale(app: Running) -> None:
    answer = await app.client.get("/api/plans")
    assert answer.status_code == 200
    plans = answer.json()
    assert [plan["tier"] for plan in plans["items"]] == ["free", "pro", "enterprise"]
    free, pro, _ = plans["items"]
    assert free["prices"] == []
    assert {"currency": "usd", "interval": "year", "amount_minor": 9_990} in pro["prices"]
    assert {"feature": "upload_courses", "limit": 5, "per": "month"} in pro["features"]
    same = await app.client.get("/api/plans", headers={"If-None-Match": answer.headers["etag"]})
    assert same.status_code == 304


async def test_the_operators_file_is_what_is_sold(open_app: OpenApp, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    prices = {"eur": {"month": 1_234}}
    tiers = DEFAULT_CATALOGUE.tiers
    ours = {**tiers, "pro": msgspec.structs.replace(tiers["pro"], prices=prices)}
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(DEFAULT_CATALOGUE, version="x", tiers=ours)))
    app = await open_app(catalogue=str(file))
    student = app.caller("usr_1", "student")
    made = (await student.subscribe(currency="EUR")).json()
    assert (made["price_minor"], made["currency"], made["catalogue_version"]) == (1_234, "eur", "x")
    elsewhere = await student.subscribe(currency="usd")
    assert (elsewhere.status_code, problem(elsewhere)["errors"][0]["pointer"]) == (422, "/tier")


async def test_a_file_that_cannot_be_used_is_one_clear_line(open_app: OpenApp, tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    file.write_text('{"version": "1", "tiers": {}}')
    with pytest.raises(
        SettingsError, match=r"LIBERATION_CATALOGUE cannot be used\. .*catalogue\.json.*tiers"
    ):
        await open_app(catalogue=str(file))


async def test_without_a_subscription_the_plan_is_free(student: Caller) -> None:
    plan = await current(student)
    assert (plan["tier"], plan["subscription"], plan["trial_available"]) == ("free", None, True)
    features = {each["feature"]: each for each in plan["features"]}
    assert features["view_courses"]["limit"] == 5
    assert features["sell_courses"]["allowed"] is False
    assert features["sell_courses"]["plans"] == ["pro", "enterprise"]


async def test_a_plan_is_subscribed_to_and_counts_at_once(student: Caller) -> None:
    answer = await student.subscribe("pro")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["status"], made["tier"], made["price_minor"]) == ("active", "pro", 999)
    plan = await current(student)
    assert plan["tier"] == "pro"
    assert plan["subscription"] == made
    position = {"Ledger-Position": answer.headers["ledger-position"]}
    invoices = (await student.get("/api/invoices", headers=position)).json()["items"]
    assert [(each["status"], each["total_minor"]) for each in invoices] == [("paid", 999)]


async def test_the_trial_is_asked_for_and_is_had_once(student: Caller) -> None:
    made = (await student.subscribe(trial=True)).json()
    assert made["status"] == "trialing"
    assert made["trial_end"] == made["period_end"]
    assert (await current(student))["trial_available"] is False
    assert (await student.wish("cancel", at_once=True)).json()["status"] == "canceled"
    again = await student.subscribe(trial=True)
    assert (again.status_code, problem(again)["code"]) == (409, "trial_used")
    assert (await student.subscribe()).status_code == 201


async def test_two_at_once_are_one(student: Caller) -> None:
    answers = await asyncio.gather(*(student.subscribe(tier) for tier in ("pro", "enterprise")))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert problem(refused)["code"] == "subscription_exists"


async def test_the_same_key_is_the_same_subscription(app: Running, student: Caller) -> None:
    """Also when the stored answer is lost, as in a crash: by now the user has one, and the trial is used."""
    first = await student.subscribe(trial=True, key="s")
    again = await student.subscribe(trial=True, key="s")
    async with app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")
    anew = await student.subscribe(trial=True, key="s")
    for repeat in (again, anew):
        assert repeat.status_code == 201, repeat.text
        assert repeat.headers["idempotent-replayed"] == "true"
        assert repeat.json()["subscription_id"] == first.json()["subscription_id"]


@pytest.mark.parametrize(
    ("card", "shown"), [("pm_funds", "insufficient_funds"), ("pm_stolen", "generic_decline")]
)
async def test_a_declined_card_leaves_it_waiting_for_another(student: Caller, card: str, shown: str) -> None:
    answer = await student.subscribe(payment_method=card)
    assert answer.status_code == 402, answer.text
    body = problem(answer)
    assert (body["code"], body["failure"]["decline_code"]) == ("card_declined", shown)
    assert body["subscription"]["status"] == "incomplete"
    assert body["subscription"]["open_invoice"].startswith("in_")
    assert (await current(student))["tier"] == "free"
    assert "stolen" not in answer.text.replace("pm_stolen", "")


async def test_what_stripe_refuses_is_a_decline_and_another_can_be_tried(student: Caller) -> None:
    answer = await student.subscribe(payment_method="pm_rejected")
    assert (answer.status_code, problem(answer)["subscription"]["status"]) == (402, "failed")
    assert (await student.subscribe()).status_code == 201


async def test_a_cardholder_confirms_with_a_secret_that_is_stored_nowhere(
    app: Running, student: Caller
) -> None:
    first = await student.subscribe(payment_method="pm_action", key="3ds")
    assert (first.status_code, first.json()["status"]) == (202, "incomplete")
    assert first.json()["next_action"]["client_secret"] == "secret_of_the_cardholder"
    again = await student.subscribe(payment_method="pm_action", key="3ds")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["next_action"]["client_secret"].startswith("secret_again_")
    async with app.services.reading() as connection:
        rows = await (await connection.execute("SELECT body, headers FROM idempotency_keys")).fetchall()
        facts = await (await connection.execute("SELECT data::text FROM event_log")).fetchall()
    assert "secret" not in str(rows) + str(facts)


async def test_an_unclear_answer_is_202_and_bars_another(student: Caller) -> None:
    answer = await student.subscribe(payment_method="pm_unknown")
    assert (answer.status_code, answer.json()["status"]) == (202, "unknown")
    assert (await student.subscribe()).status_code == 409
    assert (await current(student))["subscription"]["status"] == "unknown"


async def test_an_upgrade_is_previewed_confirmed_and_in_force(student: Caller) -> None:
    await student.subscribe("pro")
    told = await student.wish("preview", tier="enterprise")
    assert told.status_code == 200, told.text
    preview = told.json()
    assert (preview["kind"], preview["price_minor"]) == ("upgrade", 9_900)
    assert preview["expected_minor"] == preview["used_anew_minor"] - preview["unused_minor"]
    assert preview["total_minor"] == preview["expected_minor"] * 11 // 10, "Stripe's, with tax"
    unseen = await student.wish("update", method="PUT", tier="enterprise")
    assert (unseen.status_code, problem(unseen)["code"]) == (422, "preview_required")
    echo = {"proration_at": preview["proration_at"], "expected_minor": preview["expected_minor"] + 1}
    other = await student.wish("update", method="PUT", tier="enterprise", **echo)
    assert (other.status_code, problem(other)["code"]) == (409, "preview_mismatch")
    echo["expected_minor"] -= 1
    done = await student.wish("update", method="PUT", tier="enterprise", **echo)
    assert (done.status_code, done.json()["tier"], done.json()["change"]) == (200, "enterprise", None)
    assert (await current(student))["tier"] == "enterprise"


async def test_an_upgrade_that_is_not_paid_is_not_in_force(student: Caller) -> None:
    await student.subscribe("pro", trial=True)
    await student.wish("payment-method", method="PUT", payment_method="pm_funds")
    answer = await upgrade(student)
    assert answer.status_code == 402, answer.text
    body = problem(answer)
    assert body["failure"]["remedy"] == "other_card"
    assert (body["subscription"]["tier"], body["subscription"]["change"]["status"]) == ("pro", "pending")
    assert (await current(student))["tier"] == "pro"


async def test_a_downgrade_waits_for_the_end_of_the_period_and_can_be_withdrawn(student: Caller) -> None:
    made = (await student.subscribe("enterprise")).json()
    preview = (await student.wish("preview", tier="pro")).json()
    assert (preview["kind"], preview["expected_minor"], preview["at"]) == ("downgrade", 0, made["period_end"])
    scheduled = await student.wish("update", method="PUT", tier="pro")
    assert scheduled.status_code == 200, scheduled.text
    change = scheduled.json()["change"]
    assert (change["status"], change["tier"], change["at"]) == ("scheduled", "pro", made["period_end"])
    assert (await current(student))["tier"] == "enterprise", "it is paid for"
    withdrawn = await student.wish("update", method="PUT", tier="enterprise")
    assert (withdrawn.status_code, withdrawn.json()["change"]) == (200, None)
    same = await student.wish("update", method="PUT", tier="enterprise")
    assert (same.status_code, problem(same)["code"]) == (409, "same_plan")


async def test_a_preview_changes_nothing_and_is_refused_as_the_change_would_be(
    app: Running, student: Caller
) -> None:
    nothing = await student.wish("preview", tier="pro")
    assert (nothing.status_code, problem(nothing)["code"]) == (404, "not_found")
    await student.subscribe("pro")
    head = await app.services.store.head()
    assert problem(await student.wish("preview", tier="pro"))["code"] == "same_plan"
    assert problem(await student.wish("preview", tier="free"))["code"] == "unknown_tier"
    assert (await student.wish("preview", tier="enterprise", interval="year")).status_code == 200
    assert await app.services.store.head() == head


async def test_a_cancellation_is_for_the_end_of_the_period_and_can_be_taken_back(student: Caller) -> None:
    made = (await student.subscribe()).json()
    canceling = await student.wish("cancel", reason="too expensive", key="c")
    assert (canceling.status_code, canceling.json()["cancel_at"]) == (200, made["period_end"])
    assert canceling.json()["status"] == "active"
    twice = await student.wish("cancel")
    assert (twice.status_code, twice.json()["cancel_at"]) == (200, made["period_end"])
    kept = await student.wish("resume", key="k")
    assert (kept.status_code, kept.json()["cancel_at"]) == (200, None)
    nothing = await student.wish("resume")
    assert (nothing.status_code, problem(nothing)["code"]) == (409, "not_paused")


async def test_a_repeat_is_what_it_was_though_by_now_it_would_be_something_else(
    app: Running, student: Caller
) -> None:
    """The wish to keep it, sent again when no answer was stored, is no wish to end a pause."""
    await student.subscribe()
    await student.wish("cancel")
    await student.wish("resume", key="k")
    async with app.services.reading() as connection:
        await connection.execute("DELETE FROM idempotency_keys")
    again = await student.wish("resume", key="k")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")


async def test_canceled_at_once_it_is_over_and_one_can_begin_anew(student: Caller) -> None:
    await student.subscribe()
    over = await student.wish("cancel", at_once=True)
    assert (over.status_code, over.json()["status"]) == (200, "canceled")
    assert (await current(student))["subscription"] is None
    late = await student.wish("pause")
    assert (late.status_code, problem(late)["code"]) == (409, "subscription_ended")
    assert (await student.subscribe()).status_code == 201


async def test_a_pause_takes_the_features_and_gives_them_back(student: Caller) -> None:
    await student.subscribe()
    paused = await student.wish("pause")
    assert (paused.status_code, paused.json()["status"]) == (200, "paused")
    plan = await current(student)
    lost = next(each for each in plan["features"] if each["feature"] == "sell_courses")
    assert (plan["tier"], lost["reason"]) == ("free", "not_live")
    assert (await student.wish("resume")).json()["status"] == "active"
    assert (await current(student))["tier"] == "pro"


async def test_another_card_is_charged_from_now_on(student: Caller) -> None:
    await student.subscribe()
    changed = await student.wish("payment-method", method="PUT", payment_method="pm_new")
    assert (changed.status_code, changed.json()["payment_method"]) == (200, "pm_new")
    refused = await student.wish("payment-method", method="PUT", payment_method="pm_rejected")
    assert (refused.status_code, problem(refused)["code"]) == (402, "card_declined")
    assert (await current(student))["subscription"]["payment_method"] == "pm_new"


async def test_what_takes_longer_than_a_caller_waits_is_202(open_app: OpenApp, stripe: FakeStripe) -> None:
    app = await open_app(deliver_inline_timeout_s=0.05)
    student = app.caller("usr_1", "student")
    await student.subscribe()
    stripe.hold = asyncio.Event()
    answer = await student.wish("pause")
    assert answer.status_code == 202, answer.text
    assert answer.json()["unanswered"] == {"request": "pause", "status": "requested"}
    meanwhile = await student.wish("cancel")
    assert (meanwhile.status_code, problem(meanwhile)["code"]) == (409, "request_in_progress")
    stripe.hold.set()


async def test_an_admin_sees_and_changes_anybodys_and_a_stranger_nobodys(
    student: Caller, other: Caller, admin: Caller
) -> None:
    await student.subscribe()
    theirs = {"user_id": "usr_student"}
    for what in ("cancel", "pause", "resume"):
        refused = await other.wish(what, **theirs)
        assert (refused.status_code, problem(refused)["code"]) == (404, "not_found")
    assert (await other.get("/api/subscriptions/current?user_id=usr_student")).status_code == 404
    seen = await admin.get("/api/subscriptions/current?user_id=usr_student")
    assert (seen.json()["user_id"], seen.json()["tier"]) == ("usr_student", "pro")
    done = await admin.wish("cancel", **theirs)
    assert (done.status_code, done.json()["user_id"]) == (200, "usr_student")


async def test_a_past_due_plan_counts_for_its_grace(
    app: Running, student: Caller, stripe: FakeStripe
) -> None:
    made = (await student.subscribe()).json()
    await stripe.billing.show(made["subscription_id"], status="past_due", past_due_since=stripe.now())
    plan = await current(student)
    since = datetime.fromisoformat(plan["subscription"]["past_due_since"])
    assert datetime.fromisoformat(plan["subscription"]["grace_until"]) == since + timedelta(days=7)
    assert plan["tier"] == "pro"
    stripe.offset = timedelta(days=8)
    after = await current(student)
    lost = next(each for each in after["features"] if each["feature"] == "sell_courses")
    assert (after["tier"], lost["reason"]) == ("free", "payment_overdue")


async def test_what_was_changed_at_stripe_is_shown_with_what_it_costs(
    app: Running, student: Caller, stripe: FakeStripe
) -> None:
    made = (await student.subscribe()).json()
    await stripe.billing.show(made["subscription_id"], quantity=3, other_items=1, others_minor=500)
    shown = (await current(student))["subscription"]
    assert (shown["price_minor"], shown["quantity"], shown["others_minor"]) == (999, 3, 500)
    assert (shown["interval_minor"], shown["not_followed"]) == (3_497, None)
    stripe.billing.waiting_minor = 2 * 999  # two more of it wait for the next invoice
    told = (await student.wish("preview", tier="enterprise")).json()
    assert (told["quantity"], told["waited_minor"]) == (3, 0)
    assert abs(told["expected_minor"] - 3 * (9_900 - 999)) <= 3


async def test_what_is_billed_by_no_plan_of_ours_is_told_to_user_and_operator(
    app: Running, student: Caller, stripe: FakeStripe
) -> None:
    made = (await student.subscribe()).json()
    other: Any = {"tier": "", "price_minor": 700, "not_followed": "price_without_tier"}
    await stripe.billing.show(made["subscription_id"], **other)
    shown = await current(student)
    why = shown["subscription"]["not_followed"]
    assert (shown["tier"], why["code"]) == ("pro", "price_without_tier"), "who pays keeps the plan"
    for refused in (await student.wish("preview", tier="enterprise"), await upgrade_blind(student)):
        assert (refused.status_code, problem(refused)["code"]) == (409, "billed_otherwise")
        assert problem(refused)["detail"] == why["detail"]
    await app.projected()
    health = (await app.client.get("/readyz")).json()
    assert health["worrying"] == [
        "1 subscription is billed by none of our plans: `liberation doctor` names them"
    ]
    assert (await student.wish("cancel")).status_code == 200


async def upgrade_blind(caller: Caller) -> Any:
    """Without a preview."""
    echo: Any = {"proration_at": datetime.now(UTC).isoformat(), "expected_minor": 1}
    return await caller.wish("update", method="PUT", tier="enterprise", interval="month", **echo)
