"""The live tables of all our projections: kept up, built anew, compared."""

from __future__ import annotations

from collections.abc import Sequence

from projections.engine import rebuild as rebuilding
from projections.engine.rebuild import Checked, Progress, unheard
from projections.engine.runner import BatchRunner
from projections.registry import PROJECTIONS, rebuildable


def runner(url: str, *, schema: str = "liberation") -> BatchRunner:
    """A runner to be started, or to `catch_up` with; to be stopped in any case."""
    return BatchRunner(url, PROJECTIONS, schema=schema)


def rebuild(
    url: str, names: Sequence[str] = (), *, schema: str = "liberation", progress: Progress = unheard
) -> int:
    """Replace the tables of the named projections, or of all; answers with their position.

    Raises `UnknownProjection`, and as `projections.engine.rebuild` does.
    """
    return rebuilding.rebuild(url, PROJECTIONS, rebuildable(names), schema=schema, progress=progress)


def check(
    url: str, names: Sequence[str] = (), *, schema: str = "liberation", progress: Progress = unheard
) -> Checked:
    """Compare the tables of the named projections, or of all, with new ones. Raises as `rebuild` does."""
    return rebuilding.check(url, PROJECTIONS, rebuildable(names), schema=schema, progress=progress)
