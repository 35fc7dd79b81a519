"""What a resource is: one module with its routes, object shape and jobs.

A new resource (top-ups, say) is a module with a `RESOURCE` that is named in `api.sandbox.resources.ALL`;
nothing else has to know it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import UnsetType

from api.sandbox.errors import Object
from api.sandbox.forms import Params
from api.sandbox.jobs import Job
from api.sandbox.transaction import Transaction


class NoParams(Params, frozen=True):
    pass


@dataclass(frozen=True)
class Route:
    """`run(tx, params)`, or `run(tx, id, params)` when the path has `{id}`, or `run(tx, id, part, params)`
    when it has `{part}` too; it answers with an object. `connected` routes can be called for a connected
    account, with `Stripe-Account`. `older` ones are only
    there for requests that name no version, and before all others.
    """

    method: str
    path: str
    run: Callable[..., Object]
    params: type[Params] = NoParams
    connected: bool = False
    older: bool = False


@dataclass(frozen=True)
class Resource:
    """`expandable` are dotted fields that hold ids; `included` is what only `expand` shows, where it is set;
    `linked` are fields that lists filter by; `jobs` run when the clock reaches their time;
    `present` adds what follows from the clock or from other objects when an object is shown; `follows` are
    called, by type of event, with its object right after it was announced.
    """

    kind: str
    routes: Sequence[Route] = ()
    expandable: frozenset[str] = frozenset()
    included: dict[str, Callable[[Transaction, Object], Object | UnsetType | None]] = field(
        default_factory=dict
    )
    linked: tuple[str, ...] = ()
    jobs: dict[str, Job] = field(default_factory=dict)
    present: Callable[[Transaction, Object], Object] | None = None
    follows: dict[str, Callable[[Transaction, Object], None]] = field(default_factory=dict)


class Registry:
    def __init__(self, resources: Sequence[Resource]) -> None:
        self.resources = {resource.kind: resource for resource in resources}
        self.routes = [route for resource in resources for route in resource.routes]
        self.jobs = {name: job for resource in resources for name, job in resource.jobs.items()}
        self._links = {
            resource.kind: tuple((name, f"{resource.kind}.{name}") for name in resource.linked)
            for resource in resources
        }
        self._follows: defaultdict[str, list[Callable[[Transaction, Object], None]]] = defaultdict(list)
        for resource in resources:
            for event_type, follow in resource.follows.items():
                self._follows[event_type].append(follow)
        self.present = {resource.kind: resource.present for resource in resources if resource.present}

    def announce(self, tx: Transaction, event_type: str, value: Object) -> None:
        """The resources that follow this type of event hear of it."""
        for follow in self._follows.get(event_type, ()):
            follow(tx, value)

    def links_of(self, value: Object) -> list[tuple[str, Any]]:
        """(field, value) of every link that the object has."""
        return [
            (field_name, value[name])
            for name, field_name in self._links.get(value["object"], ())
            if value.get(name) is not None
        ]
