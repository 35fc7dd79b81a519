"""What is for sale: whether the operator's file can be used."""

from __future__ import annotations

from pathlib import Path

from api.doctor.finding import Finding, ok, wrong
from api.settings import Settings
from ledger.catalogue import InvalidCatalogue, load

CHECK = "catalogue"


def examine(settings: Settings) -> Finding:
    if not settings.catalogue:
        return ok(CHECK, "Our own plans are for sale: LIBERATION_CATALOGUE is not set.")
    try:
        version = load(Path(settings.catalogue)).version
    except InvalidCatalogue as error:
        todo = "Correct it, or LIBERATION_CATALOGUE; what it must hold is in docs/operations.md."
        return wrong(CHECK, f"{error.detail} The service does not start.", todo)
    return ok(CHECK, f"The plans of {settings.catalogue} are for sale, version {version}.")
