"""Every question to the marts is answered for the tenant, and for no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pandas as pd
import psycopg
import pytest

from qbank.settings import Settings
from qbank_console import resources
from qbank_console.marts import coverage, exams, exposure, fairness, items, topics
from qbank_console.marts.reading import read

EXAM = "MED-A"


@pytest.fixture
def one_answer(marts: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int, str]]:
    """Question, version and student of one first answer."""
    monkeypatch.setenv("QBANK_DATABASE", marts.database)
    resources.marts_pool.clear()
    found = read(
        """SELECT question_id, version, user_id FROM analytics.fact_responses
           WHERE exam_code = %(exam)s AND is_first_attempt AND theta_before IS NOT NULL
           ORDER BY response_id LIMIT 1""",
        exam=EXAM,
    ).iloc[0]
    yield int(found["question_id"]), int(found["version"]), str(found["user_id"])
    resources.marts_pool().close()
    resources.marts_pool.clear()


QUESTIONS: dict[str, Callable[[str, int, int, str], pd.DataFrame]] = {
    "exams": lambda t, q, v, u: exams.exams(t),
    "daily_activity": lambda t, q, v, u: exams.daily_activity(t, EXAM),
    "item_health": lambda t, q, v, u: items.item_health(t, EXAM),
    "one_item": lambda t, q, v, u: items.one_item(t, EXAM, q, v),
    "answers_by_ability": lambda t, q, v, u: items.answers_by_ability(t, EXAM, q, v),
    "exposure_by_day": lambda t, q, v, u: items.exposure_by_day(t, EXAM, q, v),
    "mastery_by_topic": lambda t, q, v, u: topics.mastery_by_topic(t, EXAM),
    "mastery_of_student": lambda t, q, v, u: topics.mastery_of_student(t, EXAM, u),
    "students": lambda t, q, v, u: topics.students(t, EXAM, u[:3].upper(), 5),
    "highest_by_day": lambda t, q, v, u: exposure.highest_by_day(t, EXAM),
    "cohorts": lambda t, q, v, u: exposure.cohorts(t, EXAM),
    "runs": lambda t, q, v, u: exposure.runs(t, EXAM),
    "coverage": lambda t, q, v, u: coverage.coverage(t, EXAM),
    "examination": lambda t, q, v, u: fairness.examination(t, EXAM),
    "fairness": lambda t, q, v, u: fairness.fairness(t, EXAM),
    "fit": lambda t, q, v, u: fairness.fit(t, EXAM),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_answered_for_its_tenant_alone(
    one_answer: tuple[int, int, str], name: str
) -> None:
    assert not QUESTIONS[name]("demo", *one_answer).empty
    assert QUESTIONS[name]("elsewhere", *one_answer).empty


@pytest.mark.slow
def test_the_marts_cannot_be_written(one_answer: tuple[int, int, str]) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        read("DELETE FROM analytics.dim_exams")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        read("SELECT * FROM public.user_responses")
