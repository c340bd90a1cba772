"""Marts after a rescore are those of a full refresh, and say what the new key says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.dbt.test_changes import differences
from tests.dbt.test_incremental import contents

QBANK = str(Path(sys.executable).parent / "qbank")
EXAM = ("--exam", "LIC")


def command(folder, *words):
    done = subprocess.run([QBANK, *words], capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def answers():
    lines = ["user_id,question,option,topic"]
    for k in range(40):
        chosen = ("A" if k < 24 else "B", "A" if k % 2 else "C", "D")
        lines += [f"u{k},q{n},{option},T{n % 2}" for n, option in enumerate(chosen)]
    return "\n".join(lines)


@pytest.mark.slow
def test_marts_follow_a_rescore_and_its_undoing(dbt, bank, tmp_path):
    (tmp_path / "a.csv").write_text(answers())
    (tmp_path / "key.csv").write_text("item,key\nq0,A\nq1,A\nq2,D\n")
    options = ("--create-exam", "--timestamp", "2024-06-01", "--option-col", "option")
    command(
        tmp_path, "import", "responses", "a.csv", *EXAM, *options, "--topic-col", "topic",
        "--key", "key.csv",
    )  # fmt: skip
    dbt.models()
    start = contents(bank)
    health = """SELECT q.external_ref, h.attempts, round(h.p_value::numeric, 3)::float8
        FROM analytics.item_health AS h JOIN questions AS q ON q.id = h.question_id ORDER BY 1"""
    mastery = """SELECT t.name, sum(m.attempts)::int, sum(m.correct)::int
        FROM analytics.topic_mastery AS m JOIN topics AS t ON t.id = m.topic_id
        GROUP BY 1 ORDER BY 1"""
    fed = "SELECT count(*), count(*) FILTER (WHERE is_correct) FROM analytics.irt_responses"
    assert bank.rows(health) == [("q0", 40, 0.6), ("q1", 40, 0.5), ("q2", 40, 1.0)]
    assert bank.rows(mastery) == [("T0", 80, 64), ("T1", 40, 20)]
    assert bank.rows(fed) == [(120, 84)]

    (tmp_path / "new.csv").write_text("item,key\nq0,B\nq1,A|C\nq2,void\n")
    command(tmp_path, "rescore", *EXAM, "--key", "new.csv")
    dbt.models()
    assert bank.rows(health)[:2] == [("q0", 40, 0.4), ("q1", 40, 1.0)]
    assert bank.rows(mastery) == [("T0", 40, 16), ("T1", 40, 40)]
    assert bank.rows(fed) == [(80, 56)]
    nightly = contents(bank)
    dbt.models(full_refresh=True)
    assert differences(nightly, contents(bank)) == []

    command(tmp_path, "import", "undo", "2")
    dbt.models()
    undone = contents(bank)
    dbt.models(full_refresh=True)
    assert differences(undone, contents(bank)) == []
    assert differences(start, undone) == []
