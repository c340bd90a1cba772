"""Old proposals: the bulky part of a run's row, removed where nothing can need it any more.

What never lives here: how long they are kept.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg import Connection

# Needed still: the newest of an exam and kind, which is in force or was judged last; and the last
# re-estimation of every day, which later days start from when they are backfilled. What a run
# published is in the history, and a rollback reads nothing else.
_OLD = """FROM calibration_runs AS old
    WHERE old.finished_at < %(before)s AND old.result ? 'proposal'
      AND EXISTS (SELECT FROM calibration_runs AS newer
          WHERE newer.exam_code = old.exam_code AND newer.kind = old.kind
            AND newer.status = 'done' AND newer.stopped_reason IS DISTINCT FROM 'dry_run'
            AND newer.finished_at > old.finished_at)
      AND NOT (old.kind = 'reestimation' AND old.status = 'done'
          AND old.stopped_reason IS DISTINCT FROM 'dry_run'
          AND NOT EXISTS (SELECT FROM calibration_runs AS again
              WHERE again.exam_code = old.exam_code AND again.kind = 'reestimation'
                AND again.status = 'done' AND again.stopped_reason IS DISTINCT FROM 'dry_run'
                AND again.params ->> 'day' = old.params ->> 'day'
                AND again.finished_at > old.finished_at))"""


def count_old_proposals(conn: Connection[Any], before: datetime) -> tuple[int, int]:
    """How many proposals of runs that ended before a time may go, and their bytes."""
    sql = f"""SELECT count(*), coalesce(sum(pg_column_size(old.result -> 'proposal')), 0)
        {_OLD}"""
    row = conn.execute(sql, {"before": before}).fetchone()
    assert row is not None  # noqa: S101
    return int(row[0]), int(row[1])


def remove_old_proposals(conn: Connection[Any], before: datetime, *, at_most: int) -> int:
    """Removes a batch of them; returns how many. Two at once take different rows.

    The result keeps all else, and says when its proposal went.
    """
    sql = f"""UPDATE calibration_runs SET result = (result - 'proposal')
            || jsonb_build_object('proposal_removed_at', clock_timestamp())
        WHERE id IN (SELECT old.id {_OLD} LIMIT %(n)s FOR UPDATE OF old SKIP LOCKED)"""  # noqa: S608
    return conn.execute(sql, {"before": before, "n": at_most}).rowcount
