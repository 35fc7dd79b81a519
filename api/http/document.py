"""The OpenAPI document. Litestar makes most of it; here it is made to tell the truth.

What Litestar leaves out: that unknown fields are refused, who may call what, what is refused and why, the
headers that every answer has, and the preconditions that a request can state.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from http import HTTPStatus
from importlib.metadata import version
from inspect import cleandoc
from typing import Any

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, Schema, SecurityScheme
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from api.http.access import ACCESS, Access
from api.http.auth import API_KEY_TTL_S, LEEWAY_S
from api.http.behalf import HEADER
from api.http.preconditions import IDEMPOTENT
from api.http.problems import MEDIA_TYPE, phrase, status_of
from api.http.promises import ProblemSpec, Refusal, of_any_request
from api.http.scopes import ACT
from api.words import USER

TITLE = "Liberation"
BEARER = "bearer"
METHODS = frozenset({"get", "post", "put", "patch", "delete"})
NOT_MODIFIED = "304"
_BODILESS = frozenset({"204", NOT_MODIFIED})
MEDIA_TYPES = "media_types"
"""Key of a handler's `opt`: what it can answer with, where that is more than one."""
_COMPONENTS = Components(
    security_schemes={
        BEARER: SecurityScheme(
            type="http",
            scheme="bearer",
            description=(
                "A user's JWT (EdDSA or RS256 with sub, roles, aud, iss, exp) or a service's API key `lk_…`. "
                f"As clocks differ, a JWT holds until {LEEWAY_S} s after its `exp`, and from {LEEWAY_S} s "
                "before its `nbf`; an API key ends on time, and a revoked one "
                f"{API_KEY_TTL_S:.0f} s later at most."
            ),
        )
    }
)
_DESCRIPTION = """Payments as immutable facts. Amounts are integers in minor units, times are RFC 3339 with a
zone, errors are RFC 9457 problem documents with a stable `code`."""
_SCHEMAS = "#/components/schemas/"
_PROBLEM = {"$ref": f"{_SCHEMAS}Problem"}
_GENERIC = re.compile(r"(\w+)\[(\w+)\]")
"""The title of a generic type's schema: `Page[Payment]`."""
Json = dict[str, Any]

_REQUEST_HEADERS: tuple[Json, ...] = (
    {
        "name": "Ledger-Position",
        "in": "header",
        "required": False,
        "schema": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1},
        "description": "See at least this much: the value that a write answered with. Waits, else 503; "
        "422 when the ledger does not go so far.",
    },
)
_ON_BEHALF_OF: Json = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "pattern": USER},
    "description": f"The user for whom a service does this, by an API key with the scope {ACT}.",
}
_IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of what you have: 304 when it still holds.",
}
_SIGNATURE: Json = {
    "name": "Stripe-Signature",
    "in": "header",
    "required": True,
    "schema": {"type": "string"},
    "description": "`t=…,v1=…`: HMAC-SHA256 of stamp and body, at most 300 s from now.",
}
_RESPONSE_HEADERS: Json = {
    "Ledger-Position": {
        "schema": {"type": "integer"},
        "description": "Of the write, or of what the read has seen.",
    },
    "X-Request-Id": {"schema": {"type": "string"}, "description": "Yours, or one made here."},
}
PROVIDED = ("services", "pages")
"""What the application gives its handlers, by the names of their parameters: no part of a request."""
_ETAG: Json = {"ETag": {"schema": {"type": "string"}}}


