"""Predicted against observed exposure of a calibrated exam, on planted sittings since then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any

import numpy as np
import pytest
from psycopg.types.json import Jsonb

import calibration as cal
from qbank import postgres
from qbank.stores import exposure, item_bank, runs
from qbank.stores.exposure import Control, Origin
from qbank_orchestration.checks.prediction import exposure_as_predicted
from qbank_orchestration.engine import prediction
from qbank_orchestration.engine.prediction import Prediction
from qbank_orchestration.resources import Database
from tests.orchestration.conftest import ALGEBRA, GEOMETRY, Exams

LENGTH = 10


class Delivered:
    """Writes controlled sittings of the last three days into the marts, as delivery serves them."""

    def __init__(self, conn: postgres.Connection) -> None:
        self.conn = conn
        run = runs.calibration_in_force(conn, ALGEBRA, before=datetime.now(UTC))
        assert run is not None
        self.run = runs.get(conn, run.id)
        assert self.run.result is not None
        self.proposal: dict[str, Any] = self.run.result["proposal"]
        # the calibration came into force a week ago
        for table, column in (("item_exposure_history", "at"), ("calibration_runs", "finished_at")):
            conn.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            conn.execute(
                f"UPDATE {table} SET {column} = {column} - interval '7 days'"  # noqa: S608
                " WHERE exam_code = %s",
                (ALGEBRA,),
            )
            conn.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        for mart in ("fact_sessions", "fact_responses", "exposure_daily_rates"):
            conn.execute(
                f"CREATE TEMP TABLE one_{mart} AS SELECT * FROM analytics.{mart}"  # noqa: S608
                " WHERE exam_code = %s LIMIT 1",
                (ALGEBRA,),
            )
            conn.execute(
                f"DELETE FROM analytics.{mart} WHERE exam_code = %s",  # noqa: S608
                (ALGEBRA,),
            )

    def sit(self, population: str, seed: int, n: int = 900) -> None:
        pool = item_bank.load(self.conn, ALGEBRA)
        assert pool.question_id.tolist() == self.proposal["question_id"]
        bank = cal.ItemBank(pool.a, pool.b, pool.c)
        taken = cal.simulate(
            bank, population, LENGTH, self.proposal["sh_p"], seed=seed, n=n, record=True
        )
        noon = datetime.combine(datetime.now(UTC).date(), time(12), UTC)
        days = [noon - timedelta(days=3 - number * 3 // n) for number in range(n)]
        sittings = [
            {
                "quiz_id": f"new-{seed}-{number}",
                "user_id": f"new-{seed}-{number}",
                "is_adaptive": True,
                "selector": "sympson_hetter",
                "status": "finished",
                "num_questions": LENGTH,
                "served": LENGTH,
                "answered": LENGTH,
                "correct": int(taken.correct[number].sum()),
                "ended_at": day.isoformat(),
                "ended_on": day.date().isoformat(),
            }
            for number, day in enumerate(days)
        ]
        answers = [
            {
                "response_id": -(seed * 1_000_000 + number * LENGTH + position),
                "quiz_id": f"new-{seed}-{number}",
                "user_id": f"new-{seed}-{number}",
                "question_id": int(pool.question_id[item]),
                "version": 1,
                "is_correct": bool(taken.correct[number, position]),
                "is_first_attempt": True,
            }
            for number in range(n)
            for position, item in enumerate(taken.items[number])
        ]
        rates = []
        for day in sorted(set(days)):
            rows = [number for number, of in enumerate(days) if of == day]
            counts = np.bincount(taken.items[rows].ravel(), minlength=len(pool))
            rates += [
                {
                    "question_id": int(pool.question_id[item]),
                    "version": 1,
                    "day": day.date().isoformat(),
                    "controlled_sessions": len(rows),
                    "controlled_served": int(count),
                    "sessions": len(rows),
                    "served": int(count),
                }
                for item, count in enumerate(counts)
            ]
        self.conn.execute(
            "INSERT INTO quiz_sessions (id, user_id, tenant_id, mode, adaptive, exam_code,"
            " selector, num_questions, expires_at) SELECT id, id, 't', 'exam', true, %s,"
            " 'sympson_hetter', %s, now() + interval '1 hour' FROM unnest(%s::text[]) AS id",
            (ALGEBRA, LENGTH, [sitting["quiz_id"] for sitting in sittings]),
        )
        self._write("fact_sessions", sittings)
        self._write("fact_responses", answers)
        self._write("exposure_daily_rates", rates)

    def _write(self, mart: str, rows: list[dict[str, Any]]) -> None:
        self.conn.execute(
            f"INSERT INTO analytics.{mart} SELECT made.* FROM one_{mart} AS one,"  # noqa: S608
            " jsonb_array_elements(%s) AS own,"
            " LATERAL jsonb_populate_record(one, own) AS made",
            (Jsonb(rows),),
        )

    def compare(self) -> Prediction:
        found = prediction.compare(self.conn, item_bank.exam(self.conn, ALGEBRA))
        assert found is not None
        return found


@contextmanager
def delivered() -> Iterator[Delivered]:
    """Sittings in a transaction that is rolled back."""
    with postgres.connect("owner") as conn:
        yield Delivered(conn)
        conn.rollback()


def test_the_certified_population_raises_no_alarm_and_another_does(calibrated: Exams):
    alarms = 0
    for seed in range(1, 9):
        with delivered() as exam:
            own = exam.run.result["summary"]["population"]["theta_dist"]
            exam.sit(own, seed)
            found = exam.compare()
            alarms += not found.fine
            assert found.numbers["sittings"] == 900
            assert found.numbers["outside"] == 0
            assert found.numbers["sh_p_changed"] == 0
    assert alarms <= 1
    for seed in range(1, 4):
        with delivered() as exam:
            exam.sit("normal(1,1)", seed)
            found = exam.compare()
        assert not found.fine
        assert found.numbers["parted"] >= 5
        assert found.numbers["mean"] == pytest.approx(1.0, abs=0.25)
        assert "population moved: mean of ability is" in found.why
        assert "pool moved" not in found.why
        assert "conditions moved" not in found.why
        assert found.items
        assert max(item.p for item in found.items) < 0.01


def test_another_shape_of_the_same_mean_and_sd_is_named(calibrated: Exams):
    with delivered() as exam:
        own = cal.Population.of(exam.run.result["summary"]["population"]["theta_dist"])
        away, sd = 0.92 * own.sd, 0.39 * own.sd
        groups = [f"0.5*normal({own.mean + side * away:.4f},{sd:.4f})" for side in (-1, 1)]
        exam.sit(" + ".join(groups), 1)
        found = exam.compare()
    assert not found.fine
    assert "population moved: shape of ability is 0." in found.why
    assert 0.08 < found.numbers["shape_apart"] < 0.25


def test_what_else_moved_is_named(calibrated: Exams):
    with delivered() as exam:
        exam.sit("normal(1,1)", 1)
        exam.conn.execute(
            "UPDATE quiz_sessions SET filters = '{\"topics\": [1]}' WHERE id LIKE 'new-1-1%'"
        )
        exam.conn.execute(
            "UPDATE analytics.fact_sessions SET num_questions = 12 WHERE quiz_id LIKE 'new-1-2%'"
        )
        exam.conn.execute(
            "UPDATE analytics.fact_sessions SET selector = 'progressive'"
            " WHERE quiz_id LIKE 'new-1-3%'"
        )
        gone, held = exam.proposal["question_id"][:2]
        exam.conn.execute("UPDATE questions SET is_deleted = true WHERE id = %s", (gone,))
        exposure.publish(exam.conn, ALGEBRA, [Control(held, 1, 0.01)], Origin("manual", "test"))
        found = exam.compare()
    assert "pool moved: 0 items came, 1 left" in found.why
    # 111 each begin with the digit; those of another length were also cut short
    assert (
        "conditions moved: 333 of 900 sittings, 111 by another selector, 111 of another length,"
        " 111 of some topics or difficulties alone, 111 ended early" in found.why
    )
    assert "sh_p of 1 items was changed since" in found.why


def test_few_sittings_and_forgotten_predictions_say_so(calibrated: Exams):
    with delivered() as exam:
        exam.sit("normal(2,1)", 1, n=60)
        found = exam.compare()
        assert found.fine
        assert "60 controlled sittings since" in found.why
        exam.conn.execute("UPDATE calibration_runs SET result = result - 'proposal'")
        assert exam.compare().why == "what the calibration in force predicted is kept no longer"


def test_the_check_names_exam_items_and_cause(calibrated: Exams):
    with postgres.connect("owner") as conn:
        Delivered(conn).sit("normal(1,1)", 2)
    result = exposure_as_predicted(database=Database())
    assert not result.passed
    assert result.description.startswith(f"{ALGEBRA}: ")
    assert "population moved" in result.description
    by_exam = {row.data["exam_code"]: row.data for row in result.metadata["by_exam"].value.records}
    assert {code: row["fine"] for code, row in by_exam.items()} == {ALGEBRA: False, GEOMETRY: True}
    items = [row.data for row in result.metadata["items"].value.records]
    assert {row["exam_code"] for row in items} == {ALGEBRA}
    differences = [abs(row["observed"] - row["predicted"]) for row in items]
    assert differences == sorted(differences, reverse=True)
    chart = result.metadata[f"predicted_and_observed_{ALGEBRA}"].value
    assert "data:image/png;base64," in chart


def test_nothing_is_said_of_exams_that_were_never_calibrated(exams: Exams):
    result = exposure_as_predicted(database=Database())
    assert result.passed
    assert result.metadata["exams"].value == 0


def test_what_cannot_be_compared_holds_up_nobody(calibrated: Exams):
    with postgres.connect("owner") as conn:
        Delivered(conn).sit("normal(0,1)", 2)
        conn.execute(
            "UPDATE calibration_runs SET result = jsonb_set(result, '{summary,administered,0}',"
            " '1.5') WHERE exam_code = %s AND kind = 'sympson_hetter'",
            (ALGEBRA,),
        )
    result = exposure_as_predicted(database=Database())
    assert result.description == (
        f"{ALGEBRA}: cannot be compared: predicted[0] is 1.5: rates lie in [0, 1]"
    )
    assert result.metadata["exams"].value == 2
