"""The first night of exams that were imported, as the person sees it who set them up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qbank.postgres import connect

QBANK = str(Path(sys.executable).parent / "qbank")
ITEMS, PERSONS = 20, 260
FEW = 30

pytestmark = pytest.mark.slow


def qbank(*words: str, expect: int = 0) -> str:
    done = subprocess.run([QBANK, *words], capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout


def answers(path: Path, persons: int, seed: int) -> str:
    """A fixed form that everybody answered whole; its first item gives 2 points, some have 1."""
    random = np.random.default_rng(seed)
    theta, b = random.normal(size=(persons, 1)), np.linspace(-2, 2, ITEMS)
    right = random.random((persons, ITEMS)) < 1 / (1 + np.exp(-1.7 * (theta - b)))
    points = right.astype(int)
    points[:, 0] = np.where(right[:, 0], 2, np.arange(persons) % 2)
    lines = [
        f"{path.stem}-u{person},{path.stem}-q{item},{points[person, item]}"
        for person in range(persons)
        for item in range(ITEMS)
    ]
    path.write_text("user_id,question,correct\n" + "\n".join(lines) + "\n")
    return str(path)


def told(text: str) -> dict[str, dict[str, Any]]:
    return {exam["exam_code"]: exam for exam in json.loads(text)["exams"]}


def kinds(exam: str) -> list[tuple[str, str]]:
    with connect("orchestration") as conn:
        return conn.execute(
            "SELECT kind, status FROM calibration_runs WHERE exam_code = %s ORDER BY created_at",
            (exam,),
        ).fetchall()


def test_a_first_night_says_what_was_published_what_not_and_what_to_do(settings, tmp_path):
    for exam, persons in (("FORM", PERSONS), ("CAT", PERSONS), ("FEW", FEW)):
        file = answers(tmp_path / f"{exam}.csv", persons, seed=len(exam))
        qbank("import", "responses", file, "--exam", exam, "--create-exam",
              "--test-length", str(ITEMS), "--timestamp", "2024-06-01",
              "--max-score", f"{exam}-q0=2")  # fmt: skip
    qbank("exam", "set", "FORM", "--exposure-control", "none")
    night = told(qbank("nightly", "--json", expect=1))

    assert night["FORM"]["success"]
    assert night["FORM"]["published"] == [f"item parameters of {ITEMS} of {ITEMS} answered items"]
    assert night["FORM"]["not_published"] == []
    assert "no exposure control: its settings ask for none" in night["FORM"]["notes"]
    part = "1 items have answers with part of the marks: their a, b and c are of full marks, and"
    assert part in " ".join(night["FORM"]["notes"])
    share = """SELECT h.p_value::float8, h.mean_score_share FROM analytics.item_health AS h
        JOIN questions AS q ON q.id = h.question_id WHERE q.external_ref = %s"""
    with connect() as conn:
        ((p_value, mean),) = conn.execute(share, ("FORM-q0",)).fetchall()
        ((same, its),) = conn.execute(share, ("FORM-q1",)).fetchall()
    # of those who are not right, every other has 1 of 2 points
    assert mean - p_value == pytest.approx((1 - p_value) / 4, abs=0.05)
    assert its == same
    assert kinds("FORM") == [("irt", "done")]

    assert not night["CAT"]["success"]
    assert night["CAT"]["published"] == night["FORM"]["published"]
    (why,) = night["CAT"]["not_published"]
    assert why.startswith("exposure control: the exposure caps are infeasible")
    assert "`qbank exam set CAT --tau 1`" in why
    assert "`qbank exam set CAT --exposure-control none`" in why
    assert kinds("CAT") == [("irt", "done"), ("sympson_hetter", "rejected")]

    assert night["FEW"]["success"]
    assert night["FEW"]["published"] == []
    assert f"{FEW} first attempts at an item at most, and 2pl needs 200" in night["FEW"]["waiting"]
    assert "min_responses" in night["FEW"]["waiting"]
    assert kinds("FEW") == []

    # what it advises works, and the words for people say the same
    again = qbank("nightly")
    assert "CAT: nothing to calibrate:" in again
    assert "the same pool was rejected" in again
    assert "--exposure-control none" in again
    qbank("exam", "set", "CAT", "--exposure-control", "none")
    qbank("exam", "set", "FEW", "--min-responses", str(FEW), "--exposure-control", "none")
    last = qbank("nightly")
    assert f"FEW: published: item parameters of {ITEMS} of {ITEMS} answered items" in last
    assert "CAT: nothing to calibrate:" in last
    assert "its settings ask for no exposure control" in last
    assert "failed" not in last
    # asked for all the same, nothing is controlled, and it says so
    asked = qbank("calibrate", "--exam", "FORM")
    assert "FORM: exposure control: exam FORM asks for no exposure control" in asked
    assert kinds("FORM") == [("irt", "done"), ("sympson_hetter", "empty")]
