"""A query, read strictly by the parameters of its address: all that is wrong with it is told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar.enums import ParamType
from litestar.handlers import BaseRouteHandler
from litestar.params import ParameterKwarg
from litestar.typing import FieldDefinition

from api.http.checks import Check, time, time_fault
from api.http.problems import FieldError, Unprocessable
from api.words import in_words

TIME_FORMAT = "date-time"
SPAN = ("from", "to")


class Parameter(msgspec.Struct, frozen=True):
    """`kind` is what was declared, for words; `strict` the same with its bounds, as Litestar reads it."""

    required: bool
    kind: Any
    strict: Any
    checks: tuple[Check, ...]

    def fault(self, text: str) -> str | None:
        try:
            value = msgspec.convert(text, self.strict, strict=False)
        except msgspec.ValidationError as error:
            return in_words(str(error), self.kind, from_text=True)
        if value is None:  # what `null` is read as, where numbers are left out
            return "cannot be null: leave it out instead"
        return next((fault for check in self.checks if (fault := check.fault(text))), None)


Parameters = Mapping[str, Parameter]


def parameters_of(handler: BaseRouteHandler) -> Parameters:
    """Those of a handler, by the name that the caller knows."""
    injected, strict = handler.resolve_dependencies(), handler.signature_model.__annotations__
    return {
        declared.name or name: _parameter(field, declared, strict[name])
        for name, field in handler.parsed_fn_signature.parameters.items()
        if name not in injected
        and isinstance(declared := field.kwarg_definition, ParameterKwarg)
        and declared.param_type == ParamType.QUERY
    }


def _parameter(field: FieldDefinition, declared: ParameterKwarg, strict: Any) -> Parameter:
    checks = tuple(each for each in field.metadata if isinstance(each, Check))
    of_format = (Check(time_fault),) if declared.format == TIME_FORMAT else ()
    return Parameter(field.is_required, field.annotation, strict, checks + of_format)


def check_query(query: bytes, parameters: Parameters) -> None:
    """A misspelt filter would show too much, and of two values nobody knows which was meant."""
    given = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    if errors := list(_faults(given, parameters)):
        raise Unprocessable.at(*errors)


def _faults(given: list[tuple[str, str]], parameters: Parameters) -> Iterator[FieldError]:
    names = [name for name, _ in given]
    for name, parameter in parameters.items():
        if parameter.required and name not in names:
            yield FieldError(detail="is required", parameter=name)
    sound: dict[str, str] = {}
    for name, text in dict(given).items():
        if fault := _fault(name, text, names.count(name), parameters):
            yield FieldError(detail=fault, parameter=name)
        else:
            sound[name] = text
    if all(name in sound for name in SPAN):
        yield from _faults_of_span(*(sound[name] for name in SPAN))


def _fault(name: str, text: str, times: int, parameters: Parameters) -> str | None:
    parameter = parameters.get(name)
    if parameter is None:
        known = f"known are {', '.join(sorted(parameters))}" if parameters else "there are none"
        return f"no parameter of this address: {known}"
    return "given more than once" if times > 1 else parameter.fault(text)


def _faults_of_span(since: str, until: str) -> Iterator[FieldError]:
    """Equal times hold nothing between them, which is no mistake: a program that asks for what came since it
    last looked may be quick.
    """
    if time(since) > time(until):
        yield FieldError(detail="must not be after `to`", parameter="from")
        yield FieldError(detail="must not be before `from`", parameter="to")
