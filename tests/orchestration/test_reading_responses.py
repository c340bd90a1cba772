"""What calibration reads of an exam does not depend on where its rows lie."""

from __future__ import annotations

import numpy as np
import pytest

from qbank import postgres
from qbank.stores import responses
from qbank.stores.errors import StoreError
from tests.orchestration.conftest import ALGEBRA, Exams


def read() -> responses.FirstAttempts:
    with postgres.connect("orchestration") as conn:
        return responses.first_attempts(conn, ALGEBRA)


def test_rows_written_anew_are_read_as_the_same_arrays(exams: Exams):
    before = read()
    with postgres.connect("owner") as conn:
        # a row that is updated moves to the end of its table
        moved = conn.execute(
            "UPDATE analytics.fact_responses SET is_correct = is_correct"
            " WHERE exam_code = %s AND question_id %% 3 = 1",
            (ALGEBRA,),
        ).rowcount
    assert 0 < moved < len(before)
    after = read()
    for name in ("person", "item", "correct", "question_id", "version"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name), name)
    assert after.fingerprint() == before.fingerprint()
    assert len(before) == 600 * 30 + 10 * 60 * 10


def test_an_answer_in_the_mart_twice_is_refused(exams: Exams):
    with postgres.connect("owner") as conn:
        conn.execute("DROP VIEW analytics.irt_responses CASCADE")
        conn.execute(
            "CREATE VIEW analytics.irt_responses AS SELECT user_id, question_id, version,"
            " is_correct, exam_code FROM analytics.fact_responses, generate_series(1, 2)"
            " WHERE is_first_attempt"
        )
        conn.execute("GRANT SELECT ON analytics.irt_responses TO qbank_orchestration")
    with pytest.raises(StoreError, match="holds 24000 first attempts twice"):
        read()
