"""Many small builds end where one full refresh ends, whatever happened in between."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.dbt.random_school import School
from tests.dbt.writing import Bank, days_ago

# when rows were written, and what is only there to find what moved
BOOKKEEPING = {"loaded_at"}


def contents(bank: Bank) -> dict[str, list[tuple[Any, ...]]]:
    """Every table that dbt made, sorted, floats to nine digits and twelve decimals."""
    tables = bank.rows(
        """SELECT c.relname, c.oid::regclass::text, array_agg(a.attname::text ORDER BY a.attnum)
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace IN ('analytics'::regnamespace, 'analytics_staging'::regnamespace)
            AND (c.relkind = 'r' OR c.relname = 'irt_responses') AND NOT a.attisdropped
        GROUP BY 1, 2"""
    )
    found = {}
    for name, relation, columns in tables:
        wanted = ", ".join(f'"{c}"' for c in columns if c not in BOOKKEEPING)
        rows = bank.rows(f"SELECT {wanted} FROM {relation}")  # noqa: S608
        found[name] = sorted((tuple(map(_plain, row)) for row in rows), key=repr)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{round(value, 12):.9g}") + 0.0
    return value


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, *(pytest.param(s, marks=pytest.mark.alone) for s in (2, 3))])
def test_incremental_equals_full_refresh(dbt, bank, seed):
    school = School(bank, np.random.default_rng(seed))
    school.found()
    # sums of squares and the like lose a digit by order of summation: compared to nine digits
    for first, last in ((30, 6), (6, 4), (4, 2), (2, 0.1)):
        school.live(first, last, quizzes=int(school.rng.integers(5, 25)))
        # builds in the past: quizzes then open expire between builds
        dbt.models(as_of=str(days_ago(last, hours=-1)))
        school.catch_up(recorded=days_ago(last, hours=-1))
        school.publish_revision()
        school.reassign()
    dbt.models(as_of=str(days_ago(0)))
    nightly = contents(bank)
    dbt.models(as_of=str(days_ago(0)), full_refresh=True)
    refreshed = contents(bank)
    assert nightly.keys() == refreshed.keys()
    for name, rows in refreshed.items():
        assert nightly[name] == rows, name
    assert len(refreshed["fact_responses"]) == bank.one("SELECT count(*) FROM user_responses")
    assert len(refreshed["item_health"]) >= 24


def test_day_that_loses_its_only_first_attempt_counts_none(dbt, bank):
    """A late row takes its place: the day has answers still, and no first one."""
    bank.exam("first")
    question = bank.question(bank.topic("Topic"), "first")
    bank.answer(bank.quiz("first", "u1", [question], at=days_ago(2)), question)
    dbt.models()
    bank.answer(bank.quiz("first", "u1", [question], at=days_ago(4)), question)
    dbt.models()
    nightly = contents(bank)
    shares = bank.one("SELECT sum(responses) FROM analytics_staging.int_item_option_days")
    assert shares == 1
    dbt.models(full_refresh=True)
    assert nightly == contents(bank)


def test_assignment_that_is_entered_late_reaches_a_quiz_that_is_known(dbt, bank):
    """It was made before the look-back began, and the quiz lies within it."""
    bank.exam("first")
    question = bank.question(bank.topic("Topic"), "first")
    bank.answer(bank.quiz("first", "u1", [question], at=days_ago(1)), question)
    dbt.models("+fact_sessions")
    bank.owner.execute(
        """INSERT INTO cohort_assignments (user_id, cohort_key, cohort_value, assigned_at)
        VALUES ('u1', 'trial', 'treated', %s)""",
        (days_ago(20),),
    )
    dbt.models("+fact_sessions")
    assert bank.one("SELECT cohorts FROM analytics.fact_sessions") == {"trial": "treated"}


def test_second_build_writes_nothing_anywhere(dbt, bank):
    school = School(bank, np.random.default_rng(4))
    school.found()
    school.live(30, 1, quizzes=20)
    dbt.models()
    incremental = bank.rows(
        """SELECT relid::regclass::text, n_tup_ins + n_tup_upd + n_tup_del
        FROM pg_stat_user_tables WHERE schemaname LIKE 'analytics%%' ORDER BY 1"""
    )
    before = {name: _written(bank, name) for name, _ in incremental}
    dbt.models("config.materialized:incremental")
    after = {name: _written(bank, name) for name, _ in incremental}
    assert after == before
    assert before["analytics.fact_responses"]


def _written(bank: Bank, relation: str) -> list[tuple[Any, ...]]:
    return bank.rows(f"SELECT ctid::text, xmin::text FROM {relation} ORDER BY 1")  # noqa: S608
