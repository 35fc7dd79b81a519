"""What every call refuses alike: texts that are too long, ids that are empty, requests without a key."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from api.sandbox import Sandbox
from api.sandbox.errors import StripeError
from api.sandbox.forms import Params, convert
from api.sandbox.registry import Registry, Route
from api.sandbox.resources import ALL
from tests.api.sandbox.conftest import Description

ROUTES = [route for route in Registry(ALL).routes if not route.older]
USUAL = 5_000


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url) as opened:
        yield opened


def bearer(sandbox: Sandbox) -> dict[str, str]:
    return {"Authorization": f"Bearer {sandbox.api_key}"}


def documented(description: Description, route: Route) -> dict[str, Any]:
    """Each parameter's schema, by name."""
    shape = [part for part in route.path.split("/") if not part.startswith("{")]
    path = next(
        path
        for path in description.paths
        if [part for part in path.split("/") if not part.startswith("{")] == shape
        and path.count("/") == route.path.count("/")
        and [part.startswith("{") for part in path.split("/")]
        == [part.startswith("{") for part in route.path.split("/")]
    )
    operation = description.paths[path][route.method.lower()]
    contents = operation.get("requestBody", {}).get("content", {})
    form = contents.get("application/x-www-form-urlencoded", contents.get("multipart/form-data", {}))
    in_query = {one["name"]: one["schema"] for one in operation.get("parameters", [])}
    in_form: dict[str, Any] = form.get("schema", {}).get("properties", {})
    return in_query | in_form


def test_texts_may_be_as_long_as_documented(description: Description) -> None:
    wrong = [
        (route.method, route.path, field.encode_name, longest)
        for route in ROUTES
        for field in msgspec.structs.fields(route.params)
        for schema in [documented(description, route)[field.encode_name]]
        for longest in {one.get("maxLength") for one in schema.get("anyOf", [schema])} - {None}
        if route.params.longest.get(field.encode_name, USUAL) != longest
    ]
    assert wrong == []


class Words(Params, frozen=True, kw_only=True):
    name: str = ""
    nested: dict[str, Any] = msgspec.field(default_factory=dict)


@pytest.mark.parametrize(
    ("sent", "param"),
    [({"name": "a" * 5_001}, "name"), ({"nested": {"a": [{"b": "a" * 5_001}]}}, "nested[a][0][b]")],
)
def test_a_text_that_is_too_long_is_refused_in_stripes_words(sent: dict[str, Any], param: str) -> None:
    with pytest.raises(StripeError, match=r"a{10}\.\.\.a{10}; must be at most 5000 characters") as refused:
        convert(sent, Words)
    assert refused.value.error["param"] == param
    assert not refused.value.saved


def test_an_empty_id_is_told_from_a_list(http: httpx.Client, sandbox: Sandbox) -> None:
    for route in ROUTES:
        for name in ("{id}", "{part}"):
            if name not in route.path:
                continue
            path = route.path.replace(name, "").replace("{id}", "x").replace("{part}", "x")
            answer = http.request(route.method, path, headers=bearer(sandbox))
            assert answer.status_code == 404, path
            assert "(non-empty) identifier" in answer.json()["error"]["message"], path


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        ("Basic " + base64.b64encode(b"sk_test_any:").decode(), 200),
        ("basic " + base64.b64encode(b"sk_test_any").decode(), 200),
        ("Bearer sk_test_any", 200),
        ("Basic " + base64.b64encode(b"sk_live_any:").decode(), 401),
        ("Basic " + base64.b64encode(b":sk_test_any").decode(), 401),
        ("Basic !", 401),
        ("Basic", 401),
        ("Digest sk_test_any", 401),
        ("", 401),
    ],
)
def test_a_key_is_taken_as_bearer_or_as_the_user_of_http_basic(
    http: httpx.Client, authorization: str, status: int
) -> None:
    assert http.get("/v1/customers", headers={"Authorization": authorization}).status_code == status
