"""A sitting that an import extends over midnight leaves its old day and comes to its new one."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from tests.dbt.test_changes import differences
from tests.dbt.test_incremental import contents
from tests.dbt.writing import days_ago

QBANK = str(Path(sys.executable).parent / "qbank")
EVENING = days_ago(30) + timedelta(hours=11)
HEADER = "user_id,question,correct,sitting,at\n"


def line(user: str, question: str, minutes: int) -> str:
    at = EVENING + timedelta(minutes=minutes)
    return f"{user},{question},1,s1,{at.isoformat()}\n"


def imported(folder: Path, text: str) -> str:
    """What a person does: the file that has grown is imported again."""
    file = folder / "answers.csv"
    file.write_text(HEADER + text)
    command = [QBANK, "import", "responses", str(file), "--exam", "LIC", "--create-exam"]
    command += ["--session-col", "sitting", "--timestamp-col", "at"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_import_that_extends_a_sitting_over_midnight_moves_it_to_the_new_day(dbt, bank, tmp_path):
    days = """SELECT r.day, q.external_ref, r.sessions, r.served
        FROM analytics.exposure_daily_rates AS r JOIN questions AS q ON q.id = r.question_id
        ORDER BY 1, 2"""
    old, new = EVENING.date(), EVENING.date() + timedelta(days=1)
    first = line("u1", "q1", 0) + line("u1", "q2", 5) + line("u2", "q1", 2)
    imported(tmp_path, first)
    dbt.models()
    assert bank.rows(days) == [(old, "q1", 2, 2), (old, "q2", 2, 1)]

    imported(tmp_path, first + line("u1", "q3", 90))
    dbt.models()
    assert bank.rows(days) == [
        (old, "q1", 1, 1),
        (new, "q1", 1, 1),
        (new, "q2", 1, 1),
        (new, "q3", 1, 1),
    ]
    ended = "SELECT day, sessions_ended FROM analytics.exam_daily_activity ORDER BY 1"
    assert bank.rows(ended) == [(old, 1), (new, 1)]
    everything = ("--vars", "{test_window_days: 36500, settled_after_minutes: 0}")
    tests = dbt("test", "--select", "fact_sessions", "exposure_daily_rates", *everything)
    assert set(tests.values()) == {"pass"}
    nightly = contents(bank)
    dbt.models(full_refresh=True)
    assert differences(nightly, contents(bank)) == []
