"""Who looks as if they collect an exam's items: said to the log and counted, refused nothing.

Looked at when a person has made a quiz, for whoever collects makes many; the quiz stands, whatever
becomes of the look. What slows them down are limits and exclusions of items (``enrolment``,
``store``), which never live here; nor does what looks like it (``qbank.stores.harvesting``).
"""

from __future__ import annotations

import logging

import psycopg

from delivery_api.database import TenantConnection
from delivery_api.metrics import HARVESTING
from delivery_api.tokens import Principal
from qbank.stores import harvesting
from qbank.stores.harvesting import Pattern
from qbank.vocabulary import code_of
from qbank.wording import one_line

_log = logging.getLogger(__name__)


async def look(conn: TenantConnection, caller: Principal, exam_code: str, live: int) -> None:
    """Says so where the caller's last day in an exam, with so many live items, looks like it."""
    values = {"tenant": caller.tenant_id, "user": caller.user_id, "exam": exam_code}
    try:
        row = await (await conn.execute(harvesting.OF_PERSON, values)).fetchone()
    except psycopg.Error as error:
        _log.warning("nobody looked for harvesting: %s", one_line(error))
        return
    assert row is not None  # noqa: S101
    items, answers, median_s = row
    suspicion = Pattern(items, live, answers, median_s).suspicion
    if suspicion is None:
        return
    HARVESTING.labels(exam_code).inc()
    _log.warning(
        "looks like harvesting: user %r of tenant %r in exam %s: %s",
        caller.user_id,
        caller.tenant_id,
        code_of(exam_code),
        suspicion,
    )
