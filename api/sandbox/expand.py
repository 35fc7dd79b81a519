"""`expand[]`. https://docs.stripe.com/api/expanding_objects"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from api.sandbox.errors import Object, invalid
from api.sandbox.registry import Registry
from api.sandbox.transaction import Transaction

_DEPTH = 4


def paths(params: dict[str, Any]) -> list[list[str]]:
    """Take `expand` out of the parameters. Raises StripeError when it is no list of dotted names."""
    asked = params.pop("expand", [])
    if not isinstance(asked, list) or not all(isinstance(path, str) for path in asked):
        raise invalid("Invalid array: expand must be an array of field names.", param="expand")
    split = [path.split(".") for path in asked]
    for path in split:
        if len(path) > _DEPTH:
            raise invalid(
                f"You cannot expand more than {_DEPTH} levels deep: {'.'.join(path)}", param="expand"
            )
    return split


def show(registry: Registry, tx: Transaction, value: Object, asked: list[list[str]]) -> Object:
    """The object as the API shows it: expanded, and with what follows from the clock."""
    return _View(registry, tx).show(value, asked)


class _View:
    """Objects as they are within one transaction."""

    def __init__(self, registry: Registry, tx: Transaction) -> None:
        self._registry = registry
        self._tx = tx

    def show(self, value: Object, asked: list[list[str]]) -> Object:
        if value.get("object") == "list":
            shown = [self._present(item) for item in value["data"]]
            for path in asked:
                if path[0] != "data" or len(path) == 1:
                    raise _no_such(path, hint=" (fields of a list are expanded as data.<field>)")
                shown = [self._expand(item, path[1:], path) for item in shown]
            return {**value, "data": shown}
        shown_value = self._present(value)
        for path in asked:
            shown_value = self._expand(shown_value, path, path)
        return shown_value

    def _present(self, value: Object) -> Object:
        present = self._registry.present.get(value.get("object", ""))
        return present(self._tx, value) if present else value

    def _expand(self, value: Object, path: list[str], whole: list[str]) -> Object:
        resource = self._registry.resources.get(value.get("object", ""))
        if resource is None:
            return value
        if (include := resource.included.get(path[0])) is not None:
            found = value[path[0]] if path[0] in value else include(self._tx, value)
            if found is UNSET:
                return value
            included = {**value, path[0]: found}
            if len(path) > 1 and included[path[0]] is not None:
                return {**included, path[0]: self.show(included[path[0]], [path[1:]])}
            return included
        for length in range(1, len(path) + 1):
            if ".".join(path[:length]) in resource.expandable:
                return self._replace(value, path[:length], path[length:], whole)
        raise _no_such(whole)

    def _replace(self, value: Object, here: list[str], rest: list[str], whole: list[str]) -> Object:
        inner = value.get(here[0])
        if len(here) > 1:
            deeper = self._replace(inner, here[1:], rest, whole) if isinstance(inner, dict) else inner
            return {**value, here[0]: deeper}
        if isinstance(inner, list):
            shown = [self._replace({"of": one}, ["of"], rest, whole)["of"] for one in inner]
            return {**value, here[0]: shown}
        if isinstance(inner, str):
            found = self._tx.find(inner)
            inner = self._present(found) if found else inner
        if rest and isinstance(inner, dict):
            inner = self._expand(inner, rest, whole)
        return {**value, here[0]: inner} if here[0] in value else value


def _no_such(path: list[str], hint: str = "") -> Exception:
    return invalid(f"This property cannot be expanded ({'.'.join(path)}).{hint}", param="expand")
