"""The OpenAPI document tells the truth, and the page made from it needs nobody else."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import pytest

from api.access import TABLE
from api.gate import IDEMPOTENT
from tests.api.support import Running


@pytest.fixture
async def document(app: Running) -> dict[str, Any]:
    answer = await app.client.get("/schema/openapi.json")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


async def test_every_operation_says_who_may_call_it_and_what_goes_wrong(document: dict[str, Any]) -> None:
    for access in TABLE:
        operation = document["paths"][access.path][access.method.lower()]
        assert operation["operationId"] == access.operation
        assert bool(operation["security"]) is bool(access.roles)
        for status, response in operation["responses"].items():
            assert "Ledger-Position" in response["headers"]
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], (access, status)


async def test_bodies_refuse_unknown_fields(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for access in TABLE:
        body = document["paths"][access.path][access.method.lower()].get("requestBody")
        if body is None or access.signature:
            continue
        name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert schemas[name]["additionalProperties"] is False, name


async def test_what_changes_money_needs_a_key(app: Running, document: dict[str, Any]) -> None:
    from api.app import HANDLERS  # importing it is what composes the application

    idempotent = {handler.operation_id for handler in HANDLERS if handler.opt.get(IDEMPOTENT)}
    assert idempotent == {
        "processPayment",
        "refundPayment",
        "savePaymentMethod",
        "createSubscription",
        "updateSubscription",
        "changeSubscriptionPaymentMethod",
        "pauseSubscription",
        "resumeSubscription",
        "cancelSubscription",
        "creditInvoice",
        "payInvoice",
    }
    for access in TABLE:
        parameters = document["paths"][access.path][access.method.lower()].get("parameters", [])
        key = [each for each in parameters if each["name"] == "Idempotency-Key"]
        assert bool(key) is (access.operation in idempotent)
        assert all(each["required"] for each in key)


async def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for name, schema in document["components"]["schemas"].items():
        whole = {**schema, "components": document["components"]}
        jsonschema_rs.meta.validate({**whole, "$schema": "https://json-schema.org/draft/2020-12/schema"})
        assert name


async def test_the_page_shows_everything_and_asks_nobody_else(app: Running) -> None:
    page = await app.client.get("/schema")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for access in TABLE:
        assert f'id="{access.operation}"' in page.text
    loaded = re.findall(r'(?:src|href)="([^"#]+)"', page.text)
    assert set(loaded) == {"/schema/openapi.json", "/schema/reference.css"}
    assert "<script" not in page.text
    assert "style=" not in page.text
    anchors = set(re.findall(r'href="#([^"]+)"', page.text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', page.text))
    style = await app.client.get("/schema/reference.css")
    assert style.headers["content-type"].startswith("text/css")
    assert "http" not in style.text
