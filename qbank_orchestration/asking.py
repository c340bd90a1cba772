"""What a command asks for: one piece of calibration work, whoever carries it out.

What never lives here: carrying it out (``running`` in this process, ``queueing`` in the daemon's).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:  # kept out of the command line's import
    from qbank.stores.runs import Kind


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        params: request parameters by name.
        requested_by: who asks.
        day: of a re-estimation.
        run_id: the row that asks already, where there is one.
        why: for people.
    """

    kind: Kind
    exam_code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    requested_by: str = "command line"
    day: date | None = None
    run_id: UUID | None = None
    why: str = ""

    @property
    def partition(self) -> str | None:
        """Dagster's partition of the work; a rollback has none."""
        from qbank_orchestration.engine.backfill import partition_key

        if self.kind == "rollback":
            return None
        return self.exam_code if self.day is None else partition_key(self.exam_code, self.day)

    def config(self) -> dict[str, Any]:
        """The run config of the work's op."""
        if self.run_id is not None:
            return {"run_id": str(self.run_id)}
        return {**self.params, "requested_by": self.requested_by}

    def row_params(self) -> dict[str, Any]:
        """The request as its row keeps it."""
        return dict(self.params) | ({"day": self.day.isoformat()} if self.day else {})
