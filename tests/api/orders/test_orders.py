"""Courses for an organisation's members over HTTP: previewed, ordered on one invoice, paid and given back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from ledger.ids import new_id
from ledger.licences.terms import INVOICE, Billing
from tests.api.orders.conftest import Buyer
from tests.api.orders.ways import PLACED, order_of
from tests.api.organisations.conftest import Person, found, told

ORDERS = "/api/enterprise/orders"


async def test_a_preview_shows_what_it_costs_and_whom_it_leaves_out(buyer: Buyer) -> None:
    one, other = await buyer.course(), await buyer.course(price_minor=10_000)
    (ann, ben), free = buyer.members, await buyer.course()
    assert (await ann.caller.buy(one)).status_code == 201
    head = await buyer.app.services.store.head()
    shown = (await buyer.preview(one, other, by=buyer.root, tax_bp=2_000)).json()
    assert {
        line["course_id"]: (line["members"], line["net_minor"], line["tax_minor"]) for line in shown["lines"]
    } == {
        one: (1, 4_900, 980),
        other: (2, 20_000, 4_000),
    }
    assert shown["left_out"] == [{"course_id": one, "user_id": ann.id, "reason": "already_enrolled"}]
    assert (shown["net_minor"], shown["tax_minor"], shown["total_minor"]) == (24_900, 4_980, 29_880)
    assert (shown["currency"], shown["on_terms"]) == ("usd", True)
    assert await buyer.app.services.store.head() == head, "nothing is recorded"
    at = await buyer.school.class_of(ben)
    of_class = await buyer.preview(free, members=None, class_id=at.rpartition("/")[2])
    assert (of_class.json()["total_minor"], of_class.json()["on_terms"]) == (4_900, False)


async def test_without_terms_the_members_have_their_courses_when_the_last_part_is_paid(buyer: Buyer) -> None:
    course_id = await buyer.course()
    order = await buyer.ordered(course_id)
    order_id, (ann, ben) = order["order_id"], buyer.members
    assert (order["status"], order["open_minor"], order["released"]) == ("open", 9_800, False)
    assert order["due_at"] == order["issued_at"]
    assert {item["status"] for item in order["items"]} == {"ordered"}
    part = await buyer.pay(order_id, 9_799)
    assert (part.status_code, part.json()["open_minor"]) == (200, 1)
    assert await buyer.courses_of(ann) == {}
    assert await buyer.booked(buyer.author) == {}, "nobody is owed for what nobody has"
    paid = await buyer.pay(order_id, 1)
    assert (paid.json()["status"], paid.json()["released"]) == ("settled", True)
    assert await buyer.courses_of(ann) == await buyer.courses_of(ben) == {course_id: "active"}
    assert await buyer.booked(buyer.author) == {"2100": -6_860}
    assert await buyer.booked(buyer.school.id) == await buyer.booked(order_id) == {}
    assert await buyer.earned() == 6_860, "pending, as after any sale"


async def test_with_a_live_licence_they_have_them_at_once_and_it_is_among_the_receivables(
    buyer: Buyer,
) -> None:
    course_id = await buyer.course()
    assert told(await buyer.order(course_id, net_days=30)) == (403, "terms_not_offered")
    await buyer.licensed()
    of_licence = await _receivables(buyer)
    order = await buyer.ordered(course_id, net_days=30)
    assert (order["released"], order["open_minor"], order["net_days"]) == (True, 9_800, 30)
    assert {item["status"] for item in order["items"]} == {"given"}
    for one in buyer.members:
        assert await buyer.courses_of(one) == {course_id: "active"}
    (enrolment,) = await buyer.members[0].listed("/api/enrolments")
    assert (enrolment["order_id"], enrolment["payment_id"]) == (order["order_id"], "")
    assert await _receivables(buyer) == of_licence + 9_800 == (await buyer.booked(buyer.school.id))["1100"]
    await buyer.pay(order["order_id"], 4_900)
    assert await _receivables(buyer) == of_licence + 4_900
    assert await buyer.booked(buyer.author) == {"2100": -3_430}


async def test_terms_are_no_longer_than_the_licences_and_end_with_its_term_or_an_overdue_invoice(
    buyer: Buyer,
) -> None:
    course_id = await buyer.course()
    await buyer.licensed(billing=Billing(kind=INVOICE, net_days=14))
    shown = (await buyer.preview(course_id)).json()
    assert (shown["on_terms"], shown["net_days_max"]) == (True, 14)
    assert await _no_terms(buyer, course_id, 30) == (
        "This organisation has 14 days to pay; only an administrator gives longer."
    )
    assert (await buyer.preview(course_id, by=buyer.root)).json()["net_days_max"] == 60
    long_ago = buyer.app.services.now() - timedelta(days=40)
    await order_of(buyer.app.services, PLACED, buyer.school.id, at=long_ago)
    await buyer.app.projected()
    assert (await buyer.preview(course_id)).json()["on_terms"], "what is paid first is not overdue"
    await order_of(buyer.app.services, PLACED, buyer.school.id, at=long_ago, net_days=30)
    await buyer.app.projected()
    assert (await buyer.preview(course_id)).json()["on_terms"] is False
    assert "is overdue" in await _no_terms(buyer, course_id, 14)
    lapsing = Buyer(await found(buyer.app), [])
    lapsing.members = [await lapsing.school.join(Person(buyer.app))]
    await lapsing.licensed(at=buyer.app.services.now() - timedelta(days=367))
    assert "is over, and not renewed" in await _no_terms(lapsing, course_id, 14)
    assert (await lapsing.order(course_id, by=buyer.root, net_days=60)).status_code == 201


async def _no_terms(buyer: Buyer, course_id: str, net_days: int) -> str:
    """Why not."""
    refused = await buyer.order(course_id, net_days=net_days)
    assert told(refused) == (403, "terms_not_offered")
    return str(refused.json()["detail"])


async def test_an_order_is_taxed_by_the_highest_of_the_live_licences_that_are_invoiced(buyer: Buyer) -> None:
    course_id = await buyer.course()
    for tax_bp in (700, 1_900, 1_000):
        await buyer.licensed(billing=Billing(kind=INVOICE, net_days=30, tax_bp=tax_bp))
    await buyer.licensed(billing=Billing())
    assert (await buyer.preview(course_id)).json()["tax_minor"] == 2 * 931


async def _receivables(buyer: Buyer) -> int:
    """What the organisation owes, by age and all together."""
    report = (await buyer.root.get("/api/revenue/receivables")).json()
    (total,) = report["totals"]
    assert total["total_minor"] == sum(one["total_minor"] for one in report["items"])
    assert total["current_minor"] == sum(one["current_minor"] for one in report["items"])
    of = [one for one in report["items"] if one["org_id"] == buyer.school.id]
    assert all(one["current_minor"] == one["total_minor"] and one["org_name"] == "Lakeside" for one in of)
    return sum(one["total_minor"] for one in of)


async def test_orders_are_listed_with_what_is_open_and_shown_with_their_items(buyer: Buyer) -> None:
    course_id = await buyer.course()
    first = await buyer.ordered(course_id, by=buyer.root, net_days=14, tax_bp=1_000)
    second = await buyer.ordered(await buyer.course())
    listed = await buyer.owner.listed(f"{buyer.school.at}/orders")
    assert [one["order_id"] for one in listed] == [second["order_id"], first["order_id"]]
    assert (listed[1]["number"], listed[1]["open_minor"]) == (first["number"], 10_780)
    shown = (await buyer.owner.get(f"{ORDERS}/{first['order_id']}")).json()
    assert {name: shown[name] for name in first if name != "left_out"} == {
        name: one for name, one in first.items() if name != "left_out"
    }
    assert {item["user_id"] for item in shown["items"]} == {one.id for one in buyer.members}
    assert {(item["price_minor"], item["tax_minor"]) for item in shown["items"]} == {(4_900, 490)}


async def test_finance_finds_all_orders_by_what_is_open_and_by_organisation(buyer: Buyer) -> None:
    other = Buyer(await found(buyer.app), [])
    other.members = [await other.school.join(Person(buyer.app))]
    paid, unpaid = await buyer.ordered(await buyer.course()), await buyer.ordered(await buyer.course())
    of_other = await other.ordered(await other.course())
    await buyer.pay(paid["order_id"], paid["open_minor"])
    listed = await buyer.root.listed(ORDERS)
    assert [one["order_id"] for one in listed][:3] == [one["order_id"] for one in (of_other, unpaid, paid)], (
        "the newest first"
    )
    assert (listed[1]["org_id"], listed[1]["org_name"]) == (buyer.school.id, "Lakeside")
    is_open = await buyer.root.listed(ORDERS, open="true")
    assert [one["order_id"] for one in is_open][:2] == [of_other["order_id"], unpaid["order_id"]]
    assert all(one["open_minor"] for one in is_open)
    of_one = await buyer.root.listed(ORDERS, open="true", org_id=buyer.school.id)
    assert [one["order_id"] for one in of_one] == [unpaid["order_id"]]
    assert told(await buyer.owner.get(ORDERS)) == (403, "forbidden")


async def test_another_organisations_order_looks_unknown(buyer: Buyer) -> None:
    course_id = await buyer.course()
    order_id = (await buyer.ordered(course_id))["order_id"]
    other = Buyer(await found(buyer.app), [])
    member = buyer.members[0]
    assert await other.owner.listed(f"{other.school.at}/orders") == []
    plain = Person(buyer.app, "enterprise")
    await buyer.school.join(plain)
    for stranger in (other.owner, plain):
        assert told(await stranger.get(f"{ORDERS}/{order_id}")) == (404, "not_found")
        assert told(await stranger.get(f"{buyer.school.at}/orders")) == (404, "not_found")
        assert told(await buyer.order(course_id, by=stranger)) == (404, "not_found")
        assert told(await buyer.preview(course_id, by=stranger)) == (404, "not_found")
    assert told(await member.get(f"{ORDERS}/{order_id}")) == (403, "forbidden")
    assert told(await buyer.owner.post(f"{ORDERS}/{order_id}/payments")) == (403, "forbidden")
    for unknown in ("ord_none", "x"):
        assert told(await buyer.owner.get(f"{ORDERS}/{unknown}")) == (404, "not_found")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"members": None}, (422, "unprocessable")),
        ({"class_id": "cls_1"}, (422, "unprocessable")),
        ({"members": None, "class_id": "cls_none"}, (422, "unprocessable")),
        ({"members": ["usr_stranger"]}, (422, "unprocessable")),
        ({"courses": ["crs_none"]}, (404, "not_found")),
        ({"tax_bp": 1_900}, (403, "forbidden")),
        ({"net_days": 31}, (422, "invalid_body")),
        ({"courses": []}, (422, "invalid_body")),
        ({"expected_minor": 9_799}, (409, "order_price_changed")),
    ],
)
async def test_what_cannot_be_meant_is_not_ordered(
    buyer: Buyer, changes: dict[str, Any], code: tuple[int, str]
) -> None:
    course_id = await buyer.course()
    status, said = told(await buyer.order(course_id, **{"expected_minor": 9_800, **changes}))
    assert status == code[0], said
    if code[1] not in {"unprocessable", "invalid_body"}:
        assert said == code[1]


async def test_what_is_not_sold_so_is_not_ordered(buyer: Buyer) -> None:
    free, euros = await buyer.course(price_minor=0), await buyer.course(currency="eur")
    course_id = await buyer.course()
    draft = await buyer.course()
    refused = await buyer.preview(course_id, free)
    assert told(refused) == (409, "course_not_for_sale")
    assert refused.json()["detail"].startswith(
        f"The course 'Statistics' ({free}) cannot be ordered. This course is free"
    ), "it is one of several"
    assert told(await buyer.preview(course_id, euros)) == (409, "several_currencies")
    assert told(await buyer.order(course_id, euros)) == (409, "several_currencies")
    author = buyer.app.caller(buyer.author, "instructor")
    assert (
        await author("POST", f"/api/courses/{draft}/archive", key=new_id("key"), json={})
    ).status_code == 200
    assert told(await buyer.preview(draft))[0] in {404, 409}
    catalogue = buyer.app.services.catalogue
    limits = replace(catalogue.organisations, order_items=1)
    buyer.app.replace(catalogue=replace(catalogue, organisations=limits))
    try:
        assert told(await buyer.preview(course_id)) == (422, "invalid_order")
    finally:
        buyer.app.replace(catalogue=catalogue)


async def test_twenty_at_once_with_one_key_are_one_order(buyer: Buyer) -> None:
    course_id, key = await buyer.course(), new_id("key")
    answers = await asyncio.gather(
        *(
            buyer.order(course_id, by=buyer.root, net_days=30, key=key, expected_minor=9_800)
            for _ in range(20)
        )
    )
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {one.json()["order_id"] for one in answers if one.status_code == 201} == {
        one["order_id"] for one in await buyer.owner.listed(f"{buyer.school.at}/orders")
    }
    assert (await buyer.booked(buyer.school.id))["1100"] == 9_800


async def test_who_has_the_course_meanwhile_falls_out_with_a_credit(buyer: Buyer) -> None:
    course_id, (ann, ben) = await buyer.course(), buyer.members
    order_id = (await buyer.ordered(course_id))["order_id"]
    assert (await ann.caller.buy(course_id)).status_code == 201
    paid = (await buyer.pay(order_id, 9_800)).json()
    assert (paid["credited_minor"], paid["owed_minor"], paid["open_minor"]) == (4_900, 4_900, 0)
    shown = (await buyer.owner.get(f"{ORDERS}/{order_id}")).json()
    assert {item["user_id"]: item["status"] for item in shown["items"]} == {
        ann.id: "dropped",
        ben.id: "given",
    }
    assert await buyer.booked(buyer.school.id) == {"2300": -4_900}
    body = {"amount_minor": 4_900, "reference": "SEPA 18", "paid_on": shown["issued_at"][:10]}
    back = await buyer.root.post(f"{ORDERS}/{order_id}/credit-transfers", **body)
    assert (back.status_code, back.json()["owed_minor"]) == (200, 0)
    assert told(await buyer.root.post(f"{ORDERS}/{order_id}/credit-transfers", **body)) == (
        409,
        "order_amount_too_large",
    )


async def test_who_left_keeps_what_was_given_and_is_given_nothing_more(buyer: Buyer) -> None:
    had, waits, (ann, ben) = await buyer.course(), await buyer.course(), buyer.members
    await buyer.ordered(had, by=buyer.root, net_days=14)
    order_id = (await buyer.ordered(waits))["order_id"]
    assert (await buyer.owner.delete(f"{buyer.school.at}/members/{ann.id}")).status_code in {200, 204}
    await buyer.pay(order_id, 9_800)
    assert await buyer.courses_of(ann) == {had: "active"}
    assert await buyer.courses_of(ben) == {had: "active", waits: "active"}
    shown = (await buyer.owner.get(f"{ORDERS}/{order_id}")).json()
    assert (shown["owed_minor"], {item["status"] for item in shown["items"]}) == (4_900, {"dropped", "given"})


async def test_an_item_is_given_back_before_and_after_it_is_had(buyer: Buyer) -> None:
    course_id, (ann, _) = await buyer.course(), buyer.members
    prepaid = await buyer.ordered(course_id)
    item = next(one for one in prepaid["items"] if one["user_id"] == ann.id)
    at = f"{ORDERS}/{prepaid['order_id']}/items/{item['item_id']}/return"
    dropped = await buyer.owner.post(at, reason="They are ill")
    assert (dropped.status_code, dropped.json()["status"]) == (200, "dropped")
    assert told(await buyer.owner.post(at, reason="They are ill")) == (409, "order_item_not_waiting")
    order = await buyer.ordered(course_id, by=buyer.root, net_days=14)
    item = next(one for one in order["items"] if one["user_id"] == ann.id)
    at = f"{ORDERS}/{order['order_id']}/items/{item['item_id']}/return"
    key = new_id("key")
    returned = await buyer.owner.post(at, key=key, reason="They are ill")
    again = await buyer.owner.post(at, key=key, reason="They are ill")
    assert (returned.status_code, returned.json()["status"]) == (200, "returned")
    assert again.json() == returned.json()
    assert (await buyer.courses_of(ann))[course_id] == "revoked"
    shown = (await buyer.owner.get(f"{ORDERS}/{order['order_id']}")).json()
    assert (shown["open_minor"], shown["credited_minor"]) == (4_900, 4_900)
    twice = await buyer.owner.post(at, reason="They are ill")
    assert told(twice) == (409, "order_item_not_waiting")
    assert "is returned already" in twice.json()["detail"]
    assert told(await buyer.owner.post(f"{ORDERS}/{order['order_id']}/items/oit_x/return", reason="x")) == (
        404,
        "not_found",
    )


async def test_what_is_written_off_takes_the_courses_that_nobody_paid(buyer: Buyer) -> None:
    course_id, (ann, ben) = await buyer.course(), buyer.members
    order = await buyer.ordered(course_id, by=buyer.root, net_days=14)
    order_id = order["order_id"]
    await buyer.pay(order_id, 5_000)
    lost = await buyer.root.post(f"{ORDERS}/{order_id}/write-off", reason="Bankrupt")
    assert (lost.status_code, lost.json()["status"], lost.json()["written_off_minor"]) == (
        200,
        "written_off",
        4_800,
    )
    found = {person.id: (await buyer.courses_of(person))[course_id] for person in (ann, ben)}
    assert sorted(found.values()) == ["active", "revoked"], "one of them is paid"
    assert await buyer.booked(buyer.school.id) == await buyer.booked(order_id) == {}
    assert await buyer.booked(buyer.author) == {"2100": -3_500}
    assert told(await buyer.root.post(f"{ORDERS}/{order_id}/write-off", reason="Bankrupt")) == (
        409,
        "order_not_open",
    )
    assert told(await buyer.pay(order_id, 1)) == (409, "order_not_open")


async def test_a_bank_transfer_is_of_a_day_on_which_it_was_owed(buyer: Buyer) -> None:
    order_id = (await buyer.ordered(await buyer.course()))["order_id"]
    tomorrow = (buyer.app.services.now() + timedelta(days=1)).date().isoformat()
    assert told(await buyer.pay(order_id, 1, received_on=tomorrow)) == (422, "invalid_order")
    assert told(await buyer.pay(order_id, 9_801)) == (409, "order_amount_too_large")