class _Described(OpenAPISchemaPlugin):
    """What a type says of itself is said of its schema, which Litestar makes as it would without this."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        return not field_definition.is_union and field_definition.is_subclass_of(msgspec.Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        others = (one for one in schema_creator.plugins if isinstance(one, OpenAPISchemaPlugin))
        makes = next(
            one for one in others if one is not self and one.is_plugin_supported_field(field_definition)
        )
        schema: Schema = makes.to_openapi_schema(field_definition, schema_creator)
        of = field_definition.origin or field_definition.annotation
        if said := of.__dict__.get("__doc__"):
            schema.description = " ".join(cleandoc(said).split())
        return schema


def make(handlers: Sequence[HTTPRouteHandler]) -> Json:
    """From an application that is never served."""
    config = OpenAPIConfig(
        title=TITLE,
        version=version("liberation"),
        description=_DESCRIPTION,
        components=_COMPONENTS,
        use_handler_docstrings=True,
        path="/-",  # where Litestar would serve its own pages
    )
    provided = {name: Provide(lambda: None, sync_to_thread=False) for name in PROVIDED}
    app = Litestar(
        list(handlers),
        dependencies=provided,
        openapi_config=config,
        logging_config=None,
        plugins=[_Described()],
    )
    document: Json = app.openapi_schema.to_schema()
    by_operation = {str(handler.operation_id): handler for handler in handlers}
    for _, _, operation in operations(document):
        _say_what_is_refused(operation, by_operation[operation["operationId"]])
        _complete(operation, ACCESS[operation["operationId"]])
    _refuse_unknown_fields(document, handlers)
    _offer_media_types(document, handlers)
    _say_what_is_answered(document)
    complete: Json = _without_leftovers(_any_of(document))
    return complete


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def _complete(operation: Json, access: Access) -> None:
    operation["security"] = [{BEARER: []}] if access.roles else []
    operation["description"] = "\n\n".join(filter(None, (operation.get("description"), _who(access))))
    parameters = operation.setdefault("parameters", [])
    if access.roles:
        parameters += _REQUEST_HEADERS
    if access.roles and access.scope:
        parameters.append(_ON_BEHALF_OF)
    if NOT_MODIFIED in operation["responses"]:
        parameters.append(_IF_NONE_MATCH)
    if access.signature:
        parameters.append(_SIGNATURE)
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    if access.file is not None:
        schema = {"schema": {"type": "string", "format": "binary"}}
        content = dict.fromkeys(access.file.media_types, schema)
        operation["requestBody"] = {"required": True, "content": content}
    for status, response in operation["responses"].items():
        if status in _BODILESS:
            response.pop("content", None)
        etag = _ETAG if NOT_MODIFIED in operation["responses"] and status in {"200", NOT_MODIFIED} else {}
        response["headers"] = {**response.get("headers", {}), **_RESPONSE_HEADERS, **etag}


def _say_what_is_refused(operation: Json, handler: HTTPRouteHandler) -> None:
    """For each status the codes that it can have: of the handler, and of what is looked at before it."""
    declared = {
        status: spec for status, spec in (handler.responses or {}).items() if isinstance(spec, ProblemSpec)
    }
    found: defaultdict[int, set[Refusal]] = defaultdict(set)
    for refusal in of_any_request(
        ACCESS[operation["operationId"]], idempotent=bool(handler.opt.get(IDEMPOTENT))
    ):
        found[status_of(refusal)].add(refusal)
    for status, spec in declared.items():
        found[status] |= spec.refusals
    responses = operation["responses"]
    for status, refusals in sorted(found.items()):
        responses[str(status)] = _refused(status, refusals, responses.get(str(status), {}))
    operation["responses"] = dict(sorted(responses.items()))


def _refused(status: int, refusals: AbstractSet[Refusal], declared: Json) -> Json:
    """`declared` has bodies with members of their own, if any of the handler's refusals has."""
    codes = sorted({refusal.code for refusal in refusals})
    body = declared.get("content", {}).get(MEDIA_TYPE, {}).get("schema", _PROBLEM)
    if body != _PROBLEM and len(codes) > 1:
        body = {"anyOf": [*(each for each in body.get("oneOf", [body]) if each != _PROBLEM), _PROBLEM]}
    of_code = {"properties": {"code": {"enum": codes}}}
    return {
        "description": f"{phrase(status)}: {', '.join(f'`{code}`' for code in codes)}",
        "content": {MEDIA_TYPE: {"schema": {"allOf": [body, of_code]}}},
    }


def _say_what_is_answered(document: Json) -> None:
    """In place of Python's words for a status, the same everywhere: what is asked for is the answer."""
    for _, _, operation in operations(document):
        for status, response in operation["responses"].items():
            if response["description"] == HTTPStatus(int(status)).description:
                response["description"] = _answered(operation["summary"])


def _answered(summary: str) -> str:
    thing = summary.removeprefix("List ")
    return thing[:1].upper() + thing[1:]


def _without_leftovers(document: Json) -> Json:
    """Whole numbers without a point, names without our modules, and no null where nobody can send one."""
    renamed: Json = _renamed(_whole_numbers(document))
    for _, _, operation in operations(renamed):
        for parameter in operation["parameters"]:
            parameter["schema"] = _not_null(parameter["schema"])
    return renamed


