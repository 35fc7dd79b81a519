"""What support looks up: by Stripe's id, and everybody's customers, subscriptions, payouts and disputes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from api.lookups.finding import PREFIXES
from ledger.store import conninfo
from tests.api.filling import columns, fill, without_checks
from tests.api.support import Caller, Running, problem

TABLES = (
    "payments",
    "refunds",
    "disputes",
    "customers",
    "subscriptions",
    "invoices",
    "invoice_parts",
    "credit_notes",
    "invoice_disputes",
    "instructor_payouts",
    "connected_accounts",
)
IDS = {
    "payments": {"payment_id": "pay_1", "payment_intent_id": "pi_1", "charge_id": "ch_1"},
    "refunds": {"refund_id": "re_ours", "payment_id": "pay_1", "stripe_refund_id": "re_1"},
    "disputes": {"dispute_id": "du_1", "payment_id": "pay_1", "status": "lost"},
    "customers": {"stripe_customer_id": "cus_1"},
    "subscriptions": {"subscription_id": "sub_ours", "stripe_subscription_id": "sub_1", "status": "active"},
    "invoices": {"stripe_invoice_id": "in_1", "payment_intent_id": "pi_2", "charge_id": "py_2"},
    "invoice_parts": {"stripe_invoice_id": "in_1", "charge_id": "py_3"},
    "credit_notes": {
        "stripe_invoice_id": "in_1",
        "stripe_credit_note_id": "cn_1",
        "stripe_refund_id": "pyr_1",
    },
    "invoice_disputes": {"dispute_id": "dp_1", "payment_id": "in_1", "status": "lost"},
    "instructor_payouts": {"payout_id": "ipo_1", "transfer_id": "tr_1", "status": "reserved"},
    "connected_accounts": {"account_id": "acc_1", "stripe_account_id": "acct_1"},
}
EXPECTED = {
    "pi_1": ("payment", "pay_1", "/api/payments/pay_1"),
    "ch_1": ("payment", "pay_1", "/api/payments/pay_1"),
    "re_1": ("refund", "re_ours", "/api/refunds/re_ours"),
    "du_1": ("dispute", "du_1", "/api/disputes/du_1"),
    "cus_1": ("customer", "usr_ann", "/api/payments/history?user_id=usr_ann"),
    "sub_1": ("subscription", "sub_ours", "/api/subscriptions/current?user_id=usr_ann"),
    "in_1": ("invoice", "in_1", "/api/invoices/in_1"),
    "pi_2": ("invoice", "in_1", "/api/invoices/in_1"),
    "py_2": ("invoice", "in_1", "/api/invoices/in_1"),
    "py_3": ("invoice", "in_1", "/api/invoices/in_1"),
    "cn_1": ("invoice", "in_1", "/api/invoices/in_1"),
    "pyr_1": ("invoice", "in_1", "/api/invoices/in_1"),
    "dp_1": ("dispute", "dp_1", "/api/disputes/dp_1"),
    "tr_1": ("payout", "ipo_1", "/api/payouts/ipo_1"),
    "acct_1": ("account", "acc_1", "/api/instructor/account?user_id=usr_ann"),
}


@pytest.fixture
def filled(app: Running) -> Iterator[Connection[Any]]:
    """A row in each table, of usr_ann."""
    with psycopg.connect(conninfo(app.services.database_url, role=None), autocommit=True) as owner:
        without_checks(owner)
        shapes = columns(owner)
        for table in TABLES:
            fill(owner, table, shapes[table], "usr_ann", 0, "x", IDS[table])
        yield owner


@pytest.mark.usefixtures("filled")
async def test_whatever_has_an_id_at_stripe_is_found_by_it(service: Caller) -> None:
    assert {one[: one.index("_") + 1] for one in EXPECTED} == set(PREFIXES)
    for stripe_id, (kind, id_, href) in EXPECTED.items():
        found = await service.get(f"/api/stripe/{stripe_id}")
        assert found.json() == {
            "stripe_id": stripe_id,
            "kind": kind,
            "id": id_,
            "user_id": "usr_ann",
            "href": href,
        }


async def test_lists_of_everybody_are_an_administrators(admin: Caller, filled: Connection[Any]) -> None:
    filled.execute("INSERT INTO customers VALUES ('usr_ben', 'cus_2'), ('usr_cat', 'cus_3')")
    first = (await admin.get("/api/customers", params={"limit": 2})).json()
    assert [one["user_id"] for one in first["items"]] == ["usr_ann", "usr_ben"]
    rest = (await admin.get("/api/customers", params={"cursor": first["next_cursor"]})).json()
    assert ([one["user_id"] for one in rest["items"]], rest["has_more"]) == (["usr_cat"], False)
    began = "2026-01-01T00:00:00Z"
    for path, name in (
        ("/api/subscriptions", "subscription_id"),
        ("/api/payouts", "payout_id"),
        ("/api/disputes", "dispute_id"),
    ):
        everything = (await admin.get(path)).json()["items"]
        assert {one["position"] for one in everything} == {100}, path
        since = (await admin.get(path, params={"from": began})).json()["items"]
        assert [one[name] for one in since] == [one[name] for one in everything]
        assert (await admin.get(path, params={"to": began})).json()["items"] == [], path
    for query, number in (({"status": "active"}, 1), ({"status": "canceled"}, 0), ({"tier": "free"}, 0)):
        found = (await admin.get("/api/subscriptions", params=query)).json()["items"]
        assert len(found) == number, query


async def test_what_is_no_id_of_stripes_is_said(refusing: Running) -> None:
    admin = refusing.caller("usr_admin", "admin")
    for stripe_id, status in (("pi_none", 404), ("pm_1", 422), ("x", 422)):
        answer = await admin.get(f"/api/stripe/{stripe_id}")
        assert answer.status_code == status, problem(answer)
    student = refusing.caller("usr_ann", "student")
    for path in ("/api/stripe/pi_1", "/api/customers", "/api/subscriptions"):
        assert (await student.get(path)).status_code == 403
