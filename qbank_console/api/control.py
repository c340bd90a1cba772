"""Exposure control: items with their sh_p, setting it, its history, re-estimation.

What never lives here: calibration runs (``runs``).
"""

from __future__ import annotations

from typing import Any

from qbank_console.api.client import Api, Json


def items(api: Api, exam: str, search: str, sort: str, page: int, page_size: int) -> Json:
    """A page of live items with their control: items, total."""
    return dict(
        api.get(
            "/admin/exposure/items",
            exam=exam,
            search=search,
            sort=sort,
            page=page,
            limit=page_size,
        )
    )


def set_by_hand(api: Api, change: Json) -> list[Json]:
    """Sets sh_p of an item: exam_code, question_id, version, sh_p, pinned, note."""
    return list(api.post("/admin/exposure/set", change))


def history(api: Api, exam: str, question_id: int | None, limit: int) -> list[Json]:
    """Changes of sh_p in an exam, newest first."""
    return list(
        api.get("/admin/exposure/history", exam_code=exam, question_id=question_id, limit=limit)
    )


def reestimate(api: Api, params: dict[str, Any]) -> list[str]:
    """Asks for a re-estimation; gives the ids of the runs, one an exam."""
    return [str(run) for run in api.post("/admin/exposure/reestimate", params)["run_ids"]]
