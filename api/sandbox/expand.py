"""`expand[]`. https://docs.stripe.com/api/expanding_objects"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api.sandbox.errors import Object, invalid

if TYPE_CHECKING:
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


def show(tx: Transaction, value: Object, asked: list[list[str]]) -> Object:
    """The object as the API shows it: expanded, and with what follows from the clock."""
    if value.get("object") == "list":
        shown = [_present(tx, item) for item in value["data"]]
        for path in asked:
            if path[0] != "data" or len(path) == 1:
                raise _no_such(path, hint=" (fields of a list are expanded as data.<field>)")
            shown = [_expand(tx, item, path[1:], path) for item in shown]
        return {**value, "data": shown}
    shown_value = _present(tx, value)
    for path in asked:
        shown_value = _expand(tx, shown_value, path, path)
    return shown_value


def _present(tx: Transaction, value: Object) -> Object:
    present = tx.state.registry.present.get(value.get("object", ""))
    return present(tx, value) if present else value


def _expand(tx: Transaction, value: Object, path: list[str], whole: list[str]) -> Object:
    resource = tx.state.registry.resources.get(value.get("object", ""))
    if resource is None:
        return value
    if (include := resource.included.get(path[0])) is not None:
        included = value if path[0] in value else {**value, path[0]: include(tx, value)}
        if len(path) > 1 and included[path[0]] is not None:
            deeper = show(tx, included[path[0]], [path[1:]])
            return {**included, path[0]: deeper}
        return included
    for length in range(1, len(path) + 1):
        if ".".join(path[:length]) in resource.expandable:
            return _replace(tx, value, path[:length], path[length:], whole)
    raise _no_such(whole)


def _replace(tx: Transaction, value: Object, here: list[str], rest: list[str], whole: list[str]) -> Object:
    inner = value.get(here[0])
    if len(here) > 1:
        deeper = _replace(tx, inner, here[1:], rest, whole) if isinstance(inner, dict) else inner
        return {**value, here[0]: deeper}
    if isinstance(inner, str):
        found = tx.find(inner)
        inner = _present(tx, found) if found else inner
    if rest and isinstance(inner, dict):
        inner = _expand(tx, inner, rest, whole)
    return {**value, here[0]: inner} if here[0] in value else value


def _no_such(path: list[str], hint: str = "") -> Exception:
    return invalid(f"This property cannot be expanded ({'.'.join(path)}).{hint}", param="expand")
