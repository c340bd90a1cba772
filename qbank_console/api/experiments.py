"""Feature flags and cohorts. What never lives here: what an experiment found (``marts``)."""

from __future__ import annotations

from typing import Any

from qbank_console.api.client import Api, Json


def flags(api: Api) -> list[Json]:
    """The flags that hold for the tenant."""
    return list(api.get("/admin/flags"))


def set_flag(api: Api, key: str, value: Any, *, enabled: bool) -> Json:
    """Sets the tenant's own flag."""
    return dict(api.put(f"/admin/flags/{key}", {"enabled": enabled, "value_json": value}))


def cohorts(api: Api, cohort_key: str, user_id: str, page: int, page_size: int) -> Json:
    """A page of assignments: items, total."""
    return dict(
        api.get(
            "/admin/cohorts", cohort_key=cohort_key, user_id=user_id, page=page, page_size=page_size
        )
    )


def assign(api: Api, cohort_key: str, body: Json) -> list[Json]:
    """Puts users into arms, by a given value or by weights."""
    return list(api.put(f"/admin/cohorts/{cohort_key}", body))


def unassign(api: Api, cohort_key: str, user_id: str) -> None:
    """Takes a user out of a cohort."""
    api.delete(f"/admin/cohorts/{cohort_key}/{user_id}")
