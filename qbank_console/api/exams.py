"""Exams and their settings. What never lives here: what can be set (``qbank.exams``)."""

from __future__ import annotations

from typing import Any

from qbank_console.api.client import Api, Json


def exams(api: Api) -> list[Json]:
    """All exams of the tenant, by code."""
    return api.rows("/exams")


def exam(api: Api, code: str) -> Json:
    """One exam: settings, own, wrong."""
    return dict(api.get(f"/exams/{code}"))


def create(api: Api, code: str, given: dict[str, Any]) -> Json:
    """Makes an exam."""
    return dict(api.post("/exams", {"exam_code": code} | given))


def change(api: Api, code: str, given: dict[str, Any]) -> Json:
    """Changes what is given; None takes a setting back to its default."""
    return dict(api.patch(f"/exams/{code}", given))
