"""Holds every answer that the tests get against what the served OpenAPI document promises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
import jsonschema_rs

from api.http.access import TABLE

_PATHS = [(access.path, access.method, re.sub(r"\{\w+\}", "[^/]+", access.path)) for access in TABLE]
_validators: dict[tuple[str, str, str], Any] = {}
"""By path, method and status: the document is the same in all tests, and making one takes a while."""


class Promised:
    """A hook of httpx: fails when the answer's status, its media type or its body is not documented."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document

    async def __call__(self, answer: httpx.Response) -> None:
        await answer.aread()
        check(self._document, answer)


def check(document: Mapping[str, Any], answer: httpx.Response) -> None:
    request = answer.request
    method = "GET" if request.method == "HEAD" else request.method
    path = _path(request.url.path, method)
    if path is None:
        assert answer.status_code in {204, 404, 405, 501}, _about(answer)
        return
    status = str(answer.status_code)
    responses = document["paths"][path][method.lower()]["responses"]
    assert status in responses, f"{_about(answer)} is not documented, only {sorted(responses)}"
    content = responses[status].get("content", {})
    media_type = answer.headers.get("content-type", "").partition(";")[0]
    if not answer.content:
        assert request.method == "HEAD" or not content, f"{_about(answer)} has no body"
        return
    assert media_type in content, f"{_about(answer)} is {media_type}, not {sorted(content)}"
    if media_type.endswith("json"):
        validator(document, path, method, status).validate(answer.json())


def validator(document: Mapping[str, Any], path: str, method: str, status: str) -> Any:
    key = (path, method, status)
    if key not in _validators:
        content = document["paths"][path][method.lower()]["responses"][status]["content"]
        schema = next(form["schema"] for name, form in content.items() if name.endswith("json"))
        whole = {**schema, "components": document["components"]}
        _validators[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return _validators[key]


def _path(address: str, method: str) -> str | None:
    """The template that it fits, those without parameters first."""
    exact = [path for path, of, _ in _PATHS if path == address]
    if exact:
        return exact[0] if any((path, of) == (address, method) for path, of, _ in _PATHS) else None
    return next(
        (path for path, of, pattern in _PATHS if of == method and re.fullmatch(pattern, address)), None
    )


def _about(answer: httpx.Response) -> str:
    return f"{answer.status_code} of {answer.request.method} {answer.request.url.path}"
