"""Makes the demo, once a database, in one transaction.

What never lives here: the calibration of what was delivered (the night does that).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from qbank.demo import loading, truth
from qbank.demo.attributes import write_people
from qbank.demo.content import EXAMS, plant
from qbank.demo.delivery import play
from qbank.demo.experiment import write_experiment
from qbank.demo.people import draw_people, draw_sittings
from qbank.demo.rows import build
from qbank.errors import QbankError
from qbank.postgres import Connection, connect
from qbank.settings import Settings, get_settings

TENANT = "demo"
SEED = 20_240_601
_LOCK = 0x64_65_6D_6F  # "demo"
_TOUCHED = (
    "quiz_sessions, quiz_items, user_responses, questions, question_versions, question_options,"
    " question_publications, exposure_daily, cohort_assignments, topics, people"
)


@dataclass(frozen=True)
class DemoReport:
    """What the database has of the demo.

    Attributes:
        created: whether this call made it; else it was there.
    """

    created: bool
    questions: int
    sessions: int
    responses: int


def generate(
    *,
    seed: int = SEED,
    today: date | None = None,
    settings: Settings | None = None,
    on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> DemoReport:
    """Plants two exams and the 60 days of delivery before `today`; where it is there, does nothing.

    All of it is one transaction, so a call that is killed leaves nothing. The same seed and day
    give the same rows.

    Args:
        seed: of all that is drawn.
        today: the day after the last session, in UTC; None is the current day.
        settings: those of the process where None.
        on_progress: hears (stage, done, total).

    Raises:
        QbankError: an exam of another tenant has the demo's code.
        DatabaseUnavailableError: Postgres does not answer.
    """
    settings = settings or get_settings()
    day = today or datetime.now(UTC).date()
    streams = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(6)]
    units, people = plant(streams[0]), draw_people(streams[1])
    with connect("owner", settings=settings) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if _is_there(connection):
            if not (settings.home / "demo" / "truth.parquet").exists():
                truth.write(units, people, settings)
            return _report(connection, created=False)
        sittings = draw_sittings(streams[2], day)
        played, pilots = play(
            streams[3],
            units,
            people,
            sittings,
            seed,
            lambda done, total: on_progress("delivering", done, total),
        )
        on_progress("writing content", 0, 1)
        ids = loading.write_content(connection, units, TENANT, day)
        rows = build(
            streams[4],
            units,
            people,
            sittings,
            played,
            ids,
            seed=seed,
            today=day,
            tenant=TENANT,
        )
        on_progress("writing sessions", 0, 1)
        loading.write_sessions(connection, rows)
        write_people(streams[5], connection, units, people, sittings, played, TENANT)
        write_experiment(connection, units, people, pilots, ids, TENANT, day)
        # before the commit: data without their truth would never get it from this seed
        truth.write(units, people, settings)
        report = _report(connection, created=True)
    with connect("owner", settings=settings, autocommit=True) as connection:
        connection.execute(f"ANALYZE {_TOUCHED}")
    on_progress("writing sessions", 1, 1)
    return report


def _is_there(connection: Connection) -> bool:
    rows = connection.execute(
        "SELECT exam_code, tenant_id FROM exams WHERE exam_code = ANY(%s)", [list(EXAMS)]
    ).fetchall()
    for exam_code, tenant in rows:
        if tenant != TENANT:
            raise QbankError(
                f"exam {exam_code!r} is of tenant {tenant!r}: the demo needs a database "
                "without an exam of that code"
            )
    return bool(rows)


def _report(connection: Connection, *, created: bool) -> DemoReport:
    row = connection.execute(
        "SELECT (SELECT count(*) FROM questions WHERE tenant_id = %(t)s),"
        " (SELECT count(*) FROM quiz_sessions WHERE tenant_id = %(t)s),"
        " (SELECT count(*) FROM user_responses AS r JOIN quiz_sessions AS s ON s.id = r.quiz_id"
        "  WHERE s.tenant_id = %(t)s)",
        {"t": TENANT},
    ).fetchone()
    assert row is not None  # noqa: S101
    return DemoReport(created, *(int(count) for count in row))
