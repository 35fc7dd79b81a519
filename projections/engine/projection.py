"""What every projection is: facts folded into rows in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from psycopg import Cursor

from ledger.message import Event, Recorded
from projections.engine.buffers import TableBuffer
from projections.engine.tables import Table


class CannotProject(Exception):
    """A fact that a projection cannot take. It stops there: a skipped fact would be a wrong answer."""

    def __init__(self, name: str, recorded: Recorded, cause: str) -> None:
        super().__init__(
            f"projection {name} cannot take {recorded.event.TYPE} at position {recorded.position} "
            f"({recorded.stream} version {recorded.version}): {cause}"
        )
        self.name = name
        self.position = recorded.position


class Projection(ABC):
    """One projection at work. Live there is a new one for each batch; a rebuild keeps one for all."""

    NAME: ClassVar[str]
    """Under which its position is kept."""
    FACTS: ClassVar[frozenset[type[Event]] | None] = None
    """The facts that it is about; None for all."""
    REBUILDABLE: ClassVar[bool] = True

    @property
    @abstractmethod
    def buffers(self) -> Sequence[TableBuffer]:
        """The rows of its tables, in the order in which they are written."""

    @property
    def tables(self) -> tuple[Table[Any], ...]:
        return tuple(buffer.table for buffer in self.buffers)

    def load(self, cursor: Cursor[Any], batch: Sequence[Recorded]) -> None:  # noqa: B027  # many need nothing
        """Fetch the rows that `batch` may change. Not called in a rebuild, which holds them all."""

    @abstractmethod
    def project(self, recorded: Recorded) -> None:
        """Fold one fact in. Depends on the fact alone and on what was folded before: no clock, no I/O."""

    def project_batch(self, batch: Iterable[Recorded]) -> None:
        """Fold a batch in. Raises `CannotProject`, after which this projection is of no use."""
        project, facts = self.project, self.FACTS
        for recorded in batch:
            try:
                if facts is None or type(recorded.event) in facts:
                    project(recorded)
            except Exception as error:
                cause = f"{type(error).__name__}: {error}"
                raise CannotProject(self.NAME, recorded, cause) from error

    def write(self, cursor: Cursor[Any]) -> None:
        for buffer in self.buffers:
            buffer.write(cursor)