_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})


def _whole_numbers(value: Any) -> Any:
    """Litestar makes each bound a float."""
    if isinstance(value, dict):
        return {
            key: int(each)
            if key in _BOUNDS and isinstance(each, float) and each.is_integer()
            else _whole_numbers(each)
            for key, each in value.items()
        }
    return [_whole_numbers(each) for each in value] if isinstance(value, list) else value


def _renamed(document: Json) -> Json:
    """A page of payments is `PaymentPage`: Litestar calls it after the module, with underscores."""
    schemas: Json = document["components"]["schemas"]
    names = {name: _name(name, schema.get("title", "")) for name, schema in schemas.items()}
    assert len(set(names.values())) == len(names), "two schemas of one name"
    references = {f"{_SCHEMAS}{old}": f"{_SCHEMAS}{new}" for old, new in names.items()}
    renamed: Json = _referring(document, references)
    renamed["components"]["schemas"] = {
        names[old]: {**schema, "title": names[old]} if names[old] != old else schema
        for old, schema in renamed["components"]["schemas"].items()
    }
    return renamed


def _name(name: str, title: str) -> str:
    generic = _GENERIC.fullmatch(title)
    return f"{generic[2]}{generic[1]}" if generic else name


def _referring(value: Any, references: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: references[each] if key == "$ref" else _referring(each, references)
            for key, each in value.items()
        }
    return [_referring(each, references) for each in value] if isinstance(value, list) else value


def _not_null(schema: Json) -> Json:
    """What is optional is left out of a query; null cannot be written there."""
    if "anyOf" in schema:
        kinds = [each for each in schema["anyOf"] if each != {"type": "null"}]
        rest = {key: each for key, each in schema.items() if key != "anyOf"}
        return {**kinds[0], **rest} if len(kinds) == 1 else {**rest, "anyOf": kinds}
    found = dict(schema)
    if isinstance(schema.get("type"), list):
        kinds = [kind for kind in schema["type"] if kind != "null"]
        found["type"] = kinds[0] if len(kinds) == 1 else kinds
    if "enum" in schema:
        found["enum"] = [each for each in schema["enum"] if each is not None]
    return found


def _any_of(value: Any) -> Any:
    """Litestar writes a union as `oneOf`, which refuses what fits two of its members: a problem with members
    of its own is a problem, too.
    """
    if isinstance(value, dict):
        return {"anyOf" if key == "oneOf" else key: _any_of(each) for key, each in value.items()}
    return [_any_of(each) for each in value] if isinstance(value, list) else value


def _who(access: Access) -> str:
    if access.signature:
        return "For Stripe: the body is signed."
    if not access.roles:
        return "For everybody."
    roles = f"Roles: {', '.join(sorted(access.roles))}."
    owner = {"": "", "own": " Of the caller alone.", "own_or_admin": " The caller's own; an admin's are all."}
    scope = f" Scope of API keys that have any: {access.scope or 'none opens it'}."
    return roles + owner[access.ownership] + scope


EVENT_STREAM = "text/event-stream"
_BYTES: Json = {"type": "string", "format": "binary"}
_EVENT: Json = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
}
"""One of a stream: how tools read what they are told of it."""


def _offer_media_types(document: Json, handlers: Sequence[HTTPRouteHandler]) -> None:
    offered = {handler.operation_id: handler.opt.get(MEDIA_TYPES) for handler in handlers}
    for _, _, operation in operations(document):
        if media_types := offered[operation["operationId"]]:
            answer = operation["responses"]["200"]
            described = {name: each for name, each in answer["content"].items() if name.endswith("json")}
            answer["content"] = {
                name: described.get(name, {"schema": _EVENT if name == EVENT_STREAM else _BYTES})
                for name in media_types
            }


def _refuse_unknown_fields(document: Json, handlers: Sequence[HTTPRouteHandler]) -> None:
    """`forbid_unknown_fields` of a body's struct is `additionalProperties: false`."""
    schemas: Mapping[str, Json] = document["components"]["schemas"]
    for handler in handlers:
        body = handler.parsed_fn_signature.parameters.get("data")
        struct = body.annotation if body else None
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
            assert struct.__struct_config__.forbid_unknown_fields, (
                f"{struct.__name__} lets unknown fields pass"
            )
            for schema in schemas.values():
                if schema.get("title") == struct.__name__:
                    schema["additionalProperties"] = False
