"""Writes the planted experiment: cohorts, the flag that splits them, caps set by hand.

What never lives here: content and sessions (``loading``).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
from psycopg.types.json import Jsonb

from qbank.demo.content import DAYS, EXAMS, PILOT_DAYS, Units
from qbank.demo.delivery import CAP_BY_HAND, Pilot
from qbank.demo.loading import copy_in
from qbank.demo.people import USERS, People
from qbank.postgres import Connection

ADMIN = "demo-admin"


def write_experiment(
    connection: Connection,
    units: Units,
    people: People,
    pilots: list[Pilot],
    ids: list[int],
    tenant: str,
    today: date,
) -> None:
    """Writes the experiment's cohorts and flag, and the caps that an admin set by hand."""
    at = datetime.combine(today - timedelta(days=DAYS - PILOT_DAYS), datetime.min.time(), UTC)
    arms = ["sympson_hetter" if on else "vanilla" for on in people.controlled]
    cohorts = {
        "user_id": [people.name(user) for user in range(USERS)],
        "cohort_key": ["selector"] * USERS,
        "cohort_value": arms,
        "tenant_id": [tenant] * USERS,
        "assigned_at": pa.array([at] * USERS, pa.timestamp("us", "UTC")),
    }
    copy_in(connection, "cohort_assignments", pa.table(cohorts))
    connection.execute(
        "INSERT INTO feature_flags (key, tenant_id, enabled, value_json)"
        " VALUES ('selector_strategy', %s, true, %s)",
        [tenant, Jsonb({"split": {"vanilla": 1, "sympson_hetter": 1}})],
    )
    for exam, pilot in zip(EXAMS, pilots, strict=True):
        for unit in pilot.capped:
            if units.last_day[unit] <= PILOT_DAYS:
                continue  # replaced on that day: nothing is left to limit
            key = [exam, ids[int(units.question[unit])], int(units.version[unit]), CAP_BY_HAND]
            connection.execute(
                "INSERT INTO item_exposure_control (exam_code, question_id, version, sh_p,"
                " updated_at, updated_by) VALUES (%s, %s, %s, %s, %s, %s)",
                [*key, at, ADMIN],
            )
            connection.execute(
                "INSERT INTO item_exposure_history (exam_code, question_id, version, after,"
                " source, actor, note, at) VALUES (%s, %s, %s, %s, 'manual', %s, %s, %s)",
                [*key, ADMIN, "much used in the pilot's forecast", at],
            )
