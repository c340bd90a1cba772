"""Resources of the code location. Nothing connects before a run or a sensor asks.

What never lives here: SQL, and what is done with a connection.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from qbank import postgres
from qbank_orchestration.engine.working_rows import WorkingRows


class Database(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The door to Postgres as the orchestration role."""

    def connect(self, *, autocommit: bool = False) -> postgres.Connection:
        """A connection; as a context manager it commits at the end and rolls back on an error."""
        return postgres.connect("orchestration", autocommit=autocommit)


class CalibrationRows(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Keeps the rows that a run works on alive, and ends them when the run ends."""

    database: dg.ResourceDependency[Database]

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[WorkingRows]:
        """Holds rows for as long as the run lives."""
        with WorkingRows(lambda: self.database.connect(autocommit=True)) as rows:
            yield rows
