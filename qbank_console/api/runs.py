"""Calibration runs: start, follow, list, compare, go back. What never lives here: sh_p by hand."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd

from qbank.stores.runs import FINISHED, OPEN
from qbank_console.api.client import Api, Json

_ROOT = "/admin/exposure/calibrate_sh"
STATUSES = (*OPEN, *FINISHED)


def defaults(api: Api, exam_code: str) -> Json:
    """A Sympson–Hetter calibration as it is filled for an exam where nothing is given."""
    return dict(api.get(f"{_ROOT}/defaults", exam_code=exam_code))


def start(api: Api, params: dict[str, Any]) -> str:
    """Queues a Sympson–Hetter calibration; gives the run's id."""
    return str(api.post(f"{_ROOT}/start", params)["run_id"])


def cancel(api: Api, run_id: str) -> Json:
    """Cancels a run that is queued or running."""
    return dict(api.post(f"{_ROOT}/cancel", job_id=run_id))


def run(api: Api, run_id: str) -> Json:
    """A run with its request, history and result."""
    return dict(api.get(f"{_ROOT}/runs/{run_id}"))


def listing(api: Api, page: int, page_size: int, **where: Any) -> Json:
    """A page of runs, newest first: items, total.

    Args:
        api: as the signed-in person.
        page: counts from 1.
        page_size: runs a page.
        **where: exam_code, status, start, end; None for any.
    """
    return dict(api.get(f"{_ROOT}/runs", page=page, page_size=page_size, **where))


def difference(api: Api, run_id: str) -> bytes:
    """What a run changed, as CSV: qid, ver, sh_p_before, sh_p_after, delta."""
    return api.download(f"{_ROOT}/runs/{run_id}/diff.csv")


def difference_table(csv: bytes) -> pd.DataFrame:
    """The CSV of :func:`difference` as a table."""
    return pd.read_csv(io.BytesIO(csv))


def roll_back(api: Api, run_id: str) -> str:
    """Asks for the controls to be as after this run; gives the id of the run that does it."""
    return str(api.post(f"{_ROOT}/runs/{run_id}/rollback")["run_id"])
