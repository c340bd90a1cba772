"""Why something failed in Dagster, in one line for people.

What never lives here: what follows from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dagster as dg

_DBT_SAYS = "Errors parsed from dbt logs:"


def root_cause(error: Any) -> str:
    """The message at the bottom of a serialized error; of dbt, what dbt itself says."""
    while error.cause is not None:
        error = error.cause
    text = str(error.message)
    if _DBT_SAYS in text:
        text = text.split(_DBT_SAYS, 1)[1]
    return " ".join(text.split())


def first_error(event: dg.DagsterEvent) -> str:
    """What a failed step said of itself, else the error behind it."""
    data: Any = event.event_specific_data
    failure = data.user_failure_data
    if failure is not None and failure.description:
        return str(failure.description)
    return root_cause(data.error) if data.error is not None else "failed"
