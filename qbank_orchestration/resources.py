"""Resources of the code location. Nothing connects before a run or a sensor asks.

What never lives here: SQL, and what is done with a connection.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import dagster as dg

from qbank import postgres
from qbank_orchestration.engine.working_rows import WorkingRows
from qbank_orchestration.presence import present


class Database(dg.ConfigurableResource):  # type: ignore[type-arg]  # gives itself
    """Connections to Postgres as the orchestration role."""

    def connect(self, *, autocommit: bool = False) -> postgres.Connection:
        """A connection; as a context manager it commits at the end and rolls back on an error."""
        return postgres.connect("orchestration", autocommit=autocommit)


class Presence(dg.ConfigurableResource):  # type: ignore[type-arg]  # gives itself
    """Shows, for as long as a run lives, that its process does."""

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[object]:
        """Holds the run's lock."""
        with present(context.run.run_id) if context.run else nullcontext():
            yield self


class CalibrationRows(dg.ConfigurableResource):  # type: ignore[type-arg]  # gives itself
    """Keeps the rows that a run works on alive, and ends them when the run ends."""

    database: dg.ResourceDependency[Database]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[WorkingRows]:
        """Holds rows for as long as the run lives."""
        here = present(context.run.run_id) if context.run else nullcontext()
        with here, WorkingRows(lambda: self.database.connect(autocommit=True)) as rows:
            yield rows
