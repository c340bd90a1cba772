"""Calibration runs: requests, their progress and their end, one row of ``calibration_runs`` each.

A row goes queued → running → proposed → done | rejected, or ends earlier as empty, failed or
canceled, and never back. While it is running its heartbeat moves; a row whose heartbeat stopped
belongs to a dead process. A proposed row needs no process: whoever comes next publishes it.

What never lives here: what a run computes, and whether its proposal may be published.
"""

from qbank.stores.runs.lifecycle import (
    claim,
    create,
    fill,
    finish,
    note,
    progress,
    propose,
    remark,
    request_cancel,
)
from qbank.stores.runs.liveness import abandoned, hold, let_go
from qbank.stores.runs.reading import (
    calibration_in_force,
    diff,
    get,
    largest_changes,
    latest,
    list,
    newest_published,
    of_orchestrator,
    proposed,
    queued,
    reestimated_days,
    reestimation_of,
    running,
    selector_in_force,
    selector_of,
    tried_out,
)
from qbank.stores.runs.record import ItemChange, Run, RunFilter, RunPage
from qbank.stores.runs.retention import count_old_proposals, remove_old_proposals
from qbank.vocabulary import FINISHED, OPEN, Kind, Status

__all__ = [
    "FINISHED",
    "OPEN",
    "ItemChange",
    "Kind",
    "Run",
    "RunFilter",
    "RunPage",
    "Status",
    "abandoned",
    "calibration_in_force",
    "claim",
    "count_old_proposals",
    "create",
    "diff",
    "fill",
    "finish",
    "get",
    "hold",
    "largest_changes",
    "latest",
    "let_go",
    "list",
    "newest_published",
    "note",
    "of_orchestrator",
    "progress",
    "propose",
    "proposed",
    "queued",
    "reestimated_days",
    "reestimation_of",
    "remark",
    "remove_old_proposals",
    "request_cancel",
    "running",
    "selector_in_force",
    "selector_of",
    "tried_out",
]
