"""A page for people, made on the server from the OpenAPI document.

It has no script and asks no other host for anything, so it works offline and under a strict
Content-Security-Policy. The usual viewers come from a CDN and want inline scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

import msgspec

from api.http.document import Json, operations
from api.http.problems import MEDIA_TYPE, phrase
from api.http.promises import Case, ProblemType, problem_types
from api.words import described

_ABOUT_PROBLEMS = """What the `code` of a problem document means, and what to do about it. Its `type` is the
code's address on this page. Of an answer that is not called final nothing is kept: the same `Idempotency-Key`
may be sent again, also with a corrected body."""
_FINAL = "It is final: a repeat with the same <code>Idempotency-Key</code> gets this answer again."


class Pages(msgspec.Struct, frozen=True):
    """What the API says of itself."""

    document: Json
    reference: str


def page(document: Json) -> str:
    schemas: Mapping[str, Json] = document["components"]["schemas"]
    found = list(operations(document))
    parts = [
        f"<h1>{escape(document['info']['title'])} <small>{escape(document['info']['version'])}</small></h1>",
        f"<p>{_prose(document['info']['description'])}</p>",
        '<p>As a machine reads it: <a href="/schema/openapi.json">openapi.json</a>.</p>',
        "<nav><ul>",
        *(
            f'<li><a href="#{op["operationId"]}">{_address(path, method)}</a></li>'
            for path, method, op in found
        ),
        "</ul></nav>",
        *(_operation(path, method, op) for path, method, op in found),
        "<h2>Types</h2>",
        *(_schema(name, schema) for name, schema in sorted(schemas.items())),
        "<h2>Problems</h2>",
        f"<p>{_prose(_ABOUT_PROBLEMS)}</p>",
        *(_problem(each) for each in problem_types()),
    ]
    title = escape(document["info"]["title"])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}: API reference</title><link rel="stylesheet" href="/schema/reference.css"></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _operation(path: str, method: str, operation: Json) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return "".join(
        (
            f'<section id="{operation["operationId"]}"><h2>{_address(path, method)}</h2>',
            f"<p><strong>{escape(operation['summary'])}.</strong> {_prose(operation['description'])}</p>",
            _table(
                ("Parameter", "In", "Type", ""),
                [_parameter(each) for each in operation.get("parameters", [])],
            ),
            f"<p>Body: {_type(body)}</p>" if body else "",
            _table(
                ("Status", "Answer", ""),
                [_response(*each) for each in sorted(operation["responses"].items())],
            ),
            "</section>",
        )
    )


def _parameter(parameter: Json) -> tuple[str, ...]:
    required = " <em>required</em>" if parameter.get("required") else ""
    return (
        f"<code>{escape(parameter['name'])}</code>{required}",
        escape(parameter["in"]),
        _type(parameter["schema"]),
        _prose(parameter.get("description", "")),
    )


def _response(status: str, response: Json) -> tuple[str, ...]:
    content = next(iter(response.get("content", {}).items()), None)
    shown = f"{_type(content[1]['schema'])} <small>{escape(content[0])}</small>" if content else ""
    description = _prose(response.get("description", ""))
    if content and content[0] == MEDIA_TYPE:
        description = re.sub(r"<code>(\w+)</code>", _link, description)
    return f"<code>{escape(status)}</code>", shown, description


def _link(code: re.Match[str]) -> str:
    """A link to the problem."""
    return f'<a href="#problem-{code[1]}">{code[0]}</a>'


def _schema(name: str, schema: Json) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            f"<code>{escape(field)}</code>{' <em>required</em>' if field in required else ''}",
            _type(of),
            _prose(of.get("description", "")),
        )
        for field, of in schema.get("properties", {}).items()
    ]
    described = f"<p>{_prose(schema['description'])}</p>" if "description" in schema else ""
    table = _table(("Field", "Type", ""), rows)
    return f'<section id="type-{escape(name)}"><h3>{escape(name)}</h3>{described}{table}</section>'


def _type(schema: Json) -> str:
    if "allOf" in schema:  # what comes after the first only says which codes
        schema = schema["allOf"][0]
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#type-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        values = [f"<code>{escape(str(value))}</code>" for value in schema["enum"] if value is not None]
        return " · ".join(values) + (" or null" if None in schema["enum"] else "")
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kinds = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return escape(kinds) + "".join(_bounds(schema))


def _bounds(schema: Json) -> Iterator[str]:
    signs = {"minimum": "≥", "maximum": "≤", "minLength": "length ≥", "maxLength": "length ≤"}
    for key, sign in signs.items():
        if key in schema:
            yield f", {sign} {escape(str(schema[key]))}"
    if "format" in schema:
        yield f", {escape(schema['format'])}"
    if "pattern" in schema:
        yield f", {escape(described(schema['pattern']))}"


def _problem(of: ProblemType) -> str:
    """The address that `type` of a problem document names."""
    code, status = escape(of.code), f"{of.status} {phrase(of.status)}"
    cases = "".join(_case(each) for each in of.cases)
    return (
        f'<section id="problem-{code}"><h3><code>{code}</code> <small>{escape(status)}</small></h3>'
        f"{cases}</section>"
    )


def _case(of: Case) -> str:
    final = "" if of.passing else f"<br>{_FINAL}"
    return f"<p>{_prose(of.cause)}<br><em>What to do:</em> {_prose(of.remedy)}{final}</p>"


def _table(head: Iterable[str], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    heads = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"


def _address(path: str, method: str) -> str:
    return f"<code>{escape(method.upper())} {escape(path)}</code>"


def _prose(text: Any) -> str:
    """Docstrings' backquotes become code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(str(text)))


STYLE = """\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 6rem; }
h1 small, h3 small, td small { font-weight: normal; opacity: .7; }
h2 { margin-top: 3rem; border-top: 1px solid #8886; padding-top: 1rem; }
nav ul { columns: 20rem; padding: 0; list-style: none; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; }
tr { border-bottom: 1px solid #8883; }
em { font-size: .8em; opacity: .8; }
:target { background: #fd62; }
"""
