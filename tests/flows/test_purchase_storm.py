"""What only one may have, asked for from everywhere at once at two services on one database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.flows import market
from tests.flows.chaos import City
from tests.flows.chaos_audit import sound

pytestmark = pytest.mark.postgres

TIMES = 20
SEATS, DEVICES = 10, 100
LICENSES = "/api/enterprise/licenses"
UPLOADS = 5
"""A month, in the plan of the instructor."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with City(tmp_path_factory.mktemp("rush"), seed=0, nodes=2) as opened:
        yield opened


def test_of_twenty_purchases_by_one_learner_at_two_services_one_is_charged(city: City) -> None:
    first = city.node.service
    course_id = market.course(first)
    services = [city.nodes[number % 2].service for number in range(TIMES)]
    with ThreadPoolExecutor(TIMES) as tabs:
        answers = list(
            tabs.map(
                lambda numbered: market.buy(numbered[1], course_id, "usr_ann", key=f"tab {numbered[0]}"),
                enumerate(services),
            )
        )
    codes = Counter(one.json().get("code", "") for one in answers)
    assert codes[""] == 1, codes
    assert set(codes) <= {"", "purchase_in_progress", "already_enrolled"}
    city.settle(catch_up=False)
    found = first.get("/api/enrolments", user="usr_ann", role="student")["items"]
    assert [one["status"] for one in found] == ["active"]
    ours = [one for one in city.stripe.all("charges") if one["metadata"].get("user_id") == "usr_ann"]
    assert [(one["status"], one["amount"]) for one in ours] == [("succeeded", 4900)]
    assert sound(city) == []


def test_of_two_uploads_at_two_services_with_one_slot_left_one_is_accepted(city: City) -> None:
    author = "usr_ola"
    market.may_sell(city.node.service, author)
    for number in range(UPLOADS - 1):
        assert market.upload(city.node.service, f"before {number}", user=author).status_code == 201
    with ThreadPoolExecutor(2) as tabs:
        answers = list(tabs.map(lambda node: market.upload(node.service, node.url, user=author), city.nodes))
    assert sorted(one.status_code for one in answers) == [201, 403]
    [refused] = [one.json() for one in answers if one.status_code == 403]
    assert (refused["code"], refused["used"], refused["limit"]) == ("upload_limit_reached", UPLOADS, UPLOADS)
    city.settle(catch_up=False)
    found = city.node.service.get("/api/instructor/courses", user=author, role="instructor")["items"]
    assert len(found) == UPLOADS


def test_of_a_hundred_devices_at_two_services_ten_have_the_ten_seats(city: City) -> None:
    licence_id, key = licence(city)
    with ThreadPoolExecutor(DEVICES) as devices:
        answers = list(devices.map(lambda number: claim(city, key, number), range(DEVICES)))
    assert Counter(one.status_code for one in answers) == {201: SEATS, 409: DEVICES - SEATS}
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"seats_exceeded"}
    city.settle(catch_up=False)
    seats = city.node.service.get(f"{LICENSES}/{licence_id}/seats", limit="100")["items"]
    given = {one.json()["seat_id"] for one in answers if one.status_code == 201}
    assert {one["seat_id"] for one in seats} == given
    repeated = [claim(city, key, number) for number, one in enumerate(answers) if one.status_code == 201]
    assert [(one.status_code, one.json()["seat_id"] in given) for one in repeated] == [(200, True)] * SEATS


def licence(city: City) -> tuple[str, str]:
    """One with few seats: its id, and its key as its managers are shown it."""

    def do(path: str, **body: Any) -> Any:
        done = city.node.service.post(f"/api/enterprise/{path}", body, user="usr_root", role="admin")
        assert done.is_success, done.text
        return done.json()

    org_id = do("organisations", name="Acme", owner_id="usr_eve")["org_id"]
    custom = {"year_minor": 1_000, "seats": SEATS}
    licence_id = do("licenses/create", org_id=org_id, tier="custom", custom=custom)["licence_id"]
    do(f"licenses/{licence_id}/activate")
    return licence_id, do(f"licenses/{licence_id}/reveal")["key"]


def claim(city: City, key: str, number: int) -> httpx.Response:
    """By the how manyth device, each at one service or the other in turn."""
    service = city.nodes[number % 2].service
    credential = service.credential(f"usr_device_{number}")
    headers = {"Authorization": f"Bearer {credential}", "Licence-Key": key}
    body = {"fingerprint": f"device-{number}"}
    return service.client.post(f"{service.url}{LICENSES}/activate", json=body, headers=headers)
